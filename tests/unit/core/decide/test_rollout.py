"""Rollouts: waves, deadlines, what a failure leads to, and aborts once something was begun."""

from typing import Any, Final

import pytest

from modelalias.core.errors import Refused, Unavailable
from modelalias.kinds.containers import Traits
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED

DEADLINE: Final[dict[str, Any]] = {"rollout": {"deadlineSeconds": 60}}


@in_virtual_time
async def test_waves_roll_one_after_another_and_inside_a_wave_together() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        for name in ("a", "b", "c"):
            it.workloads.add(name)
        it.add_alias(serving=[{"name": "c"}, {"name": "a", "wave": 1}, {"name": "b", "wave": 1}])
        it.ask("go", "2")

        await it.settle()
        assert [roll.ref.name for roll in it.workloads.rolls] == ["c"]
        await it.finish_rollout("c")
        assert [roll.ref.name for roll in it.workloads.rolls] == ["c", "a", "b"]
        await it.finish_rollout("b")
        assert it.phase("go") == "RollingOut"
        assert it.says("go") == "Deployment a: 1 of 1 updated, 1 available"
        states = {item.name: item.state for item in it.alias().status.serving}
        assert states == {"c": "UpToDate", "a": "Rolling", "b": "UpToDate"}
        await it.finish_rollout("a")

        assert it.phase("go") == "Succeeded"
        assert len(it.workloads.rolls) == 3


@in_virtual_time
async def test_pinned_workloads_serve_before_the_alias_moves() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}], previousAlias="prev")
        it.ask("go", "2")

        await it.settle()
        assert (it.mark("api"), it.uri("api")) == ("2", "models:/churn/2")
        assert it.registry_writes() == []
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert await it.aliases() == {"champion": "2", "prev": "1"}


@in_virtual_time
async def test_a_bad_rollout_of_pinned_workloads_never_moved_the_alias() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}], **DEADLINE)
        it.ask("go", "2")

        await it.settle()
        it.workloads.observe(ref, available=0, trouble="CrashLoopBackOff")
        await it.settle(70)
        await it.finish_rollout()

        assert it.end("go") == ("RolledBack", "RolledBack"), it.says("go")
        assert it.moves() == []
        assert it.uri("api") == "models:/churn/1"
        assert it.mark("api") is None
        await it.assert_settled()


@in_virtual_time
async def test_a_variable_that_was_not_there_is_taken_away_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api", "load": PINNED}], **DEADLINE)
        it.ask("go", "2")

        await it.settle(70)
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack"
        assert it.uri("api") is None


@in_virtual_time
async def test_a_rollout_past_its_deadline_goes_back_and_is_read_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2", "prev": "1"})
        ref = it.workloads.add("api", marks={"churn-champion": "2.7"})
        it.add_alias(serving=[{"name": "api"}], previousAlias="prev", **DEADLINE)
        it.ask("go", "3")

        await it.settle()
        assert it.mark("api") == "3.8", "an epoch that no workload has had"
        it.workloads.observe(ref, available=0, trouble="ReplicaFailure: quota")
        await it.settle(70)
        assert it.phase("go") == "RollingBack"
        assert it.alias().status.phase == "RollingBack"
        assert it.mark("api") == "2.9"
        assert await it.aliases() == {"champion": "2", "prev": "1"}
        await it.finish_rollout()

        assert it.end("go") == ("RolledBack", "RolledBack")
        told = (
            "not rolled out within 60 s: Deployment api: 0 of 1 updated, 0 available, 1 old left, "
            "ReplicaFailure: quota"
        )
        assert it.says("go") == f"churn@champion is back at version 2: {told}"
        status = it.alias().status
        assert status.hold is not None
        assert (status.hold.reason, status.hold.request) == ("RolledBack", "go")
        assert [(item.version, item.reason) for item in status.rolled_back] == [("3", "DeadlineExceeded")]
        assert status.current is not None
        assert status.current.version == "2"
        assert [(item.served, item.state) for item in status.serving] == [("2", "UpToDate")]
        assert it.is_true("Ready")
        await it.assert_settled()


@in_virtual_time
async def test_a_crash_loop_does_not_extend_the_deadline() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        it.ask("go", "2")

        await it.settle()
        for _ in range(14):
            it.workloads.observe(ref, available=0, updated=1)
            await it.settle(5)

        assert it.phase("go") == "RollingBack"


@in_virtual_time
async def test_the_rollback_failing_too_stalls_the_alias_and_says_what_to_do() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        it.ask("go", "2")

        await it.settle()
        it.workloads.observe(ref, available=0)
        await it.settle(70)
        it.workloads.observe(ref, available=0)
        await it.settle(70)

        assert it.end("go") == ("Failed", "RolloutFailed")
        conditions = {item.type: item.status for item in it.request("go").status.conditions}
        assert conditions["RolledBack"] == "False"
        assert await it.aliases() == {"champion": "1"}
        stalled = it.condition("Stalled")
        assert (stalled.status, stalled.reason) == ("True", "RolloutFailed")
        assert "UTC the Promote to version 2 failed: " in stalled.message
        assert "; the alias was at version 1 then; " in stalled.message
        assert "modelalias retry go -n ml" in stalled.message
        await it.assert_settled()


@in_virtual_time
async def test_one_workload_that_cannot_go_back_does_not_keep_the_others() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        for name in ("a", "b", "c"):
            it.workloads.add(name, containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": name, "load": PINNED} for name in ("a", "b", "c")], **DEADLINE)
        it.ask("go", "2")

        await it.settle()
        it.workloads.edit(it.ref("a"), containers={"renamed": {}})
        await it.settle(70)
        await it.finish_rollout("b", "c")

        assert (it.uri("b"), it.uri("c")) == ("models:/churn/1", "models:/churn/1")
        assert it.end("go") == ("Failed", "RolloutFailed")
        assert it.is_true("Stalled")


@in_virtual_time
async def test_the_third_of_five_failing_brings_all_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        names = ["a", "b", "c", "d", "e"]
        for name in names:
            it.workloads.add(name, marks={"churn-champion": "1.5"})
        it.add_alias(serving=[{"name": name, "wave": wave} for wave, name in enumerate(names)], **DEADLINE)
        it.ask("go", "2")

        await it.settle()
        await it.finish_rollout("a")
        await it.finish_rollout("b")
        await it.settle(70)
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack"
        assert [it.mark(name) for name in names] == ["1.7"] * 5
        assert {item.state for item in it.alias().status.serving} == {"UpToDate"}
        await it.assert_settled()


@in_virtual_time
async def test_on_hold_a_failed_rollout_stays_as_it_is() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60, "onFailure": "Hold"})
        it.ask("go", "2")

        await it.settle(70)

        assert it.end("go") == ("Failed", "RolloutFailed")
        assert await it.aliases() == {"champion": "2"}
        assert it.mark("api") == "2.2"
        assert it.is_true("Held")
        assert it.is_true("Stalled")
        await it.assert_settled()


@in_virtual_time
async def test_a_failed_rollout_whose_workload_was_repaired_is_told_as_of_its_time() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60, "onFailure": "Hold"})
        it.ask("go", "2")
        await it.settle(70)
        assert "but its rollout failed: " in it.says("go")
        assert "could not be moved" not in it.says("go")

        await it.finish_rollout()
        await it.settle(70)

        said = it.condition("Ready").message
        assert "UTC the Promote to version 2 failed: " in said
        assert said.endswith(f"; by now {it.condition('RolledOut').message}")
        await it.assert_settled()


@in_virtual_time
async def test_the_next_promotion_ends_a_hold_and_a_stall() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60, "onFailure": "Hold"})
        it.ask("bad", "2")
        await it.settle(70)

        it.ask("good", "3")
        await it.settle()
        await it.finish_rollout()

        assert it.phase("good") == "Succeeded"
        assert not it.is_true("Held")
        assert not it.is_true("Stalled")
        assert it.is_true("Ready")


@in_virtual_time
async def test_a_pin_that_fails_goes_back_and_stalls_until_the_spec_changes() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        await it.settle()

        it.edit_alias(version="2")
        await it.settle(70)
        await it.finish_rollout()
        assert await it.aliases() == {"champion": "1"}
        assert it.condition("Stalled").reason == "RolloutFailed"
        await it.assert_settled()
        it.edit_alias(version="3")
        await it.settle()
        await it.finish_rollout()

        assert await it.aliases() == {"champion": "3"}
        assert not it.is_true("Stalled")


@in_virtual_time
@pytest.mark.parametrize("how", ["abort", "delete"])
async def test_a_request_withdrawn_after_its_plan_goes_back(how: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", marks={"churn-champion": "1.1"})
        it.add_alias(serving=[{"name": "api"}], previousAlias="prev")
        it.ask("go", "2")
        await it.settle()
        assert await it.aliases() == {"champion": "2", "prev": "1"}

        if how == "abort":
            it.edit_request("go", abort=True)
        else:
            it.objects.remove_request("ml", "go")
        await it.settle()
        await it.finish_rollout()

        assert await it.aliases() == {"champion": "1"}
        assert it.mark("api") == "1.3"
        last = it.alias().status.history[-1]
        assert (last.request, last.outcome) == ("go", "Aborted")
        assert it.alias().status.hold is None
        assert it.alias().status.rolled_back == ()
        if how == "abort":
            assert it.end("go") == ("Aborted", "Aborted")
        await it.assert_settled()


@in_virtual_time
async def test_a_workload_made_anew_while_it_rolls_is_rolled_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()

        it.workloads.delete(ref)
        await it.settle()
        assert it.phase("go") == "RollingOut"
        assert it.says("go") == "Deployment api is gone"
        it.workloads.add("api")
        await it.settle(20)
        assert it.mark("api") == "2.2"
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded", it.says("go")


@in_virtual_time
async def test_a_workload_that_stays_away_fails_the_rollout_and_the_others_go_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.workloads.add("web")
        it.add_alias(serving=[{"name": "api"}, {"name": "web"}], **DEADLINE)
        it.ask("go", "2")
        await it.settle()

        it.workloads.delete(ref)
        await it.settle(70)
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack", it.says("go")
        assert it.mark("web") == "1.3"
        assert await it.aliases() == {"champion": "1"}
        assert {item.name: item.state for item in it.alias().status.serving} == {
            "api": "Missing",
            "web": "UpToDate",
        }


@in_virtual_time
async def test_a_writer_that_takes_the_mark_away_is_reported_and_not_fought() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()

        it.workloads.edit(ref, marks={})
        await it.settle()

        assert it.phase("go") == "RollingBack"
        assert "another writer" in it.says("go")
        rolls = len(it.workloads.rolls)
        await it.settle(30)
        assert len(it.workloads.rolls) == rolls


@in_virtual_time
async def test_a_rollout_is_seen_to_end_when_somebody_took_the_label_away() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()

        it.workloads.set(ref, managed=False)
        it.workloads.complete_rollout(ref)
        await it.settle(30)

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_long_complaint_of_a_workload_fits_into_status() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        it.ask("go", "2")
        await it.settle()

        it.workloads.observe(ref, trouble="x" * 1024)
        await it.settle(70)
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack"


@in_virtual_time
async def test_a_patch_that_is_refused_for_good_goes_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("canary")
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "canary", "load": PINNED}, {"name": "api", "wave": 1, "load": PINNED}])
        it.ask("go", "2")

        await it.settle()
        it.workloads.edit(ref, traits={"main": Traits(elsewhere=("MODEL_URI",))})
        await it.finish_rollout("canary")
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack"
        assert "valueFrom" in it.says("go")
        assert it.moves() == []
        await it.assert_settled()


@in_virtual_time
async def test_a_patch_that_fails_for_a_moment_is_tried_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.fail_next(Unavailable("overloaded"), call="roll", times=2)
        it.ask("go", "2")

        await it.settle(10)
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert len(it.workloads.rolls) == 1


@in_virtual_time
async def test_a_re_assertion_that_fails_does_not_count_its_version_as_rolled_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        it.ask("go", "1")

        await it.settle(70)
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack"
        assert await it.aliases() == {"champion": "1"}
        assert it.alias().status.rolled_back == ()
        assert it.alias().status.current is not None


@in_virtual_time
async def test_a_permission_that_is_missing_is_named_and_awaited() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.fail_next(Refused("may not patch deployments in namespace ml"), call="roll", times=4)
        it.ask("go", "2")

        await it.settle(2)
        told = it.condition("RolledOut")
        assert (told.status, told.reason) == ("False", "Forbidden")
        assert "patch deployments" in told.message
        assert "patch deployments" in it.says("go")
        await it.settle(60)
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert it.is_true("RolledOut")
        await it.assert_settled()
