"""What a status says of workloads is true of their pods, also long after a rollout."""

from typing import Any

import pytest

from modelalias.core.errors import Refused
from modelalias.kinds.containers import FixedModel, Traits
from tests.support.harness import NAME, Cluster
from tests.support.kstatus import kstatus
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED

VERIFY = {"port": 8080}


async def promoted(it: Cluster, *, desired: int = 2, **serving: Any) -> None:
    """Let version 2 be promoted and rolled out on the workload api."""
    await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
    it.workloads.add("api", desired=desired)
    it.add_alias(serving=[{"name": "api", **serving}])
    it.workloads.rolls_at_once = True
    it.ask("go", "2")
    await it.settle(90)
    assert it.end("go") == ("Succeeded", "Succeeded")
    assert it.is_true("Ready")


def state(it: Cluster) -> tuple[str, str | None, str | None]:
    """Return state, what is asked for and what is served, of the one workload."""
    (entry,) = it.alias().status.serving
    return str(entry.state), entry.asked, entry.served


def counts(it: Cluster) -> list[tuple[str | None, int, int]]:
    return [(item.version, item.pods, item.ready) for item in it.alias().status.serving[0].pods]


@in_virtual_time
async def test_after_a_success_the_status_says_which_version_how_many_pods_run() -> None:
    async with Cluster() as it:
        await promoted(it)

        assert state(it) == ("UpToDate", "2", "2")
        assert counts(it) == [("2", 2, 2)]
        assert it.alias().status.serving[0].since is not None
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize(
    ("left", "asks", "reason"),
    [
        ({"MODEL_URI": "models:/churn/1"}, "version 1", "Diverged"),
        ({}, "no version of churn", "Contended"),
        ({"MODEL_URI": "models:/churn@champion"}, "no version of churn", "Contended"),
    ],
    ids=["rolled back by hand", "the variable was replaced away", "the alias in its place"],
)
async def test_a_pinned_workload_that_somebody_takes_elsewhere_is_told_and_not_fought(
    left: dict[str, str], asks: str, reason: str
) -> None:
    async with Cluster() as it:
        await promoted(it, load=PINNED)
        rolls = len(it.workloads.rolls)

        it.workloads.edit(it.ref("api"), containers={"main": left}, last_writer="kubectl-rollout")
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(5)

        told = it.condition("RolledOut")
        assert (told.status, told.reason) == ("False", reason)
        assert told.message == (
            f"Deployment api asks for {asks}, not for version 2; the last known writer is kubectl-rollout; "
            "to bring it back: modelalias promote churn-champion -n ml --version 2"
        )
        assert (it.condition("Ready").status, it.condition("Ready").message) == ("False", told.message)
        assert it.alias().status.phase == "Degraded"
        assert state(it)[0] == "Diverged"
        assert [item.reason for item in it.objects.events if item.reason == reason] == [reason]
        await it.settle(600)
        assert len(it.workloads.rolls) == rolls
        await it.assert_settled()


@in_virtual_time
async def test_a_request_for_the_same_version_brings_back_what_was_taken_elsewhere() -> None:
    async with Cluster() as it:
        await promoted(it, load=PINNED)
        it.workloads.edit(it.ref("api"), containers={"main": {}})
        await it.settle(70)
        assert not it.is_true("Ready")

        it.ask("again", "2")
        await it.settle(90)

        assert it.uri("api") == "models:/churn/2"
        assert it.is_true("Ready")
        assert state(it) == ("UpToDate", "2", "2")


@in_virtual_time
async def test_pods_that_resolve_the_alias_run_it_also_when_their_template_was_undone() -> None:
    async with Cluster() as it:
        await promoted(it)
        await it.settle(60)

        it.workloads.edit(it.ref("api"), marks={NAME: "1.1"}, last_writer="kubectl-rollout")
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(70)

        assert it.is_true("RolledOut")
        assert state(it) == ("UpToDate", "1", "2")
        assert it.alias().status.serving[0].message == (
            "its template is marked for version 1; the last known writer is kubectl-rollout"
        )


@in_virtual_time
async def test_pods_that_started_while_somebody_had_moved_the_alias_run_what_it_named_then() -> None:
    async with Cluster() as it:
        await promoted(it)
        await it.settle(60)
        await it.registry.set_alias("churn", "champion", "3")
        await it.settle(60)
        newest, other = await it.pods.of(it.workload("api"))
        late = newest.model_copy(update={"started": it.wall()})
        it.pods.exact[it.ref("api")] = [late, other]
        it.workloads.set(it.ref("api"), trouble="")
        await it.settle(120)

        assert state(it)[0] == "Diverged"
        assert counts(it) == [("3", 1, 1), ("2", 1, 1)]

        await it.registry.set_alias("churn", "champion", "2")
        await it.settle(120)

        assert it.is_true("InSync")
        assert it.condition("RolledOut").status == "Unknown", "it started in between: nobody knows"
        assert it.says_nothing_of("Ready")
        assert counts(it) == [("2", 1, 1), (None, 1, 1)]


@in_virtual_time
async def test_pods_that_crash_after_a_success_are_told_with_their_cause() -> None:
    async with Cluster() as it:
        await promoted(it)
        ref = it.ref("api")
        it.pods.edits[ref] = {"trouble": "container main exits with code 1", "crashed": "main"}
        it.pods.lines = "loading\nMemoryError: no room\n"

        it.workloads.set(ref, available=0)
        await it.settle(5)

        told = it.condition("RolledOut")
        assert (told.status, told.reason) == ("False", "Degraded")
        assert (
            "container main exits with code 1; its last lines: loading\nMemoryError: no room" in told.message
        )
        assert not it.is_true("Ready")
        assert state(it) == ("Degraded", "2", None)
        assert [item.reason for item in it.objects.events if item.reason == "Degraded"] == ["Degraded"]

        it.workloads.set(ref, available=2)
        await it.settle(90)

        assert it.is_true("Ready")
        assert it.objects.events[-1].reason == "RolledOut"


@in_virtual_time
async def test_a_moment_with_fewer_pods_is_nothing_to_tell_and_a_lasting_one_is() -> None:
    async with Cluster() as it:
        await promoted(it)
        ref, writes = it.ref("api"), it.counts()

        it.workloads.set(ref, available=1)
        await it.settle(20)
        it.workloads.set(ref, available=2)
        await it.settle(60)
        assert it.counts() == writes

        it.workloads.set(ref, available=1)
        await it.settle(40)
        assert it.condition("RolledOut").reason == "Degraded"


@in_virtual_time
async def test_a_pod_that_flaps_costs_at_most_one_write_a_minute() -> None:
    async with Cluster() as it:
        await promoted(it)
        ref, before = it.ref("api"), it.counts()[0]

        for number in range(120):
            it.workloads.set(ref, available=0 if number % 2 else 2)
            await it.settle(5)

        assert 2 <= it.counts()[0] - before <= 10


@in_virtual_time
async def test_a_workload_without_replicas_has_loaded_nothing() -> None:
    async with Cluster() as it:
        await promoted(it)

        it.workloads.edit(it.ref("api"), desired=0, updated=0, available=0, total=0)
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(5)

        told = it.condition("RolledOut")
        assert (told.status, told.reason) == ("Unknown", "NoReplicas")
        assert told.message == "Deployment api has 0 replicas, so that nothing loads the version"
        assert it.alias().status.phase == "Unknown"
        assert it.says_nothing_of("Ready")
        assert state(it) == ("NoReplicas", "2", None)


@in_virtual_time
async def test_a_promotion_of_a_workload_without_replicas_says_so() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", desired=0)
        it.add_alias(serving=[{"name": "api"}], rollout={"stableSeconds": 10})
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        await it.settle(60)

        assert it.phase("go") == "Succeeded"
        assert state(it)[0] == "NoReplicas"
        assert it.condition("RolledOut").reason == "NoReplicas"


@in_virtual_time
async def test_a_workload_that_is_gone_is_missing() -> None:
    async with Cluster() as it:
        await promoted(it)

        it.workloads.delete(it.ref("api"))
        await it.settle(5)

        assert (it.condition("RolledOut").status, it.condition("RolledOut").reason) == ("False", "Missing")
        assert it.condition("Ready").message == "there is no Deployment api"


@in_virtual_time
async def test_a_pinned_workload_of_a_cluster_built_anew_is_asked_for_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api", "load": PINNED}])

        await it.settle()

        assert (it.condition("RolledOut").status, it.condition("RolledOut").reason) == ("False", "Diverged")
        assert not it.is_true("Ready")


@in_virtual_time
async def test_a_pinned_workload_that_asks_for_the_version_is_known_at_first_sight() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/2"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}])

        await it.settle()

        assert it.is_true("Ready")
        assert state(it) == ("UpToDate", "2", "2")


@in_virtual_time
async def test_a_workload_that_no_watch_tells_of_is_read_afresh_now_and_then() -> None:
    async with Cluster() as it:
        await promoted(it, load=PINNED)
        it.workloads.listeners.clear()
        it.workloads.edit(it.ref("api"), containers={"main": {}})

        await it.settle(700)

        assert not it.is_true("Ready")


@in_virtual_time
async def test_pods_that_say_the_version_prove_it_and_others_are_told() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", desired=2)
        it.add_alias(serving=[{"name": "api", "verify": VERIFY}])
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        await it.settle(90)

        assert it.phase("go") == "Succeeded"
        assert (it.condition("Verified").status, it.condition("Verified").reason) == ("True", "Verified")

        it.pods.answers[ref] = "1"
        it.workloads.set(ref, trouble="")
        await it.settle(90)

        told = it.condition("Verified")
        assert (told.status, told.reason) == ("False", "NotVerified")
        assert told.message == "Deployment api: asked, 2 serve version 1 of 2 ready pods"
        assert not it.is_true("Ready")
        assert "NotVerified" in {item.reason for item in it.objects.events}


@in_virtual_time
async def test_pods_that_say_another_version_fail_the_rollout() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", desired=2)
        it.pods.answers[ref] = "1"
        it.add_alias(serving=[{"name": "api", "verify": VERIFY}])
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        await it.settle(90)

        assert it.end("go") == ("RolledBack", "RolledBack")
        assert it.says("go") == (
            "churn@champion is back at version 1: Deployment api: asked, 2 serve version 1 of 2 ready pods"
        )


@in_virtual_time
async def test_pods_that_do_not_say_their_version_are_asked_until_the_deadline() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.pods.answers[ref] = None
        it.add_alias(serving=[{"name": "api", "verify": VERIFY}], rollout={"deadlineSeconds": 60})
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        await it.settle(30)
        assert it.phase("go") == "Verifying"
        assert it.says("go") == (
            "Deployment api: 1 of 1 ready pods do not say what they serve: the answer has no field version"
        )

        del it.pods.answers[ref]
        await it.settle(30)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_at_first_sight_pods_that_say_the_version_make_it_known() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        ref = it.workloads.add("api")
        it.pods.answers[ref] = "2"
        it.add_alias(serving=[{"name": "api", "verify": VERIFY}])

        await it.settle()

        assert it.is_true("Ready")
        assert state(it) == ("UpToDate", None, "2")


@in_virtual_time
async def test_what_the_operator_may_not_read_is_not_known() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.pods.fail_next(Refused("list pods"), times=50)

        it.workloads.set(it.ref("api"), available=0)
        await it.settle(5)

        assert it.condition("RolledOut").reason == "UnknownServing"
        assert it.condition("RolledOut").message == "Deployment api: the operator may not list its pods"
        assert it.says_nothing_of("Ready")


@in_virtual_time
@pytest.mark.parametrize("named", [{}, {"champion": "1"}], ids=["nothing is promoted yet", "at first sight"])
async def test_an_alias_with_nothing_to_do_is_current_for_kstatus(named: dict[str, str]) -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases=named)
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        await it.settle()

        assert kstatus(it.alias()) == "Current"
        assert it.says_nothing_of("Ready"), "nobody knows what its pods run"


@in_virtual_time
async def test_what_is_likely_not_meant_so_is_told_in_the_status_and_by_one_event() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", traits={"main": Traits(probed=False)})
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        await it.settle(90)

        assert it.end("go") == ("Succeeded", "Succeeded")
        (warning,) = it.alias().status.serving[0].warnings
        assert "readinessProbe" in warning
        assert it.alias().status.serving[0].message == f"Deployment api {warning}"
        told = [item.message for item in it.objects.events if item.reason == "WorkloadWarning"]
        assert told == [f"Deployment api {warning}"]
        await it.assert_settled()


@in_virtual_time
async def test_a_template_that_somebody_makes_load_one_version_for_good_is_told() -> None:
    async with Cluster() as it:
        await promoted(it)

        fixed = FixedModel(place="args", model="churn", version="1")
        it.workloads.edit(it.ref("api"), traits={"main": Traits(fixed=(fixed,))})
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(5)

        assert (it.condition("RolledOut").status, it.condition("RolledOut").reason) == ("False", "Diverged")
        assert "names models:/churn/1 in args of container main" in it.condition("Ready").message


@in_virtual_time
async def test_a_version_of_another_model_is_no_proof() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        ref = it.workloads.add("api", desired=1)
        it.pods.models[ref] = "fraud"
        it.pods.answers[ref] = "2"
        it.add_alias(serving=[{"name": "api", "verify": VERIFY}])

        await it.settle()

        assert it.condition("Verified").status == "False"
        assert it.condition("Verified").message == (
            "Deployment api: asked, 1 serve version 2 of fraud of 1 ready pods"
        )


@in_virtual_time
async def test_a_cause_that_comes_after_the_counts_is_told_too() -> None:
    async with Cluster() as it:
        await promoted(it)
        ref = it.ref("api")
        it.workloads.set(ref, available=0)
        await it.settle(5)
        assert it.condition("RolledOut").reason == "Degraded"

        it.pods.edits[ref] = {"trouble": "container main exits with code 1"}  # of which no watch tells
        await it.settle(130)

        assert "newest pod: container main exits with code 1" in it.condition("RolledOut").message


@in_virtual_time
async def test_pods_of_a_moment_ago_are_not_taken_for_those_of_a_workload_that_changed() -> None:
    async with Cluster() as it:
        await promoted(it)
        await it.settle(60)
        ref = it.ref("api")
        it.workloads.edit(ref, marks={NAME: "1.1"})  # its pods are looked at
        it.workloads.complete_rollout(ref)
        await it.settle(5)

        it.workloads.set(ref, available=0)
        await it.settle(120)

        assert [(item.pods, item.ready) for item in it.alias().status.serving[0].pods] == [(2, 0)]


@in_virtual_time
async def test_a_move_that_failed_does_not_hide_that_the_alias_had_been_moved_by_hand() -> None:
    async with Cluster() as it:
        await promoted(it)
        await it.settle(60)
        await it.registry.set_alias("churn", "champion", "3")
        await it.settle(30)
        newest, other = await it.pods.of(it.workload("api"))
        it.pods.exact[it.ref("api")] = [newest.model_copy(update={"started": it.wall()}), other]
        it.workloads.rolls_at_once = False
        it.edit_alias(rollout={"deadlineSeconds": 30, "stableSeconds": 0})
        it.ask("bad", "3")
        await it.settle(40)
        assert it.phase("bad") == "RollingBack"
        it.workloads.complete_rollout(it.ref("api"))
        await it.settle(120)

        assert it.phase("bad") == "RolledBack"
        mark = {NAME: it.mark("api") or ""}
        late = [pod.model_copy(update={"marks": mark}) for pod in it.pods.exact[it.ref("api")]]
        it.pods.exact[it.ref("api")] = late
        it.workloads.set(it.ref("api"), trouble="")
        await it.settle(120)
        assert counts(it) == [("2", 1, 1), (None, 1, 1)], "it started in between: nobody knows"
        assert it.says_nothing_of("Ready")


@in_virtual_time
async def test_pods_that_were_looked_at_before_they_became_ready_are_looked_at_again() -> None:
    """The counts tell that a pod became available; a look of a second ago would say that it never started."""
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.workloads.add("api", desired=1)
        it.add_alias(serving=[{"name": "api"}])
        ref = it.ref("api")
        it.pods.edits[ref] = {"trouble": "its containers have not been started yet"}
        it.workloads.set(ref, available=0)
        await it.settle(1)
        it.workloads.set(ref, available=1)
        await it.settle(1)

        assert state(it)[0] == "Unknown"
        assert "started yet" not in it.alias().status.serving[0].message
