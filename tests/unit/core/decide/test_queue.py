"""Who goes first, who waits for what, and who is refused: pins, suspension, claims and fields of a later
release."""

from datetime import timedelta
from typing import Any

import pytest

from modelalias.api.workload import WorkloadKind
from modelalias.core.errors import Unavailable
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED


@in_virtual_time
async def test_requests_go_oldest_first_and_are_told_their_place() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("b-first", "2")
        it.ask("c-second", "3")
        it.ask("a-third", "1")

        await it.settle()
        assert it.phase("b-first") == "RollingOut"
        assert it.says("c-second") == "number 1 in the queue, behind PromotionRequest b-first"
        assert it.says("a-third") == "number 2 in the queue, behind PromotionRequest b-first"
        assert it.alias().status.queue == ("c-second", "a-third")
        for _ in range(3):
            await it.finish_rollout()

        moves = [(item.request, item.from_, item.to) for item in it.alias().status.history if item.request]
        assert moves == [("b-first", "1", "2"), ("c-second", "2", "3"), ("a-third", "3", "1")]
        assert it.alias().status.queue == ()
        await it.assert_settled()


@in_virtual_time
async def test_a_request_that_waits_for_its_workload_holds_no_place() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")

        await it.settle()

        assert it.phase("go") == "Pending"
        assert it.says("go") == "waits: there is no Deployment api in namespace ml"
        assert it.alias().status.queue == ()
        it.workloads.add("api")
        await it.settle(20)
        assert it.phase("go") == "RollingOut"


@in_virtual_time
async def test_a_request_waits_for_a_kind_that_the_cluster_does_not_have() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.unserved.add(WorkloadKind.ROLLOUT)
        it.add_alias(serving=[{"kind": "Rollout", "name": "api"}])
        it.ask("go", "2")

        await it.settle()

        said = "waits: the cluster has no kind Rollout of argoproj.io: install Argo Rollouts"
        assert (it.phase("go"), it.says("go")) == ("Pending", said)
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"paused": True}, "waits: Deployment api is paused: resume it"),
        ({"containers": {"web": {}}}, "waits: Deployment api has no container main (there are: web)"),
    ],
    ids=["paused", "wrong container"],
)
async def test_a_workload_that_cannot_be_rolled_is_waited_for(fields: dict[str, Any], told: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        good = it.workload("api")
        it.workloads.edit(ref, **fields)
        it.add_alias(serving=[{"name": "api", "load": PINNED}])
        it.ask("go", "2")

        await it.settle()
        assert (it.phase("go"), it.says("go")) == ("Pending", told)
        assert it.registry_writes() == []
        it.workloads.edit(ref, paused=False, containers=good.containers)
        await it.settle(20)

        assert it.phase("go") == "RollingOut"


@in_virtual_time
async def test_a_request_waits_for_its_alias_to_be_made() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.ask("go", "2")

        await it.settle()
        assert it.phase("go") == "Pending"
        assert it.says("go") == "waits: there is no ModelAlias churn-champion in namespace ml"
        assert it.request("go").status.observed_generation == 1
        it.add_alias()
        await it.settle()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_suspended_alias_starts_nothing_but_answers_dry_runs() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(suspend=True)
        it.ask("go", "2")
        it.ask("dry", "2", dryRun=True)

        await it.settle()
        assert it.phase("go") == "Pending"
        assert it.says("go").startswith("waits: ModelAlias churn-champion is suspended; to go on: ")
        assert it.phase("dry") == "Succeeded"
        assert it.registry_writes() == []
        it.edit_alias(suspend=False)
        await it.settle()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_plan_under_way_stops_before_its_next_side_effect_and_says_so() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("one")
        it.workloads.add("two")
        it.add_alias(serving=[{"name": "one"}, {"name": "two", "wave": 1}])
        it.ask("go", "2")
        await it.settle()
        assert it.mark("one") == "2.2"

        it.edit_alias(suspend=True)
        await it.finish_rollout()
        assert it.mark("two") is None
        assert it.says("go").startswith("stands still: ModelAlias churn-champion is suspended; to go on: ")
        await it.settle(3_000)
        assert it.mark("two") is None
        it.edit_alias(suspend=False)
        await it.settle()
        assert it.mark("two") == "2.2"
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_request_that_was_suspended_before_the_alias_moved_does_not_say_so_when_it_goes_on() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        await it.settle()
        it.registry.fail_next(Unavailable("busy", retry_after=timedelta(seconds=5)), call="set_alias")
        it.ask("go", "2")
        await it.settle(1)
        it.edit_alias(suspend=True)
        await it.settle(10)
        assert it.phase("go") == "Promoting"
        assert it.says("go").startswith("stands still: ModelAlias churn-champion is suspended")

        it.edit_alias(suspend=False)
        await it.settle(1)

        assert it.mark("api") == "2.2"
        assert it.phase("go") == "RollingOut"
        assert "suspended" not in it.says("go")


@in_virtual_time
async def test_a_pin_moves_the_alias_and_rolls_and_removing_it_moves_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], previousAlias="prev")
        await it.settle()

        it.edit_alias(version="2")
        await it.settle()
        await it.finish_rollout()
        assert await it.aliases() == {"champion": "2", "prev": "1"}
        last = it.alias().status.history[-1]
        assert (last.operation, last.outcome, last.from_, last.to) == ("Pin", "Succeeded", "1", "2")
        await it.assert_settled()
        written = it.registry_writes()

        it.edit_alias(version=None)
        await it.settle()
        assert it.registry_writes() == written
        assert it.is_true("Ready")
        assert it.alias().status.observed_generation == 3


@in_virtual_time
async def test_a_pin_to_a_version_that_is_not_there_stalls_until_the_spec_changes() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias(version="7")

        await it.settle()

        assert it.condition("Stalled").reason == "VersionGone"
        assert it.is_true("Stalled")
        assert it.alias().status.phase == "Stalled"
        assert it.registry_writes() == []
        await it.assert_settled()
        it.edit_alias(version="1")
        await it.settle()
        assert not it.is_true("Stalled")


@in_virtual_time
async def test_a_pinned_alias_rejects_requests() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(version="1")
        it.ask("go", "2")

        await it.settle()

        assert it.end("go") == ("Rejected", "AliasPinned")
        assert it.moves() == []
        await it.assert_settled()


@in_virtual_time
async def test_a_pin_aborts_the_plan_of_a_request_and_follows() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()

        it.edit_alias(version="3")
        await it.settle()
        for _ in range(3):
            await it.finish_rollout()

        assert it.end("go") == ("Aborted", "Aborted")
        assert await it.aliases() == {"champion": "3"}
        told = [(item.operation, item.outcome, item.to) for item in it.alias().status.history[1:]]
        assert told == [("Promote", "Aborted", "2"), ("Pin", "Succeeded", "3")]


@in_virtual_time
async def test_the_older_of_two_claims_holds_and_the_other_recovers_when_it_goes() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias("older")
        it.add_alias("younger")
        it.ask("to-younger", "2", of="younger")

        await it.settle()
        assert it.is_true("Ready", "older")
        assert it.is_true("Stalled", "younger")
        assert it.condition("Stalled", "younger").reason == "Conflict"
        assert it.phase("to-younger") == "Pending"
        await it.assert_settled()
        it.objects.delete_alias("ml", "older")
        await it.settle()

        assert not it.is_true("Stalled", "younger")
        assert it.phase("to-younger") == "Succeeded"


@in_virtual_time
async def test_a_previous_alias_is_a_claim_too_and_editing_it_gives_it_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "prev": "1"})
        it.add_alias("older", previousAlias="prev")
        it.add_alias("younger", alias="prev")

        await it.settle()
        assert it.condition("Stalled", "younger").reason == "Conflict"
        it.edit_alias("older", previousAlias=None)
        await it.settle()

        assert not it.is_true("Stalled", "younger")
        assert it.is_true("Ready", "younger")


@in_virtual_time
async def test_a_request_that_is_aborted_before_its_plan_leaves_everything() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(suspend=True)
        it.ask("go", "2")
        await it.settle()

        it.edit_request("go", abort=True)
        await it.settle()

        assert it.end("go") == ("Aborted", "Aborted")
        assert it.request("go").status.observed_generation == 2
        assert it.moves() == []


@in_virtual_time
async def test_a_registry_or_a_model_that_the_configuration_does_not_allow_stalls() -> None:
    limited = {"registries": {"default": {"uri": "http://mlflow", "allow": [{"models": ["churn"]}]}}}
    async with Cluster(limited) as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias("strange", registry="elsewhere")
        it.add_alias("foreign", model="fraud")

        await it.settle()

        assert it.condition("Stalled", "strange").reason == "RegistryUnknown"
        assert it.condition("Stalled", "foreign").reason == "ModelNotAllowed"
        assert it.registry_writes() == []
        await it.assert_settled()
