"""Policies: rules that are written once and hold for many ModelAliases."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field

from modelalias.api.fields import Reported, Value, each_once, list_map
from modelalias.api.metadata import Metadata
from modelalias.api.monitors import Monitor
from modelalias.api.policy import Policy
from modelalias.api.workload import Rollout

NamePattern = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/:\x00-\x1f\x7f]+$")]
"""A shell pattern of names, such as `team-*`."""


class PolicyKind(StrEnum):
    """The kinds of policies."""

    NAMESPACED = "PromotionPolicy"
    """holds for the ModelAliases of its namespace that name it."""
    CLUSTER = "ClusterPromotionPolicy"
    """holds for the ModelAliases that it applies to, without their asking."""


class AppliesTo(Value):
    """Which ModelAliases a policy holds for: those whose namespace and model both match."""

    namespaces: Annotated[tuple[NamePattern, ...], Field(min_length=1, max_length=64)] = ("*",)
    """Shell patterns of namespaces; one that matches is enough. Unset: every namespace."""
    models: Annotated[tuple[NamePattern, ...], Field(min_length=1, max_length=64)] = ("*",)
    """Shell patterns of registered models; one that matches is enough. Upper and lower case are the same, because
    they are for MLflow on MySQL. Unset: every model."""

    def matches(self, namespace: str, model: str) -> bool:
        """Return whether both match."""
        return any(fnmatchcase(namespace, item) for item in self.namespaces) and any(
            fnmatchcase(model.casefold(), item.casefold()) for item in self.models
        )


class PromotionPolicySpec(Value):
    """Rules for ModelAliases, in the same fields as in a ModelAlias.

    A ModelAlias adds to them and tightens them; it cannot weaken them.
    """

    policy: Policy = Policy()
    """The rules for promotions."""
    rollout: Rollout = Rollout()
    """Defaults of spec.rollout; what a ModelAlias sets itself wins."""
    monitors: Annotated[
        tuple[Monitor, ...],
        Field(max_length=16, json_schema_extra=list_map("name")),
        each_once("name"),
    ] = ()
    """Production metrics that are watched after a promotion."""


class ClusterPromotionPolicySpec(PromotionPolicySpec):
    """Rules of the platform for the ModelAliases that they apply to, whether or not these name a policy."""

    applies_to: AppliesTo
    """Which ModelAliases the rules hold for; {} stands for all."""


class PromotionPolicy(Reported):
    """Rules for the ModelAliases of the namespace that name it in spec.policyRef."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["PromotionPolicy"] = "PromotionPolicy"
    metadata: Metadata
    spec: PromotionPolicySpec


class ClusterPromotionPolicy(Reported):
    """Rules of the platform that hold for every ModelAlias they apply to, without its asking."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["ClusterPromotionPolicy"] = "ClusterPromotionPolicy"
    metadata: Metadata
    spec: ClusterPromotionPolicySpec
