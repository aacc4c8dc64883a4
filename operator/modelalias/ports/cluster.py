"""What the rules ask of the API server, in our own words."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from modelalias.api.alias import ModelAlias, ModelAliasStatus, WorkloadKind
from modelalias.api.fields import Value
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.api.workload import Load
from modelalias.ports.notary import SigningKeys


class WorkloadRef(Value):
    """Which workload."""

    kind: WorkloadKind
    namespace: str
    name: str


class WorkloadChange(Value):
    """What a roll writes into a workload; None for `mark` or `uri` takes the value away."""

    alias: str
    """Name of the ModelAlias, the mark's key."""
    mark: str | None
    container: str | None = None
    env: str | None = None
    uri: str | None = None
    """What is to stand in the variable, letter by letter."""


class Workload(Value, ABC):
    """A workload as it was seen.

    The fields are what the rules need of each kind. What else a kind has to know, and the answers to the
    rules' questions about it, stand in a subclass of its own: see `modelalias.kinds`.
    """

    ref: WorkloadRef
    uid: str
    resource_version: int
    managed: bool
    """Whether it carries the label `modelalias.dev/managed=true`."""
    marks: Mapping[str, str]
    """What rolls wrote last, for each ModelAlias by its name: the annotations under `modelalias.dev/` where
    a change of them makes new pods."""

    @abstractmethod
    def uri(self, load: Load) -> str | None:
        """Return what stands at the place that `load` names and tells the pods their model, None when nothing."""

    def text_of(self, uri: str) -> str:
        """Return what has to stand at that place so that the pods load this model: its URI, or an escaped form."""
        return uri

    @abstractmethod
    def why_not_rollable(self, load: Load) -> str:
        """Return what keeps it from being rolled at all until a person edits it; "" when nothing does.

        The words go on where its name ends: "is paused: resume it".
        """

    @abstractmethod
    def has(self, change: WorkloadChange) -> bool:
        """Return whether the change is written, be it rolled or not."""

    @abstractmethod
    def is_rolled(self) -> bool:
        """Return whether it reports that nothing runs but what is written, and runs well."""

    @abstractmethod
    def why_not_rolled(self) -> str:
        """Return how far it is and what troubles it, for people: the same state in the same words."""


class EventType(StrEnum):
    """The two types that Kubernetes has."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Involved(Value):
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class Objects(Protocol):
    """ModelAliases, PromotionRequests and events in the API server.

    The two listings pass over objects that do not fit the models, with a line in the log.

    Every call raises `Unavailable` when the API server does not answer in time or is overloaded, `Refused`
    with the verb and the resource in its message when a permission is missing.
    """

    def every_alias(self, namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
        """List all ModelAliases by pages, of the named namespaces or, with none named, of the cluster."""
        ...

    def every_request(self, namespaces: Sequence[str]) -> AsyncIterator[PromotionRequest]:
        """List all PromotionRequests by pages, of the named namespaces or, with none named, of the cluster."""
        ...

    async def alias(self, namespace: str, name: str) -> ModelAlias | None:
        """Read a ModelAlias afresh."""
        ...

    async def request(self, namespace: str, name: str) -> PromotionRequest | None:
        """Read a PromotionRequest afresh."""
        ...

    async def write_alias_status(self, alias: ModelAlias, status: ModelAliasStatus) -> ModelAlias:
        """Replace the status of the alias as it was read; raise `Conflict` when it changed since, or is gone."""
        ...

    async def write_request_status(
        self, request: PromotionRequest, status: PromotionRequestStatus
    ) -> PromotionRequest:
        """Replace the status of the request as it was read.

        Raise `Conflict` when it changed since, or is gone.
        """
        ...

    async def delete_request(self, namespace: str, name: str, uid: str, version: int) -> None:
        """Delete a request as it was seen at that resourceVersion.

        One that is gone is fine, for another raise `Conflict`.
        """
        ...

    async def post_event(
        self, about: Involved, kind: EventType, reason: str, message: str, *, now: datetime
    ) -> None:
        """Post one event, best effort: a failure is logged and not raised."""
        ...


class Workloads(Protocol):
    """Workloads of the kinds in `modelalias.kinds`.

    Every call raises `Unavailable` and `Refused` as `Objects` does.
    """

    async def read(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload afresh."""
        ...

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        """Write mark, URI and label in one patch and return the workload as it stands after.

        The same values again are no write. Raise `Conflict` when the workload is gone or was made anew under
        another uid, and `InvalidRequest` when it has no place for the URI, such as a container of that name
        or a variable that is a literal.
        """
        ...


class JobRef(Value):
    """Which Job."""

    namespace: str
    name: str


class JobState(StrEnum):
    """How far a Job is."""

    RUNNING = "Running"
    """or waiting to run."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class Job(Value):
    """A Job that the operator started, as it stands."""

    ref: JobRef
    uid: str
    state: JobState
    message: str = ""
    """Why it failed, or what keeps it from running, in the words of its conditions."""
    owner: str = ""
    """The uid of what controls it."""
    run_id: str | None
    """The run that its annotation `modelalias.dev/run-id` names.

    Whoever may write Jobs may write that too: it can show that a Job is another one, and proves nothing else.
    """
    ending: bool = False
    """Whether it is being deleted."""


class NewJob(Value):
    """A Job to start from a suspended CronJob, which is the template."""

    ref: JobRef
    cron_job: str
    """Name of the CronJob, in the namespace of the Job."""
    owner: Involved
    """What the Job belongs to and goes with."""
    alias: str
    """Name of the ModelAlias that waits for it."""
    run_id: str
    environment: tuple[tuple[str, str], ...]
    """Variables that every container gets."""
    timeout_seconds: int


class Jobs(Protocol):
    """Jobs of batch/v1 that the operator starts from CronJobs.

    Every call raises `Unavailable` and `Refused` as `Objects` does.
    """

    async def read(self, ref: JobRef) -> Job | None:
        """Read a Job afresh; one that the operator did not make is none."""
        ...

    async def check(self, namespace: str, cron_job: str) -> None:
        """Raise `InvalidRequest` when there is no such CronJob, or when it is not suspended."""
        ...

    async def start(self, new: NewJob) -> Job:
        """Make the Job and return it, or the one that was made before.

        Raise `InvalidRequest` when there is no such CronJob, when it is not suspended, when the API server
        refuses what it would make, and when the name is taken by a Job of somebody else.
        """
        ...

    async def last_lines(self, ref: JobRef) -> str:
        """Return the end of what the Job's newest pod wrote, at most 20 lines and 2,000 characters.

        "" when there is none.
        """
        ...

    async def stop(self, ref: JobRef) -> None:
        """Delete the Job with its pods; none there, or one that is not ours, is fine."""
        ...


class Admission(Protocol):
    """What makes the API server prove who writes requests and approvals, and who pins.

    Every call raises `Unavailable` and `Refused` as `Objects` does.
    """

    async def why_unproved(self) -> str:
        """Return why nobody proves who writes requests and approvals; "" when the API server does."""
        ...

    async def why_pins_unproved(self) -> str:
        """Return why nobody proves who sets `spec.version`; "" when the API server does."""
        ...


@dataclass(frozen=True)
class Cluster:
    """The ports on one API server."""

    objects: Objects
    workloads: Workloads
    jobs: Jobs
    admission: Admission
    keys: SigningKeys
