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
    """Whether the condition is met."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Reported):
    """One condition in the form of `metav1.Condition`."""

    type: Annotated[str, Field(max_length=64)]
    """What the condition is about."""
    status: Status
    """True, False, or Unknown."""
    reason: ReasonName
    """Why, as a constant for programs; each one is explained under Reasons."""
    message: Annotated[str, Field(max_length=4096), keep_first(4096)] = ""
    """Why, as a sentence for people."""
    observed_generation: int | None = None
    """The metadata.generation that the condition describes."""
    last_transition_time: Timestamp
    """When its status last changed."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(max_length=16, json_schema_extra=list_map("type")),
]


class AliasCondition(StrEnum):
    """The conditions of a ModelAlias."""

    READY = "Ready"
    """The alias names the version it should, the workloads run it, and nothing is under way. Absent while nothing
    was promoted yet, and while it is not known what the workloads run."""
    IN_SYNC = "InSync"
    """The alias in the registry names the version in status.current; False is drift."""
    ROLLED_OUT = "RolledOut"
    """Every workload in spec.serving runs the version now, and as many pods of it are available as wanted; Unknown
    where that cannot be told, such as before the first move."""
    VERIFIED = "Verified"
    """Every ready pod that can be asked answers that it serves the version."""
    REGISTRY_REACHABLE = "RegistryReachable"
    """The registry answered when it was last asked; while it does not, nothing is started or undone."""
    IDENTITY_PROVED = "IdentityProved"
    """The API server proves who writes requests and approvals, and who pins. False: the message says what
    is not believed. Present where approvals may be asked for, and on a pinned alias."""
    HELD = "Held"
    """After a rollback or a failed rollout: automatic steps are on hold until the next promotion or pin
    succeeds."""
    MONITORS_PASSING = "MonitorsPassing"
    """The last readings of all monitors are within their bounds. False: one was breached, and the message says
    what follows. Unknown: nothing was read yet, readings do not count yet, or there is no number. Present with
    spec.monitors."""
    TRAFFIC_ROUTED = "TrafficRouted"
    """The HTTPRoute splits its requests as spec.traffic says for the challenger that there is, and its gateway has
    taken that. Unknown: it is being written, or not known. Present with spec.traffic."""
    RECONCILING = "Reconciling"
    """A plan is being carried out."""
    STALLED = "Stalled"
    """Nothing more happens until a person changes something; the message says what."""


class RequestCondition(StrEnum):
    """The conditions of a PromotionRequest."""

    RESOLVED = "Resolved"
    """The version that the source means is known."""
    ELIGIBLE = "Eligible"
    """The version meets every rule of policy.eligibility."""
    GATES_PASSED = "GatesPassed"
    """Every blocking gate passed."""
    APPROVED = "Approved"
    """There are enough valid approvals of the evidence as it is now."""
    ALIAS_UPDATED = "AliasUpdated"
    """After the move the registry answered that the alias names the new version."""
    ROLLED_OUT = "RolledOut"
    """Every workload runs the version and is available."""
    VERIFIED = "Verified"
    """Every ready pod that can be asked answers that it serves the version."""
    ROLLED_BACK = "RolledBack"
    """What the request had begun was undone; False after a failure means that undoing failed too."""
    COMPLETE = "Complete"
    """The request has ended, successfully or not: kubectl wait --for=condition=Complete returns."""
    SUCCEEDED = "Succeeded"
    """Whether the request ended successfully."""
    RECONCILING = "Reconciling"
    """The operator is working on the request; False while it waits for a person or for something outside."""
    STALLED = "Stalled"
    """The request ended because of an error of the operator itself; its log has the details."""


ConditionType = AliasCondition | RequestCondition


class Reason(StrEnum):
    """Why a condition has its status, each reason with the sentence that the reference prints for it."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Keep the sentence beside the constant."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    ACCEPTED = "Accepted", "The spec is valid and allowed."
    ALIAS_MOVED = "AliasMoved", "After the move the registry answered that the alias names the new version."
    ALIAS_PINNED = "AliasPinned", "spec.version of the ModelAlias is set, so promotion requests are rejected."
    ALIAS_REPLACED = (
        "AliasReplaced",
        "The ModelAlias for which the request was looked at is gone; another one has its name.",
    )
    ALREADY_PROCESSED = (
        "AlreadyProcessed",
        "The same request ended before, so nothing was done; to ask again, use another name or reason.",
    )
    BREACHED = (
        "Breached",
        "A monitor was beyond its bound failureLimit times in a row; the message says what follows.",
    )
    FAILING = "Failing", "The last reading of a monitor is beyond its bound, not often enough for a breach."
    MASS_BREACH = (
        "MassBreach",
        "Monitors of many aliases were breached at once, so it is not the models: nothing is rolled back.",
    )
    MASS_DRIFT = (
        "MassDrift",
        (
            "Many aliases of the registry were moved at once: nothing is corrected until a person says so "
            "(modelalias ack)."
        ),
    )
    NO_DATA = "NoData", "A monitor yields no number: no series, NaN, or no answer."
    NOT_COUNTED_YET = (
        "NotCountedYet",
        "Nothing was read since the last move, or the monitor's grace time is not over.",
    )
    PASSING = "Passing", "The last readings of all monitors are within their bounds."
    ABORTED = "Aborted", "The request was aborted or deleted; what it had begun was undone."
    APPROVED = "Approved", "There are enough valid approvals of the evidence as it is now."
    AWAITING_APPROVAL = (
        "AwaitingApproval",
        "People have to approve (modelalias approve); the message says who.",
    )
    AUTH_FAILED = (
        "AuthFailed",
        "The registry does not accept the operator's credentials, or they permit too little.",
    )
    CONFLICT = (
        "Conflict",
        "An older ModelAlias manages the same alias of the same model, or splits the requests of the same Services.",
    )
    CONTENDED = "Contended", "Something else, such as a GitOps tool, overwrites what the operator writes."
    CURRENT_ONLY = (
        "CurrentOnly",
        "All requests go to the Service of this alias, because no challenger may get any; the message says why.",
    )
    DEADLINE_EXCEEDED = (
        "DeadlineExceeded",
        "The workloads did not finish their rollout within spec.rollout.deadlineSeconds.",
    )
    DECLINED = "Declined", "Somebody who was asked to approve rejected the request."
    DEGRADED = (
        "Degraded",
        "The workloads run the version, and of one of them fewer pods are available than wanted.",
    )
    DIVERGED = (
        "Diverged",
        "A workload does not ask for the version, or pods of it run another one.",
    )
    DRIFTED = (
        "Drifted",
        "The alias in the registry names another version than status.current: somebody moved it by hand.",
    )
    DRY_RUN = "DryRun", "The verdict was given and nothing was changed."
    ELIGIBLE = "Eligible", "The version meets every rule of policy.eligibility."
    EVALUATING = "Evaluating", "Evaluation Jobs are measuring the candidate and the champion."
    EXPIRED = (
        "Expired",
        "The request did not begin within spec.expiresAfter, or was not approved within approval.waitFor.",
    )
    FORBIDDEN = "Forbidden", "The operator lacks a permission in Kubernetes; the message names it."
    GATES_FAILED = "GatesFailed", "A blocking gate failed; its numbers are in status.gates."
    GATES_PASSED = "GatesPassed", "Every blocking gate passed."
    HELD = (
        "Held",
        (
            "Automatic steps are stopped after a rollback or a failed rollout, until a promotion or a pin "
            "succeeds."
        ),
    )
    IDLE = "Idle", "No move is under way."
    INCONCLUSIVE = (
        "Inconclusive",
        "A gate or a rule of eligibility could not be judged; the message says why.",
    )
    IN_SYNC = "InSync", "The alias in the registry names the version in status.current."
    INVALID = "Invalid", "The spec asks for something that cannot be done; the message says what to change."
    MISSING = "Missing", "A workload in spec.serving does not exist."
    MODEL_NOT_FOUND = "ModelNotFound", "The registry has no registered model with that name."
    MODEL_NOT_ALLOWED = (
        "ModelNotAllowed",
        "The operator's configuration (allow) does not let this namespace manage that model.",
    )
    NOT_ALLOWED = (
        "NotAllowed",
        "The request asks to write what it may not, such as a tag that a policy reads; the message says what.",
    )
    NO_CHALLENGER = (
        "NoChallenger",
        "The alias in spec.source.alias names no version, so there is nothing to promote.",
    )
    NEVER_HELD = (
        "NeverHeld",
        "A rollback goes only to a version that the ModelAlias has accepted; promote any other version.",
    )
    NO_OP = "NoOp", "Alias and workloads are on the version already, so nothing was moved."
    NO_READY_POD = (
        "NoReadyPod",
        "The weights of the HTTPRoute are not changed, because a Service that would get requests has no ready pod.",
    )
    NO_PREVIOUS = "NoPrevious", "There is no earlier version to roll back to or to swap with."
    NOT_ELIGIBLE = "NotEligible", "The version does not meet a rule of policy.eligibility."
    NO_REPLICAS = "NoReplicas", "A workload has 0 replicas, so nothing has loaded the version."
    NOT_VERIFIED = (
        "NotVerified",
        "A ready pod that was asked which version it serves did not say the version.",
    )
    NO_VERSION = "NoVersion", "No version was accepted yet; the first promotion has no champion to beat."
    POLICY_CONFLICT = (
        "PolicyConflict",
        (
            "The rules of the policies and of the ModelAlias contradict each other; the message says which. Nothing "
            "new begins until one of them is edited."
        ),
    )
    POLICY_MISSING = (
        "PolicyMissing",
        "There is no PromotionPolicy with the name in spec.policyRef; nothing new begins until there is.",
    )
    PROGRESSING = "Progressing", "A plan is being carried out."
    PROVED = "Proved", "The admission policies prove who writes requests and approvals, and who pins."
    QUEUED = "Queued", "Another request for the same alias is ahead in the queue."
    REGISTRY_UNKNOWN = (
        "RegistryUnknown",
        "The operator's configuration has no registry with the name in spec.registry.",
    )
    REACHABLE = "Reachable", "The registry answered when it was last asked."
    RELEASED = "Released", "There is no hold."
    RESOLVED = "Resolved", "The version that the source means is known."
    ROLLED_BACK = "RolledBack", "The move was undone: alias and workloads are back where they were."
    ROLLED_OUT = "RolledOut", "Every workload runs the version and is available."
    ROLLING_OUT = "RollingOut", "The alias is being moved, or its workloads are being rolled out."
    ROLLOUT_FAILED = "RolloutFailed", "A workload did not come up with the new version."
    ROUTE_MISSING = "RouteMissing", "There is no HTTPRoute with the name in spec.traffic.httpRoute."
    ROUTE_NOT_ACCEPTED = (
        "RouteNotAccepted",
        "The weights of the HTTPRoute are right, and no gateway has accepted it, so nobody follows them.",
    )
    RUN_NOT_FOUND = "RunNotFound", "The registry has no run with that ID."
    SKIPPED = (
        "Skipped",
        "No gate was judged; the message says why: a rollback, a swap, skipGates, or a dry run.",
    )
    SOAKING = "Soaking", "The version has to keep the alias in policy.eligibility.soak a while longer."
    SPLIT = "Split", "The requests are split between this alias and the challenger; the message says how."
    STALE_CHAMPION = (
        "StaleChampion",
        "The alias names another version than the request expected, or somebody moved it while it was being moved.",
    )
    SUCCEEDED = "Succeeded", "The alias names the version and the workloads run it."
    SUPERSEDED = (
        "Superseded",
        "A rollback or a swap replaced the request or, with concurrency Supersede, a newer request did.",
    )
    SUSPENDED = "Suspended", "spec.suspend is set: nothing new starts, and a plan stops before its next step."
    TERMINATING = "Terminating", "The object is being deleted and a finalizer keeps it: nothing new begins."
    TOO_MANY_REQUESTS = (
        "TooManyRequests",
        "As many older requests of the namespace have not ended as there is room for; nothing was judged.",
    )
    UNREACHABLE = (
        "Unreachable",
        "The registry does not answer; once it does, everything continues where it stopped.",
    )
    UNEXPECTED_ERROR = (
        "UnexpectedError",
        "The operator could not judge the request because of an error of its own; its log has the details.",
    )
    UNKNOWN_SERVING = "UnknownServing", "What a workload serves is not known until the alias next moves."
    UNPROVED = (
        "Unproved",
        "An admission policy is missing or incomplete, so anybody could have written an approval or signed a pin.",
    )
    VERIFIED = "Verified", "Every ready pod that was asked said that it serves the version."
    VERSION_GONE = "VersionGone", "The model has no such version in the registry."
    VERSION_NOT_READY = "VersionNotReady", "The registration of the version has not finished."
    WINDOW_CLOSED = (
        "WindowClosed",
        "policy.windows let nothing of this operation begin now; the message says until when.",
    )
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
        by_type[item.type] = (
            item.changed(last_transition_time=old.last_transition_time) if old is not None and stays else item
        )
    return tuple(by_type.values())


def find(conditions: Iterable[Condition], kind: ConditionType) -> Condition | None:
    """Return the condition of that type."""
    return next((item for item in conditions if item.type == kind), None)


def is_true(conditions: Iterable[Condition], kind: ConditionType) -> bool:
    """Return whether the condition of that type is True."""
    existing = find(conditions, kind)
    return existing is not None and existing.status is Status.TRUE
