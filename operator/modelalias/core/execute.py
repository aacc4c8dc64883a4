"""A plan under way: what its next step means for the statuses, and how it ends.

`core.plan` names the step; here it becomes a decision. Other requests are queued meanwhile.
"""

from collections.abc import Iterable
from datetime import datetime

from modelalias.api.alias import (
    Bearing,
    Concurrency,
    Held,
    Hold,
    ModelAlias,
    Observed,
    Operation,
    Outcome,
    Plan,
    RolledBackVersion,
    ServingState,
    ServingStatus,
)
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.errors import ModelNotFound
from modelalias.core.ledger import history
from modelalias.core.plan import rollout, steps
from modelalias.core.protocol.answers import (
    ANSWER_POLL,
    Ended,
    Goes,
    Holds,
    Verdict,
    Waits,
)
from modelalias.core.protocol.context import World
from modelalias.core.protocol.decision import AliasWrite, Decision, Draft, RequestWrite
from modelalias.core.protocol.facts import Failed
from modelalias.core.requests import finish, promotion, rollback
from modelalias.core.requests import queue as line
from modelalias.core.status import request_status
from modelalias.core.status.alias_status import Fault, stand


def carry_on(world: World, alias: ModelAlias, made: Plan, draft: Draft) -> Decision:
    """Decide the next step of a plan, and what the other requests learn meanwhile."""
    mine = next(
        (item for item in world.requests if made.request and item.metadata.uid == made.request.uid), None
    )
    first = f"PromotionRequest {made.request.name}" if made.request else f"the {made.operation} under way"
    others = line.of(world, alias, (item for item in world.requests if item is not mine), draft)
    if mine is not None and alias.spec.policy.concurrency is Concurrency.SUPERSEDE:
        others = line.give_way(world, alias, others, mine, draft)
    others, overtaking = _overtaking(world, alias, made, others, draft)
    queue = line_up(world, alias, others, first, draft, overtaking)
    alias = alias.model_copy(update={"status": alias.status.model_copy(update={"queue": queue[:100]})})
    if made.source_alias is not None and made.source_alias.name in world.claimed:
        made = made.model_copy(
            update={"source_alias": None}
        )  # claimed since the plan was made: not ours to remove
    try:
        return _advance(world, alias, made, mine, draft, overtaking)
    except Failed as failed:
        draft.wake(world.now + ANSWER_POLL)
        return _halt(world, alias, mine, f"stands still: {failed.error}", draft).done()


Overtaking = tuple[PromotionRequest, Verdict]
"""A rollback or a swap that could go at once, and the version that it goes to."""


def _overtaking(
    world: World, alias: ModelAlias, made: Plan, others: tuple[PromotionRequest, ...], draft: Draft
) -> tuple[tuple[PromotionRequest, ...], Overtaking | None]:
    """Return who is left in the line, and to whom the plan has to give way."""
    goes_back = made.bearing is Bearing.BACKWARD or made.operation in steps.GOING_BACK
    if goes_back or alias.spec.suspend or not world.registry.allowed:
        return others, None
    left = list(others)
    for request in filter(line.goes_first, others):
        if request.metadata.name in world.waiting:
            continue
        answer = promotion.consider(world, alias, request)
        if isinstance(answer, Waits):
            continue
        if isinstance(answer, Holds):
            return tuple(left), None
        if isinstance(answer, Goes) or answer.reason is Reason.NO_OP:
            return tuple(left), (request, answer.verdict)
        left.remove(request)
        finish.close(world, alias, request, answer, draft)
    return tuple(left), None


def _advance(
    world: World,
    alias: ModelAlias,
    made: Plan,
    mine: PromotionRequest | None,
    draft: Draft,
    overtaking: Overtaking | None,
) -> Decision:
    """Decide the next step of the plan itself."""
    step = _withdrawn(world, alias, made, mine, overtaking) or steps.next_step(
        alias, made, world.facts, world.now
    )
    match step:
        case steps.Do() if alias.spec.suspend:
            return _halt(
                world, alias, mine, f"stands still: ModelAlias {world.name} is suspended", draft
            ).done()
        case steps.Do(effect=effect) if world.trouble is not None:
            return _halt(world, alias, mine, world.trouble[1], draft).done(effect=effect)
        case steps.Do(effect=effect):
            return Decision(effect=effect)
        case steps.Wait():
            return _waiting(world, alias, made, mine, step, draft)
        case steps.Finish():
            return _end(world, alias, made, step.outcome, draft)
        case steps.Turn():
            return _fail(world, alias, made, mine, step, draft)


def _halt(world: World, alias: ModelAlias, mine: PromotionRequest | None, told: str, draft: Draft) -> Draft:
    """Say why the plan does not go on; the deadline starts anew when it does."""
    made = alias.status.plan
    if made is not None:
        stopped = alias.status.model_copy(update={"plan": made.model_copy(update={"rolling_since": None})})
        draft.writes.append(AliasWrite(stand(world, alias, stopped, None)))
    if mine is not None:
        draft.writes.append(
            RequestWrite(
                mine, request_status.works(mine, mine.status.phase or Phase.PROMOTING, told, world.now)
            )
        )
    return draft


def line_up(
    world: World,
    alias: ModelAlias,
    others: Iterable[PromotionRequest],
    first: str,
    draft: Draft,
    overtaking: Overtaking | None = None,
) -> tuple[str, ...]:
    """Answer those whose turn it is not, and name the ones that are queued; dry runs wait for nobody.

    When only the plan may still go on, nothing is judged any more: a verdict tells of the model.
    """
    names: list[str] = []
    for request in others:
        if request.spec.dry_run and world.registry.allowed:
            _rehearse(world, alias, request, draft)
        else:
            names.append(request.metadata.name)
            verdict = Verdict(resolved=rollback.frozen(world, alias, request))
            if overtaking is not None and overtaking[0] is request:
                verdict = overtaking[1]
            draft.writes.append(
                RequestWrite(request, request_status.queued(request, len(names), first, world.now, verdict))
            )
    return tuple(names)


def _fail(
    world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, turn: steps.Turn, draft: Draft
) -> Decision:
    """Go back where that is wanted and was not tried yet; otherwise the plan ends as it stands."""
    if made.bearing is Bearing.BACKWARD:
        told = f"{made.message}; going back failed: {turn.message}; repair the workloads, then pin a version or file a request"
        return _end(world, alias, made.model_copy(update={"message": told[:1024]}), Outcome.FAILED, draft)
    turned = made.model_copy(update={"failure": str(turn.failure), "message": turn.message[:1024]})
    if steps.goes_back(turned):
        return _turn(world, alias, turned, mine, draft)
    effect = steps.last_word(alias, turned, world.facts)
    if effect is not None:
        return draft.done(effect=effect)
    return _end(world, alias, turned, Outcome.FAILED, draft)


def _rehearse(world: World, alias: ModelAlias, request: PromotionRequest, draft: Draft) -> None:
    """Answer a dry run, which waits for no other request."""
    answer = promotion.consider(world, alias, request)
    if isinstance(answer, Ended):
        finish.close(world, alias, request, answer, draft)
    elif isinstance(answer, Waits):
        draft.wake(answer.until)
        draft.writes.append(RequestWrite(request, request_status.waits(request, answer, world.now)))


def _withdrawn(
    world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, overtaking: Overtaking | None
) -> steps.Turn | None:
    """Say whether a plan on its way forward is no longer wanted."""
    if made.bearing is Bearing.BACKWARD:
        return None
    if overtaking is not None:
        other = overtaking[0]
        told = f"PromotionRequest {other.metadata.name} ({other.spec.operation}) goes first"
        return steps.Turn(failure=Reason.ABORTED, message=told)
    to = history.moved(made, alias.spec.alias).to
    if made.operation is Operation.PIN and alias.spec.version not in {None, to}:
        return steps.Turn(failure=Reason.ABORTED, message=f"spec.version is no longer {to}")
    if made.request is None:
        return None
    if alias.spec.version is not None:
        return steps.Turn(failure=Reason.ABORTED, message=f"spec.version was set to {alias.spec.version}")
    if mine is not None and mine.spec.abort:
        return steps.Turn(failure=Reason.ABORTED, message="the request was aborted")
    if mine is None:
        there = world.facts.request(world.namespace, made.request.name)
        if there is None or there.metadata.uid != made.request.uid:
            return steps.Turn(failure=Reason.ABORTED, message="the request was deleted")
    return None


def _waiting(
    world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, step: steps.Wait, draft: Draft
) -> Decision:
    serving = steps.serving(alias, made, world.facts)
    if not step.started:
        made = made.model_copy(update={"rolling_since": world.now})
    status = alias.status.model_copy(update={"plan": made, "serving": serving})
    draft.writes.append(AliasWrite(stand(world, alias, status, None)))
    if mine is not None:
        phase = Phase.ROLLING_OUT if made.bearing is Bearing.FORWARD else Phase.ROLLING_BACK
        told = (
            step.message if made.bearing is Bearing.FORWARD else f"{made.message}; going back: {step.message}"
        )
        draft.writes.append(RequestWrite(mine, request_status.works(mine, phase, told, world.now)))
    draft.wake(step.until)
    return draft.done()


def _turn(
    world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, draft: Draft
) -> Decision:
    """Make it durable that the plan goes back; the workloads of the plan start from the beginning."""
    move = history.moved(made, alias.spec.alias)
    if made.rolling_since is None and _held_now(world, alias) != move.to:
        kept = tuple(item.model_copy(update={"back": item.from_}) for item in made.serving)
        made = made.model_copy(update={"serving": kept})  # no pod can have loaded what the alias never held
    made = made.model_copy(
        update={"bearing": Bearing.BACKWARD, "turned_at": world.now, "rolling_since": None}
    )
    status = alias.status.model_copy(update={"plan": made, "serving": pending(made, alias)})
    draft.writes.append(AliasWrite(stand(world, alias, status, None)))
    if mine is not None:
        told = f"{made.message}; going back"
        draft.writes.append(
            RequestWrite(mine, request_status.works(mine, Phase.ROLLING_BACK, told, world.now))
        )
    return draft.done(again=True)


def _end(world: World, alias: ModelAlias, made: Plan, outcome: Outcome, draft: Draft) -> Decision:
    """Write history and the plan's removal at once; the request's end follows from the history."""
    now, spec, status = world.now, alias.spec, alias.status
    move = history.moved(made, spec.alias)
    entry = history.entry(made, spec, outcome, now)
    forward = made.bearing is Bearing.FORWARD
    stayed = status.observed if move.from_ == move.to else None
    holds = move.to if outcome is Outcome.SUCCEEDED else _held_now(world, alias)
    update: dict[str, object] = {
        "plan": None,
        "history": history.appended(status.history, entry, spec.history_limit),
        "serving": steps.serving(alias, made, world.facts),
        "observed": Observed(
            version=holds, at=stayed.at if stayed else now, epoch=made.epoch if forward else made.epoch + 1
        ),
    }
    if move.to is not None and holds == move.to and outcome in {Outcome.SUCCEEDED, Outcome.FAILED}:
        update["current"] = Held(
            version=move.to,
            run_id=made.run_id,
            since=now,
            request=entry.request,
            actor=made.actor,
        )
        if move.from_ is not None and move.from_ != move.to:
            known = status.current is not None and status.current.version == move.from_
            update["previous"] = status.current if known else Held(version=move.from_, since=now)
    fault = None
    if outcome is Outcome.SUCCEEDED:
        update |= _after_success(alias, made, entry.request, now)
    else:
        fault = _after_failure(alias, made, entry.request, outcome, update, now)
    draft.writes.append(AliasWrite(stand(world, alias, status.model_copy(update=update), fault)))
    return draft.done(again=True)


def _held_now(world: World, alias: ModelAlias) -> str | None:
    try:
        return world.facts.aliases(alias.spec.model).get(alias.spec.alias)
    except ModelNotFound:
        return None


def _after_success(alias: ModelAlias, made: Plan, request: str | None, now: datetime) -> dict[str, object]:
    """Remember what was gone back from, so that nothing takes it up again by itself.

    Another move ends the hold.
    """
    move = history.moved(made, alias.spec.alias)
    left = tuple(item for item in alias.status.rolled_back if item.version != move.to)
    if made.operation not in steps.GOING_BACK:
        return {"hold": None, "rolled_back": left}
    if move.from_ is None or move.from_ == move.to:
        return {}
    gone = RolledBackVersion(version=move.from_, reason=str(made.operation), at=now)
    hold = Hold(reason=str(Outcome.ROLLED_BACK), request=request, since=now)
    return {"hold": hold, "rolled_back": (*left, gone)[-50:]}


def _after_failure(
    alias: ModelAlias,
    made: Plan,
    request: str | None,
    outcome: Outcome,
    update: dict[str, object],
    now: datetime,
) -> Fault | None:
    """Remember a failed move: what is on hold, what was rolled back, and what keeps the alias stalled."""
    move = history.moved(made, alias.spec.alias)
    reason = made.failure or str(outcome)
    if outcome is not Outcome.ABORTED and made.failure != Reason.STALE_CHAMPION:
        update["hold"] = Hold(reason=str(outcome), request=request, since=now)
        if outcome is Outcome.ROLLED_BACK and move.to is not None and move.to != move.from_:
            gone = RolledBackVersion(version=move.to, reason=reason[:64], at=now)
            update["rolled_back"] = (*alias.status.rolled_back, gone)[-50:]
    stays_down = outcome is Outcome.FAILED or (
        made.operation is Operation.PIN and outcome is Outcome.ROLLED_BACK
    )
    return (Reason.ROLLOUT_FAILED, made.message) if stays_down else None


def pending(made: Plan, alias: ModelAlias) -> tuple[ServingStatus, ...]:
    """Tell of the plan's workloads before any of them was touched on the way it goes."""
    move = history.moved(made, alias.spec.alias)
    desired = move.to if made.bearing is Bearing.FORWARD else move.from_
    return tuple(
        ServingStatus(
            kind=item.kind,
            name=item.name,
            uid=item.uid,
            desired=desired,
            state=ServingState.PENDING,
            served=rollout.version_of(item.from_) if item.from_ and made.bearing is Bearing.FORWARD else None,
        )
        for item in made.serving
    )
