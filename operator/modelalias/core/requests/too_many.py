"""Refusing what is too much: a namespace may have so many open requests, and the oldest have room.

Only what has not begun is refused, and never a rollback, a swap, what the operator filed itself, or the oldest
request of an alias. Nothing remembers the end, because nothing was judged: the same request may be filed again.
"""

from typing import Final

from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.plan.operations import has_priority
from modelalias.core.protocol.answers import Ended
from modelalias.core.protocol.blame import blamed_on
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import RequestWrite
from modelalias.core.requests.broken import is_broken
from modelalias.core.requests.by_operator import is_own, is_undecided
from modelalias.core.status import request_status, ways_out

TOGETHER: Final = 100
"""Ends that are written before it is looked again."""
_NOT_BEGUN: Final = frozenset({None, Phase.PENDING, Phase.QUEUED})


def refused(context: Context) -> tuple[RequestWrite, ...]:
    """Return the ends of requests that have no room in their namespace, as many as are written together."""
    if not context.room.names_without:
        return ()
    over = [item for item in context.requests[1:] if _is_refused(context, item)]
    return tuple(_end(context, item) for item in over[:TOGETHER])


def _is_refused(context: Context, request: PromotionRequest) -> bool:
    status, ends = request.status, request.spec.abort or request.metadata.deletion_timestamp is not None
    has_begun = status.phase not in _NOT_BEGUN or bool(status.evaluation)
    if has_begun or ends or has_priority(request) or is_broken(context, request):
        return False
    its_own = is_own(context, request) or is_undecided(context, request)
    return request.metadata.name in context.room.names_without and not its_own


def _end(context: Context, request: PromotionRequest) -> RequestWrite:
    most = context.room.most
    older = "1 older request that has" if most == 1 else f"{most} older requests that have"
    message = (
        f"namespace {context.namespace} has {older} not ended, and there is room for no more: nothing was judged; "
        f"once some have ended: {ways_out.retry(context.namespace, request.metadata.name)}"
    )
    end = Ended(Phase.REJECTED, Reason.TOO_MANY_REQUESTS, message)
    with blamed_on(request):
        return RequestWrite(request, request_status.ended(context.alias, request, end, context.now))
