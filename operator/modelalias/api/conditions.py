"""Conditions: the types and reasons that both resources use, and how one condition replaces another.

Each reason is a constant with the sentence that the documentation prints for it. A condition's
`lastTransitionTime` moves only with its status, as kstatus and `kubectl wait` expect.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import Field

from modelalias.api.fields import ReasonName, Reported, Timestamp, keep_first, list_map


class Status(StrEnum):
    """What is known of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Reported):
    """One condition in the form of `metav1.Condition`."""

    type: Annotated[str, Field(max_length=64)]
    """What the condition is about."""
    status: Status
    """Whether it holds."""
    reason: ReasonName
    """Why, in one word."""
    message: Annotated[str, Field(max_length=4096), keep_first(4096)] = ""
    """Why, in words."""
    observed_generation: int | None = None
    """The generation that it is about."""
    last_transition_time: Timestamp
    """When its status last changed."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(max_length=16, json_schema_extra=list_map("type")),
]


class AliasCondition(StrEnum):
    """The conditions of a ModelAlias."""

    READY = "Ready"
    """The alias holds the version it should, the workloads run it, and nothing is under way."""
    IN_SYNC = "InSync"
    """The registry holds the version that this resource is answerable for; False is drift."""
    ROLLED_OUT = "RolledOut"
    """Every workload of spec.serving was rolled and is available."""
    VERIFIED = "Verified"
    """Every ready pod that can be asked says that it serves the version."""
    REGISTRY_REACHABLE = "RegistryReachable"
    """The registry answers; while it does not, nothing is begun and nothing is undone."""
    IDENTITY_PROVED = "IdentityProved"
    """Where policy.approval asks people: the API server proves who they are. False: approvals count for
    nothing."""
    HELD = "Held"
    """Automatic steps are stopped after something was rolled back, until a person decides."""
    RECONCILING = "Reconciling"
    """A plan is being carried out."""
    STALLED = "Stalled"
    """Nothing will happen until a person does something; the message says what."""


class RequestCondition(StrEnum):
    """The conditions of a PromotionRequest."""

    RESOLVED = "Resolved"
    """The source names exactly one version."""
    ELIGIBLE = "Eligible"
    """The version has what policy.eligibility asks for."""
    GATES_PASSED = "GatesPassed"
    """Every blocking gate passed."""
    APPROVED = "Approved"
    """Enough approvals count for the present evidence."""
    ALIAS_UPDATED = "AliasUpdated"
    """The registry answered with the new version after the move."""
    ROLLED_OUT = "RolledOut"
    """Every workload was rolled and is available."""
    VERIFIED = "Verified"
    """Every ready pod that can be asked says that it serves the version."""
    ROLLED_BACK = "RolledBack"
    """What the request had begun was undone; False after a failure means that undoing failed too."""
    COMPLETE = "Complete"
    """The request has ended, whatever way: kubectl wait --for=condition=Complete returns."""
    SUCCEEDED = "Succeeded"
    """Which way it ended."""
    RECONCILING = "Reconciling"
    """The operator itself works on it; False while a person is awaited."""
    STALLED = "Stalled"
    """It cannot be carried out as it is written."""


ConditionType = AliasCondition | RequestCondition


class Reason(StrEnum):
    """Why a condition is as it is; the text is what a person reads in the reference."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Keep the documentation beside the word."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    ACCEPTED = "Accepted", "Everything that was asked for is understood and allowed."
    ALIAS_MOVED = "AliasMoved", "The registry answered with the new version after the move."
    ALIAS_PINNED = "AliasPinned", "spec.version of the ModelAlias decides, so promotion requests are refused."
    ALREADY_PROCESSED = "AlreadyProcessed", "The same request ended before; nothing was done again."
    ABORTED = "Aborted", "The request was aborted or deleted; what it had begun was undone."
    APPROVED = "Approved", "Enough approvals count for the present evidence."
    AWAITING_APPROVAL = "AwaitingApproval", "People have to approve; the message says who and how."
    AUTH_FAILED = "AuthFailed", "The registry refused the operator's credentials."
    CONFLICT = "Conflict", "An older ModelAlias claims the same alias of the same model."
    CONTENDED = "Contended", "Another writer keeps undoing what the operator wrote."
    DEADLINE_EXCEEDED = (
        "DeadlineExceeded",
        "The workloads did not finish rolling within rollout.deadlineSeconds.",
    )
    DECLINED = "Declined", "An approver said no."
    DRIFTED = "Drifted", "The registry holds another version than the one this resource is answerable for."
    DRY_RUN = "DryRun", "The verdict was given and nothing was changed."
    ELIGIBLE = "Eligible", "The version has what policy.eligibility asks for."
    EVALUATING = "Evaluating", "Evaluation Jobs measure candidate and champion."
    EXPIRED = (
        "Expired",
        "The request waited too long: spec.expiresAfter, or policy.approval.waitFor for approvals.",
    )
    FORBIDDEN = "Forbidden", "The API server refused the operator a permission."
    GATES_FAILED = "GatesFailed", "A blocking gate did not pass; its numbers are in status.gates."
    GATES_PASSED = "GatesPassed", "Every blocking gate passed."
    HELD = "Held", "An automatic step was stopped until a person decides."
    IDLE = "Idle", "There is nothing to do."
    INCONCLUSIVE = "Inconclusive", "A gate could not be judged."
    IN_SYNC = "InSync", "The registry holds the version that this resource is answerable for."
    INVALID = "Invalid", "The resource asks for something that cannot be done; the message says what to edit."
    MODEL_NOT_FOUND = "ModelNotFound", "The registry has no model of that name."
    MODEL_NOT_ALLOWED = (
        "ModelNotAllowed",
        "The operator's configuration does not allow this namespace that model.",
    )
    NO_CHALLENGER = "NoChallenger", "The source alias names no version, so there is nothing to promote."
    NEVER_HELD = (
        "NeverHeld",
        "A rollback goes to a version that the alias has held; any other one has to be promoted.",
    )
    NO_OP = "NoOp", "The alias holds the version already."
    NO_PREVIOUS = "NoPrevious", "There is no former version to go back to, or to swap with."
    NOT_ELIGIBLE = "NotEligible", "The version lacks something that policy.eligibility asks for."
    NOT_SUPPORTED_YET = (
        "NotSupportedYet",
        "A field is set whose behaviour this release does not have; it is refused, never ignored.",
    )
    NO_VERSION = "NoVersion", "The alias names no version yet: the first promotion is a cold start."
    PROGRESSING = "Progressing", "A plan is being carried out."
    PROVED = "Proved", "The admission policy proves who writes requests and approvals."
    QUEUED = "Queued", "Another request of the same alias goes first."
    REGISTRY_UNKNOWN = (
        "RegistryUnknown",
        "The operator's configuration names no such registry, or not for this namespace.",
    )
    REACHABLE = "Reachable", "The registry answered when it was last asked."
    RELEASED = "Released", "There is no hold."
    RESOLVED = "Resolved", "The source names exactly one version."
    ROLLED_BACK = "RolledBack", "The move was undone: alias and workloads are back where they were."
    ROLLED_OUT = "RolledOut", "Every workload runs the version and is available."
    ROLLING_OUT = "RollingOut", "Workloads are being rolled."
    ROLLOUT_FAILED = "RolloutFailed", "A workload did not come up with the new version."
    RUN_NOT_FOUND = "RunNotFound", "The registry has no run of that id."
    SKIPPED = "Skipped", "Gates were not judged: a rollback or a swap, or skipGates."
    SOAKING = "Soaking", "The version has to hold another alias a while longer."
    STALE_CHAMPION = "StaleChampion", "The alias holds another version than the request was made for."
    SUCCEEDED = "Succeeded", "The alias moved and the workloads run the version."
    SUPERSEDED = (
        "Superseded",
        "A rollback, a swap, or with concurrency Supersede a newer request took its place.",
    )
    SUSPENDED = "Suspended", "spec.suspend stops the line."
    UNREACHABLE = (
        "Unreachable",
        "The registry does not answer; everything goes on where it stood when it returns.",
    )
    UNKNOWN_SERVING = "UnknownServing", "What the workloads serve is not known before the first move."
    UNPROVED = (
        "Unproved",
        "The admission policy is not installed or leaves something out, so anybody may have written it.",
    )
    VERSION_GONE = "VersionGone", "The registry has no such version of the model."
    VERSION_NOT_READY = "VersionNotReady", "The version's registration is not finished."
    WAITING = "Waiting", "Something outside the operator has to happen first; the message says what."


class Cause(NamedTuple):
    """Why something is as it is: the reason of a condition, and the sentence that goes with it."""

    reason: Reason
    message: str


def condition(
    kind: ConditionType,
    status: Status | bool,
    reason: Reason,
    message: str,
    *,
    now: datetime,
    generation: int | None = None,
) -> Condition:
    """Make a condition as of `now`."""
    answer = status if isinstance(status, Status) else Status.TRUE if status else Status.FALSE
    return Condition(
        type=str(kind),
        status=answer,
        reason=str(reason),
        message=message,
        observed_generation=generation,
        last_transition_time=now,
    )


def merged(before: Iterable[Condition], after: Iterable[Condition]) -> tuple[Condition, ...]:
    """Replace conditions of the same type, keep the others, and keep the time of those whose status stayed."""
    by_type = {item.type: item for item in before}
    for item in after:
        old = by_type.get(item.type)
        stays = old is not None and old.status == item.status
        since = old.last_transition_time if old is not None and stays else item.last_transition_time
        by_type[item.type] = item.changed(last_transition_time=since)
    return tuple(by_type.values())


def find(conditions: Iterable[Condition], kind: ConditionType) -> Condition | None:
    """Return the condition of that type."""
    return next((item for item in conditions if item.type == kind), None)


def is_true(conditions: Iterable[Condition], kind: ConditionType) -> bool:
    """Return whether the condition of that type is True."""
    existing = find(conditions, kind)
    return existing is not None and existing.status is Status.TRUE
