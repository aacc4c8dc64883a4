"""Those whose turn it is not: who is queued, what they learn meanwhile, and for whom a plan has to give way."""

from collections.abc import Iterable
from typing import NamedTuple, assert_never

from modelalias.api.alias import Bearing, ModelAlias, Plan
from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequest
from modelalias.core.plan.operations import RULES, has_priority
from modelalias.core.protocol.answers import Ended, KeepsTurn, NotReady, Proceeds, VerdictSoFar
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft, RequestWrite
from modelalias.core.requests import rollback
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.consider import consider
from modelalias.core.requests.finish import end_request
from modelalias.core.status import request_status


class Overtaker(NamedTuple):
    """A rollback or a swap that could begin at once, and what is known of the version that it goes to."""

    request: PromotionRequest
    so_far: VerdictSoFar


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


def find_overtaker(
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
