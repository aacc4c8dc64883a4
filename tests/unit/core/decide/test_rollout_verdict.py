"""When a rollout counts, when it has failed, and what is said while it does neither."""

from typing import Any

import pytest

from modelalias.api.alias import WorkloadKind
from modelalias.core.errors import Refused, Unavailable
from tests.support.harness import NAME, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED

DEADLINE: dict[str, Any] = {"rollout": {"deadlineSeconds": 60}}
STABLE: dict[str, Any] = {"rollout": {"deadlineSeconds": 120, "stableSeconds": 10}}


async def rolling(
    it: Cluster, *, desired: int = 1, kind: WorkloadKind = WorkloadKind.DEPLOYMENT, **fields: Any
) -> None:
    """Let the promotion of version 2 begin to roll the workload api, which ran version 1."""
    await it.model(0.7, 0.8, aliases={"champion": "1"})
    it.workloads.add("api", desired=desired, kind=kind, marks={NAME: "1.1"})
    it.add_alias(serving=[{"kind": str(kind), "name": "api"}], **fields)
    it.ask("go", "2")
    await it.settle()
    it.workloads.observe(it.ref("api"), updated=1, available=0)
    await it.settle(1)
    assert it.phase("go") == "RollingOut"


# Time that counts


@in_virtual_time
async def test_time_in_which_the_registry_is_away_does_not_count() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)

        it.registry.fail_next(Unavailable("away"), times=1_000)
        await it.settle(900)
        it.registry.heal()
        await it.settle(20)
        assert it.phase("go") == "RollingOut"
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.alias().status.rolled_back == ()


@in_virtual_time
async def test_after_an_outage_there_is_time_for_the_back_off_of_pods_and_no_more() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)
        it.registry.fail_next(Unavailable("away"), times=1_000)
        await it.settle(300)
        it.registry.heal()

        await it.settle(290)
        assert it.phase("go") == "RollingOut"
        await it.settle(60)

        assert it.phase("go") == "RollingBack"


@in_virtual_time
async def test_an_outage_on_the_way_back_does_not_count_either() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)
        await it.settle(70)
        assert it.phase("go") == "RollingBack"
        it.workloads.observe(it.ref("api"), updated=1, available=0)

        it.registry.fail_next(Unavailable("away"), times=1_000)
        await it.settle(300)
        it.registry.heal()
        await it.settle(10)
        await it.finish_rollout()

        assert it.end("go") == ("RolledBack", "RolledBack")
        assert not it.is_true("Stalled")


@in_virtual_time
async def test_time_in_which_the_alias_is_suspended_does_not_count() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)

        it.edit_alias(suspend=True)
        await it.settle(600)
        assert it.phase("go") == "RollingOut"
        it.edit_alias(suspend=None)
        await it.settle(30)
        assert it.phase("go") == "RollingOut"
        await it.settle(60)

        assert it.phase("go") == "RollingBack"


@in_virtual_time
async def test_time_in_which_somebody_paused_the_workload_does_not_count() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)

        it.workloads.set(it.ref("api"), paused=True)
        await it.settle(600)
        assert it.phase("go") == "RollingOut"
        assert it.says("go") == "Deployment api is paused: resume it; time does not count meanwhile"
        it.workloads.set(it.ref("api"), paused=False)
        await it.settle(2)
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_restart_of_the_operator_does_not_extend_the_deadline() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)
        for _ in range(4):
            await it.stop()
            await it.settle(20)

        assert it.phase("go") == "RollingBack"


# A fresh look before a verdict


@in_virtual_time
async def test_a_workload_is_read_afresh_before_its_rollout_is_called_failed() -> None:
    async with Cluster() as it:
        await rolling(it, **DEADLINE)
        await it.settle(50)
        it.workloads.listeners.clear()  # the watch tells of nothing any more

        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(20)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_workload_that_rolls_is_looked_at_whatever_the_watch_says() -> None:
    async with Cluster() as it:
        await rolling(it, rollout={"deadlineSeconds": 6_000})
        it.workloads.listeners.clear()

        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(60)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_workload_is_read_afresh_before_its_rollout_counts() -> None:
    async with Cluster() as it:
        await rolling(it, rollout={"deadlineSeconds": 300})
        told, listeners = it.workload("api"), list(it.workloads.listeners)
        it.workloads.listeners.clear()
        it.workloads.set(it.ref("api"), trouble="it fails again")

        good = told.model_copy(update={"available": 1, "resource_version": told.resource_version})
        assert it.engine is not None
        it.engine.workload_seen(good.model_copy(update={"resource_version": told.resource_version + 1}))
        await it.settle(5)

        assert it.phase("go") == "RollingOut", "the watch said so a moment ago, and it is not so any more"
        it.workloads.listeners.extend(listeners)


# Stable for a while


@in_virtual_time
async def test_a_rollout_counts_after_a_stable_while() -> None:
    async with Cluster() as it:
        await rolling(it, **STABLE)

        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(8)
        assert it.phase("go") == "RollingOut"
        assert it.says("go") == "Deployment api: available, has to stay so for 10 s"
        assert [str(item.state) for item in it.alias().status.serving] == ["Settling"]
        await it.settle(5)

        assert it.end("go") == ("Succeeded", "Succeeded")
        await it.assert_settled()


@in_virtual_time
async def test_readiness_that_holds_for_a_moment_only_does_not_count() -> None:
    async with Cluster() as it:
        await rolling(it, **STABLE)
        ref = it.ref("api")

        for _ in range(12):
            it.workloads.complete_rollout(ref)
            await it.settle(6)
            it.workloads.set(ref, available=0)
            await it.settle(6)

        assert it.phase("go") == "RollingBack"


@in_virtual_time
async def test_pods_that_restart_between_two_looks_are_not_stable() -> None:
    async with Cluster() as it:
        await rolling(it, **STABLE)
        ref = it.ref("api")

        it.workloads.complete_rollout(ref)
        await it.settle(5)
        it.pods.restarts[ref] = 1
        await it.settle(8)
        assert it.phase("go") == "RollingOut"
        assert "a container was restarted" in it.says("go")
        await it.settle(10)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_an_operator_that_may_not_list_pods_still_waits_for_stable_counts() -> None:
    async with Cluster() as it:
        await rolling(it, **STABLE)
        it.pods.fail_next(Refused("list pods"), times=100)

        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(8)
        assert it.phase("go") == "RollingOut"
        await it.settle(5)

        assert it.end("go") == ("Succeeded", "Succeeded")


# What was not whole before


@in_virtual_time
async def test_a_node_that_is_switched_off_is_not_the_fault_of_a_version() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", kind=WorkloadKind.DAEMON_SET, desired=5, marks={NAME: "1.1"})
        it.workloads.set(ref, available=4)
        it.add_alias(serving=[{"kind": "DaemonSet", "name": "api"}], **DEADLINE)
        it.ask("go", "2")
        await it.settle()
        assert it.alias().status.serving[0].message.startswith("DaemonSet api: ")
        it.workloads.observe(ref, updated=2, available=4)
        await it.settle(10)
        assert it.phase("go") == "RollingOut", "old pods are available, and as many new ones are not"
        it.workloads.observe(ref, updated=4, available=4)
        it.pods.exact[ref] = [
            pod.model_copy(update={"ready": bool(number)})
            for number, pod in enumerate(reversed(await it.pods.of(it.workload("api"))))
        ][::-1]
        await it.settle(20)

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.is_true("Ready"), it.condition("RolledOut").message


@in_virtual_time
async def test_a_workload_without_any_available_pod_is_not_done_before_one_is() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", desired=2, marks={NAME: "1.1"})
        it.workloads.set(ref, available=0)
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        it.ask("go", "2")
        await it.settle()
        it.workloads.observe(ref, updated=2, available=0)
        await it.settle(10)

        assert it.phase("go") == "RollingOut"


@in_virtual_time
async def test_an_owner_may_want_the_workload_whole_first() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", desired=3, marks={NAME: "1.1"})
        it.workloads.set(ref, available=2)
        it.add_alias(serving=[{"name": "api"}], rollout={"requireWhole": True})
        it.ask("go", "2")
        await it.settle(30)
        assert it.phase("go") == "Pending"
        assert it.says("go") == (
            "waits: Deployment api is not whole, 2 of 3 replicas are available, and rollout.requireWhole is set"
        )
        assert it.moves() == []

        it.workloads.set(ref, available=3)
        it.workloads.rolls_at_once = True
        await it.settle(40)

        assert it.end("go") == ("Succeeded", "Succeeded")


# Causes


@in_virtual_time
async def test_what_holds_a_rollout_up_is_told_from_the_newest_pod() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", desired=2, marks={NAME: "1.1"})
        it.pods.edits[ref] = {"trouble": "image x:9 cannot be pulled: ErrImagePull"}
        it.add_alias(serving=[{"name": "api"}], **DEADLINE)
        it.ask("go", "2")
        await it.settle()
        it.workloads.observe(ref, updated=1, available=2, total=3)
        await it.settle(20)

        assert it.says("go") == (
            "Deployment api: 1 of 2 updated, 2 available, 2 old left, "
            "newest pod: image x:9 cannot be pulled: ErrImagePull"
        )
        await it.settle(60)
        assert "image x:9 cannot be pulled" in it.alias().status.plan.message  # type: ignore[union-attr]


# A StatefulSet that waits for its broken pod


async def _broken_set(it: Cluster, **rollout: Any) -> None:
    await rolling(it, kind=WorkloadKind.STATEFUL_SET, rollout={"deadlineSeconds": 60, **rollout})
    await it.settle(70)
    assert it.phase("go") == "RollingBack"
    it.workloads.set(it.ref("api"), observed_generation=it.workload("api").generation, updated=0, total=1)
    await it.settle(20)


@in_virtual_time
async def test_the_pod_that_a_stateful_set_waits_for_is_named() -> None:
    async with Cluster() as it:
        await _broken_set(it)

        (pod,) = await it.pods.of(it.workload("api"))
        assert f"its controller waits for {pod.ref.name} of the failed revision: delete it" in it.says("go")
        assert it.pods.deleted == []


@in_virtual_time
async def test_with_the_permission_the_pod_that_a_stateful_set_waits_for_is_deleted() -> None:
    async with Cluster() as it:
        await _broken_set(it, deleteStuckPods=True)

        assert len(it.pods.deleted) == 1
        await it.finish_rollout()
        assert it.end("go") == ("RolledBack", "RolledBack")


@in_virtual_time
async def test_without_the_permission_to_delete_pods_it_is_named_all_the_same() -> None:
    async with Cluster() as it:
        it.pods.may_delete = False
        await _broken_set(it, deleteStuckPods=True)

        assert it.pods.deleted == []
        assert "delete it" in it.says("go")


# Two aliases on one workload


@in_virtual_time
async def test_one_plan_at_a_time_rolls_a_workload_that_two_aliases_name() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "shadow": "1"})
        ref = it.workloads.add("api", containers={"main": {}, "side": {}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}], **DEADLINE)
        it.add_alias(
            "churn-shadow",
            alias="shadow",
            serving=[{"name": "api", "load": {**PINNED, "env": "SHADOW_URI"}}],
            **DEADLINE,
        )
        it.ask("bad", "2")
        it.ask("good", "2", of="churn-shadow")
        await it.settle()
        phases = {it.phase("bad"), it.phase("good")}
        assert phases == {"RollingOut", "Pending"}
        waiting = "good" if it.phase("good") == "Pending" else "bad"
        assert "is rolling Deployment api, which both name" in it.says(waiting)
        assert len({roll.change.alias for roll in it.workloads.rolls}) == 1

        it.workloads.observe(ref, available=0)
        await it.settle(70)
        it.workloads.complete_rollout(ref)
        await it.settle(30)
        it.workloads.complete_rollout(ref)
        await it.settle(30)

        ended = {name: it.phase(name) for name in ("bad", "good")}
        assert sorted(ended.values()) == ["RolledBack", "Succeeded"], ended
        assert ended[waiting] == "Succeeded", "it was judged alone"


@in_virtual_time
@pytest.mark.parametrize("written", [True, False], ids=["the writer is known", "it is not"])
async def test_who_takes_a_change_away_while_it_rolls_is_named(*, written: bool) -> None:
    async with Cluster() as it:
        await rolling(it, rollout={"deadlineSeconds": 60, "onFailure": "Hold"})

        it.workloads.edit(it.ref("api"), marks={}, last_writer="argocd-controller" if written else "")
        await it.settle(5)

        by = "; the last known writer is argocd-controller" if written else ""
        assert it.says("go").endswith(f"Deployment api: another writer took the operator's change away{by}")
