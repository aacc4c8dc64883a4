"""The registry beside the cluster: first sight, drift, strangers, outages and versions that go away."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.core.errors import Refused, Unavailable
from modelalias.core.protocol.context import ModelSnapshot
from modelalias.reconcile import planned_reads
from modelalias.reconcile.planned_reads import ALIASES_SECONDS
from modelalias.reconcile.registry_watch import RegistryWatch
from tests.support.fake_objects import FakeObject
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import MODEL


@in_virtual_time
async def test_first_sight_adopts_what_is_there_and_rolls_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])

        await it.settle()

        status = it.alias().status
        assert [(item.operation, item.outcome, item.to) for item in status.history] == [
            ("Adopt", "Succeeded", "2")
        ]
        assert status.current is not None
        assert status.current.version == "2"
        assert [item.state for item in status.serving] == ["Unknown"]
        assert it.condition("RolledOut").status == "Unknown"
        assert it.says_nothing_of("Ready")
        assert (it.registry_writes(), it.workloads.rolls) == ([], [])
        await it.assert_settled()


@in_virtual_time
async def test_an_alias_that_names_nothing_is_pending() -> None:
    async with Cluster() as it:
        await it.model(0.7)
        it.add_alias()

        await it.settle()

        assert it.alias().status.phase == "Pending"
        assert it.condition("RolledOut").reason == "NoVersion"
        assert it.says_nothing_of("Ready")
        await it.assert_settled()


@in_virtual_time
async def test_a_model_that_is_not_there_stalls_until_it_is() -> None:
    async with Cluster() as it:
        it.add_alias()

        await it.settle()
        assert it.condition("Stalled").reason == "ModelNotFound"
        await it.assert_settled()
        await it.model(0.7, aliases={"champion": "1"})
        await it.settle(60)

        assert not it.is_true("Stalled")
        assert it.is_true("Ready")


@in_virtual_time
@pytest.mark.parametrize("aliases", [{"champion": "1"}, {}], ids=["with a version", "before the first"])
async def test_a_model_that_goes_away_stalls_and_leaves_the_workloads(aliases: dict[str, str]) -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases=aliases)
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        await it.settle()

        await it.registry.delete_model("churn")
        await it.settle(60)

        assert it.condition("Stalled").reason == "ModelNotFound"
        assert it.workloads.rolls == []


@in_virtual_time
async def test_drift_is_reported_and_cleared_when_it_is_gone() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()

        await it.registry.set_alias("churn", "champion", "2")
        it.registry.calls.clear()
        await it.settle(60)
        drifted = it.condition("InSync")
        assert (drifted.status, drifted.reason) == ("False", "Drifted")
        moved, *_ = drifted.message.split("; to ")
        assert moved == "someone moved churn@champion to 2; this resource answers for version 1"
        assert it.alias().status.phase == "Drifted"
        assert it.registry_writes() == []
        await it.assert_settled()
        await it.registry.set_alias("churn", "champion", "1")
        await it.settle(60)

        assert it.is_true("InSync")
        assert it.is_true("Ready")


@in_virtual_time
async def test_drift_right_after_our_own_write_is_told_when_the_next_snapshot_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        read, until = RegistryWatch.model_snapshot, it.wall() + timedelta(seconds=45)

        def too_early(
            self: RegistryWatch, model: str, last_write: float | None, **dates: Any
        ) -> ModelSnapshot | None:
            """Show the first snapshots as begun before the operator's last write."""
            snapshot = read(self, model, last_write, **dates)
            if snapshot is None or it.wall() > until:
                return snapshot
            return replace(snapshot, after_last_write=False)

        monkeypatch.setattr(RegistryWatch, "model_snapshot", too_early)
        await it.registry.set_alias("churn", "champion", "2")

        await it.settle(70)

        assert it.condition("InSync").reason == "Drifted"


@in_virtual_time
async def test_an_alias_that_vanishes_is_drift() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()

        await it.registry.delete_alias("churn", "champion")
        await it.settle(60)

        moved, *_ = it.condition("InSync").message.split("; to ")
        assert moved == "someone moved churn@champion to nothing; this resource answers for version 1"


@in_virtual_time
async def test_an_alias_that_was_moved_by_hand_comes_back_without_a_new_verdict() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        await it.registry.set_alias("churn", "champion", "2")
        await it.settle(60)

        it.ask("go", "1")
        await it.settle()

        status = it.alias().status
        assert status.current is not None
        assert (status.current.version, status.previous) == ("1", None)
        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.says("go") == "churn@champion is back at version 1; somebody had moved it to 2"
        assert it.is_true("InSync")


@in_virtual_time
@pytest.mark.parametrize(
    "previous", [{"previousAlias": "prev"}, {}], ids=["with a previous alias", "without"]
)
async def test_a_stranger_who_moves_the_alias_after_the_plan_wins_and_the_request_fails(
    previous: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **previous)
        await it.settle()

        write = it.objects.write_alias_status

        async def interfere(alias: ModelAlias, status: ModelAliasStatus) -> ModelAlias:
            if status.plan is not None and alias.status.plan is None:
                await asyncio.sleep(ALIASES_SECONDS + 0.1)  # what was read less long ago is believed
                await it.registry.set_alias("churn", "champion", "3")
            return await write(alias, status)

        monkeypatch.setattr(it.objects, "write_alias_status", interfere)
        it.ask("go", "2")
        await it.settle()
        await it.finish_rollout()

        assert it.end("go") == ("Failed", "StaleChampion"), it.says("go")
        assert (await it.aliases()) == {"champion": "3"}
        assert it.alias().status.hold is None
        assert it.condition("InSync").reason == "Drifted"
        await it.assert_settled()


@in_virtual_time
async def test_an_outage_in_the_middle_changes_no_phase_and_everything_goes_on_afterwards() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"

        it.registry.fail_next(Unavailable("connection refused"), times=60)
        await it.settle(60)
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle()
        assert it.condition("RegistryReachable").reason == "Unreachable"
        assert it.phase("go") == "RollingOut"
        assert it.alias().status.plan is not None
        it.ask("next", "1")
        await it.settle()
        assert it.phase("next") == "Pending"
        await it.settle(600)

        assert it.is_true("RegistryReachable")
        assert it.phase("go") == "Succeeded"
        await it.finish_rollout()
        assert it.phase("next") == "Succeeded"


@in_virtual_time
async def test_a_short_pause_that_a_registry_asks_for_is_told_to_nobody() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"
        before, writes = it.condition("RegistryReachable"), len(it.objects.writes)
        it.registry.calls.clear()

        it.registry.fail_next(Unavailable("busy (429)", retry_after=timedelta(seconds=2)), times=2)
        await it.settle(40)

        assert [call.name for call in it.registry.calls][:3] == ["snapshot", "aliases", "snapshot"]
        assert it.condition("RegistryReachable") == before, "it has not changed meanwhile either"
        assert len(it.objects.writes) == writes
        await it.finish_rollout()
        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_an_outage_is_probed_every_few_seconds_and_writes_its_condition_once() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        before = len(it.objects.writes)

        it.registry.fail_next(Unavailable("connection refused"), times=10_000)
        await it.settle(60)
        it.registry.calls.clear()
        await it.settle(300)

        assert len(it.objects.writes) == before + 1
        assert len(it.registry.calls) <= 66, "a list each five seconds, and each minute a model"
        assert it.alias().status.phase == "Unreachable"


@in_virtual_time
@pytest.mark.parametrize(
    ("policy", "request_spec", "said"),
    [
        ({"approval": {"required": "Always", "waitFor": "1h"}}, {}, "not approved within 1h"),
        (
            {"approval": {"required": "Always"}},
            {"expiresAfter": "1h"},
            "nothing was begun within 1h of its creation",
        ),
    ],
    ids=["waitFor", "expiresAfter"],
)
async def test_times_go_on_in_an_outage_and_are_told_after_it(
    policy: dict[str, Any], request_spec: dict[str, Any], said: str
) -> None:
    async with Cluster() as it:
        it.objects.clock = it.wall
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=policy)
        it.ask("go", "2", **request_spec)
        await it.settle(60)
        assert it.phase("go") == "AwaitingApproval"

        it.registry.fail_next(Unavailable("connection refused"), times=1_000_000)
        await it.settle(7_200)
        assert it.phase("go") == "AwaitingApproval", "nothing ends while the registry does not answer"
        it.registry.heal()
        await it.settle(120)

        assert it.phase("go") == "Expired"
        assert it.says("go").startswith(said)


@in_virtual_time
async def test_credentials_that_are_refused_say_so() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()

        it.registry.fail_next(Refused("401"), times=10_000)
        await it.settle(60)

        assert it.condition("RegistryReachable").reason == "AuthFailed"


@in_virtual_time
@pytest.mark.parametrize("known", [True, False], ids=["an alias that was in sync", "an alias at first sight"])
async def test_a_model_that_may_not_be_read_is_told_and_waited_for(*, known: bool) -> None:
    """The registry answers, and its list of models leaves this one out: nobody sees where the alias is."""
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        if known:
            it.add_alias()
            await it.settle()
        it.registry.unreadable.add(MODEL)
        if not known:
            it.add_alias()
        it.registry.move(MODEL, "champion", "2")
        it.ask("go", "2")
        await it.settle(120)

        told = "model churn cannot be read: the credentials do not permit this in the registry (403)"
        condition = it.condition("RegistryReachable")
        assert (condition.status, condition.reason, condition.message) == ("False", "AuthFailed", told)
        assert not it.is_true("InSync")
        assert not it.is_true("Ready")
        assert it.alias().status.phase == "Unreachable"
        assert it.request("go").status.explanation.startswith("waits: ")
        assert it.request("go").status.explanation.endswith(
            "the credentials do not permit this in the registry (403)"
        )
        await it.assert_settled()

        it.registry.unreadable.clear()
        await it.settle(60)
        assert it.condition("RegistryReachable").reason == "Reachable"
        assert it.alias().status.observed is not None


@in_virtual_time
async def test_an_alias_write_whose_answer_was_lost_is_made_once() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        it.registry.fail_next(Unavailable("timeout"), call="set_alias", after=True)
        it.ask("go", "2")

        await it.settle(30)

        assert it.phase("go") == "Succeeded"
        assert [item[0] for item in it.registry_writes()] == ["set_alias", "tag_version", "tag_version"]


@in_virtual_time
async def test_the_deadline_does_not_run_out_while_the_registry_is_away() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle()

        it.registry.fail_next(Unavailable("connection refused"), times=40)
        await it.settle(40)
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(600)

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_version_deleted_after_the_plan_fails_the_request() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()

        def interfere(change: str, item: FakeObject) -> None:
            if change == "MODIFIED" and item.kind == "ModelAlias" and item.status.plan is not None:
                del it.registry._models["churn"].versions[2]  # noqa: SLF001 - in the very moment of the write
                it.objects.listeners.remove(interfere)

        it.objects.listeners.append(interfere)
        it.ask("go", "2")
        await it.settle(30)

        assert it.phase("go") in {"RolledBack", "Failed"}, it.says("go")
        assert "no version 2" in it.says("go")
        assert (await it.aliases()) == {"champion": "1"}
        await it.assert_settled()


@in_virtual_time
async def test_going_back_to_a_version_that_was_deleted_fails_and_stalls() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle()

        await it.registry.delete_version("churn", "1")
        await it.settle(70)
        await it.finish_rollout()

        assert it.phase("go") == "Failed", it.says("go")
        assert it.is_true("Stalled")
        assert "no version 1" in it.condition("Stalled").message


@in_virtual_time
async def test_ending_needs_no_registry_that_the_configuration_forgot() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        await it.stop()

        limited = {"registries": {"default": {"uri": "http://mlflow", "allow": [{"models": ["none"]}]}}}
        it.settings = type(it.settings).model_validate(limited)
        await it.settle()
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert it.condition("Stalled").reason == "ModelNotAllowed"


@in_virtual_time
async def test_a_plan_waits_while_the_configuration_names_no_such_registry() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        await it.stop()

        it.registry_name = "another"
        await it.settle()
        assert it.condition("Stalled").reason == "RegistryUnknown"
        assert it.phase("go") == "RollingOut"
        await it.stop()
        it.registry_name = "default"
        await it.settle()
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_registry_that_lets_read_and_not_write_is_told() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        it.registry.fail_next(Refused("403: may not update registered models"), call="set_alias", times=5)
        it.ask("go", "2")

        await it.settle()
        assert it.says("go") == "403: may not update registered models"
        assert it.condition("RolledOut").reason == "AuthFailed"
        await it.settle(120)

        assert it.phase("go") == "Succeeded"
        assert it.is_true("Ready")
        await it.assert_settled()


@in_virtual_time
async def test_an_alias_is_moved_also_where_each_decision_takes_longer_than_an_answer_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planned_reads, "ALIASES_SECONDS", -1.0)  # every answer is too old when it is used
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(previousAlias="prev")
        it.ask("go", "2")
        await it.settle()

        assert it.phase("go") == "Succeeded"
        assert await it.aliases() == {"champion": "2", "prev": "1"}
