"""The steps of a plan on its workloads, and where each of them stands."""

from collections.abc import Iterator
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
)
from modelalias.api.conditions import Reason
from modelalias.core.ledger import history
from modelalias.core.plan import rollout
from modelalias.core.plan.rollout import Progress, Stage
from modelalias.core.plan.step import CannotGoOn, Step, Wait
from modelalias.core.protocol.decision import Do
from modelalias.core.protocol.effects import Roll
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Workload

UNWATCHED_POLL: Final = timedelta(seconds=15)
"""How often a workload is looked at whose label is gone, or that is gone itself: the watch does not tell of
it."""

_STATES: Final = {
    Stage.UNTOUCHED: ServingState.PENDING,
    Stage.ROLLING: ServingState.ROLLING,
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
        rolling, broken, unwatched = [], [], False
        for planned in wave:
            progress, workload = _progress(alias, plan, planned, facts)
            if progress.stage is Stage.UNTOUCHED:
                yield Do(_roll_one(alias, plan, planned))
            if progress.stage is Stage.BROKEN:
                broken.append(progress)
            if progress.stage is Stage.ROLLING or (progress.stage is Stage.GONE and forward):
                rolling.append(progress.message)
                unwatched = unwatched or workload is None or not workload.managed
        if rolling and not (broken and forward):
            yield _wait(plan, rolling, now, unwatched=unwatched)
        if broken:
            yield CannotGoOn(failure=broken[0].reason, message="; ".join(item.message for item in broken))


def serving(alias: ModelAlias, plan: Plan, facts: Facts) -> tuple[ServingStatus, ...]:
    """Return where each workload of the plan stands."""
    move = history.moved(plan, alias.spec.alias)
    forward = plan.bearing is Bearing.FORWARD
    desired, other = (move.to, move.from_) if forward else (move.from_, move.to)
    entries = []
    for planned in plan.serving:
        progress, workload = _progress(alias, plan, planned, facts)
        entries.append(
            ServingStatus(
                kind=planned.kind,
                name=planned.name,
                uid=workload.uid if workload else planned.uid,
                desired=desired,
                served={Stage.DONE: desired, Stage.UNTOUCHED: other}.get(progress.stage),
                state=_STATES[progress.stage],
                message=progress.message,
            )
        )
    return tuple(entries)


def untouched(alias: ModelAlias, plan: Plan) -> tuple[ServingStatus, ...]:
    """Return where the plan's workloads stand before any of them was touched on the way it goes."""
    move, forward = history.moved(plan, alias.spec.alias), plan.bearing is Bearing.FORWARD
    return tuple(
        ServingStatus(
            kind=item.kind,
            name=item.name,
            uid=item.uid,
            desired=move.to if forward else move.from_,
            state=ServingState.PENDING,
            served=rollout.version_of(item.from_) if item.from_ and forward else None,
        )
        for item in plan.serving
    )


def _waves(plan: Plan) -> list[tuple[PlannedWorkload, ...]]:
    ordered = sorted(plan.serving, key=lambda item: (item.wave, item.kind, item.name))
    if plan.bearing is Bearing.BACKWARD:
        return [tuple(ordered)]
    return [tuple(wave) for _, wave in groupby(ordered, key=lambda item: item.wave)]


def _wait(plan: Plan, rolling: list[str], now: datetime, *, unwatched: bool) -> Wait | CannotGoOn:
    """Wait for what is rolling until the deadline."""
    deadline = timedelta(seconds=plan.rollout.deadline_seconds)
    since, message = plan.rolling_since, "; ".join(rolling)
    if since is not None and now >= since + deadline:
        return CannotGoOn(
            failure=Reason.DEADLINE_EXCEEDED,
            message=f"not rolled out within {plan.rollout.deadline_seconds} s: {message}",
        )
    until = (since or now) + deadline
    return Wait(
        message=message,
        until=min(until, now + UNWATCHED_POLL) if unwatched else until,
        started=since is not None,
    )


def _progress(
    alias: ModelAlias, plan: Plan, planned: PlannedWorkload, facts: Facts
) -> tuple[Progress, Workload | None]:
    """Judge a workload of the plan as it stands now."""
    workload = facts.workload(rollout.ref_of(planned, alias.metadata.namespace))
    refused = facts.failure(_roll_one(alias, plan, planned))
    if refused is not None:
        return Progress(stage=Stage.BROKEN, message=str(refused)), workload
    same = (item for item in alias.status.serving if (item.kind, item.name) == (planned.kind, planned.name))
    return rollout.progress(plan, planned, workload, alias.metadata.name, next(same, None)), workload


def _roll_one(alias: ModelAlias, plan: Plan, planned: PlannedWorkload) -> Roll:
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
