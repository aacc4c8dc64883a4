"""What is said of pods that resolve the alias, where the alias was moved by hand or the mark is an old one."""

from datetime import timedelta

from modelalias.adapters.pod_bodies import parse_pod
from modelalias.core.errors import Unavailable
from tests.support.harness import NAME, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import MODEL


@in_virtual_time
async def test_a_pod_that_started_after_the_last_look_and_before_a_move_was_seen_is_not_known() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api", desired=2)
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.rolls_at_once = True
        it.ask("go", "2")
        await it.settle(90)
        it.registry.fail_next(Unavailable("away"), times=1_000)
        await it.settle(60)
        it.registry.heal()
        await it.registry.set_alias(MODEL, "champion", "3")
        it.registry.fail_next(Unavailable("away"), times=1_000)
        await it.settle(60)
        newest, other = await it.pods.of(it.workload("api"))
        it.pods.exact[it.ref("api")] = [newest.model_copy(update={"started": it.wall()}), other]
        await it.settle(120)
        it.registry.heal()
        await it.settle(120)
        await it.registry.set_alias(MODEL, "champion", "2")
        await it.settle(120)

        assert it.is_true("InSync")
        assert it.says_nothing_of("Ready") or not it.is_true("Ready"), it.alias().status.serving[0].pods


@in_virtual_time
async def test_a_mark_of_a_modelalias_that_is_gone_proves_nothing_at_first_sight() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.workloads.add("api", marks={NAME: "2.7"})
        it.add_alias(serving=[{"name": "api"}])
        await it.settle()

        assert it.says_nothing_of("Ready"), "nobody knows which model the mark was about"


@in_virtual_time
async def test_the_mark_of_a_move_before_the_last_ones_proves_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        ref = it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.rolls_at_once = True
        it.ask("a", "2")
        await it.settle(90)
        it.edit_alias(serving=[])
        it.ask("b", "3")
        await it.settle(90)
        (pod,) = await it.pods.of(it.workload("api"))
        it.pods.exact[ref] = [pod.model_copy(update={"started": it.wall()})]  # it loaded version 3
        await it.settle(90)
        it.ask("c", "2", operation="Rollback", reason="worse")
        await it.settle(90)
        assert it.end("c") == ("Succeeded", "Succeeded")
        it.edit_alias(serving=[{"name": "api"}])
        await it.settle(90)

        assert it.says_nothing_of("Ready") or not it.is_true("Ready"), it.alias().status.serving


def test_a_sidecar_that_was_restarted_says_nothing_of_when_the_model_was_loaded() -> None:
    def status(name: str, at: str) -> dict[str, object]:
        return {"name": name, "ready": True, "restartCount": 0, "state": {"running": {"startedAt": at}}}

    pod = parse_pod(
        {
            "metadata": {
                "name": "p",
                "namespace": "ml",
                "uid": "u",
                "creationTimestamp": "2026-01-01T12:00:00Z",
            },
            "spec": {"containers": [{"name": "main"}, {"name": "proxy"}]},
            "status": {
                "containerStatuses": [
                    status("main", "2026-01-01T12:00:01Z"),
                    status("proxy", "2026-01-01T13:00:00Z"),
                ]
            },
        }
    )

    assert pod.started is not None
    assert pod.started - pod.created < timedelta(minutes=1), "the container that loads runs since 12:00:01"


@in_virtual_time
async def test_a_move_by_hand_that_ends_a_plan_has_strayed_too() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        ref = it.workloads.add("api", desired=2)
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.rolls_at_once = True
        it.ask("a", "2")
        await it.settle(90)
        before = await it.pods.of(it.workload("api"))
        it.ask("b", "1")
        it.workloads.rolls_at_once = False
        await it.settle()
        await it.registry.set_alias(MODEL, "champion", "3")
        await it.settle(5)
        it.edit_request("b", abort=True)
        await it.settle(30)
        await it.finish_rollout()
        await it.settle(60)
        assert it.alias().status.plan is None
        observed = it.alias().status.observed
        assert observed is not None
        assert observed.version == "3"
        newest, other = await it.pods.of(it.workload("api"))
        it.pods.exact[ref] = [newest.model_copy(update={"started": it.wall()}), other]
        del before
        await it.settle(120)
        await it.registry.set_alias(MODEL, "champion", "2")
        await it.settle(180)

        assert it.is_true("InSync")
        assert it.says_nothing_of("Ready") or not it.is_true("Ready"), it.alias().status.serving
