"""The steps of a plan on its workloads, and where each of them stands."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from modelalias.api.alias import (
    Bearing,
    ModelAlias,
    Plan,
    PlannedWorkload,
    ServingState,
    ServingStatus,
    WorkloadKind,
)
from modelalias.api.conditions import Reason
from modelalias.core.ledger import history
from modelalias.core.plan import rollout
from modelalias.core.plan.progress import Progress, Stage, fresh, progress, roll_of
from modelalias.core.plan.step import CannotGoOn, Step, Wait
from modelalias.core.protocol.decision import Do
from modelalias.core.protocol.effects import DeletePod
from modelalias.core.protocol.facts import Facts

UNWATCHED_POLL: Final = timedelta(seconds=15)
"""How often a workload is looked at whose label is gone, or that is gone itself: the watch does not tell of
it."""

ROLLING_POLL: Final = timedelta(seconds=15)
"""How often workloads that roll are looked at whatever the watch says."""

VERIFY_POLL: Final = timedelta(seconds=5)
"""How often pods are asked that did not say what they serve."""

BACK_OFF: Final = timedelta(minutes=5)
"""How long the kubelet waits at most before it starts a container again: what is left of the deadline at least
when the registry, without which nothing loads, is back."""

_WAITS: Final = frozenset({Stage.ROLLING, Stage.SETTLING, Stage.VERIFYING})

_STATES: Final = {
    Stage.UNTOUCHED: ServingState.PENDING,
    Stage.ROLLING: ServingState.ROLLING,
    Stage.SETTLING: ServingState.SETTLING,
    Stage.VERIFYING: ServingState.SETTLING,
    Stage.DONE: ServingState.UP_TO_DATE,
    Stage.BROKEN: ServingState.FAILED,
    Stage.GONE: ServingState.MISSING,
}


def roll(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    """Roll wave by wave; on the way back all at once.

    What is broken or gone keeps no other from going back.
    """
    forward = plan.bearing is Bearing.FORWARD
    for wave in _waves(plan):
        looks = []
        for planned in wave:
            seen = progress(alias, plan, planned, facts, now)
            if seen.stage is Stage.UNTOUCHED:
                yield Do(roll_of(alias, plan, planned))
            looks.append(seen)
        clocked = _clocked(alias, plan, [item for item in looks if _waits(item, forward=forward)], now)
        if _is_late(clocked, looks, now):  # looked at afresh before it is called failed
            looks = [fresh(alias, plan, planned, facts, now) for planned in wave]
            clocked = _clocked(alias, plan, [item for item in looks if _waits(item, forward=forward)], now)
        yield from _follow(alias, clocked, wave, looks, now, facts)


def serving(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> tuple[ServingStatus, ...]:
    """Return where each workload of the plan stands."""
    move = history.moved(plan, alias.spec.alias)
    desired = move.to if plan.bearing is Bearing.FORWARD else move.from_
    known = {(item.kind, item.name): item for item in alias.status.serving}
    return tuple(
        _entry(planned, desired, progress(alias, plan, planned, facts, now), known, alias.metadata.name, now)
        for planned in plan.serving
    )


def untouched(alias: ModelAlias, plan: Plan) -> tuple[ServingStatus, ...]:
    """Return where the plan's workloads stand before any of them was touched on the way it goes."""
    move, forward = history.moved(plan, alias.spec.alias), plan.bearing is Bearing.FORWARD
    known = {(item.kind, item.name): item for item in alias.status.serving}
    entries = []
    for item in plan.serving:
        before = known.get((item.kind, item.name))
        same = before is not None and before.uid == item.uid
        entry = (
            before
            if same and before is not None
            else ServingStatus(kind=item.kind, name=item.name, uid=item.uid, state=ServingState.PENDING)
        )
        entries.append(
            entry.changed(
                desired=move.to if forward else move.from_,
                state=ServingState.PENDING,
                since=plan.turned_at or plan.started_at,
                short=item.short or None,
                restarts=None,
                verified=None,
                message="; ".join(filter(None, [_shortfall(item), *entry.warnings])),
            )
        )
    return tuple(entries)


def _shortfall(planned: PlannedWorkload) -> str:
    """Return what a rollout accepts, because it was not available before."""
    if not planned.short:
        return ""
    were = "was" if planned.short == 1 else "were"
    return (
        f"{rollout.name_of(planned)}: {planned.short} of its replicas {were} not available before; "
        "as many as were will do"
    )


def _follow(
    alias: ModelAlias,
    plan: Plan,
    wave: Sequence[PlannedWorkload],
    looks: Sequence[Progress],
    now: datetime,
    facts: Facts,
) -> Iterator[Step]:
    """Return what follows for a wave from where its workloads stand."""
    forward = plan.bearing is Bearing.FORWARD
    broken = [item for item in looks if item.stage is Stage.BROKEN]
    waiting = [item for item in looks if _waits(item, forward=forward)]
    for planned, seen in zip(wave, looks, strict=True):
        for pod in seen.stuck if plan.rollout.delete_stuck_pods else ():
            effect = DeletePod(pod=pod, workload=rollout.ref_of(planned, alias.metadata.namespace))
            if facts.failure(effect) is None:
                yield Do(effect)
    if waiting and not (broken and forward):
        yield _wait(plan, waiting, now)
    if broken:
        yield CannotGoOn(failure=broken[0].reason, message="; ".join(item.message for item in broken))


def _waits(seen: Progress, *, forward: bool) -> bool:
    return seen.stage in _WAITS or (seen.stage is Stage.GONE and forward)


def _entry(
    planned: PlannedWorkload,
    desired: str | None,
    seen: Progress,
    known: Mapping[tuple[WorkloadKind, str], ServingStatus],
    name: str,
    now: datetime,
) -> ServingStatus:
    workload, before = seen.workload, known.get((planned.kind, planned.name))
    state = ServingState.NO_REPLICAS if seen.idle else _STATES[seen.stage]
    uid = workload.uid if workload is not None else planned.uid
    same = before is not None and (before.state, before.uid) == (state, uid)
    since = before.since if same and before is not None else None
    mark = None if workload is None else workload.marks.get(name)
    return ServingStatus(
        kind=planned.kind,
        name=planned.name,
        uid=uid,
        desired=desired,
        asked=None if mark is None else rollout.version_of(mark),
        served=desired if seen.stage is Stage.DONE and not seen.idle else None,
        state=state,
        since=seen.settling_since or since or now,
        short=planned.short or None,
        restarts=seen.restarts,
        verified=seen.verified,
        warnings=before.warnings if before is not None else (),
        message=seen.message,
    )


def _waves(plan: Plan) -> list[tuple[PlannedWorkload, ...]]:
    ordered = sorted(plan.serving, key=lambda item: (item.wave, item.kind, item.name))
    if plan.bearing is Bearing.BACKWARD:
        return [tuple(ordered)]
    return [tuple(wave) for _, wave in groupby(ordered, key=lambda item: item.wave)]


def _clocked(alias: ModelAlias, plan: Plan, waiting: Sequence[Progress], now: datetime) -> Plan:
    """Return the plan with its clock as it stands: stopped while nothing can move."""
    stopped = Reason.SUSPENDED if alias.spec.suspend else None
    if any(item.paused for item in waiting):
        stopped = Reason.WAITING
    if stopped is not None:
        return plan.clock_stopped(stopped, now)
    away = timedelta(0)
    if plan.clock_stopped_at is not None and plan.clock_stopped_for == Reason.UNREACHABLE:
        away = now - plan.clock_stopped_at  # a pod's back-off grows with the time in which it cannot load
    return plan.clock_running(now, min(BACK_OFF, 2 * away))


def _is_late(plan: Plan, looks: Sequence[Progress], now: datetime) -> bool:
    """Return whether the deadline is over; what is available by then may settle."""
    late = plan.due is not None and plan.clock_stopped_at is None and now >= plan.due
    return late and any(not _may_settle(item, plan) for item in looks)


def _may_settle(seen: Progress, plan: Plan) -> bool:
    """Return whether a workload became available by the deadline, and may settle after it."""
    if seen.stage is Stage.DONE:
        return True
    since = seen.settling_since
    return seen.stage is Stage.SETTLING and since is not None and plan.due is not None and since < plan.due


def _wait(plan: Plan, waiting: Sequence[Progress], now: datetime) -> Wait | CannotGoOn:
    """Wait for what is rolling until the deadline."""
    message = "; ".join(item.message for item in waiting)
    if _is_late(plan, waiting, now):
        return CannotGoOn(
            failure=Reason.DEADLINE_EXCEEDED,
            message=f"not rolled out within {plan.rollout.deadline_seconds} s: {message}",
        )
    begun = plan if plan.rolling_since is not None else plan.rolling(now)
    stable = timedelta(seconds=plan.rollout.stable_seconds)
    looks = [now + ROLLING_POLL]
    looks += [begun.due] if begun.due is not None and now < begun.due else []
    looks += [
        item.settling_since + stable
        for item in waiting
        if item.settling_since and item.stage is Stage.SETTLING
    ]
    if any(item.workload is None or not item.workload.managed for item in waiting):
        looks.append(now + UNWATCHED_POLL)
    verifying = all(item.stage is Stage.VERIFYING for item in waiting)
    if any(item.stage is Stage.VERIFYING for item in waiting):
        looks.append(now + VERIFY_POLL)
    return Wait(message=message, until=min(looks), plan=begun, verifying=verifying)
