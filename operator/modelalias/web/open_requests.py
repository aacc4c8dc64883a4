"""Reading the requests of an alias that have not ended: whom a new one waits behind, and who asks for the same."""

from collections.abc import Sequence

from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Kind
from modelalias.cli.open_requests import NOT_ENDED
from modelalias.cli.request_state import has_ended
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.web import awaiting, board
from modelalias.web.visit import Visit


async def read(visit: Visit, namespace: str, alias: str) -> Sequence[PromotionRequest]:
    """Read them; none where they may not be read, since they only tell what to expect."""
    selector = f"spec.aliasRef.name={board.selected(alias)},{NOT_ENDED}"
    try:
        page = await visit.reader.page(Kind.REQUESTS, namespace, selector=selector)
    except (Refused, InvalidRequest, Unavailable):
        return ()
    found, _ = awaiting.parsed(page.items)
    return [item for item in found if not has_ended(item)]
