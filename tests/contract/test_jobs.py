"""What the engine may rely on when it starts Jobs from CronJobs, on the fake and on a real API server."""

from collections.abc import AsyncIterator, Mapping

import pytest

from modelalias.adapters.jobs import SUSPENDED, KubernetesJobs
from modelalias.adapters.pod_log import LIMIT_BYTES
from modelalias.core.errors import InvalidRequest, Refused
from modelalias.ports import Job, JobRef, JobState, NewJob
from modelalias.rest import FIELD_MANAGER
from tests.support.job_worlds import BACKOFF, CRON_JOB, Ending, FakeWorld, RealWorld, World
from tests.support.raw_api import connection_as, raw_api, until

NAMELESS = "system:serviceaccount:nobody:nobody"


@pytest.fixture
async def real(kubeconfig: str, namespace: str) -> AsyncIterator[RealWorld]:
    async with raw_api(kubeconfig) as api, connection_as(kubeconfig) as connection:
        yield RealWorld(api, KubernetesJobs(connection), namespace)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = FakeWorld() if request.param == "fake" else request.getfixturevalue("real")
    return found


on_pods = pytest.mark.parametrize(
    "world", ["fake", pytest.param("real", marks=pytest.mark.needs_real_pods)], indirect=True
)
"""For tests whose pods must exit with a status or write something."""


async def new_job(world: World, **changes: object) -> NewJob:
    wanted = NewJob(
        ref=JobRef(namespace=world.namespace, name="churn-4"),
        cron_job=CRON_JOB,
        owner=await world.owner("request"),
        alias="churn",
        run_id="a1b2",
        environment=(("MODEL_URI", "models:/churn/4"), ("PRICE", "$(MODEL_URI) costs $5")),
        timeout_seconds=600,
    )
    return wanted.model_copy(update=changes)


async def read(world: World, ref: JobRef) -> Job:
    job = await world.jobs.read(ref)
    assert job is not None
    return job


async def test_a_missing_job_reads_as_none(world: World) -> None:
    assert await world.jobs.read(JobRef(namespace=world.namespace, name="nobody")) is None


async def test_a_job_of_somebody_else_reads_as_none(world: World) -> None:
    ref = JobRef(namespace=world.namespace, name="theirs")
    await world.add_foreign(ref)

    assert await world.jobs.read(ref) is None


async def test_a_job_whose_template_suspends_it_waits_and_says_so(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)

    answered = await world.jobs.start(new)

    found = await read(world, new.ref)
    for job in (answered, found):
        assert (job.ref, job.state, job.message) == (new.ref, JobState.RUNNING, SUSPENDED)
        assert (job.run_id, job.ending) == ("a1b2", False)
    assert found.uid == answered.uid


async def test_starting_again_returns_the_same_job(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    first = await world.jobs.start(new)

    again = await world.jobs.start(new)
    await world.jobs.check(world.namespace, "holdout")

    assert again.uid == first.uid
    assert again.owner == new.owner.uid


async def test_a_job_that_is_there_needs_its_template_no_more(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    first = await world.jobs.start(new)
    await world.delete_cron_job()

    again = await world.jobs.start(new)

    assert again.uid == first.uid


async def test_a_name_that_was_free_again_is_a_new_job(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    first = await world.jobs.start(new)
    await world.delete(new.ref)

    again = await world.jobs.start(new)

    assert again.uid != first.uid


async def test_a_missing_cron_job_is_refused_with_what_to_do(world: World) -> None:
    new = await new_job(world)

    with pytest.raises(
        InvalidRequest,
        match=rf"^there is no CronJob {world.namespace}/holdout: create it as a template, with spec\.suspend: true",
    ):
        await world.jobs.start(new)
    with pytest.raises(InvalidRequest, match=rf"^there is no CronJob {world.namespace}/holdout: "):
        await world.jobs.check(world.namespace, "holdout")


async def test_a_cron_job_that_runs_by_itself_is_refused_with_what_to_do(world: World) -> None:
    await world.add_cron_job(suspend=False)
    new = await new_job(world)

    with pytest.raises(
        InvalidRequest,
        match=rf"^CronJob {world.namespace}/holdout would .* template: set spec\.suspend: true$",
    ):
        await world.jobs.start(new)
    with pytest.raises(InvalidRequest, match=rf"^CronJob {world.namespace}/holdout would "):
        await world.jobs.check(world.namespace, "holdout")

    assert await world.jobs.read(new.ref) is None


async def test_a_name_that_somebody_else_uses_is_refused(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    await world.add_foreign(new.ref)

    with pytest.raises(
        InvalidRequest,
        match=rf"^Job {world.namespace}/churn-4 exists but was not created by the operator for run a1b2",
    ):
        await world.jobs.start(new)


@pytest.mark.parametrize("other", ["run", "owner"])
async def test_a_name_that_another_run_or_owner_uses_is_refused(world: World, other: str) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    first = await world.jobs.start(new)
    changes: Mapping[str, object] = (
        {"run_id": "c3d4"} if other == "run" else {"owner": await world.owner("another")}
    )

    with pytest.raises(InvalidRequest, match=rf"^Job {world.namespace}/churn-4 exists"):
        await world.jobs.start(new.model_copy(update=dict(changes)))

    assert (await read(world, new.ref)).uid == first.uid


@on_pods
async def test_a_job_that_ends_well_has_succeeded_and_its_lines_can_be_read(world: World) -> None:
    await world.add_cron_job(Ending(0, ["loading", "", "auc 0.91"]))
    new = await new_job(world)
    started = await world.jobs.start(new)

    ended = await world.ended(new.ref)

    assert (started.state, started.message) == (JobState.RUNNING, "")
    assert (ended.uid, ended.state, ended.message) == (started.uid, JobState.SUCCEEDED, "")
    assert await world.jobs.last_lines(new.ref) == "loading\n\nauc 0.91"


@on_pods
async def test_a_job_that_fails_says_why_and_its_lines_hide_passwords(world: World) -> None:
    await world.add_cron_job(Ending(3, ["no route to http://me:geheim@store:9000/x", "\x1b[31mboom\x1b[0m"]))
    new = await new_job(world)
    await world.jobs.start(new)

    ended = await world.ended(new.ref)

    assert (ended.state, ended.message) == (JobState.FAILED, BACKOFF)
    assert await world.jobs.last_lines(new.ref) == "no route to http://***@store:9000/x\nboom"


@on_pods
async def test_of_a_long_log_the_end_is_read(world: World) -> None:
    more_than_is_sent = ["x" * (LIMIT_BYTES // 10)] * 11
    await world.add_cron_job(
        Ending(1, [*more_than_is_sent, *(f"{number} {'x' * 90}" for number in range(110, 130))])
    )
    new = await new_job(world)
    await world.jobs.start(new)
    await world.ended(new.ref)

    lines = (await world.jobs.last_lines(new.ref)).split("\n")

    assert [line[:3] for line in lines[-19:]] == [str(number) for number in range(111, 130)]
    assert len("\n".join(lines)) == 1899


async def test_a_job_without_pods_has_no_lines(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    await world.jobs.start(new)

    assert await world.jobs.last_lines(new.ref) == ""
    assert await world.jobs.last_lines(JobRef(namespace=world.namespace, name="nobody")) == ""


async def test_a_job_that_is_stopped_is_gone(world: World) -> None:
    await world.add_cron_job()
    new = await new_job(world)
    await world.jobs.start(new)

    await world.jobs.stop(new.ref)
    await world.jobs.stop(new.ref)

    assert await world.jobs.read(new.ref) is None


async def test_a_job_of_somebody_else_is_not_stopped(world: World) -> None:
    ref = JobRef(namespace=world.namespace, name="theirs")
    await world.add_foreign(ref)

    await world.jobs.stop(ref)

    assert await world.foreign_is_there(ref)


async def test_the_job_is_made_as_the_template_says_with_what_is_ours(real: RealWorld) -> None:
    await real.add_cron_job()
    new = await new_job(real)

    await real.jobs.start(new)

    body = await real.api.get(real.path("jobs", new.ref.name))
    metadata, spec = body["metadata"], body["spec"]
    assert {
        "team": "risk",
        "modelalias.dev/managed": "true",
        "modelalias.dev/alias": "churn",
    }.items() <= metadata["labels"].items()
    assert metadata["annotations"] == {"modelalias.dev/run-id": "a1b2", "modelalias.dev/cron-job": "holdout"}
    assert [item["uid"] for item in metadata["ownerReferences"]] == [new.owner.uid]
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"], spec["suspend"]) == (
        600,
        3600,
        True,
    )
    assert {item["manager"] for item in metadata["managedFields"] if "subresource" not in item} == {
        FIELD_MANAGER
    }


async def test_a_job_goes_with_its_owner(real: RealWorld) -> None:
    await real.add_cron_job()
    new = await new_job(real)
    await real.jobs.start(new)

    await real.api.delete(f"/api/v1/namespaces/{real.namespace}/configmaps/{new.owner.name}")

    async def gone() -> bool:
        return await real.jobs.read(new.ref) is None

    await until(gone, "the Job went with its owner")


@pytest.mark.needs_real_pods
async def test_containers_get_our_variables_as_they_are_and_theirs_may_refer_to_them(real: RealWorld) -> None:
    await real.add_cron_job(Ending(0, ["$(MODEL_URI)", "$(TOLD)", "$(PRICE)"]))
    new = await new_job(real)
    await real.jobs.start(new)
    await real.ended(new.ref)

    assert await real.jobs.last_lines(new.ref) == "models:/churn/4\nof models:/churn/4\n$(MODEL_URI) costs $5"


@pytest.mark.needs_real_pods
async def test_a_job_that_takes_too_long_has_failed(real: RealWorld) -> None:
    await real.add_endless_cron_job()
    new = await new_job(real, timeout_seconds=1)
    await real.jobs.start(new)

    ended = await real.ended(new.ref)

    assert (ended.state, ended.message.partition(":")[0]) == (JobState.FAILED, "DeadlineExceeded")


@pytest.mark.needs_real_pods
async def test_a_job_is_stopped_with_its_pods(real: RealWorld) -> None:
    await real.add_endless_cron_job()
    new = await new_job(real)
    await real.jobs.start(new)

    async def pods() -> int:
        found = await real.api.get(f"/api/v1/namespaces/{real.namespace}/pods")
        return len(found["items"])

    async def there() -> bool:
        return await pods() == 1

    async def gone() -> bool:
        return await pods() == 0

    await until(there, "the Job has a pod")

    await real.jobs.stop(new.ref)

    await until(gone, "the pod went with the Job")


async def test_what_the_api_server_does_not_take_is_told(real: RealWorld) -> None:
    await real.add_cron_job()
    new = await new_job(real, environment=(("", "geheim"),))

    with pytest.raises(
        InvalidRequest,
        match=rf"^Job {real.namespace}/churn-4 cannot be created .* holdout: .*env\[0\]\.name: Required",
    ) as raised:
        await real.jobs.start(new)

    assert "geheim" not in str(raised.value)


async def test_a_quota_is_told_and_does_not_hide_the_job_that_filled_it(real: RealWorld) -> None:
    await real.add_cron_job()
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "one"},
        "spec": {"hard": {"count/jobs.batch": "1"}},
    }
    quotas = f"/api/v1/namespaces/{real.namespace}/resourcequotas"
    await real.api.create(quotas, quota)

    async def counted() -> bool:
        return bool((await real.api.get(f"{quotas}/one")).get("status", {}).get("hard"))

    await until(counted, "the quota is in force")
    new = await new_job(real)
    first = await real.jobs.start(new)
    second = new.model_copy(update={"ref": JobRef(namespace=real.namespace, name="churn-5")})

    with pytest.raises(
        InvalidRequest, match=r"cannot be created from CronJob holdout: .* exceeded quota: one, requested: "
    ):
        await real.jobs.start(second)

    assert (await real.jobs.start(new)).uid == first.uid


async def test_a_missing_permission_is_refused_with_its_name(real: RealWorld, kubeconfig: str) -> None:
    await real.add_cron_job()
    new = await new_job(real)

    async with connection_as(kubeconfig, NAMELESS) as connection:
        jobs = KubernetesJobs(connection)
        for call in (jobs.read(new.ref), jobs.start(new), jobs.last_lines(new.ref), jobs.stop(new.ref)):
            with pytest.raises(
                Refused, match=rf"^may not get jobs\.batch in namespace {real.namespace}: grant it in"
            ):
                await call
