"""What is done to workloads and their pods: each writes once, and what was known of them is forgotten."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from modelalias.core.errors import InvalidRequest, Refused, StaleObject
from modelalias.core.protocol.effects import DeletePod, Roll
from modelalias.core.protocol.facts import Facts
from modelalias.core.protocol.questions import FreshWorkloadOf, PodsOf, WorkloadOf
from modelalias.kinds import KINDS
from modelalias.ports import Cluster, EventType, Involved, Workload, WorkloadRef
from modelalias.reconcile.events_posted import EventsPosted
from modelalias.reconcile.pod_looks import PodLooks
from modelalias.reconcile.queue import Key
from modelalias.reconcile.workloads_seen import WorkloadsSeen

_log = logging.getLogger(__name__)


class WorkloadEffects:
    """Rolls workloads and deletes pods through the ports."""

    def __init__(
        self,
        cluster: Cluster,
        seen: WorkloadsSeen,
        looks: PodLooks,
        events: EventsPosted,
        wall: Callable[[], datetime],
    ) -> None:
        """Take the ports, what is known of workloads and pods, and a wall clock."""
        self._cluster, self._seen, self._looks, self._wall = cluster, seen, looks, wall
        self._events = events

    async def carry_out(
        self, key: Key, effect: Roll | DeletePod, facts: Facts, about: Mapping[str, str]
    ) -> None:
        """Do it; what the API server refuses for good becomes a fact. An Event has the annotations `about`.

        Raises `StaleObject`, `Unavailable`, and `Refused` where a roll lacks a permission.
        """
        if isinstance(effect, Roll):
            await self._roll(key, effect, facts, about)
        else:
            await self._delete(effect, facts)

    async def _roll(self, key: Key, effect: Roll, facts: Facts, annotations: Mapping[str, str]) -> None:
        workload = facts.workload(effect.ref)
        if workload is None:
            raise StaleObject(f"{effect.ref.kind} {effect.ref.name} is gone")
        self._forget(effect.ref, facts)
        try:
            after = await self._cluster.workloads.roll(workload, effect.change)
        except InvalidRequest as error:
            facts.fail(effect, error)
            self._seen.drop(effect.ref)  # part of the change may be written
            facts.forget(WorkloadOf(ref=effect.ref))
            return
        except StaleObject:
            self._seen.drop(effect.ref)
            raise
        self._seen.see(after)
        facts.learn(WorkloadOf(ref=effect.ref), after)
        self._tell(effect, after, annotations)
        fields = {"workload": effect.ref.name, "mark": effect.change.mark}
        _log.info("workload rolled", extra={"alias": f"{key.namespace}/{key.name}", **fields})

    async def _delete(self, effect: DeletePod, facts: Facts) -> None:
        try:
            await self._cluster.pods.delete(effect.pod)
        except Refused as error:
            facts.fail(effect, error)
            return
        self._forget(effect.workload, facts)
        _log.info("pod deleted", extra={"namespace": effect.pod.namespace, "pod": effect.pod.name})

    def _forget(self, ref: WorkloadRef, facts: Facts) -> None:
        """Drop what was seen of a workload's pods, and the fresh look at it."""
        self._looks.forget(ref)
        facts.forget(FreshWorkloadOf(ref=ref))
        for fresh in (False, True):
            facts.forget(PodsOf(ref=ref, fresh=fresh))

    def _tell(self, effect: Roll, after: Workload, annotations: Mapping[str, str]) -> None:
        about = Involved(
            api_version=KINDS[effect.ref.kind].resource.api_version,
            kind=effect.ref.kind,
            namespace=effect.ref.namespace,
            name=effect.ref.name,
            uid=after.uid,
        )
        self._events.post(
            about,
            EventType.NORMAL,
            "ModelRolled",
            effect.message,
            now=self._wall(),
            annotations=annotations,
        )
