"""Workloads in memory: templates that can be rolled, and counts that a test moves as a controller would.

The suite in `tests/contract/test_workloads.py` runs on this and on a real API server.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelalias.adapters.workloads import (
    checked,
    gone,
    made_anew,
    missing,
    no_such_kind,
    not_let_in,
    patch_for,
)
from modelalias.api.alias import WorkloadKind
from modelalias.core.errors import InvalidRequest, StaleObject
from modelalias.kinds import KINDS
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import Variable, Workload, WorkloadChange, WorkloadRef
from tests.support.fault_queue import ANY, FaultQueue

Listener = Callable[[str, PodWorkload], None]
"""Called with ADDED, MODIFIED or DELETED and the workload as it stands after."""


@dataclass(frozen=True)
class Roll:
    """A patch that changed something."""

    ref: WorkloadRef
    change: WorkloadChange


class FakeWorkloads:
    """The port `Workloads` in memory, with what users and controllers do beside it."""

    def __init__(self) -> None:
        self.workloads: dict[WorkloadRef, PodWorkload] = {}
        self.rolls: list[Roll] = []
        self.calls: list[str] = []
        self.listeners: list[Listener] = []
        self.admission: Callable[[PodWorkload], PodWorkload] = _let_through
        """What a mutating webhook makes of a workload that is being patched."""
        self.denied: dict[str, str] = {}
        """Workloads, by name, of which a policy lets no patch in, and what it says."""
        self.unserved: set[WorkloadKind] = set()
        """Kinds that the cluster does not have."""
        self.rolls_at_once = False
        """Whether a rollout is complete as soon as it was patched."""
        self._faults = FaultQueue()
        self._serial = 0

    # What a user does

    def add(
        self,
        name: str,
        *,
        namespace: str = "ml",
        kind: WorkloadKind = WorkloadKind.DEPLOYMENT,
        desired: int = 1,
        containers: Mapping[str, Mapping[str, str]] | None = None,
        marks: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> WorkloadRef:
        """Create a workload that is rolled out already; one of the same name is made anew under another uid."""
        ref = WorkloadRef(kind=kind, namespace=namespace, name=name)
        version = self._next()
        self._store(
            "ADDED",
            PodWorkload(
                ref=ref,
                uid=f"uid-{version}",
                resource_version=version,
                generation=1,
                observed_generation=1,
                paused=False,
                ordered=kind is WorkloadKind.STATEFUL_SET,
                managed=False,
                desired=desired,
                updated=desired,
                available=desired,
                total=desired,
                marks=marks or {},
                containers=containers or {"main": {}},
                **fields,
            ),
        )
        return ref

    def delete(self, ref: WorkloadRef) -> None:
        gone_now = self.workloads.pop(ref)
        for listener in self.listeners:
            listener("DELETED", gone_now)

    def edit(self, ref: WorkloadRef, **fields: Any) -> PodWorkload:
        """Change the template or the spec as a user would: the generation rises."""
        return self.set(ref, generation=self.workloads[ref].generation + 1, **fields)

    # What a controller does

    def set(self, ref: WorkloadRef, **fields: Any) -> PodWorkload:
        """Set fields of a workload as a controller would, such as `updated=1, available=0, trouble="..."`."""
        return self._store(
            "MODIFIED", self.workloads[ref].model_copy(update={**fields, "resource_version": self._next()})
        )

    def observe(self, ref: WorkloadRef, **counts: Any) -> PodWorkload:
        """Let the controller see the newest template, with nothing rolled yet but for the counts that are
        given."""
        return self.set(
            ref, **{"observed_generation": self.workloads[ref].generation, "updated": 0, **counts}
        )

    def complete_rollout(self, ref: WorkloadRef) -> PodWorkload:
        """Let the controller finish: all replicas updated and available, none old."""
        now = self.workloads[ref]
        return self.set(
            ref,
            observed_generation=now.generation,
            updated=now.desired,
            available=now.desired,
            total=now.desired,
            trouble="",
        )

    # What a test puts in the way

    def fail_next(
        self, error: BaseException, *, call: str = ANY, after: bool = False, times: int = 1
    ) -> None:
        """Let calls of that name (`read`, `roll`, or all) fail; `after`: the patch is stored and its answer
        lost."""
        self._faults.add(error, call=call, after=after, times=times)

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    # The port

    async def read(self, ref: WorkloadRef) -> Workload | None:
        self.calls.append("read")
        self._faults.before("read")
        return self.workloads.get(ref)

    async def why_missing(self, ref: WorkloadRef) -> str:
        return no_such_kind(ref) if ref.kind in self.unserved else missing(ref)

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        if not patch_for(workload, change):
            return workload
        ref = workload.ref
        self.calls.append("roll")
        self._faults.before("roll")
        now = self.workloads.get(ref)
        if now is None:
            raise StaleObject(gone(ref))
        if now.uid != workload.uid:
            raise StaleObject(made_anew(ref))
        if any(_is_taken_from_elsewhere(now, item) for item in change.variables):
            raise InvalidRequest(KINDS[ref.kind].explain(now, change, "env[0].valueFrom: Invalid value"))
        if ref.name in self.denied:
            raise not_let_in(ref, self.denied[ref.name])
        rolled = self.admission(_rolled(now, change))
        if rolled != now:
            self.rolls.append(Roll(ref, change))
            generation = now.generation + ((rolled.marks, rolled.containers) != (now.marks, now.containers))
            rolled = rolled.model_copy(update={"generation": generation, "resource_version": self._next()})
            self._store("MODIFIED", rolled)
            if self.rolls_at_once:
                self.complete_rollout(ref)
        self._faults.after("roll")
        return checked(rolled, change)

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _store(self, change: str, workload: PodWorkload) -> PodWorkload:
        self.workloads[workload.ref] = workload
        for listener in self.listeners:
            listener(change, workload)
        return workload


def _rolled(workload: PodWorkload, change: WorkloadChange) -> PodWorkload:
    """Return the workload with the change in its template."""
    marks = _with(workload.marks, change.alias, change.mark)
    containers = workload.containers
    for item in change.variables:
        variables = containers[item.container]
        if item.env not in workload.traits_of(item.container).twice:  # the first is written, the last counts
            variables = _with(variables, item.env, item.value)
        containers = {**containers, item.container: variables}
    return workload.model_copy(update={"marks": marks, "containers": containers, "managed": True})


def _is_taken_from_elsewhere(workload: PodWorkload, item: Variable) -> bool:
    return item.value is not None and item.env in workload.traits_of(item.container).elsewhere


def _let_through(workload: PodWorkload) -> PodWorkload:
    return workload


def _with(values: Mapping[str, str], key: str, value: str | None) -> Mapping[str, str]:
    rest = {name: kept for name, kept in values.items() if name != key}
    return rest if value is None else {**rest, key: value}
