"""PromotionRequest: one guarded move, written once."""

import hashlib
import json
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from modelalias.api.fields import (
    AliasName,
    Duration,
    Evidence,
    Label,
    ModelVersionNumber,
    Reported,
    RunId,
    TagKey,
    TagValue,
    Text,
    UserName,
    Value,
    cel,
    each_once,
    list_map,
)
from modelalias.api.gates import Gates
from modelalias.api.metadata import Metadata
from modelalias.api.request_status import (
    ApprovalStatus,
    Check,
    Evaluated,
    EvaluationState,
    Finding,
    GateResult,
    Phase,
    PromotionRequestStatus,
    Resolved,
    Side,
)

__all__ = [
    "AliasRef",
    "ApprovalStatus",
    "Check",
    "Decision",
    "Evaluated",
    "EvaluationState",
    "Finding",
    "GateResult",
    "GivenApproval",
    "OnSuccess",
    "Phase",
    "PromotionRequest",
    "PromotionRequestSpec",
    "PromotionRequestStatus",
    "RequestOperation",
    "Resolved",
    "Side",
    "Source",
]


class RequestOperation(StrEnum):
    """What a request asks for."""

    PROMOTE = "Promote"
    """move the alias to the source, if every gate passes."""
    ROLLBACK = "Rollback"
    """move it to an earlier version; gates are skipped."""
    SWAP = "Swap"
    """exchange alias and previousAlias."""


class AliasRef(Value):
    """A ModelAlias of the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    """Name of the ModelAlias."""


ArtifactPath = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$",
    ),
]
"""A relative path; no part of it begins with a dot."""


class Source(Value):
    """Which version to promote, named in exactly one way."""

    version: ModelVersionNumber | None = None
    """A version of the registered model, such as "4"."""
    run_id: RunId | None = None
    """A run whose model is registered as a version, if it is not one yet."""
    artifact_path: ArtifactPath | None = None
    """Path of the model below the run's artifacts; goes with runId."""
    alias: AliasName | None = None
    """The version that this alias of the model holds when the request is first looked at, such as challenger."""
    previous: Literal[True] | None = None
    """With Rollback: the version that the alias held before."""

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


def _own_tag(key: str) -> str:
    if key.startswith(("modelalias.", "mlflow.")):
        raise ValueError("tags that begin with modelalias. or mlflow. are not a request's to set")
    return key


class OnSuccess(Value):
    """What to do once the promotion has succeeded."""

    delete_source_alias: StrictBool = False
    """Remove the alias that source.alias named, if it still holds this version."""
    tags: Annotated[
        dict[Annotated[TagKey, AfterValidator(_own_tag)], TagValue],
        Field(
            max_length=32,
            json_schema_extra=cel(
                (
                    "self.all(key, !key.startsWith('modelalias.') && !key.startsWith('mlflow.'))",
                    "tags that begin with modelalias. or mlflow. are not a request's to set",
                )
            ),
        ),
    ] = Field(default_factory=dict)
    """Tags that are set on the promoted version."""


class Decision(StrEnum):
    """What an approver says."""

    APPROVE = "Approve"
    REJECT = "Reject"


class GivenApproval(Value):
    """One person's word on one set of evidence."""

    user: UserName
    """The approver's user name; the API server proves it."""
    evidence: Evidence
    """The evidence that the approver looked at: status.resolved.evidence. Only an approval of the present one
    counts."""
    decision: Decision
    """What the approver says."""
    group: UserName | None = None
    """A group of the approver for which the approval counts."""
    checklist: Annotated[tuple[Label, ...], Field(max_length=32)] = ()
    """The sentences of policy.approval.checklist that the approver confirms."""
    message: Text = ""
    """A remark for the record."""


_IMMUTABLE = (
    "operation",
    "source",
    "expectedCurrent",
    "reason",
    "requestedBy",
    "additionalGates",
    "skipGates",
    "dryRun",
    "onSuccess",
    "expiresAfter",
    "ttlSecondsAfterFinished",
)


def _unchanged(name: str) -> tuple[str, str]:
    """Say that a field keeps its value, also when it is added or removed (a rule on the field itself would not run then)."""
    rule = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
    return rule, f"{name} is immutable: a request is written once, file a new one"


_APPROVALS_STAY = (
    "!has(oldSelf.approvals) || "
    "(has(self.approvals) && oldSelf.approvals.all(o, self.approvals.exists(n, n == o)))"
)
_ROLLBACK_SOURCE = (
    "!(has(self.operation) && self.operation == 'Rollback') || !has(self.source) || "
    "has(self.source.version) || has(self.source.previous)"
)
_REASON_GIVEN = (
    "!((has(self.operation) && self.operation != 'Promote') || (has(self.skipGates) && self.skipGates)) || "
    "(has(self.reason) && self.reason.size() > 0)"
)


class PromotionRequestSpec(Value):
    """What is asked for; only `approvals` may grow and `abort` may be set."""

    alias_ref: AliasRef
    """The ModelAlias that is to move."""
    operation: RequestOperation = RequestOperation.PROMOTE
    """What is asked for."""
    source: Source | None = None
    """The version to move to, named in exactly one way. Swap takes none."""
    expected_current: ModelVersionNumber | None = None
    """The version that the alias must still hold; otherwise the request is Rejected (StaleChampion)."""
    reason: Text | None = None
    """Why, for the record. Required for Rollback, Swap and skipGates."""
    requested_by: UserName | None = None
    """Who files the request: your user name (kubectl auth whoami); the API server proves it."""
    additional_gates: Gates = ()
    """Gates beside those of the policy; a name that the policy uses is refused."""
    skip_gates: StrictBool = False
    """Emergency: do not judge the gates. Recorded, needs the verb bypass and always an approval."""
    dry_run: StrictBool = False
    """Give the verdict and change nothing."""
    on_success: OnSuccess = OnSuccess()
    """What to do once the promotion has succeeded."""
    expires_after: Duration = "7d"
    """How long after its creation the request may still begin; no longer counts once it has a plan."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    """Seconds after its end when the request is deleted. Unset: it stays."""
    approvals: Annotated[
        tuple[GivenApproval, ...],
        Field(max_length=64, json_schema_extra=list_map("user", "evidence", "decision")),
        each_once("user", "evidence", "decision"),
    ] = ()
    """Approvals and refusals; may only grow, and only after the request was judged."""
    abort: StrictBool = False
    """Set to true to stop the request; what it has begun is undone."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.aliasRef == oldSelf.aliasRef",
                "aliasRef is immutable: a request is written once, file a new one",
            ),
            *(_unchanged(name) for name in _IMMUTABLE),
            (
                _APPROVALS_STAY,
                "an approval cannot be taken back or changed",
            ),
            (
                "!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)",
                "an abort cannot be taken back",
            ),
            (
                "has(self.operation) && self.operation == 'Swap' ? !has(self.source) : has(self.source)",
                "Promote and Rollback need a source, Swap takes none",
            ),
            (
                _ROLLBACK_SOURCE,
                "Rollback takes source.version or source.previous",
            ),
            (
                "(has(self.operation) && self.operation != 'Promote') || !has(self.source) || !has(self.source.previous)",
                "source.previous goes with Rollback",
            ),
            (
                _REASON_GIVEN,
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


class PromotionRequest(Reported):
    """A request to move an alias, judged and carried out once."""

    api_version: Literal["modelalias.dev/v1alpha1"] = "modelalias.dev/v1alpha1"
    kind: Literal["PromotionRequest"] = "PromotionRequest"
    metadata: Metadata
    spec: PromotionRequestSpec
    status: PromotionRequestStatus = PromotionRequestStatus()

    def with_status(self, status: PromotionRequestStatus) -> Self:
        """Return the request with another status."""
        return self.model_copy(update={"status": status})

    @cached_property
    def spec_hash(self) -> str:
        """Name what was asked, by which it is known again: namespace, name and the fields that were set.

        Without approvals and abort, which are all that may change.
        """
        asked = self.spec.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"approvals", "abort"}
        )
        text = json.dumps(
            [self.metadata.namespace, self.metadata.name, asked], sort_keys=True, separators=(",", ":")
        )
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
