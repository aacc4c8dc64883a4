"""PromotionRequest: one guarded move, written once."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.alias import Gates
from modelalias.api.conditions import Condition
from modelalias.api.fields import (
    AliasName,
    Duration,
    Evidence,
    ItemName,
    MetricName,
    ModelVersionNumber,
    ObjectName,
    Reported,
    RunId,
    TagKey,
    TagValue,
    Text,
    Timestamp,
    UserName,
    Value,
    cel,
)
from modelalias.api.metadata import Metadata


class RequestOperation(StrEnum):
    """What a request asks for."""

    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    SWAP = "Swap"


class AliasRef(Value):
    """A ModelAlias of the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class Source(Value):
    """Which version to promote, named in exactly one way."""

    version: ModelVersionNumber | None = None
    run_id: RunId | None = None
    artifact_path: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] | None = None
    alias: AliasName | None = None
    previous: Literal[True] | None = None

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "[has(self.version), has(self.runId), has(self.alias), has(self.previous)].filter(x, x).size() == 1",
                "exactly one of version, runId, alias and previous",
            ),
            ("!has(self.artifactPath) || has(self.runId)", "artifactPath goes with runId"),
        )
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(item is not None for item in (self.version, self.run_id, self.alias, self.previous)) != 1:
            raise ValueError("exactly one of version, runId, alias and previous")
        if self.artifact_path is not None and self.run_id is None:
            raise ValueError("artifactPath goes with runId")
        return self


class OnSuccess(Value):
    """What to do once the promotion has succeeded."""

    delete_source_alias: bool = False
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = {}


class Decision(StrEnum):
    """What an approver says."""

    APPROVE = "Approve"
    REJECT = "Reject"


class GivenApproval(Value):
    """One person's word on one set of evidence."""

    user: UserName
    evidence: Evidence
    decision: Decision
    group: UserName | None = None
    checklist: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=253)], ...], Field(max_length=32)] = ()
    message: Text = ""


_IMMUTABLE = (
    "operation", "source", "expectedCurrent", "reason", "requestedBy", "additionalGates", "skipGates", "dryRun", "onSuccess",
    "expiresAfter", "ttlSecondsAfterFinished",
)  # fmt: skip


def _unchanged(name: str) -> tuple[str, str]:
    """Say that a field keeps its value, also when it is added or removed (a rule on the field itself would not run then)."""
    rule = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
    return rule, f"{name} is immutable: a request is written once, file a new one"


class PromotionRequestSpec(Value):
    """What is asked for; only `approvals` may grow and `abort` may be set."""

    alias_ref: AliasRef
    operation: RequestOperation = RequestOperation.PROMOTE
    source: Source | None = None
    expected_current: ModelVersionNumber | None = None
    reason: Text | None = None
    requested_by: UserName | None = None
    additional_gates: Gates = ()
    skip_gates: bool = False
    dry_run: bool = False
    on_success: OnSuccess = OnSuccess()
    expires_after: Duration = "7d"
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    approvals: Annotated[
        tuple[GivenApproval, ...],
        Field(
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["user", "evidence", "decision"],
            },
        ),
    ] = ()
    abort: bool = False

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("self.aliasRef == oldSelf.aliasRef", "aliasRef is immutable: a request is written once, file a new one"),
            *(_unchanged(name) for name in _IMMUTABLE),
            (
                "!has(oldSelf.approvals) || (has(self.approvals) && oldSelf.approvals.all(o, self.approvals.exists(n, n == o)))",
                "an approval cannot be taken back or changed",
            ),
            ("!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)", "an abort cannot be taken back"),
            (
                "has(self.operation) && self.operation == 'Swap' ? !has(self.source) : has(self.source)",
                "Promote and Rollback need a source, Swap takes none",
            ),
            (
                "!(has(self.operation) && self.operation == 'Rollback') || !has(self.source) || "
                "has(self.source.version) || has(self.source.previous)",
                "Rollback takes source.version or source.previous",
            ),
            (
                "(has(self.operation) && self.operation != 'Promote') || !has(self.source) || !has(self.source.previous)",
                "source.previous goes with Rollback",
            ),
            (
                "!((has(self.operation) && self.operation != 'Promote') || (has(self.skipGates) && self.skipGates)) || "
                "(has(self.reason) && self.reason.size() > 0)",
                "Rollback, Swap and skipGates need a reason",
            ),
        )
    )

    @model_validator(mode="after")
    def _source_fits_operation(self) -> Self:
        if (self.operation is RequestOperation.SWAP) == (self.source is not None):
            raise ValueError("Promote and Rollback need a source, Swap takes none")
        if self.source is not None:
            by_version = self.source.version is not None or self.source.previous is not None
            if self.operation is RequestOperation.ROLLBACK and not by_version:
                raise ValueError("Rollback takes source.version or source.previous")
            if self.operation is RequestOperation.PROMOTE and self.source.previous is not None:
                raise ValueError("source.previous goes with Rollback")
        if (self.operation is not RequestOperation.PROMOTE or self.skip_gates) and not self.reason:
            raise ValueError("Rollback, Swap and skipGates need a reason")
        return self


class Phase(StrEnum):
    """Where a request stands."""

    PENDING = "Pending"
    QUEUED = "Queued"
    EVALUATING = "Evaluating"
    AWAITING_APPROVAL = "AwaitingApproval"
    PROMOTING = "Promoting"
    ROLLING_OUT = "RollingOut"
    VERIFYING = "Verifying"
    ROLLING_BACK = "RollingBack"
    SUCCEEDED = "Succeeded"
    REJECTED = "Rejected"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    ERRORED = "Errored"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"
    EXPIRED = "Expired"


class Resolved(Reported):
    """What the source names, frozen when it was first looked up."""

    version: ModelVersionNumber
    run_id: RunId | None = None
    champion: ModelVersionNumber | None = None
    from_: Annotated[str, Field(alias="from", max_length=300)]
    evidence: Evidence | None = None


class GateResult(StrEnum):
    """How a gate came out."""

    PASSED = "Passed"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    SKIPPED = "Skipped"


class Finding(Reported):
    """How one gate came out, with the numbers and the rule in words."""

    name: ItemName
    result: GateResult
    metric: MetricName
    candidate: Annotated[str, Field(max_length=64)] | None = None
    champion: Annotated[str, Field(max_length=64)] | None = None
    rule: Text
    enforcement: Annotated[str, Field(max_length=16)] = "Block"
    dataset: Text | None = None
    evaluated_at: Timestamp
    message: Text = ""


class ApprovalStatus(Reported):
    """How many approvals are wanted, how many count, and why others do not."""

    required: int = 0
    valid: int = 0
    void: Annotated[tuple[Text, ...], Field(max_length=64)] = ()


class PromotionRequestStatus(Reported):
    """Where the request stands and why."""

    observed_generation: int | None = None
    phase: Phase | None = None
    explanation: Annotated[str, Field(max_length=4096)] = ""
    resolved: Resolved | None = None
    gates: Annotated[tuple[Finding, ...], Field(max_length=64)] = ()
    gates_passed: Annotated[str, Field(max_length=16)] | None = None
    approvals: ApprovalStatus | None = None
    completed_at: Timestamp | None = None
    result: Annotated[str, Field(max_length=32_768)] | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = ()


class PromotionRequest(Reported):
    """A request to move an alias, judged and carried out once."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["PromotionRequest"] = "PromotionRequest"
    metadata: Metadata
    spec: PromotionRequestSpec
    status: PromotionRequestStatus = PromotionRequestStatus()
