"""Which record a person means: `churn@champion`, `models:/churn/7`, `models:/churn@champion`."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from modelalias.core.errors import InvalidRequest, NotFound
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.statement import Place
from modelalias.ports import Registry

_SCHEME: Final = "models:/"
_TAG: Final = "modelalias."


class Reference(NamedTuple):
    """A version of a model, by its number or by the alias that names it."""

    model: str
    alias: str | None
    version: str | None


class Found(NamedTuple):
    """A record as it stands in the registry, and whether an alias led to it."""

    place: Place
    text: str | None
    run: str | None
    """The run that the registry says the version was made from."""
    by_alias: bool


def parse(text: str, alias: str | None) -> Reference:
    """Read a reference; `alias` says whose record is meant where the reference names a version."""
    name = text.removeprefix(_SCHEME)
    model, at, named = name.rpartition("@")
    if at and model and named:
        if alias not in {None, named}:
            raise InvalidRequest(f"{text} names alias {named}, and --alias {alias}")
        return Reference(model, named, None)
    model, slash, version = name.rpartition("/")
    if name == text or not slash or not model or not version.isdecimal():
        raise InvalidRequest(f"{text} is neither MODEL@ALIAS nor models:/MODEL/VERSION")
    return Reference(model, alias, version)


async def find(registry: Registry, reference: Reference) -> Found:
    """Read the record; raise `InvalidRequest` where it is not clear which one is meant."""
    model, alias, number = reference
    if number is None:
        number = (await registry.aliases(model)).get(alias or "")
        if number is None:
            raise NotFound(f"model {model} has no alias {alias}")
    version = await registry.version(model, number)
    alias = alias or _only_alias(version.tags)
    text = None if alias is None else version.tags.get(tag_key(alias))
    place = Place(
        registry="", model=model, alias=alias or "", version=number, registered_at=version.registered_at
    )
    return Found(place, text, version.run_id, by_alias=reference.version is None)


def _only_alias(tags: Mapping[str, str]) -> str | None:
    """Return the alias of the only record of a version; None where it has none."""
    aliases = sorted(key.removeprefix(_TAG) for key in tags if key.startswith(_TAG))
    if len(aliases) > 1:
        raise InvalidRequest(f"there are records for several aliases: use --alias with {', '.join(aliases)}")
    return aliases[0] if aliases else None
