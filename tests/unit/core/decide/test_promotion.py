"""A promotion from request to end, told as stories."""

import json

import pytest

from modelalias.core.errors import Unavailable
from modelalias.ports import VersionState
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated


@in_virtual_time
async def test_cold_start_moves_an_alias_that_named_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.9)
        it.workloads.add("api")
        it.add_alias(
            serving=[{"name": "api"}], previousAlias="prev", **gated({"champion": {"minImprovement": 0.1}})
        )
        it.ask("first", "1")

        await it.settle()
        assert it.phase("first") == "RollingOut", it.says("first")
        await it.finish_rollout()

        assert it.end("first") == ("Succeeded", "Succeeded"), it.says("first")
        assert it.says("first") == "churn@champion moved to version 1"
        assert await it.aliases() == {"champion": "1"}
        assert it.mark("api") == "1.1"
        assert it.is_true("Ready")
        await it.assert_settled()


@in_virtual_time
async def test_promotion_moves_the_previous_alias_then_the_alias_then_the_workload() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        policy = {**gated({"champion": {"minImprovement": 0.1}})["policy"], "requestTags": ["ticket"]}
        it.add_alias(serving=[{"name": "api"}], previousAlias="prev", policy=policy)
        it.ask("go", "2", requestedBy="ana", reason="retrained", onSuccess={"tags": {"ticket": "ML-12"}})

        await it.settle()
        assert it.alias().status.phase == "RollingOut"
        assert it.alias().status.plan is not None
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded"), it.says("go")
        calls = [item[:3] for item in it.registry_writes()]
        assert calls == [
            ("set_alias", "churn", "prev"),
            ("set_alias", "churn", "champion"),
            ("tag_version", "churn", "2"),
            ("tag_version", "churn", "1"),
            ("tag_version", "churn", "2"),
        ]
        assert await it.aliases() == {"champion": "2", "prev": "1"}
        status = it.alias().status
        assert status.plan is None
        assert status.current is not None
        assert (status.current.version, status.current.request, status.current.actor) == ("2", "go", "ana")
        assert status.previous is not None
        assert status.previous.version == "1"
        last = status.history[-1]
        assert (last.from_, last.to, last.operation, last.outcome) == ("1", "2", "Promote", "Succeeded")
        assert (last.request, last.actor, last.reason) == ("go", "ana", "retrained")
        assert [(item.served, item.state) for item in status.serving] == [("2", "UpToDate")]
        await it.assert_settled()


@in_virtual_time
async def test_the_version_keeps_a_record_of_its_promotion_and_the_tags_that_were_asked_for() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"requestTags": ["ticket"]})
        it.ask("go", "2", requestedBy="ana", onSuccess={"tags": {"ticket": "ML-12"}})

        await it.settle()

        tags = await it.tags("2")
        record = json.loads(tags["modelalias.champion"])
        assert {key: record[key] for key in ("by", "from", "operation", "request")} == {
            "by": "ana",
            "from": "1",
            "operation": "Promote",
            "request": "go",
        }
        assert tags["ticket"] == "ML-12"


@in_virtual_time
async def test_events_tell_the_request_the_alias_and_the_workload_once() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.workloads.rolls_at_once = True
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")

        await it.settle()

        told = [(event.about.kind, event.reason) for event in it.objects.events]
        assert sorted(set(told)) == sorted(told)
        assert ("PromotionRequest", "Succeeded") in told
        assert ("Deployment", "ModelRolled") in told
        moved = [event.message for event in it.objects.events if event.reason == "PromoteSucceeded"]
        assert moved == ["churn@champion: Promote from 1 to 2 Succeeded (PromotionRequest go)"]
        rolled = next(event.message for event in it.objects.events if event.reason == "ModelRolled")
        assert rolled == "churn@champion goes from 1 to 2 by PromotionRequest go"


@in_virtual_time
async def test_a_gate_that_fails_rejects_with_its_numbers_and_moves_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.86, 0.861, aliases={"champion": "1"})
        it.add_alias(
            **gated(
                {"threshold": 0.85, "name": "floor"},
                {"champion": {"minImprovement": 0.002}, "name": "better"},
            )
        )
        it.ask("go", "2")

        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert it.says("go") == (
            "version 2 refused: gate better: val_auc 0.861 is not >= 0.862 (champion 0.86 + 0.002), "
            "short by 0.001"
        )
        status = it.request("go").status
        assert [(item.name, item.result) for item in status.gates] == [
            ("floor", "Passed"),
            ("better", "Failed"),
        ]
        assert status.gates_passed == "1/2"
        assert [call[0] for call in it.registry_writes()] == ["tag_version"]
        assert await it.aliases() == {"champion": "1"}
        result = json.loads(status.result or "")
        assert (result["phase"], result["version"], result["champion"]) == ("Rejected", "2", "1")
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize(("missing", "reason"), [("Fail", "GatesFailed"), ("Inconclusive", "Inconclusive")])
async def test_a_metric_that_was_not_logged_rejects(missing: str, reason: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, None, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5, "onMissing": missing}))
        it.ask("go", "2")

        await it.settle()

        assert it.end("go") == ("Rejected", reason)
        assert it.says("go").endswith("val_auc is missing: the metric of the candidate was not logged")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_an_advisory_gate_is_told_and_stops_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.1, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5, "enforcement": "Advise"}))
        it.ask("go", "2")

        await it.settle()

        assert it.phase("go") == "Succeeded"
        assert [item.result for item in it.request("go").status.gates] == ["Failed"]


@in_virtual_time
async def test_the_source_alias_is_resolved_and_removed_at_the_end() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True})

        await it.settle()
        assert await it.aliases() == {"champion": "2", "challenger": "2"}
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert await it.aliases() == {"champion": "2"}
        resolved = it.request("go").status.resolved
        assert resolved is not None
        assert (resolved.version, resolved.champion, resolved.from_) == ("2", "1", "alias challenger")
        await it.assert_settled()


@in_virtual_time
async def test_a_source_alias_that_moved_meanwhile_stays_and_does_not_change_the_promotion() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1", "challenger": "2"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True})

        await it.settle()
        await it.registry.set_alias("churn", "challenger", "3")
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert await it.aliases() == {"champion": "2", "challenger": "3"}


@in_virtual_time
@pytest.mark.parametrize("when", ["before the plan", "after the plan"])
async def test_a_source_alias_that_another_resource_claims_stays(when: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        if when == "before the plan":
            it.add_alias("other", alias="challenger")
        it.ask("go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True})

        await it.settle()
        if when == "after the plan":
            it.add_alias("other", alias="challenger")
            await it.settle()
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert await it.aliases() == {"champion": "2", "challenger": "2"}


@in_virtual_time
async def test_a_source_alias_that_names_nothing_is_nothing_to_do() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", source={"alias": "challenger"})

        await it.settle()

        assert it.end("go") == ("Succeeded", "NoChallenger")


@in_virtual_time
async def test_the_source_is_resolved_once_while_its_request_waits() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1", "challenger": "2"})
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", source={"alias": "challenger"})

        await it.settle()
        assert it.phase("go") == "Pending"
        await it.registry.set_alias("churn", "challenger", "3")
        it.workloads.rolls_at_once = True
        it.workloads.add("api")
        await it.settle(60)

        assert it.phase("go") == "Succeeded", it.says("go")
        assert (await it.aliases())["champion"] == "2"


@in_virtual_time
async def test_the_source_is_resolved_once_while_its_version_is_being_registered() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        await it.registry.create_version("churn", state=VersionState.PENDING)
        await it.registry.create_version("churn")
        await it.registry.set_alias("churn", "challenger", "2")
        it.add_alias()
        it.ask("go", source={"alias": "challenger"})

        await it.settle()
        assert it.phase("go") == "Pending"
        assert it.says("go") == "waits until version 2 is registered"
        await it.registry.set_alias("churn", "challenger", "3")
        await it.settle(60)

        resolved = it.request("go").status.resolved
        assert resolved is not None
        assert resolved.version == "2"
        assert it.phase("go") == "Pending"


@in_virtual_time
async def test_a_run_is_registered_once_and_named_twice_it_is_the_same_version() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        run = await it.registry.create_run([("val_auc", 0.9, 0)])
        it.add_alias(**gated({"threshold": 0.85}))
        it.ask("one", source={"runId": run})

        await it.settle()
        it.ask("two", source={"runId": run}, reason="again")
        await it.settle()

        assert it.end("one") == ("Succeeded", "Succeeded")
        assert it.end("two") == ("Succeeded", "NoOp")
        assert await it.aliases() == {"champion": "2"}
        for name in ("one", "two"):
            resolved = it.request(name).status.resolved
            assert resolved is not None
            assert (resolved.version, resolved.run_id) == ("2", run)


@in_virtual_time
async def test_a_run_that_is_not_there_is_rejected() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", source={"runId": "abc"})

        await it.settle()

        assert it.end("go") == ("Rejected", "RunNotFound")


@in_virtual_time
async def test_a_version_that_is_not_there_is_rejected() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "7")

        await it.settle()

        assert it.end("go") == ("Rejected", "VersionGone")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_a_dry_run_gives_the_verdict_and_writes_nothing_else() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        run = await it.registry.create_run([("val_auc", 0.95, 0)])
        it.workloads.add("api")
        policy = {**gated({"threshold": 0.85})["policy"], "requestTags": ["a"]}
        it.add_alias(serving=[{"name": "api"}], policy=policy)
        await it.settle()
        alias, writes = it.alias(), len(it.objects.writes)

        it.ask(
            "good",
            source={"alias": "challenger"},
            dryRun=True,
            onSuccess={"deleteSourceAlias": True, "tags": {"a": "b"}},
        )
        it.ask("bad", "1", dryRun=True)
        it.ask("new", source={"runId": run}, dryRun=True)
        await it.settle()

        assert it.end("good") == ("Succeeded", "DryRun")
        assert it.says("good") == "dry run: version 2 would replace 1 as champion; 1/1 gates passed"
        assert it.end("bad") == ("Succeeded", "NoOp")
        assert it.end("new") == ("Succeeded", "DryRun")
        assert it.alias() == alias
        assert {item.name for item in it.objects.writes[writes:]} == {"good", "bad", "new"}
        assert len(it.objects.writes) == writes + 3
        assert it.registry_writes() == []
        assert it.workloads.rolls == []


@in_virtual_time
async def test_a_dry_run_that_waits_stands_in_no_queue() -> None:
    async with Cluster() as it:
        await it.model(0.8, aliases={"champion": "1"})
        await it.registry.create_version("churn", state=VersionState.PENDING)
        it.add_alias()
        await it.settle()
        alias = it.alias()

        it.ask("go", "2", dryRun=True)
        await it.settle()

        assert it.phase("go") == "Pending"
        assert it.alias() == alias


@in_virtual_time
async def test_a_dry_run_does_not_wait_for_a_plan_under_way() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"

        it.ask("dry", "3", dryRun=True)
        await it.settle()

        assert it.end("dry") == ("Succeeded", "DryRun")
        assert it.phase("go") == "RollingOut"


@in_virtual_time
async def test_a_request_for_another_champion_is_stale() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "2"})
        it.add_alias()
        it.ask("go", "3", expectedCurrent="1")

        await it.settle()

        assert it.end("go") == ("Rejected", "StaleChampion")
        assert it.says("go") == "the request expects champion to name version 1, it names 2"
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_a_request_for_the_champion_itself_writes_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.1, aliases={"champion": "1", "challenger": "1"})
        it.add_alias(**gated({"threshold": 0.85}))
        it.ask(
            "go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True, "tags": {"a": "b"}}
        )

        await it.settle()

        assert it.end("go") == ("Succeeded", "NoOp")
        assert it.says("go") == "champion already names version 1"
        assert it.registry_writes() == []
        await it.assert_settled()


@in_virtual_time
async def test_a_request_for_the_champion_brings_its_workloads_up_to_date_and_leaves_the_registry_alone() -> (
    None
):
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1", "challenger": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask(
            "go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True, "tags": {"a": "b"}}
        )

        await it.settle()
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "NoOp")
        assert it.registry_writes() == []
        assert it.mark("api") == "1.2"
        assert [item.state for item in it.alias().status.serving] == ["UpToDate"]
        await it.assert_settled()


@in_virtual_time
async def test_the_same_request_applied_again_ends_as_it_ended() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2")
        await it.settle()
        it.ask("next", "3")
        await it.settle()
        written = it.registry_writes()

        it.objects.remove_request("ml", "go")
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Succeeded", "AlreadyProcessed")
        assert await it.aliases() == {"champion": "3"}
        assert it.registry_writes() == written


@in_virtual_time
async def test_the_alias_is_not_moved_before_the_plan_is_durable() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        it.objects.fail_next(Unavailable("no"), call="write_alias_status", times=1)
        it.ask("go", "2")

        await it.settle(0.1)

        assert it.registry_writes() == []
