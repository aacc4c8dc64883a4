"""ModelAlias: what an alias should be, and who decides.

The spec follows the design page field by field. Defaults stand here and not in the CRD, so that a release can change one
without rewriting what users stored.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.conditions import Condition
from modelalias.api.fields import (
    AliasName,
    Duration,
    EnvName,
    Evidence,
    ItemName,
    MetricName,
    ModelName,
    ModelVersionNumber,
    Number,
    ObjectName,
    Reported,
    RunId,
    TagKey,
    TagValue,
    Text,
    Timestamp,
    Tolerance,
    UserName,
    Value,
    cel,
)
from modelalias.api.metadata import Metadata


class Drift(StrEnum):
    """What to do when someone else moves the alias in the registry."""

    REPORT = "Report"
    RESTORE = "Restore"
    ADOPT = "Adopt"


class WorkloadKind(StrEnum):
    """The kinds of workload that can be rolled."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"


class LoadMode(StrEnum):
    """How the pods of a workload learn their version."""

    ALIAS = "Alias"
    PINNED = "Pinned"


class Direction(StrEnum):
    """Which way a metric improves."""

    HIGHER = "HigherIsBetter"
    LOWER = "LowerIsBetter"


class Mode(StrEnum):
    """Whether a distance to the champion is absolute or a share of the champion's value."""

    ABSOLUTE = "Absolute"
    RELATIVE = "Relative"


class MetricSource(StrEnum):
    """Where a gate's numbers come from."""

    RUN = "Run"
    LOGGED_MODEL = "LoggedModel"
    EVALUATION = "Evaluation"


class DatasetRule(StrEnum):
    """Which data the two sides must have been measured on."""

    ANY = "Any"
    SAME = "SameAsChampion"


class OnNoChampion(StrEnum):
    """The result of a champion gate while the alias holds no version."""

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class OnMissing(StrEnum):
    """The result of a gate whose metric is missing or not finite."""

    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class Enforcement(StrEnum):
    """Whether a gate that does not pass stops the promotion."""

    BLOCK = "Block"
    ADVISE = "Advise"


class OnFailure(StrEnum):
    """What a failed rollout leads to."""

    ROLLBACK = "Rollback"
    HOLD = "Hold"


class Load(Value):
    """How the pods learn which version to serve."""

    mode: LoadMode = LoadMode.ALIAS
    container: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    env: EnvName | None = None

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!(has(self.mode) && self.mode == 'Pinned') || (has(self.container) && has(self.env))",
                "mode Pinned needs container and env",
            )
        )
    )

    @model_validator(mode="after")
    def _pinned_names_a_variable(self) -> Self:
        if self.mode is LoadMode.PINNED and not (self.container and self.env):
            raise ValueError("mode Pinned needs container and env")
        return self


class Verify(Value):
    """How to ask a pod what it serves."""

    port: Annotated[int, Field(ge=1, le=65535)]
    path: Annotated[str, Field(max_length=255, pattern=r"^/[A-Za-z0-9_.~/-]*$")] = "/version"
    field: Annotated[str, Field(min_length=1, max_length=63)] = "version"


class Serving(Value):
    """A workload that serves the alias."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    name: ObjectName
    wave: Annotated[int, Field(ge=0, le=99)] = 0
    load: Load = Load()
    verify: Verify | None = None


class Rollout(Value):
    """How long a rollout may take and what a failed one leads to."""

    deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600
    on_failure: OnFailure = OnFailure.ROLLBACK


class Soak(Value):
    """How long a version must have held another alias."""

    alias: AliasName
    for_: Annotated[Duration, Field(alias="for")]


class Eligibility(Value):
    """What a version must have before its metrics are looked at."""

    require_tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = {}
    require_alias: AliasName | None = None
    soak: Soak | None = None
    require_signature: bool = False


class Versus(Value):
    """The distance to the champion that a candidate must keep."""

    min_improvement: Tolerance | None = None
    max_regression: Tolerance | None = None
    mode: Mode = Mode.ABSOLUTE

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.minImprovement) != has(self.maxRegression)", "exactly one of minImprovement and maxRegression")
        )
    )

    @model_validator(mode="after")
    def _one_distance(self) -> Self:
        if (self.min_improvement is None) == (self.max_regression is None):
            raise ValueError("exactly one of minImprovement and maxRegression")
        return self


class Gate(Value):
    """A rule on one metric: a bar of its own or a distance to the champion."""

    name: ItemName
    metric: MetricName
    direction: Direction
    threshold: Number | None = None
    champion: Versus | None = None
    metric_from: MetricSource = MetricSource.RUN
    dataset: DatasetRule = DatasetRule.ANY
    on_no_champion: OnNoChampion = OnNoChampion.PASS
    on_missing: OnMissing = OnMissing.FAIL
    enforcement: Enforcement = Enforcement.BLOCK

    model_config = ConfigDict(
        json_schema_extra=cel(("has(self.threshold) != has(self.champion)", "exactly one of threshold and champion"))
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.threshold is None) == (self.champion is None):
            raise ValueError("exactly one of threshold and champion")
        return self


Gates = Annotated[
    tuple[Gate, ...],
    Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
]


class Evaluation(Value):
    """A suspended CronJob that is the template of the evaluation Jobs."""

    cron_job: Annotated[str, Field(min_length=1, max_length=52, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800


class ApprovalRequired(StrEnum):
    """When people have to approve."""

    NEVER = "Never"
    ALWAYS = "Always"
    ON_INCONCLUSIVE = "OnInconclusive"


class Approval(Value):
    """Who has to approve, and for how long the operator waits for them."""

    required: ApprovalRequired = ApprovalRequired.NEVER
    minimum: Annotated[int, Field(ge=1, le=16)] = 1
    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    allow_self: bool = False
    wait_for: Duration = "72h"
    checklist: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=253)], ...], Field(max_length=32)] = ()


class Concurrency(StrEnum):
    """What a newer request does to those that have no plan yet."""

    QUEUE = "Queue"
    SUPERSEDE = "Supersede"


class Pins(StrEnum):
    """Whether an edit of spec.version has to pass the gates."""

    TRUSTED = "Trusted"
    GATED = "Gated"


class AutoPromote(Value):
    """Let the operator file a request for each new holder of an alias."""

    from_alias: AliasName
    delete_source_alias: bool = True


class Policy(Value):
    """The owner's rules for promotions."""

    eligibility: Eligibility | None = None
    gates: Gates = ()
    evaluation: Evaluation | None = None
    approval: Approval = Approval()
    concurrency: Concurrency = Concurrency.QUEUE
    pins: Pins = Pins.TRUSTED
    auto_promote: AutoPromote | None = None


class PrometheusQuery(Value):
    """A query against the operator's Prometheus."""

    query: Annotated[str, Field(min_length=1, max_length=4096)]


class ExperimentMetric(Value):
    """A metric that a live experiment of the registry logs."""

    name: Annotated[str, Field(min_length=1, max_length=250)]
    metric: MetricName


class OnBreach(StrEnum):
    """What a breached monitor leads to."""

    ROLLBACK = "Rollback"
    ALERT = "Alert"


class Monitor(Value):
    """A live metric watched after a promotion."""

    name: ItemName
    prometheus: PrometheusQuery | None = None
    experiment: ExperimentMetric | None = None
    direction: Direction
    threshold: Number
    interval: Duration = "60s"
    failure_limit: Annotated[int, Field(ge=1, le=100)] = 3
    on_breach: OnBreach = OnBreach.ROLLBACK

    model_config = ConfigDict(
        json_schema_extra=cel(("has(self.prometheus) != has(self.experiment)", "exactly one of prometheus and experiment"))
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.prometheus is None) == (self.experiment is None):
            raise ValueError("exactly one of prometheus and experiment")
        return self


class ModelAliasSpec(Value):
    """What the owner wants of one alias of one registered model."""

    registry: ItemName = "default"
    model: ModelName
    alias: AliasName
    version: ModelVersionNumber | None = None
    previous_alias: AliasName | None = None
    drift: Drift = Drift.REPORT
    suspend: bool = False
    serving: Annotated[
        tuple[Serving, ...],
        Field(max_length=64, json_schema_extra=cel(
            ("self.all(a, self.exists_one(b, b.name == a.name && (has(b.kind) ? b.kind : 'Deployment') == "
             "(has(a.kind) ? a.kind : 'Deployment')))", "a workload stands in serving once"))),
    ] = ()
    rollout: Rollout = Rollout()
    policy: Policy = Policy()
    monitors: Annotated[
        tuple[Monitor, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
    ] = ()
    history_limit: Annotated[int, Field(ge=1, le=50)] = 20

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.registry) == has(oldSelf.registry) && (!has(self.registry) || self.registry == oldSelf.registry)",
             "registry is immutable"),
            ("self.model == oldSelf.model", "model is immutable"),
            ("self.alias == oldSelf.alias", "alias is immutable"),
            ("!has(self.previousAlias) || self.previousAlias != self.alias", "previousAlias must differ from alias"),
        )
    )

    @model_validator(mode="after")
    def _two_aliases(self) -> Self:
        if self.previous_alias == self.alias:
            raise ValueError("previousAlias must differ from alias")
        if len({(item.kind, item.name) for item in self.serving}) < len(self.serving):
            raise ValueError("a workload stands in serving once")
        return self


class Operation(StrEnum):
    """What moved, or is to move, an alias."""

    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    SWAP = "Swap"
    PIN = "Pin"
    RESTORE = "Restore"
    ADOPT = "Adopt"


class Held(Reported):
    """A version that the alias holds or held."""

    version: ModelVersionNumber
    run_id: RunId | None = None
    since: Timestamp
    request: ObjectName | None = None
    actor: UserName | None = None


class Observed(Reported):
    """The registry as last read: `version` is absent where the alias names none; `epoch` rises with each change."""

    version: ModelVersionNumber | None = None
    at: Timestamp
    epoch: Annotated[int, Field(ge=0)] = 0


class RequestRef(Reported):
    """The request that a plan serves."""

    name: ObjectName
    uid: Annotated[str, Field(max_length=64)]


class AliasMove(Reported):
    """One alias with its former and its new version; None is "names no version"."""

    name: AliasName
    from_: Annotated[ModelVersionNumber | None, Field(alias="from")] = None
    to: ModelVersionNumber | None = None


class PlannedWorkload(Reported):
    """A workload as it was frozen when the plan was made, with the values to go back to.

    `from` and `to` are values of the pod-template annotation; `fromUri` and `toUri` of the variable, with mode Pinned.
    A `from` of None means that the annotation, or the variable, was not there.
    """

    kind: WorkloadKind
    name: ObjectName
    uid: Annotated[str, Field(max_length=64)]
    wave: int = 0
    mode: LoadMode = LoadMode.ALIAS
    container: Annotated[str, Field(max_length=63)] | None = None
    env: EnvName | None = None
    from_: Annotated[str | None, Field(alias="from", max_length=64)] = None
    to: Annotated[str, Field(max_length=64)]
    back: Annotated[str | None, Field(max_length=64)] = None
    from_uri: Annotated[str, Field(max_length=1024)] | None = None
    to_uri: Annotated[str, Field(max_length=1024)] | None = None


class Bearing(StrEnum):
    """Which way a plan is being carried out."""

    FORWARD = "Forward"
    BACKWARD = "Backward"


class SourceAlias(Reported):
    """The alias that is removed at the end, if it still holds this version."""

    name: AliasName
    version: ModelVersionNumber


class Plan(Reported):
    """What is being carried out: written before the first side effect, removed with the history entry."""

    operation: Operation
    request: RequestRef | None = None
    spec_hash: Annotated[str, Field(max_length=80)] | None = None
    actor: UserName | None = None
    reason: Text = ""
    evidence: Evidence | None = None
    aliases: Annotated[tuple[AliasMove, ...], Field(max_length=8)]
    run_id: RunId | None = None
    serving: Annotated[tuple[PlannedWorkload, ...], Field(max_length=64)] = ()
    source_alias: SourceAlias | None = None
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = {}
    rollout: Rollout = Rollout()
    epoch: Annotated[int, Field(ge=0)] = 0
    bearing: Bearing = Bearing.FORWARD
    failure: Annotated[str, Field(max_length=64)] | None = None
    message: Text = ""
    started_at: Timestamp
    turned_at: Timestamp | None = None


class ServingState(StrEnum):
    """Where a workload stands."""

    UNKNOWN = "Unknown"
    PENDING = "Pending"
    ROLLING = "Rolling"
    UP_TO_DATE = "UpToDate"
    FAILED = "Failed"
    MISSING = "Missing"


class ServingStatus(Reported):
    """What a workload should serve and what it is known to serve."""

    kind: WorkloadKind
    name: ObjectName
    uid: Annotated[str, Field(max_length=64)] | None = None
    desired: ModelVersionNumber | None = None
    served: ModelVersionNumber | None = None
    state: ServingState
    message: Text = ""


class Hold(Reported):
    """Why automatic promotion is stopped."""

    reason: Annotated[str, Field(max_length=64)]
    request: ObjectName | None = None
    since: Timestamp


class RolledBackVersion(Reported):
    """A version that was rolled back; automatic steps leave it alone."""

    version: ModelVersionNumber
    reason: Annotated[str, Field(max_length=64)]
    at: Timestamp


class Outcome(StrEnum):
    """How a plan ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"


class HistoryEntry(Reported):
    """One move of the alias: who, when, from, to, why, on which evidence."""

    from_: Annotated[ModelVersionNumber | None, Field(alias="from")] = None
    to: ModelVersionNumber | None = None
    at: Timestamp
    operation: Operation
    outcome: Outcome
    request: ObjectName | None = None
    uid: Annotated[str, Field(max_length=64)] | None = None
    spec_hash: Annotated[str, Field(max_length=80)] | None = None
    run_id: RunId | None = None
    actor: UserName | None = None
    approvers: Annotated[tuple[UserName, ...], Field(max_length=16)] = ()
    reason: Text = ""
    message: Text = ""
    evidence: Evidence | None = None


class AliasPhase(StrEnum):
    """One word for people; nothing reads it back."""

    PENDING = "Pending"
    READY = "Ready"
    PROMOTING = "Promoting"
    ROLLING_OUT = "RollingOut"
    ROLLING_BACK = "RollingBack"
    DRIFTED = "Drifted"
    SUSPENDED = "Suspended"
    UNREACHABLE = "Unreachable"
    FAILED = "Failed"
    STALLED = "Stalled"


class ModelAliasStatus(Reported):
    """What the operator knows of the alias."""

    observed_generation: int | None = None
    phase: AliasPhase | None = None
    current: Held | None = None
    previous: Held | None = None
    observed: Observed | None = None
    plan: Plan | None = None
    serving: Annotated[tuple[ServingStatus, ...], Field(max_length=64)] = ()
    queue: Annotated[tuple[ObjectName, ...], Field(max_length=100)] = ()
    hold: Hold | None = None
    rolled_back: Annotated[tuple[RolledBackVersion, ...], Field(max_length=50)] = ()
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=50)] = ()
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = ()


class ModelAlias(Reported):
    """An alias of a registered model as a Kubernetes resource."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["ModelAlias"] = "ModelAlias"
    metadata: Metadata
    spec: ModelAliasSpec
    status: ModelAliasStatus = ModelAliasStatus()
