"""Refusing what is too much: a namespace has room for so many open requests, and the oldest have it.

Only what has not begun is refused, and never a rollback, a swap or what the operator filed itself. Of each ModelAlias
one request has room in any case: the oldest or, with concurrency Supersede, the newest. Nothing remembers the end,
because nothing was judged: the same request may be filed again.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from modelalias.api.alias import Bearing, ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import history
from modelalias.core.plan.operations import RULES, has_priority, supersedes
from modelalias.core.protocol.answers import Ended
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft, RequestWrite
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.by_operator import is_own, is_undecided
from modelalias.core.status import request_status

TOGETHER: Final = 100
"""Ends that one decision writes; the next ones follow at once."""
_NOT_BEGUN: Final = frozenset({None, Phase.PENDING, Phase.QUEUED})


def refuse(
    context: Context, requests: Iterable[PromotionRequest], draft: Draft
) -> tuple[PromotionRequest, ...]:
    """Refuse those of some requests that have no room, as many as are written together, and return the others.

    While the alias goes back, or a rollback or a swap is open, nobody is refused: nothing may hold that up, and it
    replaces the older ones itself.
    """
    waiting = tuple(requests)
    if not context.room.names_without or _goes_back(context):
        return waiting
    return refuse_all(context, waiting, draft)


def refuse_all(
    context: Context, requests: Iterable[PromotionRequest], draft: Draft
) -> tuple[PromotionRequest, ...]:
    """Do the same where no move can begin, and so no rollback is held up."""
    waiting, alias = tuple(requests), context.alias
    kept = None if alias is None else _kept(alias, waiting)
    over = [item for item in waiting if item is not kept and _has_no_room(context, item)]
    # with Supersede at once: one that is left for later would not be replaced by the newest
    most = len(over) if alias is not None and supersedes(alias) else TOGETHER
    draft.refused += [_end(context, item) for item in over[:most]]
    draft.wake(context.now if len(over) > most else None)
    refused = {item.metadata.name for item in over}
    return tuple(item for item in waiting if item.metadata.name not in refused)


def _goes_back(context: Context) -> bool:
    plan = None if context.alias is None else context.alias.status.plan
    goes_back = plan is not None and (plan.bearing is Bearing.BACKWARD or RULES[plan.operation].has_priority)
    return goes_back or any(has_priority(item) for item in context.requests)


def _kept(alias: ModelAlias, waiting: Sequence[PromotionRequest]) -> PromotionRequest | None:
    """Return the request of the alias that has room in any case: one that moves something, if there is one."""
    moving = [item for item in waiting if not item.spec.dry_run and not _ends(item)] or waiting
    return moving[-1 if supersedes(alias) else 0] if moving else None


def _has_no_room(context: Context, request: PromotionRequest) -> bool:
    if request.metadata.name not in context.room.names_without or _has_begun(request) or _ends(request):
        return False
    if is_own(context, request) or is_undecided(context, request) or is_broken(context, request):
        return False
    return not _has_ended_before(context, request)


def _ends(request: PromotionRequest) -> bool:
    """Return whether it ends by itself."""
    return request.spec.abort or request.metadata.deletion_timestamp is not None


def _has_ended_before(context: Context, request: PromotionRequest) -> bool:
    """Return whether the alias remembers it: then it ends as it did."""
    if context.alias is None:
        return False
    status = context.alias.status
    before = history.finished(status.history, request) or history.finished_before(status.finished, request)
    return before is not None


def _has_begun(request: PromotionRequest) -> bool:
    """Return whether something of it was judged, or people answered."""
    status = request.status
    judged = status.gates or status.eligibility or status.evaluation or status.approvals is not None
    return status.phase not in _NOT_BEGUN or bool(judged)


def _end(context: Context, request: PromotionRequest) -> RequestWrite:
    most = context.room.most
    older = "1 older request that has" if most == 1 else f"{most} older requests that have"
    message = (
        f"namespace {context.namespace} has {older} not ended, and there is room for no more: nothing was judged; "
        "file it again once some have ended"
    )
    end = Ended(Phase.REJECTED, Reason.TOO_MANY_REQUESTS, message)
    with blamed_on(request):
        return RequestWrite(request, request_status.ended(context.alias, request, end, context.now))
