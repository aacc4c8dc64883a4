"""The decision: what to write and what to do next for one alias, as a function of what is known.

Called again and again until there is nothing left to do; each decision holds at most one question or one
effect, so that the engine can make what was decided durable first and can stop between any two steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import assert_never

from modelalias.api.alias import ModelAlias, PinVerdict
from modelalias.api.conditions import Cause, Reason
from modelalias.api.request import Evaluated, EvaluationState, PromotionRequest
from modelalias.core.automatic import drift, filing, hold, retention
from modelalias.core.blocked import let_wait, why_blocked
from modelalias.core.execute import carry_out
from modelalias.core.observe import observe
from modelalias.core.outage import in_an_outage, wait_for_registry
from modelalias.core.plan import rule_faults, workload_steps
from modelalias.core.plan.operations import has_priority, supersedes
from modelalias.core.protocol.answers import (
    VERSION_POLL,
    Answer,
    Ended,
    KeepsTurn,
    NotReady,
    Proceeds,
    VerdictSoFar,
)
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Again, AliasWrite, Ask, Decision, Do, Draft, RequestWrite
from modelalias.core.protocol.effects import StartEvaluation
from modelalias.core.protocol.facts import Needed
from modelalias.core.requests import pins, rollback
from modelalias.core.requests.behind import queue_up
from modelalias.core.requests.consider import consider
from modelalias.core.requests.finish import end_request
from modelalias.core.requests.queue import end_settled_and_order, supersede_older
from modelalias.core.requests.unproved import voided
from modelalias.core.serving.look import look
from modelalias.core.status import alias_status, request_status, ways_out
from modelalias.core.traffic import routing


def decide(context: Context) -> Decision:
    """Decide for one alias; pure: the same context gives the same decision."""
    void = voided(context)
    if void:
        return Decision(void, Again())
    try:
        if context.alias is None:
            return _decide_without_alias(context)
        return _decide(context, context.alias)
    except Needed as needed:
        return Decision(next=Ask(needed.question))


def _decide_without_alias(context: Context) -> Decision:
    draft = Draft()
    message = f"waits: there is no ModelAlias {context.name} in namespace {context.namespace}"
    let_wait(context, None, Cause(Reason.WAITING, message), draft)
    return draft.decision()


def _decide(context: Context, alias: ModelAlias) -> Decision:
    draft = Draft(alias)
    try:
        return _route(context, alias, draft)
    except Needed as needed:
        return draft.asking(needed.question)  # what was found is written also when an answer is needed next


def _route(context: Context, alias: ModelAlias, draft: Draft) -> Decision:
    """Take the path that the alias is on: an outage, a plan under way, something to edit, or the next turn."""
    blocked = why_blocked(context, alias)
    alias = routing.split(context, alias, draft) if blocked is None else routing.unlooked(alias, blocked)
    if draft.effect is not None:  # where requests go is urgent: it waits for no registry and no move
        return _split(context, alias, draft)
    if context.registry.problem is not None:
        return wait_for_registry(context, alias, in_an_outage(context.registry.problem), draft)
    draft.records = blocked is None
    if alias.status.plan is not None:
        if blocked is not None and not context.registry.known:
            return Decision((AliasWrite(alias_status.complete(context, alias, alias.status, blocked)),))
        return carry_out(context, alias, alias.status.plan, draft)
    if blocked is not None:
        message = f"waits: ModelAlias {context.name} is stalled: {blocked.message}"
        let_wait(context, alias, Cause(blocked.reason, message), draft)
        return _rest(context, _with_readings(context, alias, blocked, draft), blocked, draft)
    if context.registry.snapshot is None:
        return Decision()  # the first snapshot wakes every alias
    status, missing, refused = observe(context, alias, draft)
    alias = alias.with_status(status)
    if refused is not None:  # for this alias that is as if the whole registry did
        away = replace(context, registry=replace(context.registry, problem=refused))
        return wait_for_registry(away, alias, refused, draft)
    # what is not known yet cannot be beaten: nothing is judged before the first look
    if draft.effect is not None or (status.observed is None and missing is None):
        return draft.decision()
    return _next_turn(context, alias, draft, missing)


def _split(context: Context, alias: ModelAlias, draft: Draft) -> Decision:
    """Make it durable how the requests are to be split, and then split them."""
    draft.writes.append(AliasWrite(alias_status.with_traffic_told(context, alias)))
    return draft.decision()


def _next_turn(context: Context, alias: ModelAlias, draft: Draft, missing: Cause | None) -> Decision:
    """Do what comes next while no plan is under way: end what has ended, what happens by itself, requests, the pin."""
    alias = alias.with_status(hold.released(context, alias))
    waiting = end_settled_and_order(context, alias, context.requests, draft)
    if draft.effect is not None:
        return draft.decision()  # what has ended is stopped and recorded before anything else begins
    corrected = None if missing else _correct_drift(context, alias, waiting, draft)
    if corrected is not None:
        return corrected
    effect = None
    unsure = missing or context.policies.problem
    if unsure is None:
        alias, effect = filing.next_request(context, alias, draft)
    else:
        alias = _with_readings(context, alias, unsure, draft)
    # what no rule and no window concerns goes on all the same, such as a rollback
    fault = missing or context.policies.problem or rule_faults.fault(alias)
    if effect is not None:
        stalled = fault or alias_status.standing_failure(alias)
        draft.writes.append(AliasWrite(alias_status.complete(context, alias, alias.status, stalled)))
        return draft.decision(Do(effect))
    if alias.spec.version is not None:
        return _pinned(context, alias, alias.spec.version, draft, fault)
    return _judge_in_order(context, alias, waiting, draft, fault)


def _with_readings(context: Context, alias: ModelAlias, why: Cause, draft: Draft) -> ModelAlias:
    """Return the alias with what its monitors say while nothing follows from it."""
    follows = f"nothing is rolled back: {why.message}"
    return alias.with_status(filing.while_away(context, alias, draft, follows))


def _correct_drift(
    context: Context, alias: ModelAlias, waiting: Sequence[PromotionRequest], draft: Draft
) -> Decision | None:
    """Begin to set the alias back, or to take over what it names; a pin that is not taken yet does that itself."""
    pin, current = alias.spec.version, alias.status.current
    is_taken = pin is None or (current is not None and current.version == pin)
    if not is_taken or alias_status.standing_failure(alias) is not None:
        return None
    if _is_overtaken(context, alias, waiting):
        return None
    answer = drift.correction(context, alias, draft)
    if answer is None:
        return None
    if draft.finished:
        return draft.decision(Again())
    queue = [item.metadata.name for item in waiting if not item.spec.dry_run]
    return _begin(context, alias, answer, None, queue, draft)


def _is_overtaken(context: Context, alias: ModelAlias, waiting: Iterable[PromotionRequest]) -> bool:
    """Return whether a rollback or a swap goes now: a correction that is begun before it would be undone for it."""
    first = (item for item in waiting if has_priority(item) and item.metadata.name not in context.waiting)
    return any(_moves_or_is_there(_consider(context, alias, item)) for item in first)


def _pinned(
    context: Context, alias: ModelAlias, version: str, draft: Draft, missing: Cause | None
) -> Decision:
    """Take the owner's pin, unless the alias is there already or something keeps it from moving."""
    fault, current = alias_status.standing_failure(alias) or missing, alias.status.current
    is_there = current is not None and current.version == version
    if fault is not None or alias.spec.suspend or is_there:
        return _rest(context, alias, fault, draft)
    answer = pins.consider_pin(context, alias, version)
    before = alias.status.pin.evaluation if alias.status.pin else ()
    if isinstance(answer, KeepsTurn) and answer.effect is not None and _starts_again(before, answer):
        return Decision(next=Do(answer.effect))
    alias = _with_pin_verdict(alias, version, answer)
    match answer:
        case Proceeds():
            return _begin(context, alias, answer, None, (), draft)
        case Ended():
            judged = answer.so_far.findings or answer.so_far.checks
            draft.wake(None if judged else context.now + VERSION_POLL)
            return _rest(context, alias, Cause(answer.reason, answer.explanation), draft)
        case NotReady() | KeepsTurn():
            if isinstance(answer, KeepsTurn) and answer.effect is not None:
                draft.do(answer.effect)
            draft.wake(answer.until)
            pending = Cause(answer.reason, answer.explanation)
            return _rest(context, alias, None, draft, pending=pending)
        case _:
            assert_never(answer)


def _with_pin_verdict(alias: ModelAlias, version: str, answer: Answer) -> ModelAlias:
    """Keep how a gated pin was judged."""
    so_far, before = answer.so_far, alias.status.pin
    if so_far.resolved is None:  # a pin that is not gated has no verdict
        return alias
    keeps = before is not None and so_far.resolved.evidence is None
    evaluation = so_far.evaluation or (before.evaluation if before is not None and keeps else ())
    verdict = PinVerdict(
        version=version,
        champion=so_far.resolved.champion,
        explanation="it passed" if isinstance(answer, Proceeds) else answer.explanation,
        eligibility=so_far.checks,
        run_unfinished_since=so_far.run_unfinished_since,
        evaluation=evaluation,
        gates=request_status.same_times(before.gates if before else (), so_far.findings),
    )
    return alias.with_status(alias.status.with_pin(verdict))


def _judge_in_order(
    context: Context,
    alias: ModelAlias,
    waiting: Sequence[PromotionRequest],
    draft: Draft,
    missing: Cause | None,
) -> Decision:
    """Judge the requests in their order, until one keeps its turn or proceeds."""
    left = list(waiting)
    while left:
        request = left.pop(0)
        if request.metadata.name in context.waiting:
            continue
        answer = _consider(context, alias, request)
        if _moves_or_is_there(answer) and _takes_place_first(alias, request, answer):
            left = list(supersede_older(context, alias, left, request, draft))
        if draft.blocked:
            return draft.decision()  # nobody goes before these ends are written
        decision = _follow(context, alias, request, answer, left, draft, missing)
        if decision is not None:
            return decision
    return _rest(context, alias, missing or alias_status.standing_failure(alias), draft)


def _follow(
    context: Context,
    alias: ModelAlias,
    request: PromotionRequest,
    answer: Answer,
    behind: Sequence[PromotionRequest],
    draft: Draft,
    missing: Cause | None,
) -> Decision | None:
    """Do what follows from an answer; None lets the next request have its turn."""
    match answer:
        case Ended():
            ended = end_request(context, alias, request, answer, draft)
            return None if ended else draft.decision()  # nobody goes before this end is written
        case NotReady():
            draft.wake(answer.until)
            draft.waiting.add(request.metadata.name)
            draft.writes.append(RequestWrite(request, request_status.waiting(request, answer, context.now)))
            return None
        case KeepsTurn(effect=effect):
            if effect is not None and _starts_again(request.status.evaluation, answer):
                return Decision(next=Do(effect))
            queue = _keep_turn(context, alias, request, answer, behind, draft)
            return _rest(context, alias, missing or alias_status.standing_failure(alias), draft, queue)
        case Proceeds():
            return _proceed(context, alias, answer, request, behind, draft)
        case _:
            assert_never(answer)


def _consider(context: Context, alias: ModelAlias, request: PromotionRequest) -> Answer:
    if alias.spec.suspend and not request.spec.dry_run:
        so_far = VerdictSoFar(resolved=rollback.meant_now(context, alias, request))
        message = f"waits: ModelAlias {context.name} is suspended; to go on: {ways_out.resume(alias)}"
        return NotReady(Reason.SUSPENDED, message, None, so_far)
    unknown = context.policies.problem
    if unknown is not None and not _needs_no_rules(request):
        return NotReady(unknown.reason, f"waits: {unknown.message}")
    return consider(context, alias, request)


def _needs_no_rules(request: PromotionRequest) -> bool:
    """Return whether a request may go while the rules are not known: no gate judges a rollback or a swap."""
    return has_priority(request) and not request.spec.on_success.tags


def _takes_place_first(alias: ModelAlias, request: PromotionRequest, answer: Answer) -> bool:
    """Return whether the older requests end before this one goes on.

    A rollback that moves something waits for no end: its plan ends them (`execute`).
    """
    if has_priority(request):
        return isinstance(answer, Ended)
    return supersedes(alias) and not request.spec.dry_run


def _moves_or_is_there(answer: Answer) -> bool:
    return isinstance(answer, Proceeds) or (isinstance(answer, Ended) and answer.reason is Reason.NO_OP)


def _starts_again(before: Sequence[Evaluated], answer: KeepsTurn) -> bool:
    """Return whether a Job is to be started that could not be started before.

    What its status says stands until that succeeds; it names the run already.
    """
    runs = {(item.job, item.run_id) for item in answer.so_far.evaluation}
    failed = any(
        item.state is EvaluationState.STARTING and item.message and (item.job, item.run_id) in runs
        for item in before
    )
    return isinstance(answer.effect, StartEvaluation) and failed


def _keep_turn(
    context: Context,
    alias: ModelAlias,
    request: PromotionRequest,
    answer: KeepsTurn,
    behind: Sequence[PromotionRequest],
    draft: Draft,
) -> tuple[str, ...]:
    """Go on judging a request, while those behind it wait for their turn; return their names."""
    draft.wake(answer.until)
    draft.writes.append(RequestWrite(request, request_status.judging(request, answer, context.now)))
    if answer.effect is not None:
        draft.do(answer.effect)
    return queue_up(context, alias, behind, f"PromotionRequest {request.metadata.name}", draft)


def _proceed(
    context: Context,
    alias: ModelAlias,
    answer: Proceeds,
    request: PromotionRequest,
    behind: Sequence[PromotionRequest],
    draft: Draft,
) -> Decision:
    """Let a request have its plan, once those that ended before it are remembered."""
    if draft.finished:
        return draft.decision(Again())  # the alias remembers them before it has a plan
    queue = [item.metadata.name for item in behind if not item.spec.dry_run]
    return _begin(context, alias, answer, request, queue, draft)


def _begin(
    context: Context,
    alias: ModelAlias,
    answer: Proceeds,
    request: PromotionRequest | None,
    queue: Iterable[str],
    draft: Draft,
) -> Decision:
    """Make the verdict and then the plan durable; the side effects come with the next decision."""
    plan, now = answer.plan, context.now
    if request is not None:
        after = request_status.moving(request, alias, plan, now, answer.so_far)
        draft.writes.append(RequestWrite(request, after))
    status = alias.status.with_plan(plan, workload_steps.untouched(alias, plan)).queued(queue)
    draft.writes.append(AliasWrite(alias_status.complete(context, alias, status, None)))
    return draft.decision(Again())


def _rest(
    context: Context,
    alias: ModelAlias,
    fault: Cause | None,
    draft: Draft,
    queue: tuple[str, ...] = (),
    pending: Cause | None = None,
) -> Decision:
    """Tell where the alias stands.

    No plan is under way, so only those behind a request that is being judged are queued.
    """
    alias = alias.with_status(retention.followed(context, alias, draft))
    status = alias.status.queued(queue).with_serving(look(context, alias, draft))
    draft.writes.append(AliasWrite(alias_status.complete(context, alias, status, fault, pending)))
    return draft.decision()
