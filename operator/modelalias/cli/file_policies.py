"""The policies that stand in the same file as a ModelAlias."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.alias import ModelAlias
from modelalias.api.policy_status import PolicyStatus
from modelalias.api.promotion_policy import ClusterPromotionPolicy, PolicyKind, PromotionPolicy
from modelalias.core.errors import InvalidRequest
from modelalias.core.policies.effective import effective
from modelalias.ports import GivenPolicy
from modelalias.reconcile.known_policies import KnownPolicies
from modelalias.reconcile.queue import Key


def with_policies(
    alias: ModelAlias, objects: Iterable[Mapping[str, Any]], told: Iterable[str] = ()
) -> ModelAlias:
    """Return the alias with the rules that hold for it, as far as the file has them.

    `told` names policies that hold by its status. Raise `InvalidRequest` where the rules are not known.
    """
    known = KnownPolicies()
    for body in objects:
        if body.get("kind") in set(PolicyKind):
            known.see(_parsed(body))
    key = Key(alias.metadata.namespace, alias.metadata.name)
    known.see_alias(key, alias)
    result = effective(alias, known.applying(key))
    if result.view.problem is not None:
        raise InvalidRequest(
            f"{result.view.problem.message}; the policies that hold belong into the file as well"
        )
    missing = sorted(set(told) - set(_sources(result.view.shown)))
    if missing:
        raise InvalidRequest(
            f"by its status {', '.join(missing)} holds for ModelAlias {alias.metadata.name}, and is not in the file"
        )
    return result.alias


def _sources(status: PolicyStatus | None) -> Sequence[str]:
    return () if status is None else status.sources


def _parsed(body: Mapping[str, Any]) -> GivenPolicy:
    kind = PolicyKind(body["kind"])
    try:
        if kind is PolicyKind.NAMESPACED:
            policy = PromotionPolicy.model_validate(body)
            return GivenPolicy(kind=kind, metadata=policy.metadata, spec=policy.spec)
        whole = ClusterPromotionPolicy.model_validate(body)
    except ValidationError as error:
        metadata = body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        raise InvalidRequest(
            f"{kind} {name or 'without a name'} is not valid: {unfit.message(error)}"
        ) from error
    return GivenPolicy(kind=kind, metadata=whole.metadata, applies_to=whole.spec.applies_to, spec=whole.spec)
