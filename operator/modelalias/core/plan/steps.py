"""Carrying out a plan: the next single step, found by comparing the world with the plan.

Nothing remembers how far a plan came. Each step looks at the aliases, the version's record and the workloads,
and does the first thing that is not yet as the plan wants it; so a restart at any point goes on where it
stood, and a step that was done is not done again. Forward: aliases, record, workloads by waves, source alias;
when every workload is pinned, workloads first, so that a bad rollout never moved the alias. Backward: aliases
in reverse, records, source alias, workloads.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, groupby
from typing import Final

from modelalias.api.alias import (
    Bearing,
    LoadMode,
    ModelAlias,
    OnFailure,
    Operation,
    Outcome,
    Plan,
    PlannedWorkload,
    ServingState,
    ServingStatus,
)
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.core.errors import NotFound, VersionNotFound
from modelalias.core.ledger import history, version_record
from modelalias.core.plan import rollout
from modelalias.core.plan.rollout import Progress, Stage
from modelalias.core.protocol.effects import DeleteAlias, Effect, Roll, SetAlias, TagVersion
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Aliases, Workload

GOING_BACK: Final = frozenset({Operation.ROLLBACK, Operation.SWAP})
"""What nothing is aborted for, and what no failure undoes by itself."""

UNWATCHED_POLL: Final = timedelta(seconds=15)
"""How often a workload is looked at whose label is gone, or that is gone itself: the watch does not tell of
it."""


class Do(Value):
    """Carry this out, then look again."""

    effect: Effect


class Wait(Value):
    """Workloads are rolling: look again when one changes, at the latest at `until`."""

    message: str
    until: datetime
    started: bool
    """Whether the deadline is running in the plan already."""


class Turn(Value):
    """It cannot go on: undo what was done, or hold."""

    failure: Reason
    message: str


class Finish(Value):
    """Everything is as the plan wants it, or nothing more can be done."""

    outcome: Outcome
    message: str = ""


Step = Do | Wait | Turn | Finish


def is_serve_first(plan: Plan) -> bool:
    """Say whether the workloads roll before the alias moves: each of them is pinned."""
    return bool(plan.serving) and all(item.mode is LoadMode.PINNED for item in plan.serving)


def next_step(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Step:
    """Return the next step of a plan."""
    return next(_steps(alias, plan, facts, now))


def serving(alias: ModelAlias, plan: Plan, facts: Facts) -> tuple[ServingStatus, ...]:
    """Tell where each workload of the plan stands."""
    move = history.moved(plan, alias.spec.alias)
    forward = plan.bearing is Bearing.FORWARD
    desired, other = (move.to, move.from_) if forward else (move.from_, move.to)
    told = []
    for planned in plan.serving:
        at, workload = _look(alias, plan, planned, facts)
        state = {
            Stage.UNTOUCHED: ServingState.PENDING,
            Stage.ROLLING: ServingState.ROLLING,
            Stage.DONE: ServingState.UP_TO_DATE,
            Stage.BROKEN: ServingState.FAILED,
            Stage.GONE: ServingState.MISSING,
        }[at.stage]
        served = {Stage.DONE: desired, Stage.UNTOUCHED: other}.get(at.stage)
        told.append(
            ServingStatus(
                kind=planned.kind,
                name=planned.name,
                uid=workload.uid if workload else planned.uid,
                desired=desired,
                served=served,
                state=state,
                message=at.message[:1024],
            )
        )
    return tuple(told)


def _steps(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    if plan.bearing is Bearing.BACKWARD:
        yield from _undo(alias, plan, facts, now)
        return
    move, tag, roll = (
        _move_aliases(alias, plan, facts),
        _tag(alias, plan, facts),
        _roll(alias, plan, facts, now),
    )
    if is_serve_first(plan):
        order = [roll, move, tag]
    elif (
        plan.rolling_since is not None
    ):  # the alias was moved and recorded: while pods roll the registry is left alone
        order = [roll, move]
    else:
        order = [move, tag, roll]
    for part in order:
        yield from part
    yield from _on_success(alias, plan, facts)
    yield Finish(outcome=Outcome.SUCCEEDED)


def _undo(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    """Bring back everything that can be; what cannot is told at the end."""
    failed = []
    registry = [
        _restore_aliases(alias, plan, facts),
        _tag(alias, plan, facts),
        _take_back(alias, plan, facts),
    ]
    roll = _roll(alias, plan, facts, now)
    for part in [roll, *registry] if plan.rolling_since is not None else [*registry, roll]:
        for step in part:
            if isinstance(step, Turn):
                failed.append(step)
            else:
                yield step
    if failed:
        yield Turn(failure=failed[0].failure, message="; ".join(step.message for step in failed))
    yield Finish(outcome=_undone(plan), message=plan.message)


def _move_aliases(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    try:
        held = facts.aliases(alias.spec.model)
    except NotFound as error:
        yield Turn(failure=Reason.MODEL_NOT_FOUND, message=str(error))
        return
    for move in plan.aliases:
        now_at = held.get(move.name)
        if now_at == move.to:
            continue
        if now_at != move.from_:
            yield Turn(
                failure=Reason.STALE_CHAMPION,
                message=f"someone moved alias {move.name} to {now_at or 'nothing'} while it was being moved "
                f"from {move.from_ or 'nothing'} to {move.to or 'nothing'}",
            )
        yield _do(_point(alias, move.name, move.to), facts)


def _restore_aliases(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    try:
        held: Aliases = facts.aliases(alias.spec.model)
    except NotFound:
        return
    for move in reversed(plan.aliases):
        if move.from_ != move.to and held.get(move.name) == move.to:
            yield _do(_point(alias, move.name, move.from_), facts)


def _point(alias: ModelAlias, name: str, version: str | None) -> Effect:
    model = alias.spec.model
    if version is None:
        return DeleteAlias(model=model, alias=name)
    return SetAlias(model=model, alias=name, version=version)


def _do(effect: Effect, facts: Facts) -> Do | Turn:
    """Write to the registry, unless it refused this very write for good."""
    refused = facts.failure(effect)
    if refused is None:
        return Do(effect=effect)
    reason = Reason.VERSION_GONE if isinstance(refused, VersionNotFound) else Reason.INVALID
    return Turn(failure=reason, message=str(refused))


def _tag(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Record the move on its version, where the registry takes that.

    Without the record only replays are not known.
    """
    move = history.moved(plan, alias.spec.alias)
    if move.to is None or move.to == move.from_:
        return
    key = version_record.key(alias.spec.alias)
    try:
        tags = facts.version(alias.spec.model, move.to).tags
    except NotFound as error:
        if plan.bearing is Bearing.FORWARD:
            yield Turn(failure=Reason.VERSION_GONE, message=str(error))
        return
    told = version_record.promoted(plan, alias.spec.alias, tags.get(key))
    if tags.get(key) == told:
        return
    effect = TagVersion(model=alias.spec.model, version=move.to, tags=((key, told),), optional=True)
    if plan.bearing is Bearing.FORWARD and isinstance(facts.failure(effect), VersionNotFound):
        yield _do(effect, facts)
    elif facts.failure(effect) is None:
        yield Do(effect=effect)


def _roll(alias: ModelAlias, plan: Plan, facts: Facts, now: datetime) -> Iterator[Step]:
    """Roll wave by wave; on the way back all at once.

    What is broken or gone keeps no other from going back.
    """
    forward = plan.bearing is Bearing.FORWARD
    ordered = sorted(plan.serving, key=lambda item: (item.wave, item.kind, item.name))
    waves = (
        [tuple(wave) for _, wave in groupby(ordered, key=lambda item: item.wave)]
        if forward
        else [tuple(ordered)]
    )
    for wave in waves:
        rolling, broken, unwatched = [], [], False
        for planned in wave:
            at, workload = _look(alias, plan, planned, facts)
            if at.stage is Stage.UNTOUCHED:
                yield Do(effect=_roll_one(alias, plan, planned))
            if at.stage is Stage.BROKEN:
                broken.append(at)
            if at.stage is Stage.ROLLING or (at.stage is Stage.GONE and forward):
                rolling.append(at.message)
                unwatched = unwatched or workload is None or not workload.managed
        if rolling and not (broken and forward):
            yield _pending(plan, rolling, now, unwatched=unwatched)
        if broken:
            yield Turn(failure=broken[0].reason, message="; ".join(at.message for at in broken))


def _pending(plan: Plan, rolling: list[str], now: datetime, *, unwatched: bool) -> Wait | Turn:
    """Wait for what is rolling until the deadline."""
    deadline = timedelta(seconds=plan.rollout.deadline_seconds)
    since = plan.rolling_since
    told = "; ".join(rolling)
    if since is not None and now >= since + deadline:
        return Turn(
            failure=Reason.DEADLINE_EXCEEDED,
            message=f"not rolled out within {plan.rollout.deadline_seconds} s: {told}",
        )
    until = (since or now) + deadline
    return Wait(
        message=told,
        until=min(until, now + UNWATCHED_POLL) if unwatched else until,
        started=since is not None,
    )


def _look(
    alias: ModelAlias, plan: Plan, planned: PlannedWorkload, facts: Facts
) -> tuple[Progress, Workload | None]:
    """Judge a workload of the plan as it stands now."""
    workload = facts.workload(rollout.ref_of(planned, alias.metadata.namespace))
    refused = facts.failure(_roll_one(alias, plan, planned))
    if refused is not None:
        return Progress(stage=Stage.BROKEN, message=str(refused)), workload
    before = next(
        (item for item in alias.status.serving if (item.kind, item.name) == (planned.kind, planned.name)),
        None,
    )
    return rollout.progress(plan, planned, workload, alias.metadata.name, before), workload


def _roll_one(alias: ModelAlias, plan: Plan, planned: PlannedWorkload) -> Roll:
    move = history.moved(plan, alias.spec.alias)
    start, end = (move.from_, move.to) if plan.bearing is Bearing.FORWARD else (move.to, move.from_)
    by = (
        f" by PromotionRequest {plan.request.name}"
        if plan.request
        else f" by {plan.operation} of {alias.metadata.name}"
    )
    return Roll(
        ref=rollout.ref_of(planned, alias.metadata.namespace),
        change=rollout.change(planned, plan.bearing, alias.metadata.name),
        told=f"{alias.spec.model}@{alias.spec.alias} goes from {start or 'nothing'} to {end or 'nothing'}{by}",
    )


def _on_success(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    version = history.moved(plan, alias.spec.alias).to
    if plan.tags and version is not None:
        try:
            tags = facts.version(alias.spec.model, version).tags
        except NotFound as error:
            yield Turn(failure=Reason.VERSION_GONE, message=str(error))
            return
        missing = tuple((name, value) for name, value in sorted(plan.tags.items()) if tags.get(name) != value)
        if missing:
            yield _do(TagVersion(model=alias.spec.model, version=version, tags=missing), facts)
    yield from _archive(alias, plan, facts)
    source = plan.source_alias
    if source is not None and facts.aliases(alias.spec.model).get(source.name) == source.version:
        yield _do(DeleteAlias(model=alias.spec.model, alias=source.name), facts)


def _archive(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Write on the version that was replaced what replaced it; the promotion does not depend on it."""
    move, key = history.moved(plan, alias.spec.alias), version_record.key(alias.spec.alias)
    if move.from_ is None or move.from_ == move.to:
        return
    try:
        before = facts.version(alias.spec.model, move.from_).tags.get(key)
    except NotFound:
        return
    told = version_record.archived(plan, alias.spec.alias, alias.status, before)
    if told is not None:
        effect = TagVersion(model=alias.spec.model, version=move.from_, tags=((key, told),), optional=True)
        if facts.failure(effect) is None:
            yield Do(effect=effect)


def _take_back(alias: ModelAlias, plan: Plan, facts: Facts) -> Iterator[Step]:
    """Undo what was done when everything else was.

    The replaced version's record tells of it, and so goes last.
    """
    move, key = history.moved(plan, alias.spec.alias), version_record.key(alias.spec.alias)
    if move.from_ is None or move.from_ == move.to:
        return
    try:
        held: Aliases = facts.aliases(alias.spec.model)
        told = version_record.unarchived(plan, facts.version(alias.spec.model, move.from_).tags.get(key))
    except NotFound:
        return
    if told is None or held.get(alias.spec.alias) != move.from_:
        return
    source = plan.source_alias
    if source is not None and source.name not in held:
        yield _do(SetAlias(model=alias.spec.model, alias=source.name, version=source.version), facts)
    effect = TagVersion(model=alias.spec.model, version=move.from_, tags=((key, told),), optional=True)
    if facts.failure(effect) is None:
        yield Do(effect=effect)


def last_word(alias: ModelAlias, plan: Plan, facts: Facts) -> Effect | None:
    """Return how the records learn that a plan has failed and stays as it is, one by one.

    None when they know, or cannot.
    """
    try:
        held: Aliases = facts.aliases(alias.spec.model)
    except NotFound:
        return None
    if held.get(alias.spec.alias) != history.moved(plan, alias.spec.alias).to:
        return None
    steps = chain(_tag(alias, plan, facts), _archive(alias, plan, facts))
    return next((step.effect for step in steps if isinstance(step, Do)), None)


def _undone(plan: Plan) -> Outcome:
    return Outcome.ABORTED if plan.failure == Reason.ABORTED else Outcome.ROLLED_BACK


def goes_back(plan: Plan) -> bool:
    """Say whether a failure of this plan is to be undone.

    An abort and a lost race always are, a rollback never by itself.
    """
    if plan.failure in {Reason.ABORTED, Reason.STALE_CHAMPION}:
        return True
    return plan.rollout.on_failure is OnFailure.ROLLBACK and plan.operation not in GOING_BACK
