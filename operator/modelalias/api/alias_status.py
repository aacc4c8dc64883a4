"""What the operator knows about an alias: the status of a ModelAlias."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from modelalias.api.conditions import Condition, Conditions
from modelalias.api.fields import (
    AliasName,
    Message,
    ModelVersionNumber,
    ObjectName,
    ReasonName,
    Reported,
    ReportedRunId,
    Timestamp,
    UserName,
    keep_first,
    keep_last,
)
from modelalias.api.history import FinishedRequest, HistoryEntry
from modelalias.api.metadata import NO_VERSION
from modelalias.api.monitor_status import BreachedVersion, MonitorStatus
from modelalias.api.plan import JudgedMetrics, Plan
from modelalias.api.policy_status import PolicyStatus
from modelalias.api.request_status import Check, Evaluated, Finding
from modelalias.api.serving_status import ServingStatus
from modelalias.api.traffic_status import TrafficStatus


class NamedVersion(Reported):
    """A version that the ModelAlias has accepted."""

    version: ModelVersionNumber
    """The version."""
    run_id: ReportedRunId = None
    """The run that produced it."""
    registered_at: Timestamp | None = None
    """When it was registered in MLflow; a version made anew under the same number is another one."""
    judged: JudgedMetrics = ()
    """The metrics of its run on which it was accepted; later candidates are compared with these numbers,
    whatever anybody logs onto the run afterwards."""
    since: Timestamp
    """When it was accepted."""
    request: ObjectName | None = None
    """The request that moved the alias to it."""
    actor: UserName | None = None
    """Who asked for the move."""


class Observed(Reported):
    """What the alias names in the registry, as last read."""

    version: ModelVersionNumber | None = None
    """The version that the alias names in the registry; absent when it names none."""
    at: Timestamp
    """When the operator first saw it there."""
    epoch: Annotated[int, Field(ge=0)] = 0
    """A counter that rises each time the operator moves the alias or sees that it was moved."""
    own_epoch: Annotated[int, Field(ge=0)] | None = None
    """The epoch of the operator's own last move: marks of another epoch prove nothing. Absent in statuses of
    earlier releases."""
    strayed_at: Timestamp | None = None
    """Until when the alias is known to have named what the operator's own last move gave it, before somebody
    moved it; pods that started later may have loaded what it named then, also where it is back by now."""

    @property
    def word(self) -> str:
        """This very state of the alias in one word, by which a person acknowledges it."""
        return f"{self.version or NO_VERSION}@{self.epoch}"

    @property
    def rolled(self) -> int:
        """The epoch that the marks of the last move have."""
        return self.epoch if self.own_epoch is None else self.own_epoch


class Soaking(Reported):
    """What the alias in policy.eligibility.soak names, and since when the operator has seen it there."""

    alias: AliasName
    """The alias."""
    version: ModelVersionNumber | None = None
    """The version that it names; absent when it names none."""
    since: Timestamp
    """When the operator first saw it there."""


class PinVerdict(Reported):
    """The verdict on a pin, with policy.pins Gated."""

    version: ModelVersionNumber
    """The version in spec.version."""
    champion: ModelVersionNumber | None = None
    """The version that the pin was compared with: the one accepted last."""
    explanation: Message = ""
    """The verdict in one sentence."""
    run_unfinished_since: Timestamp | None = None
    """When the operator first saw that the candidate's run had not finished; policy.waitForRun counts from
    here."""
    eligibility: Annotated[tuple[Check, ...], Field(max_length=100)] = ()
    """The result of each rule of eligibility."""
    evaluation: Annotated[tuple[Evaluated, ...], Field(max_length=2)] = ()
    """The Jobs that measure candidate and champion."""
    gates: Annotated[tuple[Finding, ...], Field(max_length=64)] = ()
    """The result of each gate."""


class Hold(Reported):
    """A stop on automatic steps after a rollback or a failed rollout; the next promotion or pin ends it."""

    reason: ReasonName
    """How the move that led to the hold ended, such as RolledBack."""
    request: ObjectName | None = None
    """The request that led to the hold."""
    since: Timestamp
    """When the hold began."""


class RolledBackVersion(Reported):
    """A version that was rolled back; automatic steps do not promote it."""

    version: ModelVersionNumber
    """The version."""
    reason: ReasonName
    """Why it was rolled back."""
    at: Timestamp
    """When it was rolled back."""


class ArchivedVersion(Reported):
    """A version that policy.retention has looked after."""

    version: ModelVersionNumber
    """The version."""
    tag: Annotated[str, Field(max_length=250)] | None = None
    """The tag that the operator gave it; absent where it gave none, because the version is gone, was made anew
    under its number, or had a tag of that name already."""


class AutoPromoteStatus(Reported):
    """What automatic promotion sees."""

    version: ModelVersionNumber | None = None
    """The candidate."""
    request: ObjectName | None = None
    """The request that was filed for it, which says what becomes of it, or became."""
    message: Message = ""
    """Why no request is filed."""


class AliasPhase(StrEnum):
    """The state of the alias at a glance, for people; programs read the conditions."""

    PENDING = "Pending"
    """nothing was promoted yet, or nothing is known of the alias yet."""
    READY = "Ready"
    """the alias names the version and the workloads run it."""
    PROMOTING = "Promoting"
    """the alias is being moved."""
    ROLLING_OUT = "RollingOut"
    """the workloads are being rolled out."""
    ROLLING_BACK = "RollingBack"
    """a move is being undone."""
    DRIFTED = "Drifted"
    """somebody moved the alias by hand: the registry names another version than status.current."""
    SUSPENDED = "Suspended"
    """spec.suspend is set: nothing new starts."""
    UNREACHABLE = "Unreachable"
    """the registry does not answer."""
    FAILED = "Failed"
    """the last rollout failed."""
    DEGRADED = "Degraded"
    """a workload does not run the version, or too few of its pods are available."""
    UNKNOWN = "Unknown"
    """it is not known what the workloads run, or none of their pods has loaded anything."""
    STALLED = "Stalled"
    """a person has to change something; the condition Stalled says what."""


class ModelAliasStatus(Reported):
    """What the operator knows about the alias."""

    observed_generation: int | None = None
    """The metadata.generation that this status describes."""
    phase: AliasPhase | None = None
    """The state at a glance, derived from the conditions."""
    current: NamedVersion | None = None
    """The version that this ModelAlias accepted last: it moved the alias there, or found it there at first
    sight. Candidates are compared with it, whatever the registry names."""
    previous: NamedVersion | None = None
    """The version that was current before."""
    observed: Observed | None = None
    """What the alias names in the registry, as last read."""
    plan: Plan | None = None
    """The move that is under way; absent when there is none."""
    serving: Annotated[tuple[ServingStatus, ...], Field(max_length=64)] = ()
    """Each workload: what it should serve and what it is known to serve."""
    served: Annotated[str, Field(max_length=64), keep_first(64)] | None = None
    """Which versions the ready pods of all workloads run, the newest first; ? stands for one that is not known."""
    policy: PolicyStatus | None = None
    """The policies that hold, and the rules that result; absent while no policy holds."""
    queue: Annotated[tuple[ObjectName, ...], Field(max_length=100), keep_first(100)] = ()
    """Requests that wait for their turn, the next one first."""
    soaking: Soaking | None = None
    """What the alias in policy.eligibility.soak names."""
    pin: PinVerdict | None = None
    """The verdict on the pin in spec.version, with policy.pins Gated."""
    hold: Hold | None = None
    """Why automatic steps are stopped; absent when they are not."""
    rolled_back: Annotated[tuple[RolledBackVersion, ...], Field(max_length=50), keep_last(50)] = ()
    """Versions that were rolled back; automatic steps do not promote them."""
    monitors: Annotated[tuple[MonitorStatus, ...], Field(max_length=16)] = ()
    """The last readings of each monitor in spec.monitors."""
    breached: Annotated[tuple[BreachedVersion, ...], Field(max_length=50), keep_last(50)] = ()
    """Versions of which a monitor was breached; nothing goes back to them by itself."""
    auto_promote: AutoPromoteStatus | None = None
    """What automatic promotion sees; present with spec.policy.autoPromote."""
    archived: Annotated[tuple[ArchivedVersion, ...], Field(max_length=50), keep_last(50)] = ()
    """Versions that the alias has left behind, by policy.retention, as far as they have their tag; the one left last
    stands last."""
    not_archived: Annotated[str, Field(max_length=1024)] | None = None
    """Why policy.retention tags no version: another ModelAlias reads that tag; absent while none does."""
    traffic: TrafficStatus | None = None
    """How the requests are split; present with spec.traffic."""
    restored: Annotated[tuple[Timestamp, ...], Field(max_length=3), keep_last(3)] = ()
    """When the operator set the alias back after somebody moved it, the last three times."""
    history: Annotated[tuple[HistoryEntry, ...], Field(max_length=50), keep_last(50)] = ()
    """The latest moves, the newest last."""
    finished: Annotated[tuple[FinishedRequest, ...], Field(max_length=50), keep_last(50)] = ()
    """The latest requests that ended without a plan, or that the history has dropped; the newest last."""
    conditions: Conditions = ()
    """What is true of the alias, point by point; Ready sums it up."""

    def with_plan(self, plan: Plan, serving: tuple[ServingStatus, ...] | None = None) -> Self:
        """Return the status with a plan in the form it has now.

        `serving` says where its workloads stand, if that changed.
        """
        return self.changed(plan=plan, serving=self.serving if serving is None else serving)

    def queued(self, names: Iterable[str]) -> Self:
        """Return the status with the requests that wait for their turn, first the next."""
        return self.changed(queue=tuple(names))

    def with_observed(self, observed: Observed) -> Self:
        """Return the status with the registry as it was read."""
        return self.changed(observed=observed)

    def adopted(self, observed: Observed, current: NamedVersion, entry: HistoryEntry) -> Self:
        """Return the status after the first look at the alias: what it named already becomes current."""
        return self.with_observed(observed).changed(current=current, history=(entry,))

    def plan_ended(
        self, history: tuple[HistoryEntry, ...], observed: Observed, serving: tuple[ServingStatus, ...]
    ) -> Self:
        """Return the status without its plan, which the history now tells of."""
        return self.changed(plan=None, history=history, observed=observed, serving=serving)

    def with_current(self, current: NamedVersion, replaced: ModelVersionNumber | None) -> Self:
        """Return the status with another current version, and with the version that it replaced as previous."""
        if replaced is None or replaced == current.version:
            return self.changed(current=current)
        known = self.current is not None and self.current.version == replaced
        previous = self.current if known else NamedVersion(version=replaced, since=current.since)
        return self.changed(current=current, previous=previous)

    def released(self, version: ModelVersionNumber | None) -> Self:
        """Return the status without a hold.

        The version that the alias moved to is no longer one to leave alone.
        """
        return self.changed(hold=None).taken_up(version)

    def taken_up(self, version: ModelVersionNumber | None) -> Self:
        """Return the status after a person chose a version: it is no longer one to leave alone."""
        rolled_back = tuple(item for item in self.rolled_back if item.version != version)
        breached = tuple(item for item in self.breached if item.version != version)
        return self.changed(rolled_back=rolled_back, breached=breached)

    def on_hold(self, hold: Hold) -> Self:
        """Return the status with a hold on automatic steps."""
        return self.changed(hold=hold)

    def with_rolled_back(self, gone: RolledBackVersion, returned: ModelVersionNumber | None = None) -> Self:
        """Return the status with a version that automatic steps leave alone.

        The one that was gone back to is no longer one of them.
        """
        left = tuple(item for item in self.rolled_back if item.version != returned)
        return self.changed(rolled_back=(*left, gone))

    def with_finished(self, finished: Iterable[FinishedRequest]) -> Self:
        """Return the status with more requests that ended; the oldest are forgotten first."""
        newest = tuple(finished)
        uids = {item.uid for item in newest}
        return self.changed(finished=(*(item for item in self.finished if item.uid not in uids), *newest))

    def remembering(self, forgotten: Iterable[FinishedRequest]) -> Self:
        """Return the status with requests that the history forgot: older than the others, they go first again."""
        known = {item.uid for item in self.finished}
        older = (item for item in forgotten if item.uid not in known)
        return self.changed(finished=(*older, *self.finished))

    def with_archived(self, archived: Iterable[ArchivedVersion]) -> Self:
        """Return the status with the versions that the alias has left behind."""
        return self.changed(archived=tuple(archived))

    def with_not_archived(self, why: str) -> Self:
        """Return the status with why no version is tagged as left behind; "" where that is not so."""
        return self.changed(not_archived=why or None)

    def with_monitors(self, monitors: Iterable[MonitorStatus]) -> Self:
        """Return the status with the last readings of the monitors."""
        return self.changed(monitors=tuple(monitors))

    def without_hold(self) -> Self:
        """Return the status after a person released its hold."""
        return self.changed(hold=None)

    def with_auto_promote(self, seen: AutoPromoteStatus | None) -> Self:
        """Return the status with what automatic promotion sees."""
        return self.changed(auto_promote=seen)

    def set_back(self, at: Timestamp) -> Self:
        """Return the status after the operator set the alias back."""
        return self.changed(restored=(*self.restored, at))

    def with_breached(self, breached: BreachedVersion) -> Self:
        """Return the status with a version of which a monitor was breached."""
        left = tuple(item for item in self.breached if item.version != breached.version)
        return self.changed(breached=(*left, breached))

    def with_policy(self, policy: PolicyStatus | None) -> Self:
        """Return the status with the policies that hold."""
        return self.changed(policy=policy)

    def with_breach_filed(self, version: ModelVersionNumber, request: ObjectName) -> Self:
        """Return the status with the request that was filed for a version of which a monitor was breached."""
        noted = tuple(
            item.changed(request=request) if item.version == version else item for item in self.breached
        )
        return self.changed(breached=noted)

    def with_traffic(self, traffic: TrafficStatus | None) -> Self:
        """Return the status with how the requests are split."""
        return self.changed(traffic=traffic)

    def with_serving(self, serving: tuple[ServingStatus, ...]) -> Self:
        """Return the status with where each workload of the spec stands."""
        return self.changed(serving=serving)

    def with_soaking(self, soaking: Soaking | None) -> Self:
        """Return the status with what the alias of the soak names, or without where there is no soak."""
        return self.changed(soaking=soaking)

    def with_pin(self, pin: PinVerdict | None) -> Self:
        """Return the status with the verdict on the pin, or without."""
        return self.changed(pin=pin)

    def described(self, generation: int, conditions: tuple[Condition, ...], phase: AliasPhase) -> Self:
        """Return the status with what people read of it, as of a generation of the spec."""
        served = _served(self.serving)
        return self.changed(observed_generation=generation, conditions=conditions, phase=phase, served=served)


def _served(serving: Iterable[ServingStatus]) -> str | None:
    """Return which versions ready pods run, for a column of `kubectl get`; None where none is ready."""
    ready = {count.version for item in serving for count in item.pods if count.ready}
    versions = sorted((item for item in ready if item is not None), key=int, reverse=True)
    return ", ".join([*versions, *(["?"] if None in ready else [])]) or None
