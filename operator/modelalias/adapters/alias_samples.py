"""What each ModelAlias and each request that has not ended shows in the metrics."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Final, NamedTuple

from modelalias.adapters.sample_lines import Family, MetricType, Sample, texts
from modelalias.api.alias import ModelAlias, MonitorState, MonitorStatus
from modelalias.api.conditions import AliasCondition, RequestCondition, Status, find, is_true
from modelalias.api.request import Phase, PromotionRequest

_ALIAS: Final = ("alias_namespace", "alias_name")


class _Owner(NamedTuple):
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class _Request:
    alias: _Owner
    phase: str
    since: float


@dataclass(slots=True)
class _Monitor:
    version: str | None
    breached: bool
    breaches: int


class AliasSamples:
    """Gauges of the process that leads; fed with everything that is seen, whoever leads."""

    def __init__(self, *, per_alias: bool) -> None:
        self._per_alias = per_alias
        gauge = MetricType.GAUGE
        self._info = Family(
            "modelalias_alias_info",
            gauge,
            "A ModelAlias, with the version that it accepted last.",
            *_ALIAS,
            "registry",
            "model",
            "alias",
            "version",
        )
        self._phase = Family(
            "modelalias_alias_phase", gauge, "The present phase of a ModelAlias.", *_ALIAS, "phase"
        )
        self._promoted = Family(
            "modelalias_alias_promoted_timestamp_seconds",
            gauge,
            "When the version was accepted that is current.",
            *_ALIAS,
        )
        self._stalled = Family(
            "modelalias_alias_stalled",
            gauge,
            "A ModelAlias for which nothing more happens until a person changes something.",
            *_ALIAS,
            "reason",
        )
        self._held = Family(
            "modelalias_alias_hold_timestamp_seconds",
            gauge,
            "Since when automatic steps are on hold.",
            *_ALIAS,
        )
        self._oldest = Family(
            "modelalias_request_oldest_timestamp_seconds",
            gauge,
            "When the oldest request in a phase came into it.",
            *_ALIAS,
            "phase",
        )
        self._values = Family(
            "modelalias_monitor_value", gauge, "The last reading of a monitor.", *_ALIAS, "monitor"
        )
        self._states = Family(
            "modelalias_monitor_state", gauge, "How a monitor stands now.", *_ALIAS, "monitor", "state"
        )
        self._breaches = Family(
            "modelalias_monitor_breaches_total",
            MetricType.COUNTER,
            "Breaches of a monitor that this process saw begin.",
            *_ALIAS,
            "monitor",
        )
        self._waiting = Family(
            "modelalias_requests", gauge, "Requests that have not ended.", "alias_namespace", "phase"
        )
        self._of_aliases = (
            self._info,
            self._phase,
            self._promoted,
            self._stalled,
            self._held,
            self._values,
            self._states,
            self._breaches,
        )
        self.families = (*self._of_aliases, self._oldest, self._waiting)
        self._monitors: dict[_Owner, dict[str, _Monitor]] = {}
        self._requests: dict[tuple[str, str], _Request] = {}
        self._requests_of: defaultdict[_Owner, set[str]] = defaultdict(set)
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._stale: set[_Owner] = set()
        """Of whose requests the oldest is to be found anew, at the next scrape: a long queue changes often."""

    def alias_seen(self, alias: ModelAlias) -> None:
        """Take a ModelAlias as it stands now."""
        if not self._per_alias:
            return
        owner, spec, status = _Owner(alias.metadata.namespace, alias.metadata.name), alias.spec, alias.status
        current = status.current
        version = "" if current is None else current.version
        self._info.put(owner, [((*owner, spec.registry, spec.model, spec.alias, version), 1)])
        self._phase.put(owner, [] if status.phase is None else [((*owner, str(status.phase)), 1)])
        self._promoted.put(owner, [] if current is None else [(owner, current.since.timestamp())])
        self._held.put(owner, [] if status.hold is None else [(owner, status.hold.since.timestamp())])
        self._stalled.put(owner, [((*owner, reason), 1) for reason in _stalled(alias)])
        self._see_monitors(owner, alias)

    def alias_gone(self, namespace: str, name: str) -> None:
        """Forget a ModelAlias; its requests may still be there."""
        owner = _Owner(namespace, name)
        for family in self._of_aliases:
            family.drop(owner)
        self._monitors.pop(owner, None)

    def request_seen(self, request: PromotionRequest) -> None:
        """Take a request as it stands now; one that has ended is forgotten."""
        meta, status = request.metadata, request.status
        self.request_gone(meta.namespace, meta.name)
        if is_true(status.conditions, RequestCondition.COMPLETE):
            return
        owner = _Owner(meta.namespace, request.spec.alias_ref.name)
        since = status.phase_since or meta.creation_timestamp
        phase = str(status.phase or Phase.PENDING)
        self._requests[meta.namespace, meta.name] = _Request(owner, phase, since.timestamp() if since else 0)
        self._requests_of[owner].add(meta.name)
        self._stale.add(owner)
        self._count(meta.namespace, phase, 1)

    def request_gone(self, namespace: str, name: str) -> None:
        """Forget a request."""
        known = self._requests.pop((namespace, name), None)
        if known is None:
            return
        left = self._requests_of[known.alias]
        left.discard(name)
        if not left:
            del self._requests_of[known.alias]
        self._stale.add(known.alias)
        self._count(namespace, known.phase, -1)

    def text(self) -> str:
        """Return all of it."""
        if self._per_alias:
            for owner in self._stale:
                self._oldest.put(owner, self._oldest_of(owner))
        self._stale.clear()
        return texts(self.families if self._per_alias else (self._waiting,))

    def _count(self, namespace: str, phase: str, difference: int) -> None:
        self._counts[namespace, phase] += difference
        self._waiting.put((namespace, phase), [((namespace, phase), self._counts[namespace, phase])])

    def _oldest_of(self, owner: _Owner) -> list[Sample]:
        oldest: dict[str, float] = {}
        for name in self._requests_of.get(owner, ()):
            item = self._requests[owner.namespace, name]
            oldest[item.phase] = min(item.since, oldest.get(item.phase, item.since))
        return [((*owner, phase), since) for phase, since in sorted(oldest.items())]

    def _see_monitors(self, owner: _Owner, alias: ModelAlias) -> None:
        """Take the readings, and count the breaches that began since the status before."""
        names = [item.name for item in alias.spec.monitors]
        if not names and owner not in self._monitors:
            return
        statuses = {item.name: item for item in alias.status.monitors}
        before = self._monitors.get(owner)
        now = {name: _counted((before or {}).get(name), statuses.get(name)) for name in names}
        if now:
            self._monitors[owner] = now
        else:
            self._monitors.pop(owner, None)
        self._breaches.put(owner, [((*owner, name), item.breaches) for name, item in now.items()])
        states = {name: _state(statuses.get(name)) for name in names}
        self._states.put(owner, [((*owner, name, state), 1) for name, state in states.items()])
        numbers = {name: _number(statuses.get(name)) for name in names}
        self._values.put(
            owner, [((*owner, name), item) for name, item in numbers.items() if item is not None]
        )


def _stalled(alias: ModelAlias) -> Iterator[str]:
    """Yield why a person has to change something, where one has to."""
    condition = find(alias.status.conditions, AliasCondition.STALLED)
    if condition is not None and condition.status is Status.TRUE:
        yield condition.reason


def _counted(before: _Monitor | None, status: MonitorStatus | None) -> _Monitor:
    """Return the breaches of a monitor so far; one that stood already when it was first seen is not counted."""
    if status is None:
        return before or _Monitor(None, breached=False, breaches=0)
    breached = status.state is MonitorState.BREACHED
    if before is None:
        return _Monitor(status.version, breached, 0)
    same = before.version == status.version
    if status.state is MonitorState.NO_DATA and same:  # which ends no breach
        return before
    begins = breached and not (same and before.breached)
    return _Monitor(status.version, breached, before.breaches + begins)


def _state(status: MonitorStatus | None) -> str:
    """Return how a monitor stands; one of which nothing is written yet waits."""
    return str(MonitorState.WAITING if status is None else status.state)


def _number(status: MonitorStatus | None) -> float | None:
    """Return the last reading; None where there is none now."""
    if status is None or status.value is None or status.state is MonitorState.NO_DATA:
        return None
    try:
        number = float(status.value)
    except ValueError:
        return None
    return number if isfinite(number) else None
