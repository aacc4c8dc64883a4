"""Looks at workloads and their pods: from what the watch told, from a look of a moment ago, or afresh.

A rolling workload changes often and its pods are many, so they are listed again only after a while; what a
verdict rests on is read afresh.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from modelalias.api.workload import Verify
from modelalias.core.protocol.questions import (
    FreshWorkloadOf,
    LastLinesOfPod,
    PodAnswersOf,
    PodsOf,
    WorkloadOf,
)
from modelalias.ports import Cluster, Pod, PodAnswer, Workload, WorkloadRef
from modelalias.reconcile.workloads_seen import WorkloadsSeen

T = TypeVar("T")
K = TypeVar("K")

SAME: Final = 10.0
"""Seconds for which a list of pods will do while their workload stays the same."""

SOON: Final = 2.0
"""Seconds for which it will do when the workload changed: one that rolls changes with each of its pods."""

ROLLING: Final = 15.0
"""Seconds for which the watch is believed about a workload that is being rolled."""

RESYNCED: Final = 0.8
"""The part of a resync after which the watch is not believed alone: keys come again after 0.9 of it at the earliest."""

ANSWERED: Final = 50.0
"""Seconds for which the answers of the pods of an unchanged workload will do."""

_MOST: Final = 256
"""Looks that are remembered."""


class _Look(NamedTuple, Generic[T]):
    at: float
    version: int
    """The resourceVersion of the workload."""
    answer: T


class PodLooks:
    """The answers about workloads and pods."""

    def __init__(
        self, cluster: Cluster, workloads: WorkloadsSeen, clock: Callable[[], float], resync: timedelta
    ) -> None:
        """Take the ports, a monotonic clock in seconds, and after how long everything is read again."""
        self._cluster, self._workloads, self._clock = cluster, workloads, clock
        self._resync = RESYNCED * resync.total_seconds()
        self._pods: dict[WorkloadRef, _Look[Sequence[Pod]]] = {}
        self._answers: dict[tuple[WorkloadRef, Verify], _Look[Sequence[PodAnswer]]] = {}
        self._lines: dict[LastLinesOfPod, str] = {}

    async def workload(self, question: WorkloadOf | FreshWorkloadOf, *, rolling: bool) -> Workload | None:
        """Return a workload: as the watch told where that is recent enough, else as the API server has it."""
        if isinstance(question, WorkloadOf):
            known = self._workloads.get(question.ref, within=ROLLING if rolling else self._resync)
            if known is not None:
                return known
        found = await self._cluster.workloads.read(question.ref)
        if found is None:
            self._workloads.drop(question.ref)
        else:
            self._workloads.see(found)
        return found

    async def pods(self, question: PodsOf, workload: Workload) -> Sequence[Pod]:
        """Return the pods of a workload, of a moment ago where that will do."""
        known = self._pods.get(question.ref)
        same = known is not None and known.version == workload.resource_version
        if known is not None and not question.fresh and self._clock() - known.at < (SAME if same else SOON):
            return known.answer
        found = await self._cluster.pods.of(workload)
        self._keep(self._pods, question.ref, workload, found)
        return found

    async def answers(self, question: PodAnswersOf, workload: Workload) -> Sequence[PodAnswer]:
        """Return what the pods of a workload said, of a while ago where it has not changed since."""
        asked = question.ref, question.verify
        known = self._answers.get(asked)
        same = known is not None and known.version == workload.resource_version
        if known is not None and same and not question.fresh and self._clock() - known.at < ANSWERED:
            return known.answer
        found = await self._cluster.pods.ask(workload, question.verify)
        self._keep(self._answers, asked, workload, found)
        return found

    async def last_lines(self, question: LastLinesOfPod) -> str:
        """Return what a container wrote before it was restarted, read once for each time."""
        if question not in self._lines:
            if len(self._lines) >= _MOST:
                self._lines.clear()
            self._lines[question] = await self._cluster.pods.last_lines(question.pod, question.container)
        return self._lines[question]

    def forget(self, ref: WorkloadRef) -> None:
        """Drop the looks at the pods of a workload, of which one was deleted."""
        self._pods.pop(ref, None)

    def _keep(self, looks: dict[K, _Look[T]], key: K, workload: Workload, answer: T) -> None:
        if len(looks) >= _MOST:
            looks.clear()
        looks[key] = _Look(self._clock(), workload.resource_version, answer)
