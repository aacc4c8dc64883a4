"""Jobs in memory: CronJobs that they are made from, and states that a test moves as a controller would.

The suite in `tests/contract/test_jobs.py` runs on this and on a real API server.
"""

from collections.abc import Callable
from typing import Any

from modelalias.adapters.jobs import SUSPENDED, no_cron_job, not_suspended, refused, taken
from modelalias.adapters.pod_log import last_lines
from modelalias.core.errors import InvalidRequest
from modelalias.ports import Job, JobRef, JobState, NewJob
from tests.support.fault_queue import ANY, FaultQueue

Listener = Callable[[str, Job, str], None]
"""Called with ADDED, MODIFIED or DELETED, the Job as it stands after, and the name of the alias that waits
for it."""


class FakeJobs:
    """The port `Jobs` in memory, with what users and controllers do beside it."""

    def __init__(self) -> None:
        self.jobs: dict[JobRef, Job] = {}
        """Those that the operator made and that are still there."""
        self.foreign: set[JobRef] = set()
        """Those of somebody else."""
        self.started: list[NewJob] = []
        """What was made, in that order; one that was there already is not made again."""
        self.stopped: list[JobRef] = []
        self.calls: list[str] = []
        self.listeners: list[Listener] = []
        self.refusal = ""
        """What a quota or a policy says to every new Job; empty when there is none."""
        self.queued = False
        """Whether the templates suspend their Jobs, so that a queueing system lets them run."""
        self._cron_jobs: dict[tuple[str, str], bool] = {}
        self._made_from: dict[JobRef, NewJob] = {}
        self._logs: dict[JobRef, str] = {}
        self._faults = FaultQueue()
        self._serial = 0

    # What a user does

    def add_cron_job(self, namespace: str, name: str, *, suspend: bool = True) -> None:
        """Create or edit a CronJob."""
        self._cron_jobs[namespace, name] = suspend

    def delete_cron_job(self, namespace: str, name: str) -> None:
        del self._cron_jobs[namespace, name]

    def add_foreign(self, ref: JobRef) -> None:
        """Create a Job by somebody else's hand."""
        self.foreign.add(ref)

    def delete(self, ref: JobRef) -> None:
        """Delete a Job with its pods, as a user would, or its ttlSecondsAfterFinished, or its owner's end."""
        self.foreign.discard(ref)
        self._logs.pop(ref, None)
        if gone := self.jobs.pop(ref, None):
            self._tell("DELETED", gone)

    # What a controller does

    def set(self, ref: JobRef, **fields: Any) -> Job:
        """Set fields of a Job, such as `message=""` when a queue lets it run."""
        return self._store("MODIFIED", self.jobs[ref].model_copy(update=fields))

    def write(self, ref: JobRef, lines: str) -> None:
        """Let the Job's pod write a text."""
        self._logs[ref] = self._logs.get(ref, "") + lines

    def finish(self, ref: JobRef, *, succeeded: bool = True, message: str = "", lines: str = "") -> Job:
        """Let the Job end, with what its pod wrote; `message` is why it failed."""
        self.write(ref, lines)
        return self.set(ref, state=JobState.SUCCEEDED if succeeded else JobState.FAILED, message=message)

    # What a test puts in the way

    def fail_next(
        self, error: BaseException, *, call: str = ANY, after: bool = False, times: int = 1
    ) -> None:
        """Let calls of that name (`read`, `start`, `last_lines`, `stop`, or all) fail; `after`: only its
        answer is lost."""
        self._faults.add(error, call=call, after=after, times=times)

    # The port

    async def read(self, ref: JobRef) -> Job | None:
        self.calls.append("read")
        self._faults.before("read")
        return self.jobs.get(ref)

    async def check(self, namespace: str, cron_job: str) -> None:
        self.calls.append("check")
        self._faults.before("check")
        self._check(namespace, cron_job)

    async def start(self, new: NewJob) -> Job:
        self.calls.append("start")
        self._faults.before("start")
        job = self._there(new) or self._make(new)
        self._faults.after("start")
        return job

    async def last_lines(self, ref: JobRef) -> str:
        self.calls.append("last_lines")
        self._faults.before("last_lines")
        return last_lines(self._logs.get(ref, "")) if ref in self.jobs else ""

    async def stop(self, ref: JobRef) -> None:
        self.calls.append("stop")
        self._faults.before("stop")
        if ref in self.jobs:
            self.stopped.append(ref)
            self.delete(ref)
        self._faults.after("stop")

    def _there(self, new: NewJob) -> Job | None:
        job = self.jobs.get(new.ref)
        if new.ref in self.foreign:
            raise InvalidRequest(taken(new))
        if job is None:
            return None
        made = self._made_from[new.ref]
        if (made.run_id, made.owner.uid) != (new.run_id, new.owner.uid):
            raise InvalidRequest(taken(new))
        return job

    def _make(self, new: NewJob) -> Job:
        self._check(new.ref.namespace, new.cron_job)
        if self.refusal:
            raise InvalidRequest(refused(new, self.refusal))
        self._serial += 1
        self.started.append(new)
        self._made_from[new.ref] = new
        message = SUSPENDED if self.queued else ""
        uid = f"job-{self._serial}"
        made = Job(
            ref=new.ref,
            uid=uid,
            state=JobState.RUNNING,
            message=message,
            owner=new.owner.uid,
            run_id=new.run_id,
        )
        return self._store("ADDED", made)

    def _check(self, namespace: str, name: str) -> None:
        suspend = self._cron_jobs.get((namespace, name))
        if suspend is None:
            raise InvalidRequest(no_cron_job(namespace, name))
        if not suspend:
            raise InvalidRequest(not_suspended(namespace, name))

    def _store(self, change: str, job: Job) -> Job:
        self.jobs[job.ref] = job
        self._tell(change, job)
        return job

    def _tell(self, change: str, job: Job) -> None:
        for listener in self.listeners:
            listener(change, job, self._made_from[job.ref].alias)
