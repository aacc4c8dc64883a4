"""Concurrency Supersede: the newest promotion that has no plan yet takes the place of the older ones."""

from typing import Any

from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time

ASKS: dict[str, Any] = {"policy": {"concurrency": "Supersede", "approval": {"required": "Always"}}}


@in_virtual_time
async def test_the_newest_takes_the_place_of_those_that_wait() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.add_alias(**ASKS)
        it.ask("first", "2")
        await it.settle()
        assert it.phase("first") == "AwaitingApproval"

        it.ask("second", "3")
        it.ask("third", "4")
        await it.settle()

        assert it.end("first") == ("Superseded", "Superseded")
        assert it.end("second") == ("Superseded", "Superseded")
        assert it.says("first") == "PromotionRequest third (Promote) took its place"
        assert it.phase("third") == "AwaitingApproval"
        assert it.moves() == []
        await it.assert_settled()


@in_virtual_time
async def test_a_plan_under_way_is_finished_and_only_the_newest_behind_it_follows() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], policy={"concurrency": "Supersede"})
        it.ask("first", "2")
        await it.settle()
        assert it.phase("first") == "RollingOut"

        it.ask("second", "3")
        await it.settle()
        it.ask("third", "4")
        await it.settle()
        assert it.phase("second") == "Superseded"
        for _ in range(2):
            await it.finish_rollout()

        assert it.end("first") == ("Succeeded", "Succeeded")
        assert it.end("third") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "4"}


@in_virtual_time
async def test_dry_runs_and_rollbacks_neither_replace_nor_are_replaced() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(suspend=True, policy={"concurrency": "Supersede"})
        it.ask("back", operation="Rollback", source={"version": "1"}, reason="bad")
        it.ask("go", "2")
        it.ask("look", "3", dryRun=True)

        await it.settle()

        assert it.end("look") == ("Succeeded", "DryRun")
        assert (it.phase("back"), it.phase("go")) == ("Pending", "Pending")


@in_virtual_time
async def test_by_default_requests_queue() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"approval": {"required": "Always"}})
        it.ask("first", "2")
        it.ask("second", "3")

        await it.settle()

        assert (it.phase("first"), it.phase("second")) == ("AwaitingApproval", "Queued")
        assert it.says("second") == "number 1 in the queue, behind PromotionRequest first"
