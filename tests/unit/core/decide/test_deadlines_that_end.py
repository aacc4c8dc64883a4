"""Every rollout ends, whatever restarts and whatever the API server leaves unanswered now and then."""

from modelalias.core.errors import Unavailable
from tests.support.harness import NAME, Cluster
from tests.support.virtual_loop import in_virtual_time


@in_virtual_time
async def test_pods_that_restart_without_becoming_unavailable_do_not_settle_for_ever() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", marks={NAME: "1.1"})
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60, "stableSeconds": 20})
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        for number in range(120):
            it.pods.restarts[ref] = number
            await it.settle(10)

        assert it.phase("go") != "RollingOut", "twenty minutes after a deadline of one"


@in_virtual_time
async def test_an_api_server_that_fails_now_and_then_does_not_begin_the_deadline_anew() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", marks={NAME: "1.1"})
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 120})
        it.ask("go", "2")
        await it.settle()
        it.workloads.observe(it.ref("api"), updated=1, available=0)
        for _ in range(20):
            await it.settle(60)
            it.workloads.fail_next(Unavailable("overloaded"), call="read")

        assert it.phase("go") != "RollingOut", "twenty minutes after a deadline of two"


@in_virtual_time
async def test_a_registry_that_is_away_for_moments_does_not_put_the_deadline_off_for_ever() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", marks={NAME: "1.1"})
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle()
        it.workloads.observe(it.ref("api"), updated=1, available=0)
        for _ in range(20):
            it.registry.fail_next(Unavailable("away"), times=1_000)
            await it.settle(35)
            it.registry.heal()
            await it.settle(205)

        assert it.phase("go") != "RollingOut", (
            "80 minutes after a deadline of one, 12 of them without registry"
        )
