"""Which of several versions is the best by a metric, on which data, and in which parameters they differ.

Nothing is decided by it: it is for people who choose a version, and promotes nothing. A number counts as it does
for a gate, so that what is called the best here does not fail there for what was known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from modelalias.api.fields import Value
from modelalias.api.gates import Direction
from modelalias.core.judging import gates, metrics, numbers
from modelalias.core.judging.metrics import Reading
from modelalias.ports import ModelVersion, RunDetails, VersionState


class Entry(Value):
    """A version with what is known of it."""

    version: ModelVersion
    run: RunDetails | None = None
    """The run that it names; None where there is no such run, or it names none."""
    aliases: tuple[str, ...] = ()
    foreign: str = ""
    """Why the run's numbers are not the version's (`origin`); "" where they are."""

    @property
    def number(self) -> str:
        """Return the number of the version."""
        return self.version.version


class Criterion(Value):
    """A metric, and which way it improves."""

    metric: str
    direction: Direction = Direction.HIGHER


class SameData(Value):
    """Versions that were measured on the same data, the oldest first, and the best of them."""

    data: str
    """The datasets by name, digest and number of rows; "" where they are not known, and then it is one version."""
    versions: tuple[str, ...]
    best: tuple[str, ...]
    """Several where they tie."""


class Ranking(Value):
    """How versions compare by one metric."""

    criterion: Criterion
    readings: Mapping[str, Reading]
    """Of each version; one whose number does not count has the reason in its note."""
    groups: tuple[SameData, ...]
    """The versions whose numbers count, those with the most versions first."""
    best: tuple[str, ...]
    """The best, the oldest first where several tie; empty where none can be called the best."""

    @property
    def why_none(self) -> str:
        """Return why no version is the best; "" where one is."""
        if self.best:
            return ""
        if not self.groups:
            return "no version has one that counts"
        unknown = [group.versions[0] for group in self.groups if not group.data]
        if len(unknown) == len(self.groups):
            return f"the data of {named(unknown)} is not known"
        known = [_described(group) for group in self.groups if group.data]
        if unknown:
            known.append(f"{named(unknown)} on data that is not known")
        return f"they were not measured on the same data: {'; '.join(known)}"

    def shown(self, version: str) -> str:
        """Return a version's value as people read it beside the others; "" without one."""
        value = gates.text(self.readings[version].value)
        others = (gates.text(item.value) for item in self.readings.values())
        return "" if value is None else numbers.short(value, *(item for item in others if item is not None))


def rank(entries: Sequence[Entry], criterion: Criterion, *, any_data: bool = False) -> Ranking:
    """Compare versions by a metric; with `any_data` also across data that differs or is not known.

    What is missing, NaN or infinite, or may change yet, never is the best. A version that is the only one with a
    number is the best on any data, as nothing is compared.
    """
    entries = sorted(entries, key=lambda entry: int(entry.number))
    readings = {entry.number: _reading(entry, criterion.metric) for entry in entries}
    counted = {number: reading for number, reading in readings.items() if not reading.note}
    groups = [
        _same_data({number: counted[number] for number in group}, criterion.direction)
        for group in _on_same_data(counted)
    ]
    return Ranking(
        criterion=criterion,
        readings=readings,
        groups=tuple(sorted(groups, key=lambda group: -len(group.versions))),
        best=_best(counted, criterion.direction) if any_data or len(groups) == 1 else (),
    )


def differing_parameters(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the names of the parameters that are not the same in all runs, sorted; a missing one is not the same."""
    runs = [entry.run.parameters for entry in entries if entry.run is not None]
    names = sorted({name for parameters in runs for name in parameters})
    return tuple(name for name in names if len({parameters.get(name) for parameters in runs}) > 1)


def named(versions: Sequence[str]) -> str:
    """Name versions in a sentence."""
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(versions)}"


def _described(group: SameData) -> str:
    best = f" (best: {', '.join(group.best)})" if len(group.versions) > 1 else ""
    return f"{named(group.versions)} on {group.data}{best}"


def _reading(entry: Entry, metric: str) -> Reading:
    reading = Reading() if entry.run is None else metrics.of_run(entry.run, metric)[0]
    return reading.changed(note=next(_why_not(entry, metric, reading.value), ""))


def _why_not(entry: Entry, metric: str, value: Decimal | None) -> Iterator[str]:
    """Return why a number does not count, what is farthest from a number first."""
    version, run = entry.version, entry.run
    if version.state is not VersionState.READY:
        yield f"its registration is {version.state}"
    if version.run_id is None:
        yield "it names no run"
    if run is None:
        yield f"run {version.run_id} is gone"
        return
    if run.deleted:
        yield f"run {run.run_id} is deleted"
    if entry.foreign:
        yield entry.foreign
    if not run.finished:
        yield f"run {run.run_id} has not finished"
    if value is None:
        yield f"its run has no {metric}"
    elif not gates.is_usable(value):
        yield f"{metric} is {gates.text(value)}, which cannot be compared"


def _same_data(readings: Mapping[str, Reading], direction: Direction) -> SameData:
    first = next(iter(readings.values()))
    return SameData(
        data=metrics.described(first.datasets) if first.is_known else "",
        versions=tuple(readings),
        best=_best(readings, direction),
    )


def _on_same_data(readings: Mapping[str, Reading]) -> Sequence[Sequence[str]]:
    """Group versions so that each was measured on the data of every other in its group.

    Of each with each, because numbers of rows that are not known everywhere let two be on the data of a third and
    not on each other's.
    """
    groups: list[list[str]] = []
    for number, reading in readings.items():
        fitting = (
            group for group in groups if all(reading.is_on_the_data_of(readings[other]) for other in group)
        )
        found = next(fitting, None)
        if found is None:
            groups.append([number])
        else:
            found.append(number)
    return groups


def _best(readings: Mapping[str, Reading], direction: Direction) -> tuple[str, ...]:
    values = {number: reading.value for number, reading in readings.items() if reading.value is not None}
    if not values:
        return ()
    top = max(values.values()) if direction is Direction.HIGHER else min(values.values())
    return tuple(number for number, value in values.items() if value == top)
