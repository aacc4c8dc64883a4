"""Which version a person means: `churn@champion` or `churn/7`, with or without `models:/` in front."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from modelalias.core.errors import InvalidRequest, NotFound
from modelalias.core.ledger.record_text import tag_key
from modelalias.core.ledger.statement import Place
from modelalias.ports import Aliases, ModelVersion, Registry

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
    if not slash or not model or not version.isdecimal():
        raise InvalidRequest(f"{text} is neither MODEL@ALIAS nor MODEL/VERSION")
    return Reference(model, alias, version)


async def find(registry: Registry, reference: Reference) -> Found:
    """Read the record; raise `InvalidRequest` where it is not clear which one is meant."""
    model, alias, number = reference
    if number is None:
        number = named_by(await registry.aliases(model), reference)
    version = await registry.version(model, number)
    alias = alias or _only_alias(version.tags)
    return found(version, alias, by_alias=reference.version is None)


def named_by(aliases: Aliases, reference: Reference) -> str:
    """Return the version that the alias of a reference names; raise `NotFound`."""
    number = aliases.get(reference.alias or "")
    if number is None:
        raise NotFound(f"model {reference.model} has no alias {reference.alias}")
    return number


def found(version: ModelVersion, alias: str | None, *, by_alias: bool) -> Found:
    """Return the record of a version under an alias."""
    text = None if alias is None else version.tags.get(tag_key(alias))
    place = Place(
        registry="",
        model=version.model,
        alias=alias or "",
        version=version.version,
        registered_at=version.registered_at,
    )
    return Found(place, text, version.run_id, by_alias=by_alias)


def recorded_aliases(tags: Mapping[str, str]) -> Sequence[str]:
    """Return the aliases under which a version has records, sorted."""
    return sorted(key.removeprefix(_TAG) for key in tags if key.startswith(_TAG))


def _only_alias(tags: Mapping[str, str]) -> str | None:
    """Return the alias of the only record of a version; None where it has none."""
    aliases = recorded_aliases(tags)
    if len(aliases) > 1:
        raise InvalidRequest(f"there are records for several aliases: use --alias with {', '.join(aliases)}")
    return aliases[0] if aliases else None
