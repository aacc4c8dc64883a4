"""What an abort writes into a request."""

from modelalias.api.request import PromotionRequest
from modelalias.cli import edits
from modelalias.cli.edits import Edit
from modelalias.cli.request_state import has_ended, has_ended_message
from modelalias.core.errors import InvalidRequest


def edit(request: PromotionRequest) -> Edit | None:
    """Return the edit that stops the request; None if it is being stopped already."""
    if request.spec.abort:
        return None
    if has_ended(request):
        raise InvalidRequest(has_ended_message(request))
    return edits.of_request(request, {"op": "add", "path": "/spec/abort", "value": True})
