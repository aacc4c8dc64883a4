"""Other installations in the cluster: whether one that lives watches what this one watches.

Each says on its Lease what it watches. Two that watch the same namespaces would undo each other's work, so the one that comes
later does not begin. That a Lease is held says nothing of whether its holder lives, and clocks of different machines are never
compared: a holder lives as long as its Lease changes. What a Lease says counts only where the API server proves that an
installation wrote it: nobody gives way to another one.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from modelalias.adapters.leadership import Record, Sighting, free_at, observe
from modelalias.api.fields import Value


class Neighbour(Value):
    """Another installation's Lease: where it is, and which namespaces that one watches, none for all."""

    place: str
    namespaces: tuple[str, ...] = ()
    record: Record

    @property
    def age(self) -> tuple[str, str]:
        """Return what orders installations: the oldest Lease first."""
        return self.record.created, self.place


class _Seen(NamedTuple):
    neighbour: Neighbour
    sighting: Sighting
    has_changed: bool
    """Whether its holder was seen to renew it, which is more than a name on it."""
    was_proved: bool
    """Whether that was while the API server let no one but installations do so."""


class Neighbours:
    """Those that watch what this installation watches, as they were seen last."""

    def __init__(self, namespaces: Collection[str]) -> None:
        """Take what this installation watches, none for all."""
        self._namespaces = frozenset(namespaces)
        self._seen: dict[str, _Seen] = {}
        self._are_proved = True

    def concerned(self, found: Sequence[Neighbour]) -> Sequence[Neighbour]:
        """Return those that somebody holds, and that say that they watch what this installation watches."""
        return [item for item in found if item.record.holder and self._shares(item.namespaces)]

    def see(self, found: Sequence[Neighbour], now: float, *, are_proved: bool) -> None:
        """Take what the Leases of others say now, and whether the API server lets only installations say so."""
        self._seen = {item.place: self._look_at(item, now, are_proved) for item in self.concerned(found)}
        self._are_proved = are_proved

    def _look_at(self, neighbour: Neighbour, now: float, are_proved: bool) -> _Seen:
        before = self._seen.get(neighbour.place)
        if before is None:
            return _Seen(neighbour, observe(None, neighbour.record, now), has_changed=False, was_proved=False)
        sighting = observe(before.sighting, neighbour.record, now)
        changed = sighting.since > before.sighting.since
        return _Seen(
            neighbour,
            sighting,
            has_changed=before.has_changed or changed,
            was_proved=before.was_proved or (changed and are_proved),
        )

    def may_live(self, now: float) -> Neighbour | None:
        """Return one that may act now: whoever has not begun yet waits until it is known to be dead."""
        return next((item.neighbour for item in self._alive(now) if self._is_proved(item)), None)

    def goes_before(self, age: tuple[str, str], now: float) -> Neighbour | None:
        """Return one that acts now and is older: of two that began at the same moment the younger gives way."""
        alive = self._alive(now)
        acting = (item.neighbour for item in alive if item.has_changed and self._is_proved(item))
        return next((neighbour for neighbour in acting if neighbour.age < age), None)

    def unproved(self, now: float) -> Neighbour | None:
        """Return one that may act now, and may as well be a Lease that somebody else wrote."""
        return next((item.neighbour for item in self._alive(now) if not self._is_proved(item)), None)

    def _is_proved(self, item: _Seen) -> bool:
        """Return whether an installation wrote it; who takes the policy away makes none of those that were seen doubtful."""
        return self._are_proved or item.was_proved

    def _alive(self, now: float) -> list[_Seen]:
        return [item for item in self._seen.values() if free_at(item.sighting, identity="") > now]

    def _shares(self, namespaces: Collection[str]) -> bool:
        return not self._namespaces or not namespaces or not self._namespaces.isdisjoint(namespaces)
