"""`/a/{namespace}/{name}`: one ModelAlias."""

from starlette.responses import Response

from modelalias.web import alias_reading, alias_view
from modelalias.web.visit import Visit


async def alias_page(visit: Visit) -> Response:
    """Show where a ModelAlias stands."""
    read = await alias_reading.read(visit.reader, visit.parameter("namespace"), visit.parameter("name"))
    view = alias_view.view(read, visit.reader.now(), visit.person.flags)
    return await visit.answer("alias.html", view)
