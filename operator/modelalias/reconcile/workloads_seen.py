"""What is known of workloads: the newest state of each, since when one is short of pods, and who rolls it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from modelalias.ports import Workload, WorkloadRef
from modelalias.reconcile.queue import Key


class _Seen(NamedTuple):
    workload: Workload
    at: float


class WorkloadsSeen:
    """The workloads that the watch covers, and which ModelAliases they serve.

    One plan at a time rolls a workload: a key that begins one reserves its workloads before anything is written,
    until the status with the plan is known.
    """

    def __init__(self, clock: Callable[[], float], wall: Callable[[], datetime]) -> None:
        """Take a monotonic clock in seconds and a wall clock."""
        self._clock, self._wall = clock, wall
        self._seen: dict[WorkloadRef, _Seen] = {}
        self._dips: dict[WorkloadRef, datetime] = {}
        self._served_by: defaultdict[WorkloadRef, set[Key]] = defaultdict(set)
        self._rolled_by: dict[WorkloadRef, Key] = {}
        self._named: dict[Key, tuple[WorkloadRef, ...]] = {}
        self._planned: dict[Key, tuple[WorkloadRef, ...]] = {}
        self._reserved: dict[Key, tuple[WorkloadRef, ...]] = {}

    def see(self, workload: Workload) -> set[Key]:
        """Remember a workload and return the keys of the aliases that it serves."""
        old = self._seen.get(workload.ref)
        if old is not None and old.workload.uid == workload.uid:
            if old.workload.resource_version == workload.resource_version:
                self._seen[workload.ref] = _Seen(old.workload, self._clock())
            if old.workload.resource_version >= workload.resource_version:
                return set()
        if workload.managed:
            self._seen[workload.ref] = _Seen(workload, self._clock())
        else:
            self._seen.pop(workload.ref, None)
        self._note_dip(workload)
        return self.served(workload.ref)

    def drop(self, ref: WorkloadRef, uid: str | None = None) -> set[Key]:
        """Forget a workload, with a uid only that one, and return the keys of the aliases that it served."""
        old = self._seen.get(ref)
        if old is not None and uid in {None, old.workload.uid}:
            del self._seen[ref]
            self._dips.pop(ref, None)
        return self.served(ref)

    def get(self, ref: WorkloadRef, *, within: float | None = None) -> Workload | None:
        """Return a workload that the watch covers, None when it was not seen for more than `within` seconds."""
        seen = self._seen.get(ref)
        if seen is None or (within is not None and self._clock() - seen.at > within):
            return None
        return seen.workload

    def served(self, ref: WorkloadRef) -> set[Key]:
        """Return the keys of the aliases that a workload serves."""
        return set(self._served_by.get(ref, ()))

    def dips(self, refs: Iterable[WorkloadRef]) -> Mapping[WorkloadRef, datetime]:
        """Return since when workloads are seen to have fewer replicas available than wanted."""
        return {ref: self._dips[ref] for ref in refs if ref in self._dips}

    def serve(self, key: Key, refs: Iterable[WorkloadRef], planned: Iterable[WorkloadRef]) -> set[Key]:
        """Remember which workloads an alias names and which its plan rolls.

        Return the keys that may have waited for a workload.
        """
        waited = self.leave(key)
        self._named[key], self._planned[key] = tuple(refs), tuple(planned)
        for ref in self._named[key]:
            self._served_by[ref].add(key)
        for ref in self._planned[key]:
            self._rolled_by[ref] = key
        return waited if not self._planned[key] else set()

    def leave(self, key: Key) -> set[Key]:
        """Forget an alias, and return the keys of those that may have waited for a workload that it rolled."""
        rolled = [ref for ref in self._planned.pop(key, ()) if self._rolled_by.get(ref) == key]
        waited = {other for ref in rolled for other in self.served(ref) if other != key}
        for ref in rolled:
            del self._rolled_by[ref]
        for ref in self._named.pop(key, ()):
            self._served_by[ref].discard(key)
            if not self._served_by[ref]:
                del self._served_by[ref]
        return waited

    def busy(self, key: Key, refs: Iterable[WorkloadRef]) -> Mapping[WorkloadRef, str]:
        """Return which of the workloads the plan of another alias rolls, and that alias's name."""
        reserved = {ref: other for other, kept in self._reserved.items() for ref in kept}
        rolled = {ref: self._rolled_by.get(ref) or reserved.get(ref) for ref in refs}
        return {ref: other.name for ref, other in rolled.items() if other is not None and other != key}

    def reserve(self, key: Key, refs: Iterable[WorkloadRef]) -> None:
        """Let nobody else begin to roll these workloads, until `release`."""
        self._reserved[key] = tuple(refs)

    def release(self, key: Key) -> None:
        """Give up what was reserved; what the status says counts again."""
        self._reserved.pop(key, None)

    def _note_dip(self, workload: Workload) -> None:
        replicas = workload.replicas()
        if replicas is None or replicas.available >= replicas.desired:
            self._dips.pop(workload.ref, None)
        else:
            self._dips.setdefault(workload.ref, self._wall())
