"""`/a/{namespace}/{name}`: one ModelAlias."""

from starlette.responses import Response

from modelalias.web import alias_acts, alias_reading, alias_standing, alias_view
from modelalias.web.alias_acts import AliasDeed
from modelalias.web.visit import Visit


async def alias_page(visit: Visit) -> Response:
    """Show where a ModelAlias stands, and what the person can do with it."""
    read = await alias_reading.read(visit.reader, visit.parameter("namespace"), visit.parameter("name"))
    acts = alias_acts.acts(await alias_standing.standing_of(visit, read.alias, AliasDeed))
    view = alias_view.view(read, visit.reader.now(), visit.person.flags, acts)
    return await visit.answer("alias.html", view)
