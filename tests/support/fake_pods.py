"""The pods of the fake workloads: as many as their counts say, made from the templates that they had.

The suite in `tests/contract/test_pods.py` runs on this and on a real API server.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from modelalias.api.workload import Verify
from modelalias.core.errors import Refused
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import Pod, PodAnswer, PodRef, Workload, WorkloadRef
from tests.support.fake_workloads import FakeWorkloads
from tests.support.fault_queue import ANY, FaultQueue

_Template = tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]


class FakePods:
    """The port `Pods` in memory.

    Pods follow from the workload's counts: the updated ones have its template, the others the one before; what
    is available is counted from the oldest on.
    """

    def __init__(self, workloads: FakeWorkloads, wall: Callable[[], datetime]) -> None:
        self.calls: list[str] = []
        self.edits: dict[WorkloadRef, dict[str, Any]] = {}
        """Fields of every pod of a workload that is not ready, such as `trouble`."""
        self.restarts: dict[WorkloadRef, int] = {}
        """Restarts of the newest pod."""
        self.exact: dict[WorkloadRef, Sequence[Pod]] = {}
        """Pods in place of those that follow from the counts."""
        self.answers: dict[WorkloadRef, str | None] = {}
        """What the ready pods say they serve, in place of what their templates ask for; None: nothing."""
        self.models: dict[WorkloadRef, str] = {}
        """The model that the ready pods name in their answers, where they do."""
        self.lines = ""
        """What a container that crashed wrote last."""
        self.deleted: list[PodRef] = []
        self.may_delete = True
        self._workloads, self._wall, self._faults = workloads, wall, FaultQueue()
        self._templates: dict[WorkloadRef, list[tuple[_Template, datetime | None]]] = {}
        workloads.listeners.append(self._changed)

    def fail_next(self, error: BaseException, *, call: str = ANY, times: int = 1) -> None:
        """Let calls of that name (`of`, `last_lines`, `ask`, `delete`, or all) fail."""
        self._faults.add(error, call=call, times=times)

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    async def of(self, workload: Workload) -> Sequence[Pod]:
        self.calls.append("of")
        self._faults.before("of")
        return self._pods(workload.ref)

    async def last_lines(self, pod: PodRef, container: str) -> str:
        del pod, container
        self.calls.append("last_lines")
        self._faults.before("last_lines")
        return self.lines

    async def ask(self, workload: Workload, verify: Verify) -> Sequence[PodAnswer]:
        del verify
        self.calls.append("ask")
        self._faults.before("ask")
        ref = workload.ref
        ready = [pod for pod in self._pods(ref) if pod.ready and not pod.ending]
        return [
            PodAnswer(
                pod=pod.ref,
                version=said,
                model=self.models.get(ref),
                message="" if said else "the answer has no field version",
            )
            for pod in ready
            for said in [self.answers[ref] if ref in self.answers else _asked(pod)]
        ]

    async def delete(self, pod: PodRef) -> None:
        self.calls.append("delete")
        self._faults.before("delete")
        if not self.may_delete:
            raise Refused("may not delete pods")
        self.deleted.append(pod)

    def _changed(self, change: str, workload: PodWorkload) -> None:
        if change == "DELETED":
            self._templates.pop(workload.ref, None)
            return
        known, now = self._templates.setdefault(workload.ref, []), (workload.marks, workload.containers)
        if change == "ADDED":
            known[:] = [(now, None)]
        elif known[-1][0] != now:
            known.append((now, self._wall()))

    def _pods(self, ref: WorkloadRef) -> Sequence[Pod]:
        if ref in self.exact:
            return self._left(self.exact[ref])
        workload = self._workloads.workloads.get(ref)
        if workload is None:
            return ()
        templates = self._templates[ref]
        newest, oldest = templates[-1], templates[-2] if len(templates) > 1 else templates[-1]
        old = max(0, workload.total - workload.updated)
        pods = []
        for number in range(old + workload.updated):
            template, made = oldest if number < old else newest
            pods.append(self._pod(ref, number, template, made, ready=number < workload.available))
        if pods and ref in self.restarts:
            pods[-1] = pods[-1].model_copy(update={"restarts": self.restarts[ref]})
        return self._left(tuple(reversed(pods)))

    def _left(self, pods: Sequence[Pod]) -> Sequence[Pod]:
        """Return the pods that nobody deleted."""
        return tuple(pod for pod in pods if pod.ref not in self.deleted)

    def _pod(
        self, ref: WorkloadRef, number: int, template: _Template, made: datetime | None, *, ready: bool
    ) -> Pod:
        marks, containers = template
        made = made or datetime(2026, 1, 1, tzinfo=self._wall().tzinfo)
        name = f"{ref.name}-{made:%H%M%S}-{number}"
        pod = Pod(
            ref=PodRef(namespace=ref.namespace, name=name, uid=f"uid-{name}"),
            node="node",
            created=made,
            started=made,
            ready=ready,
            ready_since=made,
            revision=f"{made:%H%M%S}",
            marks=marks,
            containers=containers,
        )
        return pod if ready else pod.model_copy(update=self.edits.get(ref, {}))


def _asked(pod: Pod) -> str | None:
    return next((mark.partition(".")[0] for mark in pod.marks.values()), None)
