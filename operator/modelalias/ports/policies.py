"""A policy as it is known of the cluster."""

from typing import NamedTuple

from modelalias.api.fields import Value
from modelalias.api.metadata import Metadata
from modelalias.api.promotion_policy import AppliesTo, PolicyKind, PromotionPolicySpec


class PolicyId(NamedTuple):
    """Which policy; a ClusterPromotionPolicy has no namespace."""

    kind: PolicyKind
    namespace: str
    name: str


class GivenPolicy(Value):
    """A policy, also one that this release cannot read: that one holds all the same, and nothing passes it."""

    kind: PolicyKind
    metadata: Metadata
    applies_to: AppliesTo | None = None
    """None: to those that name it."""
    spec: PromotionPolicySpec | None = None
    """None where it cannot be read."""
    problem: str = ""
    """Why it cannot be read; "" where it can."""

    @property
    def id(self) -> PolicyId:
        """Which policy it is."""
        return PolicyId(self.kind, self.metadata.namespace, self.metadata.name)

    @property
    def title(self) -> str:
        """Its kind and name, as statuses have them."""
        return f"{self.kind}/{self.metadata.name}"
