"""What the operator knows of an alias: the status of a ModelAlias."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from modelalias.api.conditions import Conditions
from modelalias.api.fields import (
    AliasName,
    ContainerName,
    EnvName,
    Evidence,
    Message,
    ModelVersionNumber,
    ObjectName,
    ReasonName,
    Reported,
    RunId,
    TagKey,
    TagValue,
    Timestamp,
    UserName,
    keep_first,
    keep_last,
)
from modelalias.api.request_status import Check, Evaluated, Finding, Phase
from modelalias.api.workload import LoadMode, Rollout, WorkloadKind


class Operation(StrEnum):
    """What moved, or is to move, an alias."""

    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    SWAP = "Swap"
    PIN = "Pin"
    ADOPT = "Adopt"


class Held(Reported):
    """A version that the alias holds or held."""

    version: ModelVersionNumber
    """The version."""
    run_id: RunId | None = None
    """The run that made it."""
    since: Timestamp
    """Since when."""
    request: ObjectName | None = None
    """The request that brought it."""
    actor: UserName | None = None
    """Who asked for it."""


class Observed(Reported):
    """The registry as last read: `version` is absent where the alias names none.

    `epoch` rises with each change.
    """

    version: ModelVersionNumber | None = None
    """The version that the alias names in the registry; absent when it names none."""
    at: Timestamp
    """Since when, as far as was seen."""
    epoch: Annotated[int, Field(ge=0)] = 0
    """Rises with each change that was seen or made."""


class Soaking(Reported):
    """What the alias of policy.eligibility.soak names, and since when the operator has seen it there."""

    alias: AliasName
    """The alias."""
    version: ModelVersionNumber | None = None
    """The version that it names; absent when it names none."""
    since: Timestamp
    """Since when, as far as was seen."""


class PinVerdict(Reported):
    """How a gated pin was judged."""

    version: ModelVersionNumber
    """The version that spec.version names."""
    champion: ModelVersionNumber | None = None
    """The version that the alias held."""
    explanation: Message = ""
    """The verdict in one sentence."""
    eligibility: Annotated[tuple[Check, ...], Field(max_length=36)] = ()
    """How each rule of eligibility came out."""
    evaluation: Annotated[tuple[Evaluated, ...], Field(max_length=2)] = ()
    """The Jobs that measure candidate and champion."""
    gates: Annotated[tuple[Finding, ...], Field(max_length=64)] = ()
    """How each gate came out."""


class RequestRef(Reported):
    """The request that a plan serves."""

    name: ObjectName
    """Name of the request."""
    uid: Annotated[str, Field(max_length=64)]
    """Its uid."""


class AliasMove(Reported):
    """One alias with its former and its new version; None is "names no version"."""

    name: AliasName
    """The alias."""
    from_: Annotated[ModelVersionNumber | None, Field(alias="from")] = None
    """Its former version; absent when it named none."""
    to: ModelVersionNumber | None = None
    """Its new version; absent when it is removed."""


class PlannedWorkload(Reported):
    """A workload as it was frozen when the plan was made, with the values to go back to.

    `from` and `to` are values of the pod-template annotation; `fromUri` and `toUri` of the variable, with
    mode Pinned. A `from` of None means that the annotation, or the variable, was not there.
    """

    kind: WorkloadKind
    """Kind of the workload."""
    name: ObjectName
    """Name of the workload."""
    uid: Annotated[str, Field(max_length=64)]
    """Its uid: another one is another workload."""
    wave: int = 0
    """Its wave."""
    mode: LoadMode = LoadMode.ALIAS
    """How its pods learn the version."""
    container: ContainerName | None = None
    """With mode Pinned: the container."""
    env: EnvName | None = None
    """With mode Pinned: the variable."""
    from_: Annotated[str | None, Field(alias="from", max_length=64)] = None
    """Former value of the annotation."""
    to: Annotated[str, Field(max_length=64)]
    """New value of the annotation."""
    back: Annotated[str | None, Field(max_length=64)] = None
    """Value of the annotation after the plan was undone."""
    from_uri: Annotated[str, Field(max_length=1024)] | None = None
    """Former value of the variable."""
    to_uri: Annotated[str, Field(max_length=1024)] | None = None
    """New value of the variable."""


class Bearing(StrEnum):
    """Which way a plan is being carried out."""

    FORWARD = "Forward"
    BACKWARD = "Backward"


class SourceAlias(Reported):
    """The alias that is removed at the end, if it still holds this version."""

    name: AliasName
    """The alias."""
    version: ModelVersionNumber
    """The version that it must still hold."""


class Plan(Reported):
    """What is being carried out: written before the first side effect, removed with the history entry."""

    operation: Operation
    """What moves the alias."""
    request: RequestRef | None = None
    """The request that it serves; absent for a pin or a drift."""
    spec_hash: Annotated[str, Field(max_length=80)] | None = None
    """Hash of the request, by which it is remembered."""
    actor: UserName | None = None
    """Who asked for it."""
    reason: Message = ""
    """Why."""
    approvers: Annotated[tuple[UserName, ...], Field(max_length=16), keep_first(16)] = ()
    """Who approved."""
    evidence: Evidence | None = None
    """What the verdict rests on."""
    verdict: Annotated[str, Field(max_length=4_500)] | None = None
    """How the gates came out, one JSON text; it goes into the version's record."""
    aliases: Annotated[tuple[AliasMove, ...], Field(max_length=8)]
    """Each alias with its former and its new version."""
    run_id: RunId | None = None
    """The run that made the new version."""
    serving: Annotated[tuple[PlannedWorkload, ...], Field(max_length=64)] = ()
    """Each workload with its former and its new values."""
    source_alias: SourceAlias | None = None
    """The alias that is removed at the end."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = Field(default_factory=dict)
    """Tags that are set on the version."""
    rollout: Rollout = Rollout()
    """Deadline and what a failure leads to, frozen."""
    epoch: Annotated[int, Field(ge=0)] = 0
    """Epoch of the move."""
    bearing: Bearing = Bearing.FORWARD
    """Forward, or backward once it is being undone."""
    failure: ReasonName | None = None
    """Why it is being undone."""
    message: Message = ""
    """The same in words."""
    started_at: Timestamp
    """When the plan was written."""
    rolling_since: Timestamp | None = None
    """When the rollout began; the deadline counts from here."""
    turned_at: Timestamp | None = None
    """When it was turned back."""


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
    """Kind of the workload."""
    name: ObjectName
    """Name of the workload."""
    uid: Annotated[str, Field(max_length=64)] | None = None
    """Its uid."""
    desired: ModelVersionNumber | None = None
    """The version that it should serve."""
    served: ModelVersionNumber | None = None
    """The version that it is known to serve."""
    state: ServingState
    """Where it stands."""
    message: Message = ""
    """Why."""


class Hold(Reported):
    """Why automatic promotion is stopped."""

    reason: ReasonName
    """Why."""
    request: ObjectName | None = None
    """The request that led to it."""
    since: Timestamp
    """Since when."""


class RolledBackVersion(Reported):
    """A version that was rolled back; automatic steps leave it alone."""

    version: ModelVersionNumber
    """The version."""
    reason: ReasonName
    """Why."""
    at: Timestamp
    """When."""


class Outcome(StrEnum):
    """How a plan ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"


class HistoryEntry(Reported):
    """One move of the alias: who, when, from, to, why, on which evidence."""

    from_: Annotated[ModelVersionNumber | None, Field(alias="from")] = None
    """Former version; absent when the alias named none."""
    to: ModelVersionNumber | None = None
    """New version; absent when the alias was removed."""
    at: Timestamp
    """When it ended."""
    operation: Operation
    """What moved the alias."""
    outcome: Outcome
    """How it ended."""
    request: ObjectName | None = None
    """Name of the request."""
    uid: Annotated[str, Field(max_length=64)] | None = None
    """Uid of the request."""
    spec_hash: Annotated[str, Field(max_length=80)] | None = None
    """Hash of the request, by which it is remembered."""
    run_id: RunId | None = None
    """The run that made the new version."""
    actor: UserName | None = None
    """Who asked for it."""
    approvers: Annotated[tuple[UserName, ...], Field(max_length=16), keep_first(16)] = ()
    """Who approved."""
    reason: Message = ""
    """Why it was asked for."""
    failure: ReasonName | None = None
    """Reason of the failure, one of the condition reasons."""
    message: Message = ""
    """Why it ended so."""
    evidence: Evidence | None = None
    """What the verdict rests on."""


class FinishedRequest(Reported):
    """A request that ended, of which the history does not tell: the same one applied again ends so, too."""

    spec_hash: Annotated[str, Field(max_length=80)]
    """Hash of the request."""
    uid: Annotated[str, Field(max_length=64)]
    """Its uid."""
    phase: Phase
    """How it ended."""
    version: ModelVersionNumber | None = None
    """The version that it asked for, where that was known."""


class AliasPhase(StrEnum):
    """One word for people; nothing reads it back."""

    PENDING = "Pending"
    """not yet looked at, or the alias names no version."""
    READY = "Ready"
    """the alias holds the version and the workloads run it."""
    PROMOTING = "Promoting"
    """a plan is moving the alias."""
    ROLLING_OUT = "RollingOut"
    """workloads are being rolled."""
    ROLLING_BACK = "RollingBack"
    """a plan is being undone."""
    DRIFTED = "Drifted"
    """the registry holds another version."""
    SUSPENDED = "Suspended"
    """spec.suspend stops the line."""
    UNREACHABLE = "Unreachable"
    """the registry does not answer."""
    FAILED = "Failed"
    """the last rollout failed."""
    STALLED = "Stalled"
    """a person has to do something; the condition Stalled says what."""


class ModelAliasStatus(Reported):
    """What the operator knows of the alias."""

    observed_generation: int | None = None
    """The generation that this status is about."""
    phase: AliasPhase | None = None
    """One word for people, derived from the conditions."""
    current: Held | None = None
    """The version that this resource is answerable for."""
    previous: Held | None = None
    """The version before it."""
    observed: Observed | None = None
    """The registry as last read."""
    plan: Plan | None = None
    """What is being carried out; present only while it is."""
    serving: Annotated[tuple[ServingStatus, ...], Field(max_length=64)] = ()
    """Each workload: what it should serve and what it is known to serve."""
    queue: Annotated[tuple[ObjectName, ...], Field(max_length=100), keep_first(100)] = ()
    """Requests that wait for their turn, first the next."""
    soaking: Soaking | None = None
    """What the alias of policy.eligibility.soak names."""
    pin: PinVerdict | None = None
    """How the present pin was judged, with policy.pins Gated."""
    hold: Hold | None = None
    """Why automatic promotion is stopped."""
    rolled_back: Annotated[tuple[RolledBackVersion, ...], Field(max_length=50), keep_last(50)] = ()
    """Versions that automatic steps leave alone."""
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=50), keep_last(50)] = ()
    """The latest moves, the newest last."""
    finished: Annotated[tuple[FinishedRequest, ...], Field(max_length=50), keep_last(50)] = ()
    """The latest requests that ended without a move, or whose move the history has forgotten; the newest last."""
    conditions: Conditions = ()
    """The answers one by one; Ready sums them up."""

    def with_plan(self, plan: Plan, serving: tuple[ServingStatus, ...] | None = None) -> Self:
        """Return the status with a plan in the form it has now, and where its workloads stand if that changed."""
        return self.changed(plan=plan, serving=self.serving if serving is None else serving)

    def queued(self, names: Iterable[str]) -> Self:
        """Return the status with the requests that wait for their turn, first the next."""
        return self.changed(queue=tuple(names))

    def with_observed(self, observed: Observed) -> Self:
        """Return the status with the registry as it was read."""
        return self.changed(observed=observed)

    def adopted(self, observed: Observed, entry: HistoryEntry | None) -> Self:
        """Return the status after the first look at the alias: what it named already becomes current."""
        status = self.with_observed(observed)
        if entry is None or observed.version is None:
            return status
        return status.changed(current=Held(version=observed.version, since=observed.at), history=(entry,))

    def plan_ended(
        self, history: tuple[HistoryEntry, ...], observed: Observed, serving: tuple[ServingStatus, ...]
    ) -> Self:
        """Return the status without its plan, which the history now tells of."""
        return self.changed(plan=None, history=history, observed=observed, serving=serving)

    def with_current(self, current: Held, replaced: ModelVersionNumber | None) -> Self:
        """Return the status with another current version, and with the version that it replaced as previous."""
        if replaced is None or replaced == current.version:
            return self.changed(current=current)
        known = self.current is not None and self.current.version == replaced
        previous = self.current if known else Held(version=replaced, since=current.since)
        return self.changed(current=current, previous=previous)

    def released(self, version: ModelVersionNumber | None) -> Self:
        """Return the status without a hold; the version that the alias moved to is no longer one to leave alone."""
        left = tuple(item for item in self.rolled_back if item.version != version)
        return self.changed(hold=None, rolled_back=left)

    def on_hold(self, hold: Hold) -> Self:
        """Return the status with a hold on automatic steps."""
        return self.changed(hold=hold)

    def without(self, gone: RolledBackVersion, returned: ModelVersionNumber | None = None) -> Self:
        """Return the status with a version that automatic steps leave alone, and without the one gone back to."""
        left = tuple(item for item in self.rolled_back if item.version != returned)
        return self.changed(rolled_back=(*left, gone))

    def with_finished(self, finished: Iterable[FinishedRequest]) -> Self:
        """Return the status with more requests that ended; the oldest are forgotten first."""
        newest = tuple(finished)
        uids = {item.uid for item in newest}
        return self.changed(finished=(*(item for item in self.finished if item.uid not in uids), *newest))
