"""How far a request is and why: the status of a PromotionRequest."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelalias.api.conditions import Conditions
from modelalias.api.fields import (
    Evidence,
    ItemName,
    Label,
    Message,
    MetricName,
    ModelVersionNumber,
    ObjectName,
    Reported,
    RunId,
    Timestamp,
    UserName,
    keep_first,
    keep_last,
)


class Phase(StrEnum):
    """Where a request stands."""

    PENDING = "Pending"
    """waits for something that has to be there first; holds no place in the queue, but while the registry
    does not answer."""
    QUEUED = "Queued"
    """waits for its turn; explanation says for which request."""
    EVALUATING = "Evaluating"
    """its gates are being judged."""
    AWAITING_APPROVAL = "AwaitingApproval"
    """waits for people."""
    PROMOTING = "Promoting"
    """has a plan; the alias is being moved."""
    ROLLING_OUT = "RollingOut"
    """the workloads are being rolled."""
    VERIFYING = "Verifying"
    """the pods are asked what they serve."""
    ROLLING_BACK = "RollingBack"
    """alias and workloads go back to what they were."""
    SUCCEEDED = "Succeeded"
    """ended: the alias holds the version and the workloads run it."""
    REJECTED = "Rejected"
    """ended: a gate, an eligibility rule, a person, a pin or a stale champion said no."""
    FAILED = "Failed"
    """ended: it did not roll out, and was not undone."""
    ROLLED_BACK = "RolledBack"
    """ended: it did not roll out, and everything is back where it was."""
    ERRORED = "Errored"
    """ended: a technical fault, such as a missing permission."""
    ABORTED = "Aborted"
    """ended: stopped by a person; what it had begun was undone."""
    SUPERSEDED = "Superseded"
    """ended: a newer request, a rollback or a swap took its place."""
    EXPIRED = "Expired"
    """ended: it waited too long."""


class Resolved(Reported):
    """What the source names, frozen when it was first looked up."""

    version: ModelVersionNumber
    """The version that is to be promoted."""
    run_id: RunId | None = None
    """The run that made it."""
    champion: ModelVersionNumber | None = None
    """The version that the alias held when the request was judged; absent when it held none."""
    from_: Annotated[str, Field(alias="from", max_length=300)]
    """How the version was found, such as "alias challenger"."""
    evidence: Evidence | None = None
    """Hash of what the verdict rests on; approvals name it."""


class GateResult(StrEnum):
    """How a gate came out."""

    PASSED = "Passed"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    SKIPPED = "Skipped"


class Check(Reported):
    """How one rule of eligibility came out."""

    rule: Annotated[str, Field(max_length=300), keep_first(300)]
    """The rule, such as requireAlias smoke."""
    result: GateResult
    """How it came out."""
    message: Message = ""
    """Why."""


class Side(StrEnum):
    """Which version an evaluation Job measures."""

    CANDIDATE = "Candidate"
    CHAMPION = "Champion"


class EvaluationState(StrEnum):
    """How far the evaluation of one side is."""

    STARTING = "Starting"
    """its run or its Job is not made yet."""
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    """its run has what the Job measured."""
    FAILED = "Failed"
    STOPPED = "Stopped"
    """its result was no longer wanted."""


class Evaluated(Reported):
    """The evaluation of one side: a Job that logs into a run of its own."""

    side: Side
    """Which version is measured."""
    version: ModelVersionNumber
    """Its number."""
    job: ObjectName
    """Name of the Job, in the same namespace."""
    run_id: RunId | None = None
    """The run that the Job logs into."""
    state: EvaluationState
    """How far it is."""
    attempt: Annotated[int, Field(ge=1)] = 1
    """Which evaluation of the request this is: another champion is another one."""
    message: Message = ""
    """Why it failed, or what keeps it."""
    last_lines: Annotated[str, Field(max_length=2_000), keep_last(2_000)] | None = None
    """With a Job that failed: the last lines that it wrote. They stand here only: nobody knows what a
    container prints."""


class Finding(Reported):
    """How one gate came out, with the numbers and the rule in words."""

    name: ItemName
    """Name of the gate."""
    result: GateResult
    """How the gate came out."""
    metric: MetricName
    """Key of the metric."""
    candidate: Annotated[str, Field(max_length=64)] | None = None
    """The candidate's value."""
    champion: Annotated[str, Field(max_length=64)] | None = None
    """The champion's value."""
    rule: Message
    """The rule in words, with numbers."""
    enforcement: Annotated[str, Field(max_length=16)] = "Block"
    """Whether the gate blocks or advises."""
    dataset: Message | None = None
    """The dataset that the values were measured on."""
    evaluated_at: Timestamp
    """When the gate was judged."""
    message: Message = ""
    """Why, where the numbers do not say it."""


class ApprovalStatus(Reported):
    """How many approvals are wanted, how many count, and why others do not."""

    required: int = 0
    """How many approvals are wanted."""
    valid: int = 0
    """How many count."""
    by: Annotated[tuple[UserName, ...], Field(max_length=64), keep_first(64)] = ()
    """Whose approvals count."""
    since: Timestamp | None = None
    """When the wait for people began; policy.approval.waitFor counts from here."""
    checklist: Annotated[tuple[Label, ...], Field(max_length=32)] = ()
    """What an approval has to confirm, sentence by sentence."""
    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Users whose word counts, beside the groups. Both empty: anyone with the verb approve."""
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups whose members' word counts when it names the group, beside the users."""
    void: Annotated[tuple[Message, ...], Field(max_length=64), keep_first(64)] = ()
    """Those that do not count, each with its reason."""


class PromotionRequestStatus(Reported):
    """Where the request stands and why."""

    observed_generation: int | None = None
    """The generation that this status is about."""
    phase: Phase | None = None
    """Where the request stands."""
    explanation: Annotated[str, Field(max_length=4096), keep_first(4096)] = ""
    """One sentence that a person can act on."""
    resolved: Resolved | None = None
    """What the source names, frozen when it was first looked up."""
    eligibility: Annotated[tuple[Check, ...], Field(max_length=36)] = ()
    """How each rule of eligibility came out."""
    evaluation: Annotated[tuple[Evaluated, ...], Field(max_length=2)] = ()
    """The Jobs that measure candidate and champion."""
    gates: Annotated[tuple[Finding, ...], Field(max_length=64)] = ()
    """How each gate came out."""
    gates_passed: Annotated[str, Field(max_length=16)] | None = None
    """Gates that passed of all, such as 2/2."""
    approvals: ApprovalStatus | None = None
    """How many approvals are wanted and count."""
    completed_at: Timestamp | None = None
    """When the request ended."""
    result: Annotated[str, Field(max_length=32_768)] | None = None
    """The machine-readable verdict, one JSON text."""
    conditions: Conditions = ()
    """Each step with its answer; Complete stands at True at every end, Succeeded says which way."""
