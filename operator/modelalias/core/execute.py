"""A plan under way: what its next step means for the statuses, and how it ends.

`core.plan` names the step; here it becomes a decision. Other requests are queued meanwhile.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final, NamedTuple, assert_never

from modelalias.api.alias import (
    Bearing,
    ModelAlias,
    ModelAliasStatus,
    Observed,
    Operation,
    Outcome,
    Plan,
)
from modelalias.api.conditions import Cause, Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.automatic import retention
from modelalias.core.ended_plan import (
    accepted,
    after_failure,
    after_success,
    is_rolled,
    own_epoch,
    present_version,
    strayed_at,
)
from modelalias.core.ledger import history
from modelalias.core.plan import steps, workload_steps
from modelalias.core.plan.ended_since import EndedSince, ended_since
from modelalias.core.plan.operations import RULES, Actor, has_priority
from modelalias.core.protocol.answers import (
    ANSWER_POLL,
    Ended,
    KeepsTurn,
    NotReady,
    Proceeds,
    VerdictSoFar,
)
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Again, AliasWrite, Decision, Do, Draft, RequestWrite
from modelalias.core.protocol.facts import Failed
from modelalias.core.protocol.questions import System, VersionOf
from modelalias.core.requests import on_success, rollback
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.consider import consider
from modelalias.core.requests.finish import end_request
from modelalias.core.requests.queue import (
    end_settled_and_order,
    split_older,
    supersede,
    supersede_older,
    supersedes,
)
from modelalias.core.serving.look import look
from modelalias.core.status import alias_status, request_status, ways_out
from modelalias.ports import ModelVersion

TELL_AFTER: Final = timedelta(seconds=2)
"""A request says that its workloads roll when they have done so for this long."""


class Overtaker(NamedTuple):
    """A rollback or a swap that could begin at once, and what is known of the version that it goes to."""

    request: PromotionRequest
    so_far: VerdictSoFar


class Rivals(NamedTuple):
    """Other requests that matter to the plan's own next step."""

    overtaker: Overtaker | None
    replaced: tuple[PromotionRequest, ...]
    """Older promotions whose place the plan's request takes; empty where it has gone."""


def carry_out(context: Context, alias: ModelAlias, plan: Plan, draft: Draft) -> Decision:
    """Decide the next step of a plan, and what the other requests learn meanwhile."""
    own = next(
        (item for item in context.requests if plan.request and item.metadata.uid == plan.request.uid), None
    )
    first = f"PromotionRequest {plan.request.name}" if plan.request else f"the {plan.operation} under way"
    rest = (item for item in context.requests if item is not own)
    others = end_settled_and_order(context, alias, rest, draft)
    replaced: tuple[PromotionRequest, ...] = ()
    if own is not None and has_priority(own):
        replaced, others = split_older(others, own)
    elif own is not None and supersedes(alias):
        others = supersede_older(context, alias, others, own, draft)
    others, overtaker = _find_overtaker(context, alias, plan, others, draft)
    queue = queue_up(context, alias, others, first, draft, overtaker)
    alias = alias.with_status(alias.status.queued(queue))
    plan = on_success.without_forbidden(context, alias, plan)
    try:
        return _advance(context, alias, plan, own, draft, Rivals(overtaker, replaced))
    except Failed as failed:
        draft.wake(context.now + ANSWER_POLL)
        registry = failed.question.system is System.REGISTRY
        stopped = plan.clock_stopped(Reason.UNREACHABLE if registry else Reason.WAITING, context.now)
        _halt(context, alias, own, f"stands still: {failed.error}", draft, stopped)
        return draft.decision()


def queue_up(
    context: Context,
    alias: ModelAlias,
    others: Iterable[PromotionRequest],
    first: str,
    draft: Draft,
    overtaker: Overtaker | None = None,
) -> tuple[str, ...]:
    """Answer those whose turn it is not, and return the names of the ones that are queued.

    Dry runs wait for nobody. When only the plan may still go on, nothing is judged any more: a verdict tells
    of the model.
    """
    names: list[str] = []
    for request in others:
        if request.spec.dry_run and context.registry.allowed:
            _answer_dry_run(context, alias, request, draft)
            continue
        names.append(request.metadata.name)
        so_far = VerdictSoFar(resolved=rollback.meant_now(context, alias, request))
        if overtaker is not None and overtaker.request is request:
            so_far = overtaker.so_far
        if not is_broken(context, request):
            status = request_status.queued(request, len(names), first, context.now, so_far)
            draft.writes.append(RequestWrite(request, status))
    return tuple(names)


def _find_overtaker(
    context: Context, alias: ModelAlias, plan: Plan, others: tuple[PromotionRequest, ...], draft: Draft
) -> tuple[tuple[PromotionRequest, ...], Overtaker | None]:
    """Return who is left in the queue, and to whom the plan has to give way; end those that may not overtake."""
    goes_back = plan.bearing is Bearing.BACKWARD or RULES[plan.operation].has_priority
    if goes_back or alias.spec.suspend or not context.registry.allowed:
        return others, None
    left = list(others)
    for request in filter(has_priority, others):
        if request.metadata.name in context.waiting:
            continue
        answer = consider(context, alias, request)
        match answer:
            case NotReady() | KeepsTurn():
                draft.wake(answer.until)
                if isinstance(answer, KeepsTurn):
                    return tuple(left), None
            case Proceeds(so_far=so_far) | Ended(reason=Reason.NO_OP, so_far=so_far):
                return tuple(left), Overtaker(request, so_far)
            case Ended():
                left.remove(request)
                end_request(context, alias, request, answer, draft)
            case _:
                assert_never(answer)
    return tuple(left), None


def _advance(
    context: Context,
    alias: ModelAlias,
    plan: Plan,
    own: PromotionRequest | None,
    draft: Draft,
    rivals: Rivals,
) -> Decision:
    """Decide the next step of the plan itself.

    Requests that it replaces end when it has nothing to do at once, and before it ends: none of them may have
    its turn after it. One that is withdrawn replaces nobody any more.
    """
    withdrawn = _withdrawn(context, alias, plan, own, rivals.overtaker)
    step = withdrawn or steps.next_step(alias, plan, context.facts, context.notary, context.now)
    may_have_ended = isinstance(step, Do | steps.CannotGoOn)
    ended = ended_since(alias, plan, context.facts, context.notary) if may_have_ended else None
    replaces = own is not None and withdrawn is None and not own.spec.abort
    if own is not None and replaces and rivals.replaced and (ended is not None or not isinstance(step, Do)):
        following = _end_replaced(context, alias, own, rivals.replaced, draft)
        if not isinstance(step, steps.Wait):
            return draft.decision(following)
    if ended is not None:
        return _end_as_recorded(context, alias, plan, ended, draft)
    return _take(context, alias, plan, own, step, draft)


def _take(
    context: Context,
    alias: ModelAlias,
    plan: Plan,
    own: PromotionRequest | None,
    step: steps.Step,
    draft: Draft,
) -> Decision:
    """Turn a step of the plan into a decision."""
    match step:
        case Do() if alias.spec.suspend:
            message = (
                f"stands still: ModelAlias {context.name} is suspended; to go on: {ways_out.resume(alias)}"
            )
            _halt(context, alias, own, message, draft)
            return draft.decision()
        case Do() if context.trouble is not None:
            _halt(context, alias, own, context.trouble.message, draft)
            return draft.decision(step)
        case Do():
            return Decision(next=step)
        case steps.Wait():
            return _wait(context, alias, plan, own, step, draft)
        case steps.Finish(outcome=outcome):
            return _end(context, alias, plan, outcome, draft)
        case steps.CannotGoOn():
            return _fail(context, alias, plan, own, step, draft)
        case _:
            assert_never(step)


def _end_replaced(
    context: Context,
    alias: ModelAlias,
    own: PromotionRequest,
    replaced: tuple[PromotionRequest, ...],
    draft: Draft,
) -> Again | None:
    """End the requests that the plan's own replaces, and return whether to decide again at once.

    One that cannot be looked at now is waited for: it ends as Errored after its last try.
    """
    writes = len(draft.writes)
    supersede(context, alias, (item for item in replaced if not is_broken(context, item)), own, draft)
    return Again() if draft.effect is None and len(draft.writes) > writes else None


def _tell(
    context: Context, own: PromotionRequest | None, phase: Phase | None, message: str, draft: Draft
) -> None:
    """Tell the request of the plan how far it is; what breaks there does not hold up the plan."""
    if own is None or is_broken(context, own):
        return
    phase = phase or own.status.phase or Phase.PROMOTING
    draft.writes.append(RequestWrite(own, request_status.carried_out(own, phase, message, context.now)))


def _halt(
    context: Context,
    alias: ModelAlias,
    own: PromotionRequest | None,
    message: str,
    draft: Draft,
    stopped: Plan | None = None,
) -> None:
    """Tell why the plan does not go on.

    The deadline starts anew when it does, or goes on where `stopped` has stopped its clock.
    """
    plan = alias.status.plan
    if plan is not None:
        status = alias.status.with_plan(stopped or plan.halted())
        _write(context, alias, status, draft)
    _tell(context, own, None, message, draft)


def _fail(
    context: Context,
    alias: ModelAlias,
    plan: Plan,
    own: PromotionRequest | None,
    turn: steps.CannotGoOn,
    draft: Draft,
) -> Decision:
    """Go back where that is wanted and was not tried yet; otherwise the plan ends as it stands."""
    if plan.bearing is Bearing.BACKWARD:
        named = present_version(context, alias)
        stands = f"version {named}" if named else "no version"
        message = f"{plan.message}; going back failed: {turn.message}; the alias was at {stands} then"
        return _end(context, alias, plan.with_message(message), Outcome.FAILED, draft)
    failed = plan.failed(str(turn.failure), turn.message)
    if steps.is_undone(failed):
        return _turn_back(context, alias, failed, own, draft)
    effect = steps.failure_record(alias, failed, context.facts, context.notary)
    if effect is not None:
        return draft.decision(Do(effect))
    return _end(context, alias, failed, Outcome.FAILED, draft)


def _answer_dry_run(context: Context, alias: ModelAlias, request: PromotionRequest, draft: Draft) -> None:
    """Answer a dry run, which waits for no other request."""
    answer = consider(context, alias, request)
    match answer:
        case Ended():
            end_request(context, alias, request, answer, draft)
        case NotReady():
            draft.wake(answer.until)
            draft.writes.append(RequestWrite(request, request_status.waiting(request, answer, context.now)))
        case KeepsTurn() | Proceeds():
            return
        case _:
            assert_never(answer)


def _withdrawn(
    context: Context,
    alias: ModelAlias,
    plan: Plan,
    own: PromotionRequest | None,
    overtaker: Overtaker | None,
) -> steps.CannotGoOn | None:
    """Return why a plan on its way forward is no longer wanted; None while it is."""
    message = None
    if plan.bearing is Bearing.FORWARD:
        message = _why_withdrawn(context, alias, plan, own, overtaker)
    return None if message is None else steps.CannotGoOn(failure=Reason.ABORTED, message=message)


def _why_withdrawn(
    context: Context,
    alias: ModelAlias,
    plan: Plan,
    own: PromotionRequest | None,
    overtaker: Overtaker | None,
) -> str | None:
    pin, to = alias.spec.version, history.moved(plan, alias.spec.alias).to
    if overtaker is not None:
        other = overtaker.request
        return f"PromotionRequest {other.metadata.name} ({other.spec.operation}) has priority"
    if RULES[plan.operation].actor is Actor.OWNER and pin not in {None, to}:
        return f"spec.version is no longer {to}"
    if plan.request is None:
        return None
    if pin is not None:
        return f"spec.version was set to {pin}"
    if own is not None and own.spec.abort:
        return "the request was aborted"
    if own is not None:
        return "the request was deleted" if own.metadata.deletion_timestamp is not None else None
    there = context.facts.request(context.namespace, plan.request.name)
    gone = there is None or there.metadata.uid != plan.request.uid
    return "the request was deleted" if gone else None


def _wait(
    context: Context,
    alias: ModelAlias,
    plan: Plan,
    own: PromotionRequest | None,
    step: steps.Wait,
    draft: Draft,
) -> Decision:
    serving = workload_steps.serving(alias, plan, context.facts, context.now)
    _write(context, alias, alias.status.with_plan(step.plan, serving), draft)
    forward = plan.bearing is Bearing.FORWARD
    phase = Phase.ROLLING_OUT if forward else Phase.ROLLING_BACK
    if forward and step.verifying:
        phase = Phase.VERIFYING
    message = step.message if forward else f"{plan.message}; going back: {step.message}"
    told_at = (step.plan.rolling_since or context.now) + TELL_AFTER
    if forward and own and request_status.says_that_it_moves(own, alias, plan) and context.now < told_at:
        draft.wake(told_at)  # many are done by then, and the ModelAlias tells it now
    else:
        _tell(context, own, phase, message, draft)
    draft.wake(step.until)
    return draft.decision()


def _turn_back(
    context: Context, alias: ModelAlias, plan: Plan, own: PromotionRequest | None, draft: Draft
) -> Decision:
    """Make it durable that the plan goes back; the workloads of the plan start from the beginning."""
    move = history.moved(plan, alias.spec.alias)
    if plan.rolling_since is None and present_version(context, alias) != move.to:
        # no pod can have loaded what the alias never named
        plan = plan.never_loaded()
    plan = plan.turned_back(context.now)
    status = alias.status.with_plan(plan, workload_steps.untouched(alias, plan))
    _write(context, alias, status, draft)
    _tell(context, own, Phase.ROLLING_BACK, f"{plan.message}; going back", draft)
    return draft.decision(Again())


def _end(context: Context, alias: ModelAlias, plan: Plan, outcome: Outcome, draft: Draft) -> Decision:
    """Write history and the plan's removal at once; the request's end follows from the history."""
    now, spec = context.now, alias.spec
    move = history.moved(plan, spec.alias)
    if outcome is Outcome.SUCCEEDED and alias.status.plan is not None:
        plan = plan.with_message(on_success.left_out(context, alias, alias.status.plan))
    version = move.to if outcome is Outcome.SUCCEEDED else present_version(context, alias)
    unmoved = alias.status.observed if move.named == move.to else None
    observed = Observed(
        version=version,
        at=unmoved.at if unmoved else now,
        epoch=plan.epoch if plan.bearing is Bearing.FORWARD else plan.epoch + 1,
        own_epoch=own_epoch(alias, plan),
        strayed_at=None
        if outcome is Outcome.SUCCEEDED and is_rolled(alias, plan)
        else strayed_at(alias, plan, version),
    )
    entry = history.entry(plan, spec, outcome, now)
    former, limit = alias.status.history, spec.history_limit
    status = alias.status.plan_ended(
        history.appended(former, entry, limit),
        observed,
        workload_steps.serving(alias, plan, context.facts, now),
    ).remembering(history.forgotten(former, limit))
    if plan.operation is Operation.RESTORE:
        status = status.set_back(now)
    if move.to is not None and version == move.to and outcome in {Outcome.SUCCEEDED, Outcome.FAILED}:
        status = status.with_current(accepted(alias, plan, move.to, now), move.from_)
    if outcome is Outcome.SUCCEEDED:
        status = retention.noticed(context, alias, status, _known_version(context, alias, move.to))
        _write_end(context, alias, after_success(alias, plan, status, context), draft)
    else:
        status = after_failure(alias, plan, outcome, status, context)
        stalls = outcome is Outcome.FAILED or RULES[plan.operation].stalls_when_undone
        undone = outcome in {Outcome.FAILED, Outcome.ROLLED_BACK}
        fault = _standing_fault(context, alias, plan) if stalls and undone else None
        _write_end(context, alias, status, draft, fault)
    return draft.decision(Again())


def _standing_fault(context: Context, alias: ModelAlias, plan: Plan) -> Cause:
    """Return what is told until another move ends well: it was true then, so that it has its time."""
    way_on = "repair the workloads, then pin a version or file a request"
    if plan.request is not None:
        again, another = (
            ways_out.retry(alias.metadata.namespace, plan.request.name),
            ways_out.promote(alias, "N"),
        )
        way_on = f"once that is repaired: {again}, or {another}"
    to = history.moved(plan, alias.spec.alias).to or "none"
    what = f"the {plan.operation} to version {to} failed"
    return Cause(
        Reason.ROLLOUT_FAILED, f"at {context.now:%Y-%m-%d %H:%M} UTC {what}: {plan.message}; {way_on}"
    )


def _known_version(context: Context, alias: ModelAlias, number: str | None) -> ModelVersion | None:
    """Return a version as it was read in this pass; None where it was not."""
    known = None if number is None else context.facts.known(VersionOf(model=alias.spec.model, version=number))
    return known if isinstance(known, ModelVersion) else None


def _end_as_recorded(
    context: Context, alias: ModelAlias, plan: Plan, ended: EndedSince, draft: Draft
) -> Decision:
    """Write history and the plan's removal at once; what the alias names since is another move's."""
    now, limit, former = context.now, alias.spec.history_limit, alias.status.history
    entry = history.entry(plan.with_message(ended.message), alias.spec, ended.outcome, now)
    observed = Observed(
        version=present_version(context, alias),
        at=now,
        epoch=plan.epoch + 1,
        own_epoch=own_epoch(alias, plan),
        strayed_at=strayed_at(alias, plan, None),
    )
    serving = workload_steps.serving(alias, plan, context.facts, now)
    status = alias.status.plan_ended(history.appended(former, entry, limit), observed, serving)
    _write_end(context, alias, status.remembering(history.forgotten(former, limit)), draft)
    return draft.decision(Again())


def _write_end(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, draft: Draft, fault: Cause | None = None
) -> None:
    """Write a status without its plan: from here on the workloads are told as they stand."""
    seen = look(context, alias.with_status(status), draft, at_once=True)
    _write(context, alias, status.with_serving(seen), draft, fault)


def _write(
    context: Context, alias: ModelAlias, status: ModelAliasStatus, draft: Draft, fault: Cause | None = None
) -> None:
    draft.writes.append(AliasWrite(alias_status.complete(context, alias, status, fault)))
