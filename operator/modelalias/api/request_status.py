"""How far a request has come and why: the status of a PromotionRequest."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from modelalias.api.conditions import Condition, Conditions
from modelalias.api.fields import (
    Evidence,
    ItemName,
    Label,
    Message,
    MetricName,
    ModelName,
    ModelVersionNumber,
    ObjectName,
    Reported,
    ReportedRunId,
    TagKey,
    TagValue,
    Timestamp,
    UserName,
    keep_first,
    keep_last,
)


class Phase(StrEnum):
    """How far a request has come."""

    PENDING = "Pending"
    """waits until something outside happens, such as a run that ends; does not block later requests, except
    while the registry does not answer and while it waits for a window."""
    QUEUED = "Queued"
    """waits for its turn; status.explanation says which request is ahead."""
    EVALUATING = "Evaluating"
    """is being judged: Jobs measure candidate and champion; later requests wait behind it."""
    AWAITING_APPROVAL = "AwaitingApproval"
    """waits until people approve; later requests wait behind it."""
    PROMOTING = "Promoting"
    """was accepted; the alias is being moved."""
    ROLLING_OUT = "RollingOut"
    """the workloads are being rolled out."""
    VERIFYING = "Verifying"
    """the pods are being asked what they serve. No request reaches this phase in this release."""
    ROLLING_BACK = "RollingBack"
    """the move is being undone."""
    SUCCEEDED = "Succeeded"
    """ended: the alias names the version and the workloads run it, or a dry run found no objection, or there
    was nothing to do."""
    REJECTED = "Rejected"
    """ended: refused by a rule of eligibility, a gate, a person, a pin, because its namespace has too many, or
    because the request cannot be carried out as it is written."""
    FAILED = "Failed"
    """ended: the rollout failed and was not, or could not be, undone."""
    ROLLED_BACK = "RolledBack"
    """ended: the rollout failed and everything is back where it was."""
    ERRORED = "Errored"
    """ended: an error of the operator itself kept it from being judged, several times."""
    ABORTED = "Aborted"
    """ended: aborted or deleted by a person, or interrupted by a rollback; what it had begun was undone."""
    SUPERSEDED = "Superseded"
    """ended: a rollback, a swap or, with concurrency Supersede, a newer request replaced it."""
    EXPIRED = "Expired"
    """ended: it did not begin, or was not approved, in time."""


class Resolved(Reported):
    """The version that the source means, frozen when it was first looked up."""

    version: ModelVersionNumber
    """The version that the request asks for: the candidate."""
    run_id: ReportedRunId = None
    """The run that produced it."""
    registered_at: Timestamp | None = None
    """When it was registered in MLflow; a version made anew under the same number is another one."""
    champion: ModelVersionNumber | None = None
    """The version that the candidate is compared with: the one that the ModelAlias accepted last; absent when
    there is none."""
    named: ModelVersionNumber | None = None
    """The version that the registry's alias named when the request was judged, if it was another one."""
    registry: ItemName | None = None
    """The registry in which the version was looked up."""
    model: ModelName | None = None
    """The registered model that it is a version of."""
    alias_uid: Annotated[str, Field(max_length=64)] | None = None
    """UID of the ModelAlias for which it was looked up; for another one the request is not carried out."""
    from_: Annotated[str, Field(alias="from", max_length=300)]
    """How the version was found, such as "alias challenger"."""
    evidence: Evidence | None = None
    """Hash of everything that the verdict rests on; an approval names it and is valid only while it is
    unchanged."""
    last_evidence: Evidence | None = None
    """The evidence that stood last, also while there is none."""
    round: Annotated[int, Field(ge=0)] = 0
    """How often the evidence has changed. It is a part of the evidence, so that what was approved once and has
    changed since never comes back with its approvals."""

    @property
    def was_looked_up(self) -> bool:
        """Whether the champion is known, if there is one: a request that ended before has its version alone."""
        return self.model is not None or self.champion is not None


class GateResult(StrEnum):
    """The result of a gate, or of a rule of eligibility."""

    PASSED = "Passed"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    SKIPPED = "Skipped"


class Check(Reported):
    """The result of one rule of eligibility."""

    rule: Annotated[str, Field(max_length=300), keep_first(300)]
    """The rule, such as requireAlias smoke."""
    result: GateResult
    """The result."""
    message: Message = ""
    """Why the result is what it is."""


class Side(StrEnum):
    """Which version an evaluation Job measures."""

    CANDIDATE = "Candidate"
    CHAMPION = "Champion"


class EvaluationState(StrEnum):
    """How far the evaluation of one side has come."""

    STARTING = "Starting"
    """its run or its Job does not exist yet."""
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    """its run has what the Job measured."""
    FAILED = "Failed"
    STOPPED = "Stopped"
    """its result is no longer needed."""


class Evaluated(Reported):
    """The evaluation of one side: a Job that logs into a run of its own."""

    side: Side
    """Whether the candidate or the champion is measured."""
    version: ModelVersionNumber
    """The version that is measured."""
    job: ObjectName
    """Name of the Job, in the same namespace."""
    run_id: ReportedRunId = None
    """The run that the Job logs into; it stands here before the Job is started."""
    key: Annotated[str, Field(max_length=64)] | None = None
    """Key of the evaluation, which the run carries in its tag modelalias.evaluation."""
    state: EvaluationState
    """How far the evaluation has come."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """Number of the evaluation; when the champion changes, both sides are measured again."""
    message: Message = ""
    """Why the evaluation failed, or what it waits for."""
    last_lines: Annotated[str, Field(max_length=2_000), keep_last(2_000)] | None = None
    """If the Job failed: the last lines of its log. They are shown here and nowhere else, because they may
    contain secrets."""


class Finding(Reported):
    """The result of one gate, with the values and the rule."""

    name: ItemName
    """Name of the gate."""
    result: GateResult
    """The result."""
    metric: MetricName
    """Key of the metric."""
    candidate: Annotated[str, Field(max_length=64)] | None = None
    """The candidate's value."""
    champion: Annotated[str, Field(max_length=64)] | None = None
    """The champion's value."""
    rule: Message
    """The rule with its numbers, such as >= 0.852 (champion 0.85 + 0.002)."""
    enforcement: Annotated[str, Field(max_length=16)] = "Block"
    """Block or Advise."""
    dataset: Message | None = None
    """The dataset that the values were measured on."""
    evaluated_at: Timestamp
    """When the gate was judged."""
    compared_with: Message | None = None
    """What the champion is, where the registry names another version than the one accepted last, or where its
    run says another number than the one on which it was accepted."""
    message: Message = ""
    """Why the result is what it is, if the numbers do not show it."""


class ApprovalStatus(Reported):
    """How many approvals are required, how many are valid, and why others are not."""

    required: int = 0
    """How many people have to approve."""
    valid: int = 0
    """How many valid approvals there are."""
    by: Annotated[tuple[UserName, ...], Field(max_length=64), keep_first(64)] = ()
    """Who gave the valid approvals."""
    since: Timestamp | None = None
    """When the wait for approvals began; policy.approval.waitFor counts from here."""
    checklist: Annotated[tuple[Label, ...], Field(max_length=32)] = ()
    """The sentences that an approval has to confirm."""
    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Users who may approve, in addition to the groups. Both empty: anyone with the verb approve."""
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups whose members may approve, in addition to the users; the approval has to name the group."""
    void: Annotated[tuple[Message, ...], Field(max_length=64), keep_first(64)] = ()
    """Approvals and rejections that are not valid, each with the reason."""


class PromotionRequestStatus(Reported):
    """How far the request has come and why."""

    observed_generation: int | None = None
    """The metadata.generation that this status describes."""
    phase: Phase | None = None
    """How far the request has come."""
    phase_since: Timestamp | None = None
    """Since when it is in this phase."""
    explanation: Annotated[str, Field(max_length=4096), keep_first(4096)] = ""
    """One sentence that says what the request waits for, or how it ended."""
    resolved: Resolved | None = None
    """The version that the source means, frozen when it was first looked up."""
    eligibility: Annotated[tuple[Check, ...], Field(max_length=100)] = ()
    """The result of each rule of eligibility."""
    run_unfinished_since: Timestamp | None = None
    """When the operator first saw that the candidate's run had not finished; policy.waitForRun counts from
    here."""
    evaluation: Annotated[tuple[Evaluated, ...], Field(max_length=2)] = ()
    """The Jobs that measure candidate and champion."""
    gates: Annotated[tuple[Finding, ...], Field(max_length=64)] = ()
    """The result of each gate."""
    gates_passed: Annotated[str, Field(max_length=16)] | None = None
    """How many gates passed, such as 2/2; skipped where none was judged."""
    approvals: ApprovalStatus | None = None
    """How many approvals are required and how many are valid."""
    unproved: Annotated[tuple[Evidence, ...], Field(max_length=64), keep_first(64)] = ()
    """Digests of the approvals and rejections that arrived while the API server did not prove who writes them:
    they are void for good."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = Field(default_factory=dict)
    """Tags that are set on the version once the request has succeeded; part of the evidence."""
    completed_at: Timestamp | None = None
    """When the request ended."""
    result: Annotated[str, Field(max_length=32_768)] | None = None
    """The verdict and the end of the request as JSON, for programs."""
    conditions: Conditions = ()
    """What is true of the request, step by step. At every end Complete is True, and Succeeded says which
    end."""

    def with_conditions(self, conditions: tuple[Condition, ...]) -> Self:
        """Return the status with other conditions."""
        return self.changed(conditions=conditions)

    def explained(self, explanation: str) -> Self:
        """Return the status with another sentence."""
        return self.changed(explanation=explanation)

    def described(
        self, generation: int, phase: Phase, explanation: str, conditions: tuple[Condition, ...]
    ) -> Self:
        """Return the status with what people read of it, as of a generation of the spec."""
        return self.changed(
            observed_generation=generation, phase=phase, explanation=explanation, conditions=conditions
        )

    def dated(self, before: Self, now: datetime) -> Self:
        """Return the status with since when it is in its phase, where the status before was in another one."""
        same = self.phase == before.phase
        return self.changed(phase_since=before.phase_since if same else now)

    def as_of(self, generation: int) -> Self:
        """Return the status as one that holds for a later generation of the spec just as well."""
        conditions = tuple(item.changed(observed_generation=generation) for item in self.conditions)
        return self.changed(observed_generation=generation, conditions=conditions)

    def with_resolved(self, resolved: Resolved | None) -> Self:
        """Return the status with what the source names, once that is known."""
        return self if resolved is None else self.changed(resolved=resolved)

    def with_eligibility(self, eligibility: tuple[Check, ...]) -> Self:
        """Return the status with how the rules of eligibility came out."""
        return self.changed(eligibility=eligibility)

    def with_run_unfinished(self, since: datetime | None) -> Self:
        """Return the status with since when the run is known not to have finished, or without once it has."""
        return self.changed(run_unfinished_since=since)

    def with_evaluation(self, evaluation: tuple[Evaluated, ...]) -> Self:
        """Return the status with how far the evaluation is."""
        return self.changed(evaluation=evaluation)

    def with_approvals(self, approvals: ApprovalStatus | None) -> Self:
        """Return the status with who approves, or without where nobody is asked."""
        return self.changed(approvals=approvals)

    def with_unproved(self, digests: Iterable[Evidence]) -> Self:
        """Return the status with more approvals and rejections that are void for good."""
        return self.changed(unproved=tuple(dict.fromkeys((*self.unproved, *digests))))

    def with_tags(self, tags: Mapping[str, str]) -> Self:
        """Return the status with the tags that the request sets."""
        return self.changed(tags=dict(tags))

    def with_gates(self, gates: tuple[Finding, ...], gates_passed: str | None) -> Self:
        """Return the status with how the gates came out."""
        return self.changed(gates=gates, gates_passed=gates_passed)

    def completed(self, now: datetime, result: str | None = None) -> Self:
        """Return the status of an end, with the machine-readable verdict where there is one."""
        return self.changed(completed_at=now, result=result)
