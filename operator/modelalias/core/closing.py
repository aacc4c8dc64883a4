"""Closing a request: its end is written once nothing of it is left running."""

from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.core import evaluation
from modelalias.core.answers import ANSWER_POLL
from modelalias.core.decision import Draft, RequestWrite
from modelalias.core.facts import Failed
from modelalias.core.world import World


def close(world: World, request: PromotionRequest, status: PromotionRequestStatus, draft: Draft) -> None:
    """End the request with that status; Jobs that still run for it are stopped first."""
    try:
        stop = evaluation.leftover(request.status.evaluation, world.namespace, world.facts)
    except Failed:
        draft.wake(world.now + ANSWER_POLL)
        return
    if stop is not None:
        told = f"{status.explanation[:1024]}; its Jobs are being stopped first"
        draft.writes.append(RequestWrite(request, request.status.model_copy(update={"explanation": told})))
        draft.do(stop)
        return
    draft.writes.append(RequestWrite(request, status))
