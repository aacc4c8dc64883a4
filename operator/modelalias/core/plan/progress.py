"""How far each workload of a plan is: judged by what it says now, and read afresh before a verdict.

A rollout counts once its pods stayed available for a while without a restart and, where they can be asked, said
the version. What holds one up is told from its newest pod that is not ready.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from modelalias.api.alias import Bearing, ModelAlias, Plan, PlannedWorkload, ServingState, ServingStatus
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.core.ledger import history
from modelalias.core.plan import rollout
from modelalias.core.protocol.effects import Roll
from modelalias.core.protocol.facts import Facts, Failed
from modelalias.core.serving import pods as pods_seen
from modelalias.core.serving.verification import Proof, proof
from modelalias.ports import Pod, PodRef, Replicas, Workload

_WRITTEN = frozenset(
    {ServingState.ROLLING, ServingState.SETTLING, ServingState.UP_TO_DATE, ServingState.NO_REPLICAS}
)
"""The states of a workload that the plan wrote to already."""


class Stage(StrEnum):
    """How far one workload of a plan is."""

    UNTOUCHED = "Untouched"
    ROLLING = "Rolling"
    SETTLING = "Settling"
    VERIFYING = "Verifying"
    DONE = "Done"
    BROKEN = "Broken"
    GONE = "Gone"


class Progress(Value):
    """How far one workload is, and what holds it up."""

    stage: Stage
    message: str = ""
    reason: Reason = Reason.ROLLOUT_FAILED
    """Why it is broken."""
    workload: Workload | None = None
    """As it was seen."""
    paused: bool = False
    """Whether somebody paused it, so that time does not count."""
    idle: bool = False
    """Whether it has no replicas that could load anything."""
    settling_since: datetime | None = None
    restarts: int | None = None
    """Of its pods, when it began to settle."""
    verified: bool | None = None
    stuck: tuple[PodRef, ...] = ()
    """Pods of the failed revision for which its controller waits forever."""


def progress(
    alias: ModelAlias, plan: Plan, planned: PlannedWorkload, facts: Facts, now: datetime
) -> Progress:
    """Judge a workload of the plan; one that is not known to be done already is done only on a fresh look."""
    ref = rollout.ref_of(planned, alias.metadata.namespace)
    seen = _Judge(alias, plan, planned, facts, now).judge(facts.workload(ref))
    before = _before(alias, planned)
    known = before is not None and before.state in {ServingState.UP_TO_DATE, ServingState.NO_REPLICAS}
    if seen.stage is not Stage.DONE or known:
        return seen
    return fresh(alias, plan, planned, facts, now)


def fresh(alias: ModelAlias, plan: Plan, planned: PlannedWorkload, facts: Facts, now: datetime) -> Progress:
    """Judge a workload of the plan as the API server has it now, whatever the watch said of it."""
    ref = rollout.ref_of(planned, alias.metadata.namespace)
    return _Judge(alias, plan, planned, facts, now).judge(facts.fresh_workload(ref))


def roll_of(alias: ModelAlias, plan: Plan, planned: PlannedWorkload) -> Roll:
    """Return the effect that writes the plan into a workload, on the way it goes."""
    move = history.moved(plan, alias.spec.alias)
    start, end = (move.from_, move.to) if plan.bearing is Bearing.FORWARD else (move.to, move.from_)
    by = (
        f"PromotionRequest {plan.request.name}"
        if plan.request
        else f"{plan.operation} of {alias.metadata.name}"
    )
    name = f"{alias.spec.model}@{alias.spec.alias}"
    return Roll(
        ref=rollout.ref_of(planned, alias.metadata.namespace),
        change=rollout.change(planned, plan.bearing, alias.metadata.name),
        message=f"{name} goes from {start or 'nothing'} to {end or 'nothing'} by {by}",
    )


class _Judge:
    """One workload, and what is needed to judge it."""

    def __init__(
        self, alias: ModelAlias, plan: Plan, planned: PlannedWorkload, facts: Facts, now: datetime
    ) -> None:
        self._alias, self._plan, self._planned, self._facts, self._now = alias, plan, planned, facts, now
        self._label, self._name = rollout.name_of(planned), alias.metadata.name
        self._before = _before(alias, planned)
        self._change = rollout.change(planned, plan.bearing, self._name)
        move, forward = history.moved(plan, alias.spec.alias), plan.bearing is Bearing.FORWARD
        self._forward, self._version = forward, move.to if forward else move.from_

    def judge(self, workload: Workload | None) -> Progress:
        refused = self._facts.failure(roll_of(self._alias, self._plan, self._planned))
        if refused is not None:
            return Progress(stage=Stage.BROKEN, message=str(refused), workload=workload)
        if workload is None:
            return Progress(stage=Stage.GONE, message=f"{self._label} is gone")
        return self._written(workload).changed(workload=workload)

    def _written(self, workload: Workload) -> Progress:
        before, planned = self._before, self._planned
        known = before is not None and before.uid == workload.uid
        if not workload.has(self._change):
            if before is not None and known and before.state in _WRITTEN:
                writer = workload.last_writer
                by = f"; the last known writer is {writer}" if writer else ""
                message = f"{self._label}: another writer took the operator's change away{by}"
                return Progress(stage=Stage.BROKEN, message=message, reason=Reason.CONTENDED)
            return Progress(stage=Stage.UNTOUCHED)
        given_up = workload.why_failed()
        if given_up:
            return Progress(stage=Stage.BROKEN, message=f"{self._label}: {given_up}")
        if not self._forward and planned.nothing_before:
            return Progress(stage=Stage.DONE)
        if not workload.is_rolled(planned.short):
            return self._rolling(workload)
        replicas = workload.replicas()
        if replicas is not None and replicas.desired == 0:
            message = f"{self._label} has 0 replicas: nothing has loaded version {self._version}"
            return Progress(stage=Stage.DONE, message=message, idle=True)
        if replicas is not None and planned.short and not self._as_many_as_before(workload, replicas):
            return self._rolling(workload)
        if before is not None and known and before.state is ServingState.UP_TO_DATE:
            return Progress(stage=Stage.DONE, verified=before.verified)
        return self._settled(workload, before if known else None)

    def _rolling(self, workload: Workload) -> Progress:
        """Tell what holds it up, from its newest pod that is not ready."""
        if workload.is_paused:
            message = f"{self._label} is paused: {workload.how_to_resume()}; time does not count meanwhile"
            return Progress(stage=Stage.ROLLING, message=message, paused=True)
        pods = self._pods(workload)
        why = [workload.why_not_rolled(), pods_seen.cause(self._facts, pods, self._change.mark, self._name)]
        stuck = self._stuck(workload, pods)
        if stuck:
            names = ", ".join(sorted(pod.name for pod in stuck))
            why.append(f"its controller waits for {names} of the failed revision: delete it")
        return Progress(
            stage=Stage.ROLLING, message=f"{self._label}: {', '.join(filter(None, why))}", stuck=stuck
        )

    def _stuck(self, workload: Workload, pods: Sequence[Pod]) -> tuple[PodRef, ...]:
        """Return the pods of the failed revision that keep a workload from going back."""
        same = self._planned.to == self._planned.back  # then nothing tells the failed revision from the other
        if self._forward or same or not workload.waits_for_unready:
            return ()
        broken = (pod for pod in pods if not pod.ready and pod.marks.get(self._name) == self._planned.to)
        return tuple(pod.ref for pod in broken)

    def _as_many_as_before(self, workload: Workload, replicas: Replicas) -> bool:
        """Return whether as many pods of the new template are ready as were available before, and no other pod."""
        marks = [pod.marks.get(self._name) for pod in self._pods(workload) if pod.ready]
        of_it = marks.count(self._change.mark)
        return of_it == len(marks) and of_it >= replicas.needed(self._planned.short)

    def _settled(self, workload: Workload, before: ServingStatus | None) -> Progress:
        """Wait until its pods stayed available for a while, without a restart."""
        stable = timedelta(seconds=self._plan.rollout.stable_seconds)
        if not stable:
            return self._verified(workload)
        settling = before is not None and before.state is ServingState.SETTLING
        since = before.since if settling and before is not None else None
        if since is None or before is None:
            return self._settling(self._now, self._restarts(workload))
        if self._now < since + stable:
            return self._settling(since, before.restarts)
        restarts = self._restarts(workload)
        if restarts is not None and before.restarts is not None and restarts > before.restarts:
            return self._settling(self._now, restarts, "a container was restarted, ")
        verified = self._verified(workload)
        if verified.stage is Stage.VERIFYING:
            return verified.changed(settling_since=since, restarts=before.restarts)
        return verified

    def _settling(self, since: datetime, restarts: int | None, why: str = "") -> Progress:
        seconds = self._plan.rollout.stable_seconds
        message = f"{self._label}: available, {why}has to stay so for {seconds} s"
        return Progress(stage=Stage.SETTLING, message=message, settling_since=since, restarts=restarts)

    def _verified(self, workload: Workload) -> Progress:
        """Ask the ready pods what they serve, where the owner wants that."""
        verify, version = self._planned.verify, self._version
        if verify is None or version is None:
            return Progress(stage=Stage.DONE)
        try:
            answers = self._facts.pod_answers(workload.ref, verify, fresh=True)
            found = proof(answers, self._alias.spec.model, version)
        except Failed as failed:
            found = Proof(None, f"its pods cannot be asked: {failed.error}")
        if found.verified:
            return Progress(stage=Stage.DONE, verified=True)
        message = f"{self._label}: {found.message}"
        if found.verified is False and self._forward:
            reason = Reason.NOT_VERIFIED
            return Progress(stage=Stage.BROKEN, message=message, reason=reason, verified=False)
        return Progress(stage=Stage.VERIFYING, message=message, verified=found.verified)

    def _restarts(self, workload: Workload) -> int | None:
        try:
            pods = pods_seen.pods_of(self._facts, workload.ref, fresh=True)
        except Failed:
            return None
        return None if pods is None else pods_seen.restarts(pods)

    def _pods(self, workload: Workload) -> Sequence[Pod]:
        """Return its pods; none where they cannot be listed: they explain, and decide nothing."""
        try:
            return pods_seen.pods_of(self._facts, workload.ref) or ()
        except Failed:
            return ()


def _before(alias: ModelAlias, planned: PlannedWorkload) -> ServingStatus | None:
    """Return what the status holds of a workload from this plan."""
    same = (item for item in alias.status.serving if (item.kind, item.name) == (planned.kind, planned.name))
    return next(same, None)
