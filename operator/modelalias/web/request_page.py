"""`/r/{namespace}/{name}`: one PromotionRequest."""

from starlette.responses import Response

from modelalias.web import request_reading
from modelalias.web.visit import Visit


async def request_page(visit: Visit) -> Response:
    """Show how far a request has come, on which numbers, and who is waited for."""
    return await visit.answer("request.html", await request_reading.whole_view(visit))
