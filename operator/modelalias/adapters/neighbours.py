"""Other installations in the cluster: whether one that lives watches what this one watches.

Each says on its Lease what it watches. Two that watch the same namespaces would undo each other's work, so the one that comes
later does not begin. That a Lease is held says nothing of whether its holder lives, and clocks of different machines are never
compared: a holder lives as long as its Lease changes.
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


class Neighbours:
    """Those that watch what this installation watches, as they were seen last."""

    def __init__(self, namespaces: Collection[str]) -> None:
        """Take what this installation watches, none for all."""
        self._namespaces = frozenset(namespaces)
        self._seen: dict[str, _Seen] = {}

    def see(self, found: Sequence[Neighbour], now: float) -> None:
        """Take what the Leases of others say now."""
        seen = dict[str, _Seen]()
        for neighbour in found:
            if neighbour.record.holder and self._shares(neighbour.namespaces):
                before = self._seen.get(neighbour.place)
                sighting = observe(None if before is None else before.sighting, neighbour.record, now)
                changed = before is not None and (
                    before.has_changed or sighting.since > before.sighting.since
                )
                seen[neighbour.place] = _Seen(neighbour, sighting, changed)
        self._seen = seen

    def may_live(self, now: float) -> Neighbour | None:
        """Return one that may act now: whoever has not begun yet waits until it is known to be dead."""
        return next((item.neighbour for item in self._alive(now)), None)

    def goes_before(self, age: tuple[str, str], now: float) -> Neighbour | None:
        """Return one that acts now and is older: of two that began at the same moment the younger gives way."""
        acting = (item.neighbour for item in self._alive(now) if item.has_changed)
        return next((neighbour for neighbour in acting if neighbour.age < age), None)

    def _alive(self, now: float) -> list[_Seen]:
        return [item for item in self._seen.values() if free_at(item.sighting, identity="") > now]

    def _shares(self, namespaces: Collection[str]) -> bool:
        return not self._namespaces or not namespaces or not self._namespaces.isdisjoint(namespaces)
