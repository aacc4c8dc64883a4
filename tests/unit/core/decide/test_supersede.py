"""Concurrency Supersede: the newest promotion that can go takes the place of the older ones."""

from typing import Any

from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

ASKS: dict[str, Any] = {"policy": {"concurrency": "Supersede", "approval": {"required": "Always"}}}


@in_virtual_time
async def test_the_newest_is_asked_about_first_and_takes_the_place_of_the_others_once_it_can_go() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.add_alias(**ASKS)
        it.ask("first", "2")
        await it.settle()
        assert it.phase("first") == "AwaitingApproval"

        it.ask("second", "3")
        it.ask("third", "4")
        await it.settle()

        assert it.phase("third") == "AwaitingApproval"
        assert (it.phase("first"), it.phase("second")) == ("Queued", "Queued")
        assert it.moves() == []
        evidence = it.resolved("third").evidence
        it.edit_request("third", approvals=[{"user": "bo", "evidence": evidence, "decision": "Approve"}])
        await it.settle()

        assert it.end("first") == ("Superseded", "Superseded")
        assert it.end("second") == ("Superseded", "Superseded")
        assert it.says("first") == "PromotionRequest third (Promote) took its place"
        assert it.end("third") == ("Succeeded", "Succeeded")
        await it.assert_settled()


@in_virtual_time
async def test_one_that_cannot_go_itself_takes_nobodys_place() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.9, 0.6, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.8}), suspend=True)
        it.ask("good", "2")
        it.ask("bad", "3")
        policy = {**gated({"threshold": 0.8})["policy"], "concurrency": "Supersede"}
        it.edit_alias(policy=policy, suspend=False)
        await it.settle()

        assert it.end("bad") == ("Rejected", "GatesFailed")
        assert it.end("good") == ("Succeeded", "Succeeded")


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
        assert it.phase("second") == "Queued"
        for _ in range(2):
            await it.finish_rollout()

        assert it.end("first") == ("Succeeded", "Succeeded")
        assert it.end("third") == ("Succeeded", "Succeeded")
        assert it.end("second") == ("Superseded", "Superseded")
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
