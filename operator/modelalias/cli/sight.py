"""A request as it stands before somebody who decides on it."""

from dataclasses import dataclass

from modelalias.api.alias import ModelAlias
from modelalias.api.policy import Approval
from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import PersonsCluster, Who
from modelalias.core.errors import InvalidRequest, Refused


@dataclass(frozen=True)
class Sight:
    """A request as it is shown to whoever decides on it, and the owner's rules where they can be read."""

    who: Who
    request: PromotionRequest
    rules: Approval | None
    alias: ModelAlias | None = None
    """Where it can be read."""


async def look(cluster: PersonsCluster, name: str) -> Sight:
    """Read a request and what is needed to decide on it."""
    who, request = await cluster.who(), await cluster.request(name)
    alias = await _alias(cluster, request.spec.alias_ref.name)
    return Sight(who, request, None if alias is None else _rules(alias), alias)


async def rules_of(cluster: PersonsCluster, alias: str) -> Approval | None:
    """Read who may approve; None if that cannot be read, and then the operator decides.

    What policies say of it stands in the request's status, as far as it matters.
    """
    found = await _alias(cluster, alias)
    return None if found is None else _rules(found)


async def _alias(cluster: PersonsCluster, name: str) -> ModelAlias | None:
    try:
        return await cluster.alias(name)
    except (Refused, InvalidRequest):
        return None


def _rules(found: ModelAlias) -> Approval | None:
    has_policies = found.spec.policy_ref is not None or found.status.policy is not None
    return None if has_policies else found.spec.policy.approval
