"""PromotionRequest: a request for one move of an alias, written once."""

import hashlib
import json
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from modelalias.api.fields import (
    AliasName,
    Evidence,
    Label,
    ModelVersionNumber,
    Reported,
    RunId,
    ShortDuration,
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
    "ApprovalDecision",
    "ApprovalStatus",
    "Check",
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
    """move the alias to the version in source, if every gate passes."""
    ROLLBACK = "Rollback"
    """move the alias back to a version that the ModelAlias accepted before; gates are skipped."""
    SWAP = "Swap"
    """move the alias to the version before the current one (status.previous), and previousAlias to the current
    one; gates are skipped."""


class AliasRef(Value):
    """A ModelAlias in the same namespace."""

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
    """Which version to move to, given in exactly one way."""

    version: ModelVersionNumber | None = None
    """A version of the registered model, such as "4"."""
    run_id: RunId | None = None
    """ID of a run. Its model is registered as a version if it is not registered yet."""
    artifact_path: ArtifactPath | None = None
    """Path of the model below the run's artifacts; only with runId, needed if the run logged several
    models."""
    alias: AliasName | None = None
    """Another alias of the model, such as challenger: the version that it names when the operator first sees
    the request."""
    previous: Literal[True] | None = None
    """With Rollback: the version that the ModelAlias accepted before the current one."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                (
                    "[has(self.version), has(self.runId), has(self.alias), has(self.previous)].filter(x, "
                    "x).size() == 1"
                ),
                "set exactly one of version, runId, alias and previous",
            ),
            ("!has(self.artifactPath) || has(self.runId)", "artifactPath needs runId"),
        )
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(item is not None for item in (self.version, self.run_id, self.alias, self.previous)) != 1:
            raise ValueError("set exactly one of version, runId, alias and previous")
        if self.artifact_path is not None and self.run_id is None:
            raise ValueError("artifactPath needs runId")
        return self


_RESERVED_TAGS = "a request cannot set tags that begin with modelalias. or mlflow."


def _own_tag(key: str) -> str:
    if key.startswith(("modelalias.", "mlflow.")):
        raise ValueError(_RESERVED_TAGS)
    return key


class OnSuccess(Value):
    """What to do once the promotion has succeeded."""

    delete_source_alias: StrictBool = False
    """Remove the alias in source.alias, if it still names this version."""
    tags: Annotated[
        dict[Annotated[TagKey, AfterValidator(_own_tag)], TagValue],
        Field(
            max_length=32,
            json_schema_extra=cel(
                (
                    "self.all(key, !key.startsWith('modelalias.') && !key.startsWith('mlflow.'))",
                    _RESERVED_TAGS,
                )
            ),
        ),
    ] = Field(default_factory=dict)
    """Tags to set on the promoted version, as policy.requestTags allows. A value that is there is kept."""


class ApprovalDecision(StrEnum):
    """Whether somebody approves or rejects a request."""

    APPROVE = "Approve"
    REJECT = "Reject"


class GivenApproval(Value):
    """An approval or a rejection: one person's decision on one evidence."""

    user: UserName
    """Your user name (kubectl auth whoami); the API server proves it."""
    evidence: Evidence
    """Copy of status.resolved.evidence. The approval is valid only while the request has this evidence."""
    decision: ApprovalDecision
    """Approve or Reject."""
    group: UserName | None = None
    """A group that you are in and that is asked to approve; required unless you are asked by name."""
    checklist: Annotated[tuple[Label, ...], Field(max_length=32)] = ()
    """The sentences of policy.approval.checklist that you confirm; an approval has to confirm all of them."""
    message: Text = ""
    """A remark; it is kept with the request."""


_WRITTEN_ONCE = "file a new request instead"
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
    """Return the rule that a field keeps its value, also against adding or removing it.

    A rule on the field itself would not run then.
    """
    rule = f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})"
    return rule, f"{name} is immutable; {_WRITTEN_ONCE}"


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
    """What the request asks for. It is immutable, except that approvals can be added and abort can be set."""

    alias_ref: AliasRef
    """The ModelAlias whose alias is to be moved."""
    operation: RequestOperation = RequestOperation.PROMOTE
    """What kind of move is asked for."""
    source: Source | None = None
    """The version to move to, given in exactly one way. Not with Swap."""
    expected_current: ModelVersionNumber | None = None
    """The version that the alias must name when the request is judged; otherwise the request is Rejected
    (StaleChampion)."""
    reason: Text | None = None
    """Why you ask; it is kept in the history. Required for Rollback, Swap and skipGates."""
    requested_by: UserName | None = None
    """Your user name (kubectl auth whoami); the API server proves it, so no other name is accepted. Unset: the
    API server fills it in, from Kubernetes 1.36 on."""
    additional_gates: Gates = ()
    """Gates in addition to those of the policy. Their names must not be used by the policy."""
    skip_gates: StrictBool = False
    """Emergency: do not judge the gates. It is recorded, needs the verb bypass, and always needs an
    approval."""
    dry_run: StrictBool = False
    """Give the verdict and change nothing."""
    on_success: OnSuccess = OnSuccess()
    """What to do once the promotion has succeeded."""
    expires_after: ShortDuration = "7d"
    """The request is Expired if it has not begun (has no plan) this long after its creation; at most 30d."""
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=2_147_483_647)] | None = None
    """Delete the request this many seconds after its end. Unset: it is kept."""
    approvals: Annotated[
        tuple[GivenApproval, ...],
        Field(max_length=64, json_schema_extra=list_map("user", "evidence", "decision")),
        each_once("user", "evidence", "decision"),
    ] = ()
    """Approvals and rejections. They can only be added, and only once the request was judged."""
    abort: StrictBool = False
    """Set to true to stop the request; what it has begun is undone. It cannot be set back."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "self.aliasRef == oldSelf.aliasRef",
                f"aliasRef is immutable; {_WRITTEN_ONCE}",
            ),
            *(_unchanged(name) for name in _IMMUTABLE),
            (
                _APPROVALS_STAY,
                "an approval or a rejection cannot be changed or removed",
            ),
            (
                "!has(oldSelf.abort) || !oldSelf.abort || (has(self.abort) && self.abort)",
                "abort cannot be set back",
            ),
            (
                "has(self.operation) && self.operation == 'Swap' ? !has(self.source) : has(self.source)",
                "Promote and Rollback need a source; Swap takes none",
            ),
            (
                _ROLLBACK_SOURCE,
                "Rollback needs source.version or source.previous",
            ),
            (
                (
                    "(has(self.operation) && self.operation != 'Promote') || !has(self.source) || "
                    "!has(self.source.previous)"
                ),
                "source.previous is only for Rollback",
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
            raise ValueError("Promote and Rollback need a source; Swap takes none")
        if self.source is not None:
            by_version = self.source.version is not None or self.source.previous is not None
            if self.operation is RequestOperation.ROLLBACK and not by_version:
                raise ValueError("Rollback needs source.version or source.previous")
            if self.operation is RequestOperation.PROMOTE and self.source.previous is not None:
                raise ValueError("source.previous is only for Rollback")
        if (self.operation is not RequestOperation.PROMOTE or self.skip_gates) and not self.reason:
            raise ValueError("Rollback, Swap and skipGates need a reason")
        return self


class PromotionRequest(Reported):
    """A request to move an alias. It is judged and carried out once."""

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
        """Hash namespace, name and the fields that were set, so that the same request is known again.

        Without approvals and abort, the only fields that can change.
        """
        fields = self.spec.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"approvals", "abort"}
        )
        text = json.dumps(
            [self.metadata.namespace, self.metadata.name, fields], sort_keys=True, separators=(",", ":")
        )
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
