"""Requests that an unexpected error of the operator keeps from being judged.

One is tried a few times, with pauses, and then ends as Errored, while the others and a plan under way go on.
"""

from datetime import timedelta
from typing import Final

from modelalias.api.alias import FinishedRequest, ModelAlias
from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import history
from modelalias.core.plan.operations import has_priority
from modelalias.core.protocol.answers import KEEPS_TURN, KeepsTurn, NotReady
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Draft, RequestWrite
from modelalias.core.status import request_status

MOST_TRIES: Final = 3
_MESSAGE: Final = (
    "the operator could not judge the request because of an error of its own, which its log tells"
)


def is_broken(context: Context, request: PromotionRequest) -> bool:
    """Return whether the request is not to be looked at now."""
    return request.metadata.uid in context.broken


def end_if_tried_enough(
    context: Context, alias: ModelAlias | None, request: PromotionRequest, draft: Draft
) -> bool:
    """End a broken request that had all its tries, and return whether it had.

    The end rests on nothing that may have broken it: no record is written and none of its Jobs is looked up.
    """
    broken = context.broken[request.metadata.uid]
    if broken.tries < MOST_TRIES:
        draft.wake(broken.until)
        return False
    entries = () if alias is None else alias.status.history
    own = next((item for item in reversed(entries) if item.uid == request.metadata.uid), None)
    if own is not None:  # its plan was carried out all the same: what the history says is its end
        message = f"it ended as the history of the ModelAlias says; {_MESSAGE}"
        status = request_status.plain_end(request, history.phase_of(own), message, context.now)
        draft.writes.append(RequestWrite(request, status))
        return True
    status = request_status.plain_end(request, Phase.ERRORED, _MESSAGE, context.now)
    draft.writes.append(RequestWrite(request, status))
    if alias is not None and not request.spec.dry_run:
        draft.finished.append(
            FinishedRequest(spec_hash=request.spec_hash, uid=request.metadata.uid, phase=Phase.ERRORED)
        )
    return True


def wait_for_next_try(context: Context, request: PromotionRequest) -> NotReady | KeepsTurn:
    """Return what a broken request is told until then; one that had its turn, or has priority, keeps it."""
    broken, phase = context.broken[request.metadata.uid], request.status.phase
    message = f"waits for try {broken.tries + 1} of {MOST_TRIES}: {_MESSAGE}"
    until = max(broken.until, context.now + timedelta(seconds=1))
    if phase is not None and phase in KEEPS_TURN:
        return KeepsTurn(phase, Reason.UNEXPECTED_ERROR, message, until)
    if has_priority(request):
        return KeepsTurn(Phase.PENDING, Reason.UNEXPECTED_ERROR, message, until)
    return NotReady(Reason.UNEXPECTED_ERROR, message, until)
