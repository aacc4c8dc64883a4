"""A plan under way: what its next step means for the statuses, and how it ends.

`core.plan` names the step; here it becomes a decision. Other requests are queued meanwhile.
"""

from datetime import timedelta
from typing import Final, NamedTuple, assert_never

from modelalias.api.alias import (
    Bearing,
    ModelAlias,
    ModelAliasStatus,
    Outcome,
    Plan,
)
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ended_plan import (
    present_version,
)
from modelalias.core.ending import end_as_recorded, end_plan
from modelalias.core.ledger import history
from modelalias.core.plan import steps, workload_steps
from modelalias.core.plan.ended_since import ended_since
from modelalias.core.plan.operations import RULES, Actor, has_priority, supersedes
from modelalias.core.protocol.answers import (
    ANSWER_POLL,
)
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Again, AliasWrite, Decision, Do, Draft, RequestWrite
from modelalias.core.protocol.facts import Failed
from modelalias.core.protocol.questions import System
from modelalias.core.requests import on_success
from modelalias.core.requests.behind import Overtaker, find_overtaker, queue_up
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.queue import (
    end_settled_and_order,
    split_older,
    supersede,
    supersede_older,
)
from modelalias.core.status import alias_status, request_status, ways_out

TELL_AFTER: Final = timedelta(seconds=2)
"""A request says that its workloads roll when they have done so for this long."""


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
    others, overtaker = find_overtaker(context, alias, plan, others, draft)
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
        return end_as_recorded(context, alias, plan, ended, draft)
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
            return end_plan(context, alias, plan, outcome, draft)
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
        return end_plan(context, alias, plan.with_message(message), Outcome.FAILED, draft)
    failed = plan.failed(str(turn.failure), turn.message)
    if steps.is_undone(failed):
        return _turn_back(context, alias, failed, own, draft)
    effect = steps.failure_record(alias, failed, context.facts, context.notary)
    if effect is not None:
        return draft.decision(Do(effect))
    return end_plan(context, alias, failed, Outcome.FAILED, draft)


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


def _write(context: Context, alias: ModelAlias, status: ModelAliasStatus, draft: Draft) -> None:
    draft.writes.append(AliasWrite(alias_status.complete(context, alias, status, None)))
