"""The decision: what to write and what to do next for one alias, as a function of what is known.

Called again and again until there is nothing left to do; each answer holds at most one question or one
effect, so that the engine can make what was decided durable first and can stop between any two steps.
"""

from collections.abc import Sequence

from modelalias.api.alias import (
    Held,
    ModelAlias,
    ModelAliasStatus,
    Observed,
    Pins,
    PinVerdict,
    Soaking,
)
from modelalias.api.conditions import Reason
from modelalias.api.request import Evaluated, EvaluationState, Phase, PromotionRequest
from modelalias.core import unsupported
from modelalias.core.errors import ModelNotFound
from modelalias.core.execute import carry_on, line_up, pending
from modelalias.core.judging import evaluation
from modelalias.core.ledger import history
from modelalias.core.protocol.answers import (
    ANSWER_POLL,
    VERSION_POLL,
    Answer,
    Ended,
    Goes,
    Holds,
    Verdict,
    Waits,
)
from modelalias.core.protocol.context import World
from modelalias.core.protocol.decision import AliasWrite, Decision, Draft, RequestWrite
from modelalias.core.protocol.effects import StartEvaluation
from modelalias.core.protocol.facts import Failed, Needed
from modelalias.core.requests import finish, pins, promotion, rollback
from modelalias.core.requests import queue as line
from modelalias.core.requests.settle import settle
from modelalias.core.status import request_status
from modelalias.core.status.alias_status import Fault, failed_before, stand


def decide(world: World) -> Decision:
    """Decide for one alias; pure: the same world gives the same decision."""
    try:
        return _orphans(world) if world.alias is None else _decide(world, world.alias)
    except Needed as needed:
        return Decision(question=needed.question)


def _orphans(world: World) -> Decision:
    draft = Draft()
    for request in world.requests:
        if not settle(world, None, request, draft):
            wait = Waits(
                Reason.WAITING, f"waits: there is no ModelAlias {world.name} in namespace {world.namespace}"
            )
            draft.writes.append(RequestWrite(request, request_status.waits(request, wait, world.now)))
    return draft.done()


def _decide(world: World, alias: ModelAlias) -> Decision:
    draft = Draft(alias)
    try:
        return _go_on(world, alias, draft)
    except Needed as needed:
        return draft.done(
            question=needed.question
        )  # what was found is written also when the next one needs an answer first


def _go_on(world: World, alias: ModelAlias, draft: Draft) -> Decision:
    if world.registry.problem is not None:
        return _outage(world, alias, draft)
    blocked = _blocked(world, alias)
    draft.records = blocked is None
    if alias.status.plan is not None:
        if blocked is not None and not world.registry.known:
            return Decision((AliasWrite(stand(world, alias, alias.status, blocked)),))
        return carry_on(world, alias, alias.status.plan, draft)
    if blocked is not None:
        return _stalled(world, alias, blocked, draft)
    if world.registry.sight is None:
        return Decision()  # the first snapshot wakes every alias
    status, missing = _look(world, alias, draft)
    alias = alias.model_copy(
        update={"status": _forget_pin(world, alias, _watch_soak(world, alias, status), draft)}
    )
    if draft.effect is not None:
        return draft.done()
    waiting = line.of(world, alias, world.requests, draft)
    if draft.effect is not None:
        return draft.done()  # what has ended is stopped and recorded before anything else begins
    if alias.spec.version is not None:
        return _pinned(world, alias, alias.spec.version, draft, missing)
    return _walk(world, alias, waiting, draft, missing)


def _blocked(world: World, alias: ModelAlias) -> Fault | None:
    """Say why nothing new can begin for this alias until somebody edits something.

    A plan is finished, or undone, all the same: an alias that was moved and workloads that were not would be
    half of each.
    """
    fields = unsupported.in_alias(alias.spec)
    if fields:
        return Reason.NOT_SUPPORTED_YET, f"this release does not support: {', '.join(fields)}"
    if not world.registry.known:
        return (
            Reason.REGISTRY_UNKNOWN,
            f"no registry {alias.spec.registry} is configured for namespace {world.namespace}",
        )
    if not world.registry.allowed:
        return (
            Reason.MODEL_NOT_ALLOWED,
            f"namespace {world.namespace} may not manage model {alias.spec.model}",
        )
    if world.owner is not None:
        return (
            Reason.CONFLICT,
            f"{_rival(world.namespace, world.owner)} claims the same alias of {alias.spec.model}",
        )
    return None


def _rival(namespace: str, owner: str) -> str:
    """Name the older ModelAlias to its own namespace only: what other teams have is not told."""
    its, _, name = owner.partition("/")
    return (
        f"ModelAlias {name}, which is older,"
        if its == namespace
        else "an older ModelAlias of another namespace"
    )


def _stalled(world: World, alias: ModelAlias, fault: Fault, draft: Draft) -> Decision:
    for request in world.requests:
        if not settle(world, alias, request, draft):
            wait = Waits(fault[0], f"waits: ModelAlias {world.name} is stalled: {fault[1]}")
            draft.writes.append(RequestWrite(request, request_status.waits(request, wait, world.now)))
    return _rest(world, alias, fault, draft)


def _outage(world: World, alias: ModelAlias, draft: Draft) -> Decision:
    """While the registry does not answer nothing moves.

    Only the condition says so, and new requests learn why they wait.
    """
    blocked = _blocked(world, alias) if alias.status.plan is None else None
    draft.writes.append(AliasWrite(stand(world, alias, alias.status, blocked or failed_before(alias))))
    for request in world.requests:
        if request.status.phase is None and world.registry.problem is not None:
            wait = Waits(world.registry.problem[0], "waits: the registry does not answer")
            draft.writes.append(RequestWrite(request, request_status.waits(request, wait, world.now)))
    return draft.done()


def _look(world: World, alias: ModelAlias, draft: Draft) -> tuple[ModelAliasStatus, Fault | None]:
    """Bring `observed` up to date with the registry, and take over what is there at first sight."""
    status, spec, sight, now = alias.status, alias.spec, world.registry.sight, world.now
    seen = None if sight is None or sight.aliases is None else sight.aliases.get(spec.alias)
    there = sight is not None and sight.aliases is not None
    if status.observed is not None and (sight is None or (there and seen == status.observed.version)):
        return status, None
    if status.observed is not None and sight is not None and not sight.settled:
        draft.wake(now + ANSWER_POLL)  # the next snapshot may be like this one, and wakes nobody then
        return status, None
    try:
        held = (
            seen
            if status.observed is None and seen is not None
            else world.facts.aliases(spec.model).get(spec.alias)
        )
    except ModelNotFound as error:
        return status, (Reason.MODEL_NOT_FOUND, str(error))
    except Failed:
        draft.wake(now + ANSWER_POLL)
        return status, None
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


def _watch_soak(world: World, alias: ModelAlias, status: ModelAliasStatus) -> ModelAliasStatus:
    """Remember since when the alias of the soak names what it names, as far as the operator has seen it."""
    rules, sight = alias.spec.policy.eligibility, world.registry.sight
    if rules is None or rules.soak is None:
        return status.model_copy(update={"soaking": None})
    if sight is None or sight.aliases is None:
        return status
    seen, known = sight.aliases.get(rules.soak.alias), status.soaking
    if known is not None and (known.alias, known.version) == (rules.soak.alias, seen):
        return status
    return status.model_copy(
        update={"soaking": Soaking(alias=rules.soak.alias, version=seen, since=world.now)}
    )


def _forget_pin(world: World, alias: ModelAlias, status: ModelAliasStatus, draft: Draft) -> ModelAliasStatus:
    """Drop the verdict on a pin that no longer stands, once nothing is measured for it any more."""
    if status.pin is None or (
        alias.spec.version == status.pin.version and alias.spec.policy.pins is Pins.GATED
    ):
        return status
    try:
        stop = evaluation.leftover(status.pin.evaluation, world.namespace, world.facts)
    except Failed:
        draft.wake(world.now + ANSWER_POLL)
        return status
    if stop is not None:
        draft.do(stop)
        return status
    return status.model_copy(update={"pin": None})


def _pinned(world: World, alias: ModelAlias, version: str, draft: Draft, missing: Fault | None) -> Decision:
    fault = failed_before(alias) or missing
    if (
        fault is None
        and not alias.spec.suspend
        and (alias.status.current is None or alias.status.current.version != version)
    ):
        answer = pins.consider(world, alias, version)
        told_before = alias.status.pin.evaluation if alias.status.pin else ()
        if isinstance(answer, Holds) and _tries_again(told_before, answer):
            return Decision(effect=answer.effect)
        alias = _with_pin_verdict(alias, version, answer)
        if isinstance(answer, Goes):
            return _begin(world, alias, answer, None, (), draft)
        told = (answer.reason, answer.explanation)
        if isinstance(answer, Holds) and answer.effect is not None:
            draft.do(answer.effect)
        if not isinstance(answer, Ended):
            draft.wake(answer.until)
            return _rest(world, alias, None, draft, pending=told)
        judged = answer.verdict.findings or answer.verdict.checks
        draft.wake(None if judged else world.now + VERSION_POLL)
        fault = told
    return _rest(world, alias, fault, draft)


def _with_pin_verdict(alias: ModelAlias, version: str, answer: Answer) -> ModelAlias:
    """Keep how a gated pin was judged."""
    found = answer.verdict
    if found.resolved is None or not pins.is_gated(alias, version):
        return alias
    before = alias.status.pin
    told = "it passed" if isinstance(answer, Goes) else answer.explanation
    verdict = PinVerdict(
        version=version,
        champion=found.resolved.champion,
        explanation=told[:1024],
        eligibility=found.checks,
        evaluation=found.evaluation or (() if found.resolved.evidence or not before else before.evaluation),
        gates=request_status.same_times(before.gates if before else (), found.findings),
    )
    return alias.model_copy(update={"status": alias.status.model_copy(update={"pin": verdict})})


def _consider(world: World, alias: ModelAlias, request: PromotionRequest) -> Answer:
    if alias.spec.suspend and not request.spec.dry_run:
        seen = Verdict(resolved=rollback.frozen(world, alias, request))
        return Waits(Reason.SUSPENDED, f"waits: ModelAlias {world.name} is suspended", None, seen)
    return promotion.consider(world, alias, request)


def _walk(
    world: World, alias: ModelAlias, waiting: Sequence[PromotionRequest], draft: Draft, missing: Fault | None
) -> Decision:
    """Judge the requests in their order, until one holds its place or goes."""
    left = list(waiting)
    while left:
        request = left.pop(0)
        if request.metadata.name in world.waiting:
            continue
        answer = _consider(world, alias, request)
        if line.goes_first(request) and (isinstance(answer, Goes) or _is_there_already(answer)):
            left = list(line.give_way(world, alias, left, request, draft))
        if draft.stuck:
            return draft.done()  # nobody goes before these ends are written
        if isinstance(answer, Ended):
            if not finish.close(world, alias, request, answer, draft):
                return draft.done()  # nobody goes before this end is written
        elif isinstance(answer, Waits):
            draft.wake(answer.until)
            draft.waiting.add(request.metadata.name)
            draft.writes.append(RequestWrite(request, request_status.waits(request, answer, world.now)))
        elif isinstance(answer, Holds) and _tries_again(request.status.evaluation, answer):
            return Decision(effect=answer.effect)
        elif isinstance(answer, Holds):
            queue = _hold(world, alias, request, answer, left, draft)
            return _rest(world, alias, missing or failed_before(alias), draft, queue)
        else:
            return _go(world, alias, answer, request, left, draft)
    return _rest(world, alias, missing or failed_before(alias), draft)


def _go(
    world: World,
    alias: ModelAlias,
    go: Goes,
    request: PromotionRequest,
    behind: Sequence[PromotionRequest],
    draft: Draft,
) -> Decision:
    """Let a request go, once those that ended before it are remembered."""
    if draft.finished:
        return draft.done(again=True)  # the alias remembers them before it has a plan
    return _begin(
        world,
        alias,
        go,
        request,
        tuple(item.metadata.name for item in behind if not item.spec.dry_run),
        draft,
    )


def _is_there_already(answer: Answer) -> bool:
    return isinstance(answer, Ended) and answer.reason is Reason.NO_OP


def _tries_again(before: Sequence[Evaluated], answer: Holds) -> bool:
    """Say whether a Job is to be started that could not be started before.

    What was told stands until that succeeds.
    """
    jobs = {item.job for item in answer.verdict.evaluation}
    failed = [
        item
        for item in before
        if item.state is EvaluationState.STARTING and item.message and item.job in jobs
    ]
    return isinstance(answer.effect, StartEvaluation) and bool(failed)


def _hold(
    world: World,
    alias: ModelAlias,
    request: PromotionRequest,
    answer: Holds,
    behind: Sequence[PromotionRequest],
    draft: Draft,
) -> tuple[str, ...]:
    """Go on judging a request, while those behind it wait for their turn; return their names."""
    draft.wake(answer.until)
    draft.writes.append(RequestWrite(request, request_status.holds(request, answer, world.now)))
    if answer.effect is not None:
        draft.do(answer.effect)
    return line_up(world, alias, behind, f"PromotionRequest {request.metadata.name}", draft)


def _begin(
    world: World,
    alias: ModelAlias,
    go: Goes,
    request: PromotionRequest | None,
    queue: tuple[str, ...],
    draft: Draft,
) -> Decision:
    """Make the verdict and then the plan durable; the side effects come with the next decision."""
    made = go.plan
    if request is not None:
        told = f"moving {alias.spec.alias} to version {history.moved(made, alias.spec.alias).to}"
        draft.writes.append(
            RequestWrite(request, request_status.works(request, Phase.PROMOTING, told, world.now, go.verdict))
        )
    status = alias.status.model_copy(
        update={"plan": made, "queue": queue[:100], "serving": pending(made, alias)},
    )
    draft.writes.append(AliasWrite(stand(world, alias, status, None)))
    return draft.done(again=True)


def _rest(
    world: World,
    alias: ModelAlias,
    fault: Fault | None,
    draft: Draft,
    queue: tuple[str, ...] = (),
    pending: Fault | None = None,
) -> Decision:
    """Say where the alias stands.

    Nothing is under way, so only those behind a request that is being judged are queued.
    """
    status = alias.status.model_copy(update={"queue": queue[:100]})
    draft.writes.append(AliasWrite(stand(world, alias, status, fault, pending)))
    return draft.done()
