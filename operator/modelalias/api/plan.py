"""What a plan is: the frozen description of a move that is under way."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from modelalias.api.fields import (
    AliasName,
    ContainerName,
    EnvName,
    Evidence,
    Message,
    MetricName,
    ModelVersionNumber,
    ObjectName,
    ReasonName,
    Reported,
    ReportedRunId,
    TagKey,
    TagValue,
    Timestamp,
    UserName,
    keep_first,
)
from modelalias.api.workload import LoadMode, Rollout, Verify, WorkloadKind


class Operation(StrEnum):
    """What kind of move it is."""

    PROMOTE = "Promote"
    ROLLBACK = "Rollback"
    SWAP = "Swap"
    PIN = "Pin"
    ADOPT = "Adopt"
    RESTORE = "Restore"


class RequestRef(Reported):
    """The request that a plan carries out."""

    name: ObjectName
    """Name of the request."""
    uid: Annotated[str, Field(max_length=64)]
    """UID of the request."""


class AliasMove(Reported):
    """One alias with its former and its new version."""

    name: AliasName
    """The alias."""
    from_: Annotated[ModelVersionNumber | None, Field(alias="from")] = None
    """Its former version, to which it comes back if the plan is undone: of the managed alias the one that this
    ModelAlias accepted last. Absent when there is none."""
    to: ModelVersionNumber | None = None
    """Its new version; absent when it is removed."""
    drifted: bool = False
    """Whether the registry named another version than `from` when the plan was written, because somebody
    moved the alias."""
    found: ModelVersionNumber | None = None
    """If drifted: the version that the registry named then; absent when it named none."""

    @property
    def named(self) -> ModelVersionNumber | None:
        """What the alias named in the registry when the plan was written."""
        return self.found if self.drifted else self.from_


class JudgedMetric(Reported):
    """A metric of a version's run as it was when the version was judged."""

    metric: MetricName
    """Key of the metric."""
    value: Annotated[str, Field(max_length=64)]
    """Its value, a decimal number."""


JudgedMetrics = Annotated[tuple[JudgedMetric, ...], Field(max_length=64), keep_first(64)]


class PlannedVariable(Reported):
    """What is written into one environment variable, and the value to go back to."""

    container: ContainerName | None = None
    """The container, or init container; absent where the workload has one place of its own."""
    env: EnvName | None = None
    """The environment variable; absent where the workload has one place of its own."""
    from_: Annotated[str | None, Field(alias="from", max_length=1024)] = None
    """Former value, as it stood in the pod template; absent when there was none."""
    to: Annotated[str, Field(max_length=1024)] | None = None
    """New value, as it will stand in the pod template: with $$ for each $."""


_ONE_VARIABLE: Final = {
    "container": "container",
    "env": "env",
    "fromUri": "from",
    "from_uri": "from",
    "toUri": "to",
    "to_uri": "to",
}


class PlannedWorkload(Reported):
    """A workload as it was when the plan was written, with its new values and the values to go back to.

    `from` and `to` are marks (values of the pod-template annotation). Without `from` it was not set before.
    """

    kind: WorkloadKind
    """Kind of the workload."""
    name: ObjectName
    """Name of the workload."""
    uid: Annotated[str, Field(max_length=64)]
    """UID of the workload; one with another UID is another workload."""
    wave: int = 0
    """Wave of the workload."""
    mode: LoadMode = LoadMode.ALIAS
    """How its pods learn the version."""
    variables: Annotated[tuple[PlannedVariable, ...], Field(max_length=16)] = ()
    """With mode Pinned: each environment variable with its former and its new value."""
    from_: Annotated[str | None, Field(alias="from", max_length=64)] = None
    """Former mark of the pod template."""
    to: Annotated[str, Field(max_length=64)]
    """New mark of the pod template."""
    back: Annotated[str | None, Field(max_length=64)] = None
    """Mark of the pod template if the plan is undone."""
    container: ContainerName | None = None
    """In plans that an earlier release wrote: the container of the one variable."""
    env: EnvName | None = None
    """In plans that an earlier release wrote: the one variable."""
    from_uri: Annotated[str, Field(max_length=1024)] | None = None
    """In plans that an earlier release wrote: the former value of the one variable."""
    to_uri: Annotated[str, Field(max_length=1024)] | None = None
    """In plans that an earlier release wrote: the new value of the one variable."""

    short: Annotated[int, Field(ge=0)] = 0
    """How many replicas fewer than wanted will do, because they were not available before either."""
    verify: Verify | None = None
    """How its pods are asked what they serve."""

    @model_validator(mode="before")
    @classmethod
    def _of_one_variable(cls, fields: object) -> object:
        """Read a plan of the release that knew one variable as one of today."""
        if not isinstance(fields, Mapping) or not fields.get("container"):
            return fields
        one = {_ONE_VARIABLE[name]: value for name, value in fields.items() if name in _ONE_VARIABLE}
        rest = {name: value for name, value in fields.items() if name not in _ONE_VARIABLE}
        return {**rest, "variables": [one]}

    @property
    def nothing_before(self) -> bool:
        """Whether its pods had no version that anybody knows of: no mark to go back to, and no variable."""
        return self.back is None and all(item.from_ is None for item in self.variables)


class Bearing(StrEnum):
    """Whether a plan is being carried out or undone."""

    FORWARD = "Forward"
    BACKWARD = "Backward"


class SourceAlias(Reported):
    """The alias that is removed at the end, if it still names this version."""

    name: AliasName
    """The alias."""
    version: ModelVersionNumber
    """The version that it must still name."""


class Plan(Reported):
    """The move that is under way, frozen: written before the first change, removed with the history entry."""

    operation: Operation
    """What kind of move it is."""
    request: RequestRef | None = None
    """The request that is carried out; absent for a pin."""
    spec_hash: Annotated[str, Field(max_length=80)] | None = None
    """Hash of the request, by which it is known again when it is applied again."""
    actor: UserName | None = None
    """Who asked for the move."""
    reason: Message = ""
    """Why the move was asked for."""
    approvers: Annotated[tuple[UserName, ...], Field(max_length=16), keep_first(16)] = ()
    """Who approved."""
    evidence: Evidence | None = None
    """Hash of what the verdict rests on."""
    verdict: Annotated[str, Field(max_length=4_500)] | None = None
    """The verdict as JSON; it goes into the record on the version."""
    aliases: Annotated[tuple[AliasMove, ...], Field(max_length=8)]
    """Each alias with its former and its new version."""
    run_id: ReportedRunId = None
    """The run that produced the new version."""
    registered_at: Timestamp | None = None
    """When the new version was registered in MLflow; one made anew under the same number is another one."""
    judged: JudgedMetrics = ()
    """The metrics of its run on which the verdict rests."""
    serving: Annotated[tuple[PlannedWorkload, ...], Field(max_length=64)] = ()
    """Each workload with its former and its new values."""
    source_alias: SourceAlias | None = None
    """The alias that is removed at the end."""
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=32)] = Field(default_factory=dict)
    """Tags that are set on the version."""
    rollout: Rollout = Rollout()
    """spec.rollout as it was when the plan was written."""
    epoch: Annotated[int, Field(ge=0)] = 0
    """Epoch of the move."""
    bearing: Bearing = Bearing.FORWARD
    """Forward, or Backward once the plan is being undone."""
    failure: ReasonName | None = None
    """Why the plan is being undone, one of the condition reasons."""
    message: Message = ""
    """The same as a sentence."""
    started_at: Timestamp
    """When the plan was written."""
    rolling_since: Timestamp | None = None
    """When the rollout began."""
    deadline_at: Timestamp | None = None
    """When the rollout has failed if it is not done. Time in which nothing can move does not count."""
    clock_stopped_at: Timestamp | None = None
    """Since when time does not count, because nothing can move; absent while it counts."""
    clock_stopped_for: ReasonName | None = None
    """Why it does not, one of the condition reasons."""
    turned_at: Timestamp | None = None
    """When undoing began."""

    def without_source_alias(self) -> Self:
        """Return the plan without the alias to remove at its end."""
        return self.changed(source_alias=None)

    def with_tags(self, tags: Mapping[str, str]) -> Self:
        """Return the plan with other tags to set on the version."""
        return self.changed(tags=dict(tags))

    def halted(self) -> Self:
        """Return the plan while nothing can go on: its deadline begins anew afterwards."""
        return self.changed(rolling_since=None, deadline_at=None).clock_reset()

    def rolling(self, now: datetime) -> Self:
        """Return the plan from the time on from which its deadline counts."""
        deadline = now + timedelta(seconds=self.rollout.deadline_seconds)
        return self.changed(rolling_since=now, deadline_at=deadline)

    @property
    def due(self) -> datetime | None:
        """Return when the rollout has failed; None before it began."""
        if self.deadline_at is not None or self.rolling_since is None:
            return self.deadline_at
        return self.rolling_since + timedelta(seconds=self.rollout.deadline_seconds)  # of an earlier release

    def clock_stopped(self, reason: str, now: datetime) -> Self:
        """Return the plan from the time on at which nothing can move."""
        if self.clock_stopped_at is not None:
            return self.changed(clock_stopped_for=reason)
        return self.changed(clock_stopped_at=now, clock_stopped_for=reason, deadline_at=self.due)

    def clock_running(self, now: datetime, grace: timedelta) -> Self:
        """Return the plan once things can move again: the time between does not count, and `grace` is left."""
        if self.clock_stopped_at is None or self.due is None:
            return self.clock_reset()
        later = max(self.due + (now - self.clock_stopped_at), now + grace)
        return self.changed(deadline_at=later).clock_reset()

    def clock_reset(self) -> Self:
        """Return the plan with its clock running."""
        return self.changed(clock_stopped_at=None, clock_stopped_for=None)

    def failed(self, failure: str, message: str) -> Self:
        """Return the plan with why it cannot go on."""
        return self.changed(failure=failure, message=message)

    def with_message(self, message: str) -> Self:
        """Return the plan with another sentence about its failure."""
        return self.changed(message=message)

    def never_loaded(self) -> Self:
        """Return the plan for workloads of which no pod can have loaded the new version: their former marks do."""
        return self.changed(serving=tuple(item.changed(back=item.from_) for item in self.serving))

    def turned_back(self, now: datetime) -> Self:
        """Return the plan on its way back."""
        return self.changed(bearing=Bearing.BACKWARD, turned_at=now).halted()
