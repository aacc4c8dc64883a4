"""Reads that fail while the rest of the world answers: every request says what it waits for, and holds up no
other."""

import pytest

from modelalias.core.errors import OperatorError, Refused, Unavailable
from modelalias.ports import Run, RunStatus
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time

FLOOR = {"gates": [{"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}]}


@in_virtual_time
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(Unavailable("the registry answered 500"), "Unreachable", id="for a while"),
        pytest.param(Refused("the registry does not permit this"), "AuthFailed", id="refused"),
    ],
)
async def test_a_registry_that_answers_all_but_runs_is_told_and_a_refusal_holds_up_nobody(
    error: OperatorError, reason: str
) -> None:
    async with Cluster() as it:
        await it.model(0.7)
        it.add_alias(policy=FLOOR)
        it.registry.fail_next(error, call="runs", times=5)
        it.ask("judged", "1")
        it.ask("gone", "77")

        await it.settle()

        assert it.phase("judged") == "Pending"
        assert it.says("judged") == f"waits: {error}"
        complete = next(item for item in it.request("judged").status.conditions if item.type == "Complete")
        assert (complete.status, complete.reason) == ("False", reason)
        assert it.phase("gone") == ("Queued" if reason == "Unreachable" else "Rejected")
        assert str(it.alias().status.phase) == "Pending"

        await it.settle(120)

        assert it.end("gone") == ("Rejected", "VersionGone")
        assert it.end("judged") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_workload_that_may_not_be_read_is_told() -> None:
    async with Cluster() as it:
        await it.model(0.7)
        it.workloads.add("api")
        it.workloads.fail_next(Refused("may not get deployments.apps in namespace ml"), call="read", times=2)
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "1")

        await it.settle()

        assert it.phase("go") == "Pending"
        assert "may not get deployments.apps" in it.says("go")
        assert await it.aliases() == {}


@in_virtual_time
async def test_a_plan_whose_read_fails_says_so_and_goes_on() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"

        it.registry.fail_next(Unavailable("the registry answered 503"), call="aliases", times=2)
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(1)

        assert it.phase("go") == "RollingOut"
        assert "503" in it.says("go")

        await it.settle(60)

        assert it.end("go") == ("Succeeded", "Succeeded")
        await it.assert_settled()


@in_virtual_time
async def test_a_run_that_is_still_running_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Cluster() as it:
        await it.model(0.7)
        it.add_alias(policy=FLOOR)
        read = it.registry.runs
        status = RunStatus.RUNNING

        async def runs(run_ids: tuple[str, ...]) -> dict[str, Run]:
            return {
                key: run.model_copy(update={"status": status}) for key, run in (await read(run_ids)).items()
            }

        monkeypatch.setattr(it.registry, "runs", runs)
        it.ask("go", "1")
        await it.settle()
        assert it.phase("go") == "Pending"
        assert "has finished" in it.says("go")

        status = RunStatus.FINISHED
        await it.settle(60)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_request_that_nothing_began_for_expires() -> None:
    async with Cluster() as it:
        it.objects.clock = it.wall
        await it.model(0.7)
        it.add_alias(serving=[{"name": "not-there"}])
        it.ask("go", "1", expiresAfter="1h")
        await it.settle(3_500)
        assert it.phase("go") == "Pending"

        await it.settle(120)

        assert it.end("go") == ("Expired", "Expired")
        assert await it.aliases() == {}


@in_virtual_time
async def test_a_pin_finds_its_version_when_it_appears() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias(version="2")
        await it.settle()
        assert it.condition("Ready").reason == "VersionGone"

        run = await it.registry.create_run([])
        await it.registry.create_version("churn", run)
        await it.settle(30)

        assert await it.aliases() == {"champion": "2"}
        assert it.is_true("Ready")
