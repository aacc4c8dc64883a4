"""Requests that an unexpected error of the operator keeps from being judged.

Such an error is a bug, or an answer that nobody thought of. It belongs to the request that was looked at:
that one is tried a few times and then ends as Errored, while the others, and a plan under way, go on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from modelalias.api.conditions import Reason
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.errors import RequestBroken
from modelalias.core.protocol.answers import Ended, NotReady
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.facts import Needed

MOST_TRIES: Final = 3
_PAUSE: Final = timedelta(seconds=10)
_MESSAGE: Final = (
    "the operator could not judge the request because of an error of its own, which its log tells"
)


@contextmanager
def blamed_on(request: PromotionRequest) -> Iterator[None]:
    """Raise `RequestBroken` in place of an unexpected error; a question is none."""
    try:
        yield
    except (Needed, RequestBroken):
        raise
    except Exception as error:
        raise RequestBroken(request.metadata.uid, request.metadata.name) from error


def is_broken(context: Context, request: PromotionRequest) -> bool:
    """Return whether the request is not to be looked at any more in this pass."""
    return request.metadata.uid in context.broken


def answer_broken(context: Context, request: PromotionRequest) -> Ended | NotReady:
    """End a broken request that was tried often enough; let the others wait for the next try."""
    tries = context.broken[request.metadata.uid]
    if tries >= MOST_TRIES:
        return Ended(Phase.ERRORED, Reason.UNEXPECTED_ERROR, _MESSAGE)
    message = f"waits for try {tries + 1} of {MOST_TRIES}: {_MESSAGE}"
    return NotReady(Reason.UNEXPECTED_ERROR, message, context.now + tries * _PAUSE)
