"""Reading what a person can do with a ModelAlias, for its page and for its forms."""

from collections.abc import Iterable

from modelalias.api.alias import ModelAlias
from modelalias.cli import rights_reading
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.web import alias_acts
from modelalias.web.alias_acts import AliasDeed, AliasStanding
from modelalias.web.forms import Typed
from modelalias.web.rendering import segment
from modelalias.web.visit import Visit


async def standing_of(visit: Visit, alias: ModelAlias, deeds: Iterable[AliasDeed]) -> AliasStanding:
    """Ask what the person lacks for those deeds that make sense now."""
    wanted = {
        deed: alias_acts.rights_for(deed, alias) for deed in deeds if alias_acts.makes_sense(deed, alias)
    }
    lacks = await rights_reading.missing_for(cluster_of(visit), wanted)
    return AliasStanding(alias, lacks, visit.looking)


def cluster_of(visit: Visit) -> PersonsCluster:
    """Return the namespace of the address."""
    return visit.reader.within(visit.parameter("namespace"))


async def alias_of(visit: Visit) -> ModelAlias:
    """Read the ModelAlias of the address."""
    return await cluster_of(visit).alias(visit.parameter("name"))


async def same_alias(visit: Visit, typed: Typed) -> ModelAlias:
    """Read it again for a form that was sent; raise `ObjectMissing` if it is another one by now."""
    alias = await alias_of(visit)
    if alias.metadata.uid != typed.text("uid"):
        name = alias.metadata.name
        raise ObjectMissing(f"ModelAlias {name} was deleted, and another one was created with its name")
    return alias


def address(visit: Visit, below: str = "") -> str:
    """Return the address of the page of the ModelAlias, or of a form of it."""
    path = f"/a/{segment(visit.parameter('namespace'))}/{segment(visit.parameter('name'))}"
    return f"{path}/{below}" if below else path
