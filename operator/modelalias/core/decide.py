"""The decision: what to write and what to do next for one alias, as a function of what is known.

Called again and again until there is nothing left to do; each answer holds at most one question or one effect, so that the
engine can make what was decided durable first and can stop between any two steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from modelalias.api.alias import (
    Bearing,
    Held,
    Hold,
    ModelAlias,
    ModelAliasStatus,
    Observed,
    Operation,
    Outcome,
    Plan,
    RolledBackVersion,
    ServingState,
    ServingStatus,
)
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest, PromotionRequestStatus
from modelalias.core import history, plan, promotion, rollout, telling, unsupported
from modelalias.core.errors import ModelNotFound
from modelalias.core.facts import Effect, Needed, Question
from modelalias.core.promotion import Ended, Goes, Waits
from modelalias.core.standing import Fault, failed_before, stand
from modelalias.core.world import World


@dataclass(frozen=True)
class AliasWrite:
    """A status that the ModelAlias should have."""

    status: ModelAliasStatus


@dataclass(frozen=True)
class RequestWrite:
    """A status that a request should have."""

    request: PromotionRequest
    status: PromotionRequestStatus


@dataclass(frozen=True)
class Decision:
    """What to write, in this order, and then what to do; with neither question nor effect nor `again` the pass is over."""

    writes: tuple[AliasWrite | RequestWrite, ...] = ()
    question: Question | None = None
    effect: Effect | None = None
    again: bool = False
    wake: datetime | None = None


@dataclass
class _Draft:
    """The answer in the making; wakes are gathered, the earliest counts."""

    writes: list[AliasWrite | RequestWrite] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)

    def wake(self, at: datetime | None) -> None:
        if at is not None:
            self.wakes.append(at)

    def done(self, *, again: bool = False, effect: Effect | None = None) -> Decision:
        return Decision(tuple(self.writes), effect=effect, again=again, wake=min(self.wakes, default=None))


def decide(world: World) -> Decision:
    """Decide for one alias; pure: the same world gives the same decision."""
    try:
        return _orphans(world) if world.alias is None else _decide(world, world.alias)
    except Needed as needed:
        return Decision(question=needed.question)


def _orphans(world: World) -> Decision:
    draft = _Draft()
    for request in world.requests:
        if not _settle(world, None, request, draft):
            wait = Waits(Reason.WAITING, f"waits: there is no ModelAlias {world.name} in namespace {world.namespace}")
            draft.writes.append(RequestWrite(request, telling.waits(request, wait, world.now)))
    return draft.done()


def _decide(world: World, alias: ModelAlias) -> Decision:
    if world.registry.problem is not None:
        return _outage(world, alias)
    blocked = _blocked(world, alias)
    if alias.status.plan is not None:
        if blocked is not None and not world.registry.known:
            return Decision((AliasWrite(stand(world, alias, alias.status, blocked)),))
        return _carry_on(world, alias, alias.status.plan)
    if blocked is not None:
        return _stalled(world, alias, blocked)
    if world.registry.sight is None:
        return Decision()  # the first snapshot wakes every alias
    draft = _Draft()
    status, missing = _look(world, alias)
    alias = alias.model_copy(update={"status": status})
    waiting = [item for item in world.requests if not _settle(world, alias, item, draft)]
    if alias.spec.version is not None:
        return _pinned(world, alias, alias.spec.version, waiting, draft, missing)
    return _next_request(world, alias, waiting, draft, missing)


def _blocked(world: World, alias: ModelAlias) -> Fault | None:
    """Say why nothing can be done for this alias until somebody edits something."""
    fields = unsupported.in_alias(alias.spec)
    if fields:
        return Reason.NOT_SUPPORTED_YET, f"this release does not support: {', '.join(fields)}"
    if not world.registry.known:
        return Reason.REGISTRY_UNKNOWN, f"no registry {alias.spec.registry} is configured for namespace {world.namespace}"
    if not world.registry.allowed:
        return Reason.MODEL_NOT_ALLOWED, f"namespace {world.namespace} may not manage model {alias.spec.model}"
    if world.owner is not None:
        return Reason.CONFLICT, f"ModelAlias {world.owner} is older and claims the same alias of {alias.spec.model}"
    return None


def _stalled(world: World, alias: ModelAlias, fault: Fault) -> Decision:
    draft = _Draft()
    for request in world.requests:
        if not _settle(world, alias, request, draft):
            wait = Waits(fault[0], f"waits: ModelAlias {world.name} is stalled: {fault[1]}")
            draft.writes.append(RequestWrite(request, telling.waits(request, wait, world.now)))
    return _rest(world, alias, fault, draft)


def _outage(world: World, alias: ModelAlias) -> Decision:
    """While the registry does not answer nothing moves: only the condition says so, and new requests learn why they wait."""
    draft = _Draft()
    blocked = _blocked(world, alias) if alias.status.plan is None else None
    draft.writes.append(AliasWrite(stand(world, alias, alias.status, blocked or failed_before(alias))))
    for request in world.requests:
        if request.status.phase is None and world.registry.problem is not None:
            wait = Waits(world.registry.problem[0], "waits: the registry does not answer")
            draft.writes.append(RequestWrite(request, telling.waits(request, wait, world.now)))
    return draft.done()


def _look(world: World, alias: ModelAlias) -> tuple[ModelAliasStatus, Fault | None]:
    """Bring `observed` up to date with the registry, and take over what is there at first sight."""
    status, spec, sight, now = alias.status, alias.spec, world.registry.sight, world.now
    seen = None if sight is None or sight.aliases is None else sight.aliases.get(spec.alias)
    there = sight is not None and sight.aliases is not None
    if status.observed is not None and (sight is None or not sight.settled or (there and seen == status.observed.version)):
        return status, None
    try:
        held = seen if status.observed is None and seen is not None else world.facts.aliases(spec.model).get(spec.alias)
    except ModelNotFound as error:
        return status, (Reason.MODEL_NOT_FOUND, str(error))
    if status.observed is not None:
        if held == status.observed.version:
            return status, None
        epoch = status.observed.epoch + 1
        return status.model_copy(update={"observed": Observed(version=held, at=now, epoch=epoch)}), None
    update: dict[str, object] = {"observed": Observed(version=held, at=now, epoch=0 if held is None else 1)}
    if held is not None:
        update["current"] = Held(version=held, since=now)
        update["history"] = (history.adopted(held, None, now),)
    return status.model_copy(update=update), None


def _settle(world: World, alias: ModelAlias | None, request: PromotionRequest, draft: _Draft) -> bool:
    """End a request that needs no judging: it ended before, was aborted, or asks for what this release does not have."""
    fields = unsupported.in_request(request.spec)
    entry = None if alias is None else history.finished(alias.status.history, request)
    if alias is not None and entry is not None:
        draft.writes.append(RequestWrite(request, telling.recorded(alias, request, entry, world.now)))
        return True
    if request.spec.abort:
        end = Ended(Phase.ABORTED, Reason.ABORTED, "aborted before anything was done")
    elif fields:
        told = f"this release does not support: {', '.join(fields)}"
        end = Ended(Phase.REJECTED, Reason.NOT_SUPPORTED_YET, told)
    elif alias is not None and alias.spec.version is not None:
        told = f"spec.version of ModelAlias {world.name} pins version {alias.spec.version}: remove it to promote by requests"
        end = Ended(Phase.REJECTED, Reason.ALIAS_PINNED, told)
    else:
        return False
    draft.writes.append(RequestWrite(request, telling.ended(alias, request, end, world.now)))
    return True


def _pinned(
    world: World, alias: ModelAlias, version: str, waiting: Sequence[PromotionRequest], draft: _Draft, missing: Fault | None
) -> Decision:
    del waiting  # a pinned alias rejects every request in _settle
    fault = failed_before(alias) or missing
    if fault is None and not alias.spec.suspend and (alias.status.current is None or alias.status.current.version != version):
        answer = promotion.pin(world, alias, version)
        if isinstance(answer, Goes):
            return _begin(world, alias, answer, None, (), draft)
        fault = (answer.reason, answer.explanation)
        draft.wake(answer.until if isinstance(answer, Waits) else None)
    return _rest(world, alias, fault, draft)


def _next_request(
    world: World, alias: ModelAlias, waiting: Sequence[PromotionRequest], draft: _Draft, missing: Fault | None
) -> Decision:
    for index, request in enumerate(waiting):
        if alias.spec.suspend and not request.spec.dry_run:
            answer: Ended | Waits | Goes = Waits(Reason.SUSPENDED, f"waits: ModelAlias {world.name} is suspended")
        else:
            answer = promotion.consider(world, alias, request)
        if isinstance(answer, Ended):
            draft.writes.append(RequestWrite(request, telling.ended(alias, request, answer, world.now)))
        elif isinstance(answer, Waits):
            draft.wake(answer.until)
            draft.writes.append(RequestWrite(request, telling.waits(request, answer, world.now)))
        else:
            later = tuple(item.metadata.name for item in waiting[index + 1 :] if not item.spec.dry_run)
            return _begin(world, alias, answer, request, later, draft)
    return _rest(world, alias, missing or failed_before(alias), draft)


def _begin(
    world: World, alias: ModelAlias, go: Goes, request: PromotionRequest | None, queue: tuple[str, ...], draft: _Draft
) -> Decision:
    """Make the verdict and then the plan durable; the side effects come with the next decision."""
    made = go.plan
    if request is not None:
        told = f"moving {alias.spec.alias} to version {history.moved(made, alias.spec.alias).to}"
        draft.writes.append(RequestWrite(request, telling.works(request, Phase.PROMOTING, told, world.now, go.verdict)))
    status = alias.status.model_copy(
        update={"plan": made, "queue": queue[:100], "serving": _pending(made, alias)},
    )
    draft.writes.append(AliasWrite(stand(world, alias, status, None)))
    return draft.done(again=True)


def _rest(world: World, alias: ModelAlias, fault: Fault | None, draft: _Draft) -> Decision:
    """Say where the alias stands; nothing is under way, so nobody waits for a turn."""
    status = alias.status.model_copy(update={"queue": ()})
    draft.writes.append(AliasWrite(stand(world, alias, status, fault)))
    return draft.done()


def _carry_on(world: World, alias: ModelAlias, made: Plan) -> Decision:
    draft = _Draft()
    mine = next((item for item in world.requests if made.request and item.metadata.uid == made.request.uid), None)
    queue = _line_up(world, alias, made, mine, draft)
    alias = alias.model_copy(update={"status": alias.status.model_copy(update={"queue": queue[:100]})})
    if made.source_alias is not None and made.source_alias.name in world.claimed:
        made = made.model_copy(update={"source_alias": None})  # claimed since the plan was made: not ours to remove
    step = _withdrawn(world, alias, made, mine) or plan.next_step(alias, made, world.facts, world.now)
    match step:
        case plan.Do() if alias.spec.suspend:
            return _halt(world, alias, mine, f"stands still: ModelAlias {world.name} is suspended", draft).done()
        case plan.Do(effect=effect) if world.trouble is not None:
            return _halt(world, alias, mine, world.trouble[1], draft).done(effect=effect)
        case plan.Do(effect=effect):
            return Decision(effect=effect)
        case plan.Wait():
            return _waiting(world, alias, made, mine, step, draft)
        case plan.Finish():
            return _end(world, alias, made, step.outcome, draft)
        case plan.Turn():
            return _fail(world, alias, made, mine, step, draft)


def _halt(world: World, alias: ModelAlias, mine: PromotionRequest | None, told: str, draft: _Draft) -> _Draft:
    """Say why the plan does not go on; the deadline starts anew when it does."""
    made = alias.status.plan
    if made is not None:
        stopped = alias.status.model_copy(update={"plan": made.model_copy(update={"rolling_since": None})})
        draft.writes.append(AliasWrite(stand(world, alias, stopped, None)))
    if mine is not None:
        draft.writes.append(RequestWrite(mine, telling.works(mine, mine.status.phase or Phase.PROMOTING, told, world.now)))
    return draft


def _line_up(world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, draft: _Draft) -> tuple[str, ...]:
    """Answer the other requests while a plan is under way, and name those that are queued."""
    names: list[str] = []
    first = f"PromotionRequest {made.request.name}" if made.request else f"the {made.operation} under way"
    for request in world.requests:
        if request is mine or _settle(world, alias, request, draft):
            continue
        if request.spec.dry_run:
            _rehearse(world, alias, request, draft)
        else:
            names.append(request.metadata.name)
            draft.writes.append(RequestWrite(request, telling.queued(request, len(names), first, world.now)))
    return tuple(names)


def _fail(
    world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, turn: plan.Turn, draft: _Draft
) -> Decision:
    """Go back where that is wanted and was not tried yet; otherwise the plan ends as it stands."""
    if made.bearing is Bearing.BACKWARD:
        told = f"{made.message}; going back failed: {turn.message}; repair the workloads, then pin a version or file a request"
        return _end(world, alias, made.model_copy(update={"message": told[:1024]}), Outcome.FAILED, draft)
    turned = made.model_copy(update={"failure": str(turn.failure), "message": turn.message[:1024]})
    if plan.goes_back(turned):
        return _turn(world, alias, turned, mine, draft)
    return _end(world, alias, turned, Outcome.FAILED, draft)


def _rehearse(world: World, alias: ModelAlias, request: PromotionRequest, draft: _Draft) -> None:
    """Answer a dry run, which waits for no other request."""
    answer = promotion.consider(world, alias, request)
    if isinstance(answer, Ended):
        draft.writes.append(RequestWrite(request, telling.ended(alias, request, answer, world.now)))
    elif isinstance(answer, Waits):
        draft.wake(answer.until)
        draft.writes.append(RequestWrite(request, telling.waits(request, answer, world.now)))


def _withdrawn(world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None) -> plan.Turn | None:
    """Say whether a plan on its way forward is no longer wanted."""
    if made.bearing is Bearing.BACKWARD:
        return None
    to = history.moved(made, alias.spec.alias).to
    if made.operation is Operation.PIN and alias.spec.version not in {None, to}:
        return plan.Turn(failure=Reason.ABORTED, message=f"spec.version is no longer {to}")
    if made.request is None:
        return None
    if alias.spec.version is not None:
        return plan.Turn(failure=Reason.ABORTED, message=f"spec.version was set to {alias.spec.version}")
    if mine is not None and mine.spec.abort:
        return plan.Turn(failure=Reason.ABORTED, message="the request was aborted")
    if mine is None:
        there = world.facts.request(world.namespace, made.request.name)
        if there is None or there.metadata.uid != made.request.uid:
            return plan.Turn(failure=Reason.ABORTED, message="the request was deleted")
    return None


def _waiting(
    world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, step: plan.Wait, draft: _Draft
) -> Decision:
    serving = plan.serving(alias, made, world.facts)
    if not step.started:
        made = made.model_copy(update={"rolling_since": world.now})
    status = alias.status.model_copy(update={"plan": made, "serving": serving})
    draft.writes.append(AliasWrite(stand(world, alias, status, None)))
    if mine is not None:
        phase = Phase.ROLLING_OUT if made.bearing is Bearing.FORWARD else Phase.ROLLING_BACK
        told = step.message if made.bearing is Bearing.FORWARD else f"{made.message}; going back: {step.message}"
        draft.writes.append(RequestWrite(mine, telling.works(mine, phase, told, world.now)))
    draft.wake(step.until)
    return draft.done()


def _turn(world: World, alias: ModelAlias, made: Plan, mine: PromotionRequest | None, draft: _Draft) -> Decision:
    """Make it durable that the plan goes back; the workloads of the plan start from the beginning."""
    move = history.moved(made, alias.spec.alias)
    if made.rolling_since is None and _held_now(world, alias) != move.to:
        kept = tuple(item.model_copy(update={"back": item.from_}) for item in made.serving)
        made = made.model_copy(update={"serving": kept})  # no pod can have loaded what the alias never held
    made = made.model_copy(update={"bearing": Bearing.BACKWARD, "turned_at": world.now, "rolling_since": None})
    status = alias.status.model_copy(update={"plan": made, "serving": _pending(made, alias)})
    draft.writes.append(AliasWrite(stand(world, alias, status, None)))
    if mine is not None:
        told = f"{made.message}; going back"
        draft.writes.append(RequestWrite(mine, telling.works(mine, Phase.ROLLING_BACK, told, world.now)))
    return draft.done(again=True)


def _end(world: World, alias: ModelAlias, made: Plan, outcome: Outcome, draft: _Draft) -> Decision:
    """Write history and the plan's removal at once; the request's end follows from the history."""
    now, spec, status = world.now, alias.spec, alias.status
    move = history.moved(made, spec.alias)
    entry = history.entry(made, spec, outcome, now)
    forward = made.bearing is Bearing.FORWARD
    holds = move.to if outcome is Outcome.SUCCEEDED else _held_now(world, alias)
    update: dict[str, object] = {
        "plan": None,
        "history": history.appended(status.history, entry, spec.history_limit),
        "serving": plan.serving(alias, made, world.facts),
        "observed": Observed(version=holds, at=now, epoch=made.epoch if forward else made.epoch + 1),
    }
    if move.to is not None and holds == move.to and outcome in {Outcome.SUCCEEDED, Outcome.FAILED}:
        update["current"] = Held(
            version=move.to, run_id=made.run_id, since=now, request=entry.request, actor=made.actor,
        )  # fmt: skip
        if move.from_ is not None and move.from_ != move.to:
            known = status.current is not None and status.current.version == move.from_
            update["previous"] = status.current if known else Held(version=move.from_, since=now)
    fault = None
    if outcome is Outcome.SUCCEEDED:
        update["hold"] = None
    else:
        fault = _after_failure(alias, made, entry.request, outcome, update, now)
    draft.writes.append(AliasWrite(stand(world, alias, status.model_copy(update=update), fault)))
    return draft.done(again=True)


def _held_now(world: World, alias: ModelAlias) -> str | None:
    try:
        return world.facts.aliases(alias.spec.model).get(alias.spec.alias)
    except ModelNotFound:
        return None


def _after_failure(
    alias: ModelAlias, made: Plan, request: str | None, outcome: Outcome, update: dict[str, object], now: datetime
) -> Fault | None:
    """Remember a failed move: what is on hold, what was rolled back, and what keeps the alias stalled."""
    move = history.moved(made, alias.spec.alias)
    reason = made.failure or str(outcome)
    if outcome is not Outcome.ABORTED and made.failure != Reason.STALE_CHAMPION:
        update["hold"] = Hold(reason=str(outcome), request=request, since=now)
        if outcome is Outcome.ROLLED_BACK and move.to is not None and move.to != move.from_:
            gone = RolledBackVersion(version=move.to, reason=reason[:64], at=now)
            update["rolled_back"] = (*alias.status.rolled_back, gone)[-50:]
    stays_down = outcome is Outcome.FAILED or (made.operation is Operation.PIN and outcome is Outcome.ROLLED_BACK)
    return (Reason.ROLLOUT_FAILED, made.message) if stays_down else None


def _pending(made: Plan, alias: ModelAlias) -> tuple[ServingStatus, ...]:
    move = history.moved(made, alias.spec.alias)
    desired = move.to if made.bearing is Bearing.FORWARD else move.from_
    return tuple(
        ServingStatus(kind=item.kind, name=item.name, uid=item.uid, desired=desired, state=ServingState.PENDING,
                      served=rollout.version_of(item.from_) if item.from_ and made.bearing is Bearing.FORWARD else None)
        for item in made.serving
    )  # fmt: skip
