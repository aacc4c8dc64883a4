"""ModelAlias: one alias of a registered model, the rules for moving it, and the workloads that serve it.

Defaults are here and not in the CRD, so that a release can change one without rewriting what users stored.
The parts have modules of their own and are all exported here.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from modelalias.api.alias_status import (
    AliasPhase,
    ArchivedVersion,
    AutoPromoteStatus,
    Hold,
    ModelAliasStatus,
    NamedVersion,
    Observed,
    PinVerdict,
    RolledBackVersion,
    Soaking,
)
from modelalias.api.fields import (
    AliasName,
    ItemName,
    ModelName,
    ModelVersionNumber,
    Reported,
    Value,
    cel,
    each_once,
    list_map,
)
from modelalias.api.gates import (
    DatasetRule,
    Direction,
    Enforcement,
    Gate,
    Gates,
    MetricSource,
    Mode,
    OnMissing,
    OnNoChampion,
    Versus,
)
from modelalias.api.history import FinishedRequest, HistoryEntry, Outcome
from modelalias.api.metadata import Metadata
from modelalias.api.monitor_status import (
    Baseline,
    BreachedVersion,
    MonitorPoint,
    MonitorState,
    MonitorStatus,
)
from modelalias.api.monitors import ExperimentMetric, Monitor, OnBreach, PrometheusQuery, Regression
from modelalias.api.plan import AliasMove, Bearing, Operation, Plan, PlannedWorkload, RequestRef, SourceAlias
from modelalias.api.policy import (
    Approval,
    ApprovalRequired,
    AutoPromote,
    Concurrency,
    Eligibility,
    Evaluation,
    FromVersions,
    Pins,
    Policy,
    PolicyRef,
    Retention,
    Soak,
)
from modelalias.api.policy_status import PolicyRule, PolicyStatus
from modelalias.api.serving_status import ServingState, ServingStatus
from modelalias.api.traffic import Backend, Traffic
from modelalias.api.traffic_status import BackendWeight, TrafficStatus
from modelalias.api.windows import Window, WindowKind, WindowOperation
from modelalias.api.workload import Load, LoadMode, OnFailure, Rollout, Serving, Verify, WorkloadKind

__all__ = [
    "AliasMove",
    "AliasPhase",
    "Approval",
    "ApprovalRequired",
    "ArchivedVersion",
    "AutoPromote",
    "AutoPromoteStatus",
    "Backend",
    "BackendWeight",
    "Baseline",
    "Bearing",
    "BreachedVersion",
    "Concurrency",
    "DatasetRule",
    "Direction",
    "Drift",
    "Eligibility",
    "Enforcement",
    "Evaluation",
    "ExperimentMetric",
    "FinishedRequest",
    "FromVersions",
    "Gate",
    "Gates",
    "HistoryEntry",
    "Hold",
    "Load",
    "LoadMode",
    "MetricSource",
    "Mode",
    "ModelAlias",
    "ModelAliasSpec",
    "ModelAliasStatus",
    "Monitor",
    "MonitorPoint",
    "MonitorState",
    "MonitorStatus",
    "NamedVersion",
    "Observed",
    "OnBreach",
    "OnFailure",
    "OnMissing",
    "OnNoChampion",
    "Operation",
    "Outcome",
    "PinVerdict",
    "Pins",
    "Plan",
    "PlannedWorkload",
    "Policy",
    "PolicyRef",
    "PolicyRule",
    "PolicyStatus",
    "PrometheusQuery",
    "Regression",
    "RequestRef",
    "Retention",
    "RolledBackVersion",
    "Rollout",
    "Serving",
    "ServingState",
    "ServingStatus",
    "Soak",
    "Soaking",
    "SourceAlias",
    "Traffic",
    "TrafficStatus",
    "Verify",
    "Versus",
    "Window",
    "WindowKind",
    "WindowOperation",
    "WorkloadKind",
]


class Drift(StrEnum):
    """What to do on drift: when somebody moves the alias in the registry by hand."""

    REPORT = "Report"
    """report it in the condition InSync and change nothing."""
    RESTORE = "Restore"
    """move the alias back."""
    ADOPT = "Adopt"
    """take over the new version as the current one and roll out the workloads; no gate and nobody is asked."""


_EACH_WORKLOAD_ONCE = (
    "self.all(a, self.exists_one(b, b.name == a.name && "
    "(has(b.kind) ? b.kind : 'Deployment') == (has(a.kind) ? a.kind : 'Deployment')))"
)


class ModelAliasSpec(Value):
    """How one alias of one registered model is managed."""

    registry: ItemName = "default"
    """Name of the MLflow registry in the operator's configuration. Immutable."""
    model: ModelName
    """Name of the registered model. Immutable."""
    alias: AliasName
    """The alias to manage, such as champion. Immutable; latest and v<digits> are reserved by MLflow."""
    version: ModelVersionNumber | None = None
    """Pin: move the alias to this version and reject promotion requests. Unset: requests move the alias."""
    previous_alias: AliasName | None = None
    """A second alias, such as prev-champion, that the operator moves to the version that was replaced. It is
    written and never read."""
    drift: Drift = Drift.REPORT
    """What to do on drift: when somebody moves the alias in the registry by hand."""
    suspend: StrictBool = False
    """Start nothing new, not even a rollback, and stop a plan that is under way before its next step."""
    serving: Annotated[
        tuple[Serving, ...],
        Field(
            max_length=64,
            json_schema_extra=cel(
                (
                    _EACH_WORKLOAD_ONCE,
                    "serving lists the same workload twice",
                )
            ),
        ),
    ] = ()
    """Workloads that serve the alias and are rolled out when it moves."""
    rollout: Rollout = Rollout()
    """How long a rollout may take and what happens if it fails."""
    policy: Policy = Policy()
    """The owner's rules for promotions."""
    policy_ref: PolicyRef | None = None
    """A PromotionPolicy of the namespace whose rules hold as well; while there is none of that name nothing new
    begins. A ClusterPromotionPolicy holds without being named."""
    monitors: Annotated[
        tuple[Monitor, ...],
        Field(max_length=16, json_schema_extra=list_map("name")),
        each_once("name"),
    ] = ()
    """Production metrics that are watched after a promotion."""
    traffic: Traffic | None = None
    """How the requests of an HTTPRoute are split between this alias and a challenger."""
    history_limit: Annotated[int, Field(ge=1, le=50)] = 20
    """How many moves status.history keeps."""
    request_history_limit: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """How many requests that have ended are kept. The oldest are deleted, except those that a GitOps tool
    tracks. Unset: all are kept."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "has(self.registry) == has(oldSelf.registry) && (!has(self.registry) || self.registry "
                    "== oldSelf.registry)"
                ),
                "registry is immutable",
            ),
            ("self.model == oldSelf.model", "model is immutable"),
            ("self.alias == oldSelf.alias", "alias is immutable"),
            (
                "!has(self.previousAlias) || self.previousAlias.lowerAscii() != self.alias.lowerAscii()",
                "previousAlias must differ from alias, and not only in case",
            ),
        )
    )

    @model_validator(mode="after")
    def _two_aliases(self) -> Self:
        if self.previous_alias is not None and self.previous_alias.lower() == self.alias.lower():
            raise ValueError("previousAlias must differ from alias, and not only in case")
        return self

    @model_validator(mode="after")
    def _each_workload_once(self) -> Self:
        if len({(item.kind, item.name) for item in self.serving}) < len(self.serving):
            raise ValueError("serving lists the same workload twice")
        return self


class ModelAlias(Reported):
    """An alias of a registered MLflow model: how it may be moved, what serves it, and its history."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["ModelAlias"] = "ModelAlias"
    metadata: Metadata
    spec: ModelAliasSpec
    status: ModelAliasStatus = ModelAliasStatus()

    def with_status(self, status: ModelAliasStatus) -> Self:
        """Return the alias with another status."""
        return self.model_copy(update={"status": status})
