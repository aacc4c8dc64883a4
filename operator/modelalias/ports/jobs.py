"""Jobs that measure a version."""

from enum import StrEnum
from typing import Protocol

from modelalias.api.fields import Value
from modelalias.ports.objects import Involved


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
