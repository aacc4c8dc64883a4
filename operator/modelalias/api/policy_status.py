"""The rules that hold for a ModelAlias, and where each comes from: part of its status."""

from typing import Annotated

from pydantic import Field

from modelalias.api.fields import Reported, keep_first

PolicyName = Annotated[str, Field(max_length=320), keep_first(320)]
"""A source of rules as kind/name, such as ClusterPromotionPolicy/base, or ModelAlias."""


class PolicyRule(Reported):
    """One rule, and where it comes from."""

    rule: Annotated[str, Field(max_length=512), keep_first(512)]
    """Which field of the spec it is, such as policy.gates[auc-floor]."""
    from_: Annotated[PolicyName, Field(alias="from")]
    """The policy that it stands in, as kind/name; ModelAlias: its own spec."""


class PolicyStatus(Reported):
    """The policies that hold for a ModelAlias and the rules that result. Changes only when rules come or go."""

    sources: Annotated[tuple[PolicyName, ...], Field(max_length=32), keep_first(32)] = ()
    """The policies as kind/name, in the order in which they are merged."""
    rules: Annotated[tuple[PolicyRule, ...], Field(max_length=256), keep_first(256)] = ()
    """Each rule with its source; values stand there. Empty while the policies cannot be merged."""
