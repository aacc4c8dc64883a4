"""Jobs with users and controllers on them, in memory and on a real API server, for the suite that runs on
both."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from hack.cluster.pause_image import NAME as IMAGE
from modelalias.ports import Involved, Job, JobRef, Jobs, JobState
from tests.support.fake_jobs import FakeJobs
from tests.support.raw_api import RawApi, until

CRON_JOB = "holdout"
BACKOFF = "BackoffLimitExceeded: Job has reached the specified backoff limit"


class Ending(NamedTuple):
    """What the pod of a Job does."""

    status: int
    lines: Sequence[str] = ()


class World(Protocol):
    """CronJobs and Jobs with users and controllers on them."""

    namespace: str
    jobs: Jobs

    async def add_cron_job(self, runs: Ending | None = None, *, suspend: bool = True) -> None:
        """Create the CronJob `holdout`; without an ending its Jobs wait until somebody lets them run."""

    async def delete_cron_job(self) -> None: ...

    async def add_foreign(self, ref: JobRef) -> None:
        """Create a Job that the operator did not make."""

    async def foreign_is_there(self, ref: JobRef) -> bool: ...

    async def delete(self, ref: JobRef) -> None: ...

    async def owner(self, name: str) -> Involved:
        """Create an object that Jobs can belong to."""

    async def ended(self, ref: JobRef) -> Job:
        """Wait until the Job ended."""


class FakeWorld:
    namespace = "ml"

    def __init__(self) -> None:
        self.fake = FakeJobs()
        self.jobs: Jobs = self.fake
        self.runs = Ending(0)

    async def add_cron_job(self, runs: Ending | None = None, *, suspend: bool = True) -> None:
        self.fake.add_cron_job(self.namespace, CRON_JOB, suspend=suspend)
        self.fake.queued = runs is None
        self.runs = runs or self.runs

    async def delete_cron_job(self) -> None:
        self.fake.delete_cron_job(self.namespace, CRON_JOB)

    async def add_foreign(self, ref: JobRef) -> None:
        self.fake.add_foreign(ref)

    async def foreign_is_there(self, ref: JobRef) -> bool:
        return ref in self.fake.foreign

    async def delete(self, ref: JobRef) -> None:
        self.fake.delete(ref)

    async def owner(self, name: str) -> Involved:
        return Involved(
            api_version="v1", kind="ConfigMap", namespace=self.namespace, name=name, uid=f"uid-of-{name}"
        )

    async def ended(self, ref: JobRef) -> Job:
        status, lines = self.runs
        text = "".join(f"{line}\n" for line in lines)
        return self.fake.finish(ref, succeeded=not status, message=BACKOFF if status else "", lines=text)


class RealWorld:
    def __init__(self, api: RawApi, jobs: Jobs, namespace: str) -> None:
        self.api = api
        self.jobs = jobs
        self.namespace = namespace

    async def add_cron_job(self, runs: Ending | None = None, *, suspend: bool = True) -> None:
        template = {"metadata": {"labels": {"team": "risk"}}, "spec": job_spec(runs)}
        spec = {"schedule": "0 0 31 2 *", "suspend": suspend, "jobTemplate": template}
        body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": CRON_JOB}, "spec": spec}
        await self.api.create(self.path("cronjobs"), body)

    async def add_endless_cron_job(self) -> None:
        """Create the CronJob `holdout`, whose Jobs run until somebody ends them."""
        await self.add_cron_job(Ending(0))
        spec = {
            "template": {
                "spec": {"containers": [{"name": "main", "image": IMAGE, "imagePullPolicy": "Never"}]}
            }
        }
        await self.api.merge(self.path("cronjobs", CRON_JOB), {"spec": {"jobTemplate": {"spec": spec}}})

    async def delete_cron_job(self) -> None:
        await self.api.delete(self.path("cronjobs", CRON_JOB))

    async def add_foreign(self, ref: JobRef) -> None:
        body = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": ref.name},
            "spec": job_spec(None),
        }
        await self.api.create(self.path("jobs"), body)

    async def foreign_is_there(self, ref: JobRef) -> bool:
        found = (await self.api.get(self.path("jobs")))["items"]
        return ref.name in {
            item["metadata"]["name"] for item in found if "deletionTimestamp" not in item["metadata"]
        }

    async def delete(self, ref: JobRef) -> None:
        await self.api.delete(self.path("jobs", ref.name))

    async def owner(self, name: str) -> Involved:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        made = await self.api.create(f"/api/v1/namespaces/{self.namespace}/configmaps", body)
        uid = made["metadata"]["uid"]
        return Involved(api_version="v1", kind="ConfigMap", namespace=self.namespace, name=name, uid=uid)

    async def ended(self, ref: JobRef) -> Job:
        found: Job | None = None

        async def final() -> bool:
            nonlocal found
            found = await self.jobs.read(ref)
            return found is not None and found.state is not JobState.RUNNING

        await until(final, f"Job {ref.name} ended")
        assert found is not None
        return found

    def path(self, plural: str, name: str = "") -> str:
        return f"/apis/batch/v1/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")


def job_spec(runs: Ending | None) -> dict[str, Any]:
    """Return the spec of a Job with one pod that is not tried again."""
    status, lines = runs or Ending(0)
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": ["exit", str(status), *lines],
        "env": [
            {"name": "MODEL_URI", "value": "models:/mine/1"},
            {"name": "TOLD", "value": "of $(MODEL_URI)"},
        ],
    }
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"backoffLimit": 0, "suspend": runs is None, "template": {"spec": pod}}
