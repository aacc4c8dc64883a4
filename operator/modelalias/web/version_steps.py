"""The version of an alias over time, as steps: what its history tells. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from modelalias.api.alias import ModelAlias, Outcome
from modelalias.web import plot
from modelalias.web.phases import Tone
from modelalias.web.plot import Drawing, Mark, Scale, Tick
from modelalias.web.view import View

_HOURS: Final = timedelta(days=3)
"""Up to here an axis tells the hour."""
_MOST_ROWS: Final = 6


class Step(View):
    """From then on the alias was this version."""

    at: datetime
    version: str | None
    """None: no version."""


class Attempt(View):
    """A move that did not last."""

    at: datetime
    version: str | None
    outcome: str


class VersionSteps(View):
    """What was accepted when, the oldest first, up to now."""

    steps: tuple[Step, ...]
    attempts: tuple[Attempt, ...]
    until: datetime

    @cached_property
    def drawing(self) -> Drawing | None:
        """Return it as a drawing; None where there are too few steps to draw."""
        return _drawn(self) if len(self.steps) + len(self.attempts) > 1 else None

    @property
    def sentence(self) -> str:
        """Return what it shows, for those who do not see it."""
        moves = "; ".join(f"{item.at:%Y-%m-%d %H:%M} UTC: {item.version or 'none'}" for item in self.steps)
        return f"The version over time: {moves}."


def of(alias: ModelAlias, now: datetime) -> VersionSteps:
    """Return the steps that the history tells, and the one to the current version where it has lost that."""
    history = sorted(alias.status.history, key=lambda item: item.at)
    good = [item for item in history if item.outcome is Outcome.SUCCEEDED]
    steps = [Step(at=item.at, version=item.to) for item in good]
    current = alias.status.current
    if current is not None and (not steps or steps[-1].version != current.version):
        steps = sorted([*steps, Step(at=current.since, version=current.version)], key=lambda item: item.at)
    attempts = tuple(
        Attempt(at=item.at, version=item.to, outcome=item.outcome)
        for item in history
        if item.outcome is not Outcome.SUCCEEDED
    )
    return VersionSteps(steps=tuple(_changes(steps)), attempts=attempts, until=now)


def _changes(steps: Sequence[Step]) -> Iterator[Step]:
    """Leave out what changed nothing, such as an alias that was set back to its own version."""
    before: Step | None = None
    for step in steps:
        if before is None or step.version != before.version:
            yield step
        before = step


def _drawn(shown: VersionSteps) -> Drawing:
    moves: Sequence[Step | Attempt] = [*shown.steps, *shown.attempts]
    times = [item.at for item in moves]
    first, last = min(times), max([*times, shown.until])
    across = Scale(0, (last - first).total_seconds(), plot.LEFT + 8, plot.RIGHT)
    versions = sorted({item.version for item in moves}, key=_order)
    up = plot.vertical([0, max(len(versions) - 1, 0)])
    level = {version: up(place) for place, version in enumerate(versions)}

    def x(at: datetime) -> float:
        return across((at - first).total_seconds())

    ends = [*(x(item.at) for item in shown.steps[1:]), x(last)]
    path = " ".join(
        f"{'L' if place else 'M'}{x(step.at):g} {level[step.version]:g} H{end:g}"
        for place, (step, end) in enumerate(zip(shown.steps, ends, strict=False))
    )
    marks = [
        *(
            Mark(x(item.at), level[item.version], Tone.GOOD, _said(item.version, item.at))
            for item in shown.steps
        ),
        *(
            Mark(x(item.at), level[item.version], Tone.BAD, f"{_said(item.version, item.at)}: {item.outcome}")
            for item in shown.attempts
        ),
    ]
    rows = [Tick(level[item], plot.version_label(item or "none")) for item in versions]
    return Drawing(
        path=path,
        marks=marks,
        columns=[Tick(across.start, _day(first, last - first)), Tick(across.end, _day(last, last - first))],
        rows=plot.thinned(rows, _MOST_ROWS),
    )


def _order(version: str | None) -> int:
    return int(version or 0)


def _said(version: str | None, at: datetime) -> str:
    return f"{f'version {version}' if version else 'no version'}, {at:%Y-%m-%d %H:%M:%S} UTC"


def _day(at: datetime, span: timedelta) -> str:
    return f"{at:%m-%d %H:%M}" if span <= _HOURS else f"{at:%Y-%m-%d}"
