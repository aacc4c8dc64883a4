"""The monitors of a ModelAlias: the last number, its limit, how it stands and since when, and a small line. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Final

from modelalias.api.alias import ModelAlias, Monitor, MonitorState, MonitorStatus
from modelalias.core.judging import numbers
from modelalias.web import plot
from modelalias.web.phases import Badge, Tone
from modelalias.web.plot import Drawing, Mark, Rule, Scale
from modelalias.web.view import View

_BADGES: Final[Mapping[MonitorState, Badge]] = {
    MonitorState.PASSING: Badge(word="Passing", tone=Tone.GOOD, icon="check"),
    MonitorState.FAILING: Badge(word="Failing", tone=Tone.ASKS, icon="dot"),
    MonitorState.BREACHED: Badge(word="Breached", tone=Tone.BAD, icon="cross"),
    MonitorState.NO_DATA: Badge(word="No data", tone=Tone.ASKS, icon="dot"),
    MonitorState.GRACE: Badge(word="Grace", tone=Tone.QUIET, icon="dot"),
    MonitorState.WAITING: Badge(word="Waiting", tone=Tone.QUIET, icon="dot"),
}
_WORDS: Final[Mapping[MonitorState, str]] = {
    MonitorState.GRACE: "readings do not count yet after the last move",
    MonitorState.WAITING: "nothing was read yet",
}
_LIMIT: Final = re.compile(r"[<>]= (-?\d+(?:\.\d+)?(?:E[+-]?\d+)?)(?![\w.])")
_LONGEST_RULE: Final = 256
_WIDTH: Final = 180
_HEIGHT: Final = 44


class Reading(View):
    """One number that was kept."""

    at: datetime
    value: str


class MonitorRow(View):
    """One monitor."""

    name: str
    version: str | None
    """The version that it watches."""
    state: Badge
    value: str | None
    at: datetime | None
    rule: str
    """The limit in words."""
    limits: tuple[str, ...]
    """The numbers in it."""
    since: datetime | None
    """Since when it stands so, where the status tells."""
    failures: str
    """How many readings in a row were beyond the limit, of how many that are a breach; "" for none."""
    message: str
    follows: str
    readings: tuple[Reading, ...]
    """The last ones that the status keeps, the newest last."""

    @cached_property
    def drawing(self) -> Drawing | None:
        """Return the readings as a small line; None where there are fewer than two numbers."""
        return _drawn(self)

    @property
    def sentence(self) -> str:
        """Return what the line shows, for those who do not see it."""
        values = ", ".join(f"{item.value} at {item.at:%H:%M:%S} UTC" for item in self.readings)
        return f"{self.name}: {values}; limit {self.rule or 'not known'}"


def rows(alias: ModelAlias) -> tuple[MonitorRow, ...]:
    """Return a row for each monitor that the status or the spec names."""
    wanted = {item.name: item for item in alias.spec.monitors}
    known = [_row(item, wanted.get(item.name)) for item in alias.status.monitors]
    told = {item.name for item in known}
    unread = (MonitorStatus(name=name) for name in wanted if name not in told)
    return (*known, *(_row(item, wanted[item.name]) for item in unread))


def _row(item: MonitorStatus, wanted: Monitor | None) -> MonitorRow:
    of = f" of {wanted.failure_limit}" if wanted is not None else ""
    return MonitorRow(
        name=item.name,
        version=item.version,
        state=_BADGES[item.state],
        value=None if item.value is None else numbers.short(item.value, *_limits(item.rule)),
        at=item.at,
        rule=item.rule,
        limits=_limits(item.rule),
        since=_since(item),
        failures=f"{item.failures}{of} in a row" if item.failures else "",
        message=item.message or _WORDS.get(item.state, ""),
        follows=item.follows,
        readings=tuple(Reading(at=point.at, value=point.value) for point in item.points),
    )


def _since(item: MonitorStatus) -> datetime | None:
    match item.state:
        case MonitorState.FAILING | MonitorState.BREACHED:
            return item.failing_since
        case MonitorState.NO_DATA:
            return item.no_data_since
        case _:
            return None


def _limits(rule: str) -> tuple[str, ...]:
    """Return the numbers of a limit; one that may have been cut off is none."""
    found = list(_LIMIT.finditer(rule))
    whole = (item for item in found if len(rule) < _LONGEST_RULE or item.end() < len(rule))
    return tuple(item.group(1) for item in whole)


def _drawn(row: MonitorRow) -> Drawing | None:
    values = [(item, plot.number(item.value)) for item in sorted(row.readings, key=lambda item: item.at)]
    read = [(item, value) for item, value in values if value is not None]
    if len(read) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    limits = [value for value in map(plot.number, row.limits) if value is not None]
    first, last = read[0][0].at, read[-1][0].at
    across = Scale(0, (last - first).total_seconds(), 4, _WIDTH - 6)
    up = plot.vertical([*(value for _, value in read), *limits], 3, _HEIGHT - 3)
    points = [(across((item.at - first).total_seconds()), up(value)) for item, value in read]
    end = Mark(*points[-1], row.state.tone, f"{read[-1][0].value} at {last:%Y-%m-%d %H:%M:%S} UTC")
    rules = [Rule(up(value), "limit") for value in limits]
    return Drawing(path=plot.line(points), marks=[end], rules=rules, width=_WIDTH, height=_HEIGHT)
