"""Which ModelAlias of a cluster manages which alias of a registry."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from modelalias.api.alias import ModelAlias
from modelalias.cli.cluster import Kind, PersonsCluster


class AliasKey(NamedTuple):
    """An alias of a registered model."""

    model: str
    alias: str

    @property
    def folded(self) -> "AliasKey":
        """Return what is one alias with it: MLflow on MySQL does not tell names apart that differ in case."""
        return AliasKey(self.model.casefold(), self.alias.casefold())


Managed = Mapping[AliasKey, Sequence[ModelAlias]]


def managed(aliases: Iterable[ModelAlias]) -> Managed:
    """Return the ModelAliases by the folded key of what they manage; of several, which exclude each other, all."""
    found: dict[AliasKey, list[ModelAlias]] = {}
    for item in aliases:
        found.setdefault(AliasKey(item.spec.model, item.spec.alias).folded, []).append(item)
    return found


def written(aliases: Iterable[ModelAlias]) -> Mapping[AliasKey, ModelAlias]:
    """Return the ModelAliases by the folded key of what they write as their previousAlias."""
    return {
        AliasKey(item.spec.model, item.spec.previous_alias).folded: item
        for item in aliases
        if item.spec.previous_alias is not None
    }


async def read(cluster: PersonsCluster, namespace: str, registry: str) -> Sequence[ModelAlias]:
    """Read the ModelAliases of a registry, in one namespace or, with "", in all.

    One that this release cannot read is passed over.
    """
    found = []
    async for body in cluster.every(Kind.ALIASES, namespace):
        try:
            item = ModelAlias.model_validate(body)
        except ValidationError:
            continue
        if item.spec.registry == registry:
            found.append(item)
    return found


def name(item: ModelAlias) -> str:
    """Return namespace and name."""
    return f"{item.metadata.namespace}/{item.metadata.name}"
