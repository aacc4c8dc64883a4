"""The monitors of one alias as this process knows them: their series, and what of that has to be told."""

from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias, Monitor, MonitorState, MonitorStatus
from modelalias.core.monitoring import bounds, mass, series
from modelalias.core.monitoring.series import Reading
from modelalias.core.monitoring.writing import BETWEEN, FLUSH, is_urgent
from modelalias.core.requests.former import former
from modelalias.core.status.monitors import NO_DATA_AFTER
from modelalias.reconcile.monitor_questions import Place

_ROUNDING: Final = timedelta(seconds=1)
_FAILS: Final = frozenset({MonitorState.FAILING, MonitorState.BREACHED})


class Watched(NamedTuple):
    """The version whose numbers are read."""

    version: str
    since: datetime


class Move(NamedTuple):
    """From which version to which, and when; from None where this process knows nothing of it."""

    left: Watched | None
    to: Watched
    at: datetime


class Monitored:
    """One alias: what is read for it, what that adds up to, and when its status was written last."""

    def __init__(self, uid: str, stagger: timedelta) -> None:
        """Take how much later than others its new points are written."""
        self.uid, self._stagger = uid, stagger
        self.place = Place("", "", "")
        self.watched: Watched | None = None
        self.monitors: Mapping[str, Monitor] = {}
        self.statuses: dict[str, MonitorStatus] = {}
        self.before: dict[str, str] = {}
        self._asked: set[str] = set()
        """Monitors of which the version before was asked for since they fail."""
        self.is_busy = False
        """Whether a plan is under way, so that its version is changing."""
        self._former: str | None = None
        self._moved_at: datetime = datetime.min.replace(tzinfo=UTC)
        """When the last move ended, also one that was undone."""
        self._listed: tuple[Monitor, ...] = ()
        self._written: dict[str, datetime | None] = {}
        self._told_missing: set[str] = set()
        self.written: datetime | None = None
        """When the status said something else of the monitors last."""
        self._said = hash(())
        """What it said, in short."""
        self._told: datetime | None = None
        self._marks: dict[str, tuple[object, ...]] = {}

    def take(self, alias: ModelAlias, now: datetime, *, from_status: bool) -> bool:
        """Take in an alias and return whether other things are to be read.

        `from_status`: what its status says of the monitors counts, and not what this process knows.
        """
        status, spec = alias.status, alias.spec
        current = status.current
        watched = None if current is None else Watched(current.version, current.since.replace(microsecond=0))
        self.is_busy = status.plan is not None
        self._go_back_to(former(status))
        self._moved_at = max(
            (item.at for item in status.history if not item.is_first_sight), default=self._moved_at
        )
        said = hash(status.monitors)
        if self._listed and said != self._said:
            self.written = now
        self._said = said
        for item in status.monitors:
            if self._written.get(item.name) != item.at:
                self._written[item.name] = item.at
        if not from_status and (watched, spec.monitors) == (self.watched, self._listed):
            return False
        known = {item.name: item for item in status.monitors} | ({} if from_status else self.statuses)
        earlier = {} if from_status else self.monitors
        left = None if from_status else self.watched
        self.place = Place(alias.metadata.namespace, spec.registry, spec.model)
        self.statuses = {}
        if watched is not None:
            breached = frozenset(item.version for item in status.breached)
            for monitor in spec.monitors:
                series_now = _series(monitor, known.get(monitor.name), Move(left, watched, now), breached)
                self.statuses[monitor.name] = _of_spec(series_now, monitor, earlier.get(monitor.name))
        self.watched, self._listed = watched, spec.monitors
        self.monitors = {item.name: item for item in spec.monitors}
        self.before = {name: text for name, text in self.before.items() if self.version_before(name)}
        self._told_missing &= {name for name, item in self.statuses.items() if item.no_data_since}
        return True

    def version_before(self, name: str) -> str | None:
        """Return the version whose number is read beside: while the monitor fails, the one to go back to."""
        status = self.statuses.get(name)
        return self._former if status is not None and status.state in _FAILS else None

    def read(self, name: str, reading: Reading, now: datetime) -> bool:
        """Take in a reading of the version, and return whether that has to be told."""
        old, watched = self.statuses[name], self.watched
        if watched is None:
            return False
        new = series.read(old, self.monitors[name], reading, now, max(watched.since, self._moved_at))
        self.statuses[name] = new
        if self.version_before(name) is None and new.state is not MonitorState.NO_DATA:
            self.before.pop(name, None)
            self._asked.discard(name)
        is_late = self._is_late(new, now)
        is_told = is_late or is_urgent(old, new) or self._is_due(name, now)
        if is_told:
            self._told = now
            self._marks[name] = _mark(new)
        return is_told

    def _is_due(self, name: str, now: datetime) -> bool:
        """Return whether a state or a count is to be told that changed since it was told, and not a moment ago."""
        changed = self._marks.get(name) != _mark(self.statuses[name])
        is_seldom = series.interval(self.monitors[name]) >= BETWEEN
        return changed and (is_seldom or self._told is None or now - self._told >= BETWEEN - _ROUNDING)

    def read_before(self, name: str, reading: Reading) -> bool:
        """Take in a reading of the version before, and return whether it says something else of that version."""
        said, was_asked = self._says_before(name), name in self._asked
        self._asked.add(name)
        if reading.value is None:
            self.before.pop(name, None)
        else:
            self.before[name] = bounds.text(reading.value)
        return not was_asked or said != self._says_before(name)

    def asked_before(self) -> frozenset[str]:
        """Return the monitors of which nothing more can be learnt of the version before."""
        return frozenset(
            name for name in self.statuses if name in self._asked or self.version_before(name) is None
        )

    def cannot_tell_versions_apart(self, name: str) -> None:
        """Take in that a monitor asks the same of every version."""
        self._asked.add(name)

    def _says_before(self, name: str) -> bool | None:
        """Return whether the version before is beyond the bound too; None where that is not known."""
        value = bounds.number(self.before.get(name))
        return (
            None
            if value is None
            else bounds.judge(self.monitors[name], value, self.statuses[name].baseline).beyond
        )

    def disarm(self) -> bool:
        """Let what fails now move nothing until it passes, and return whether anything changed."""
        armed = self.statuses
        self.statuses = {name: mass.disarmed(item) for name, item in armed.items()}
        return any(item is not armed[name] for name, item in self.statuses.items())

    def is_failing(self, now: datetime) -> bool:
        """Return whether one of the monitors fails, as it counts for a mass breach."""
        each = ((item, series.interval(self.monitors[name])) for name, item in self.statuses.items())
        return mass.is_failing(each, now)

    def _go_back_to(self, version: str | None) -> None:
        if version != self._former:
            self._former = version
            self.before.clear()
            self._asked.clear()

    def _is_late(self, status: MonitorStatus, now: datetime) -> bool:
        """Return whether a number is missing for long, or new points wait for long to be written."""
        name = status.name
        if status.no_data_since is None:
            self._told_missing.discard(name)
        elif name not in self._told_missing and now - status.no_data_since >= NO_DATA_AFTER:
            self._told_missing.add(name)
            return True
        written = self._written.setdefault(name, status.at)
        if written is None or status.at is None or status.at == written:
            self._written[name] = status.at
            return False
        if now - written < FLUSH + self._stagger:
            return False
        self._written[name] = status.at  # if nobody writes it, that is not told at each reading
        return True


def _mark(status: MonitorStatus) -> tuple[object, ...]:
    return status.state, status.failures


def _series(
    monitor: Monitor, known: MonitorStatus | None, move: Move, breached: Container[str]
) -> MonitorStatus:
    """Return the series that is known, or a new one where another version is current now."""
    version = move.to.version
    if known is None or known.version is None:
        return series.begun(monitor, version)
    if known.version != version:
        return series.moved(known, version, move.at, was_breached=known.version in breached)
    if move.left is not None and move.left != move.to:  # it left and came back
        return series.begun(monitor, version, known.baseline)
    return known


def _of_spec(status: MonitorStatus, monitor: Monitor, earlier: Monitor | None) -> MonitorStatus:
    """Return the series under the monitor as it is now: another question or another bound begins a new one.

    What stood in the status is told apart by the bound in words, as far as it can be.
    """
    rule = bounds.rule(monitor, status.baseline)
    if earlier is not None and _question(earlier) != _question(monitor):
        return series.begun(monitor, status.version or "")
    if (status.rule and status.rule != rule[:256]) or (
        earlier is not None and _bound(earlier) != _bound(monitor)
    ):
        return series.begun(monitor, status.version or "", status.baseline)
    return status.changed(rule=rule, failures=min(status.failures, monitor.failure_limit))


def _question(monitor: Monitor) -> tuple[object, ...]:
    return (monitor.prometheus, monitor.experiment)


def _bound(monitor: Monitor) -> tuple[object, ...]:
    return (monitor.direction, monitor.threshold, monitor.champion)
