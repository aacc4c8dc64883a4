"""ModelAlias: what an alias should be, and who decides.

The spec follows the design page field by field. Defaults stand here and not in the CRD, so that a release can
change one without rewriting what users stored. Its parts have modules of their own and are offered here under
one name.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from modelalias.api.alias_status import (
    AliasMove,
    AliasPhase,
    Bearing,
    FinishedRequest,
    Held,
    HistoryEntry,
    Hold,
    ModelAliasStatus,
    Observed,
    Operation,
    Outcome,
    PinVerdict,
    Plan,
    PlannedWorkload,
    RequestRef,
    RolledBackVersion,
    ServingState,
    ServingStatus,
    Soaking,
    SourceAlias,
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
from modelalias.api.metadata import Metadata
from modelalias.api.monitors import ExperimentMetric, Monitor, OnBreach, PrometheusQuery
from modelalias.api.policy import (
    Approval,
    ApprovalRequired,
    AutoPromote,
    Concurrency,
    Eligibility,
    Evaluation,
    Pins,
    Policy,
    Soak,
)
from modelalias.api.workload import Load, LoadMode, OnFailure, Rollout, Serving, Verify, WorkloadKind

__all__ = [
    "AliasMove",
    "AliasPhase",
    "Approval",
    "ApprovalRequired",
    "AutoPromote",
    "Bearing",
    "Concurrency",
    "DatasetRule",
    "Direction",
    "Drift",
    "Eligibility",
    "Enforcement",
    "Evaluation",
    "ExperimentMetric",
    "FinishedRequest",
    "Gate",
    "Gates",
    "Held",
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
    "PrometheusQuery",
    "RequestRef",
    "RolledBackVersion",
    "Rollout",
    "Serving",
    "ServingState",
    "ServingStatus",
    "Soak",
    "Soaking",
    "SourceAlias",
    "Verify",
    "Versus",
    "WorkloadKind",
]


class Drift(StrEnum):
    """What to do when someone else moves the alias in the registry."""

    REPORT = "Report"
    """say so and leave it."""
    RESTORE = "Restore"
    """set the alias back."""
    ADOPT = "Adopt"
    """take the new version as current and roll the workloads."""


_EACH_WORKLOAD_ONCE = (
    "self.all(a, self.exists_one(b, b.name == a.name && "
    "(has(b.kind) ? b.kind : 'Deployment') == (has(a.kind) ? a.kind : 'Deployment')))"
)


class ModelAliasSpec(Value):
    """What the owner wants of one alias of one registered model."""

    registry: ItemName = "default"
    """Name of the MLflow registry in the operator's configuration. Immutable."""
    model: ModelName
    """Name of the registered model. Immutable."""
    alias: AliasName
    """The alias that is managed, such as champion. Immutable; latest and v<digits> are reserved by MLflow."""
    version: ModelVersionNumber | None = None
    """Pin: the alias holds this version and promotion requests are refused. Unset: requests decide."""
    previous_alias: AliasName | None = None
    """A second alias that is kept on the version that was replaced."""
    drift: Drift = Drift.REPORT
    """What to do when someone else moves the alias in the registry."""
    suspend: StrictBool = False
    """Stop the line: nothing new starts, and a plan under way stops before its next side effect."""
    serving: Annotated[
        tuple[Serving, ...],
        Field(
            max_length=64,
            json_schema_extra=cel(
                (
                    _EACH_WORKLOAD_ONCE,
                    "a workload stands in serving once",
                )
            ),
        ),
    ] = ()
    """Workloads that serve the alias and are rolled when it moves."""
    rollout: Rollout = Rollout()
    """How long a rollout may take and what a failed one leads to."""
    policy: Policy = Policy()
    """The owner's rules for promotions."""
    monitors: Annotated[
        tuple[Monitor, ...],
        Field(max_length=16, json_schema_extra=list_map("name")),
        each_once("name"),
    ] = ()
    """Live metrics that are watched after a promotion."""
    history_limit: Annotated[int, Field(ge=1, le=50)] = 20
    """How many moves status.history keeps."""
    request_history_limit: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """How many requests that have ended are kept; the oldest beyond are deleted, but for those that a GitOps
    tool tracks. Unset: all are kept."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "has(self.registry) == has(oldSelf.registry) && (!has(self.registry) || self.registry == oldSelf.registry)",
                "registry is immutable",
            ),
            ("self.model == oldSelf.model", "model is immutable"),
            ("self.alias == oldSelf.alias", "alias is immutable"),
            (
                "!has(self.previousAlias) || self.previousAlias != self.alias",
                "previousAlias must differ from alias",
            ),
        )
    )

    @model_validator(mode="after")
    def _two_aliases(self) -> Self:
        if self.previous_alias == self.alias:
            raise ValueError("previousAlias must differ from alias")
        return self

    @model_validator(mode="after")
    def _each_workload_once(self) -> Self:
        if len({(item.kind, item.name) for item in self.serving}) < len(self.serving):
            raise ValueError("a workload stands in serving once")
        return self


class ModelAlias(Reported):
    """An alias of a registered MLflow model: who may move it, by which rules, and what serves it."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["ModelAlias"] = "ModelAlias"
    metadata: Metadata
    spec: ModelAliasSpec
    status: ModelAliasStatus = ModelAliasStatus()

    def with_status(self, status: ModelAliasStatus) -> Self:
        """Return the alias with another status."""
        return self.model_copy(update={"status": status})
