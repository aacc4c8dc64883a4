"""The state of a request, in short, for messages."""

from typing import Final

from modelalias.api.conditions import RequestCondition, is_true
from modelalias.api.request import PromotionRequest

NO_STATUS: Final = "No status yet"
"""What is shown for a request that the operator has not looked at."""


def has_ended(request: PromotionRequest) -> bool:
    """Return whether the request has ended, successfully or not."""
    return is_true(request.status.conditions, RequestCondition.COMPLETE)


def described(request: PromotionRequest) -> str:
    """Return the phase and the explanation of a request."""
    phase, explanation = request.status.phase, request.status.explanation
    return ", ".join(item for item in (phase or NO_STATUS.lower(), explanation) if item)


def has_ended_message(request: PromotionRequest) -> str:
    """Return the message that a request has ended, and how."""
    return f"request {request.metadata.name} has ended: {described(request)}"
