"""A workload that cannot take the version is found before anything moves, and a change that does not stick ends."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from modelalias.api.alias import ModelAliasStatus, PlannedWorkload
from modelalias.core.errors import Refused, Unavailable
from modelalias.kinds.containers import FixedModel, Traits
from modelalias.kinds.pod_template import PodWorkload
from tests.support.harness import NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED

POLICY: Final = 'may not patch: admission webhook "validation.gatekeeper.sh" denied the request: frozen'
TAKEN: Final = (
    "takes MODEL_URI of container main from elsewhere (valueFrom): "
    "give it a literal value, or remove it, so that the operator can write it"
)
LATER: Final = {"name": "api", "wave": 1, "load": PINNED}
SEVERAL: Final = {
    "mode": "Pinned",
    "variables": [
        {"container": "fetch", "env": "MODEL_VERSION", "format": "version"},
        {"container": "main", "env": "MODEL_URI"},
    ],
}


def _elsewhere(*variables: str) -> Mapping[str, Traits]:
    return {"main": Traits(elsewhere=variables)}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            {"traits": _elsewhere("MODEL_URI")},
            {"traits": {}},
            TAKEN,
        ),
        (
            {"traits": {"main": Traits(twice=("MODEL_URI",))}},
            {"traits": {}},
            "has MODEL_URI twice in container main: remove all but one",
        ),
        ({"obstacles": ("is upside down: turn it",)}, {"obstacles": ()}, "is upside down: turn it"),
    ],
    ids=["from elsewhere", "twice", "by its kind"],
)
@in_virtual_time
async def test_what_a_later_wave_cannot_take_is_known_before_anything_moves(
    before: dict[str, Any], after: dict[str, Any], message: str
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("canary")
        ref = it.workloads.add("api", **before)
        it.add_alias(serving=[{"name": "canary"}, LATER])
        it.ask("go", "2")

        await it.settle()
        assert (it.phase("go"), it.says("go")) == ("Pending", f"waits: Deployment api {message}")
        assert (it.registry_writes(), it.workloads.rolls) == ([], [])
        it.workloads.edit(ref, **after)
        await it.settle(20)
        await it.finish_rollout()
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_all_workloads_that_keep_it_waiting_are_named_at_once() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={})
        it.workloads.add("a", obstacles=("is upside down: turn it",))
        it.workloads.add("b", traits=_elsewhere("MODEL_URI"))
        it.add_alias(serving=[{"name": "a"}, {**LATER, "name": "b"}, {"name": "c"}])
        it.ask("go", "1")

        await it.settle()

        a, b, c = it.says("go").split("; Deployment ")[0], "b takes MODEL_URI", "; there is no Deployment c"
        assert a == "waits: Deployment a is upside down: turn it"
        assert b in it.says("go")
        assert c in it.says("go")


@in_virtual_time
async def test_a_pin_waits_for_what_cannot_be_rolled_too() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", obstacles=("is upside down: turn it",))
        it.add_alias(serving=[{"name": "api"}])
        await it.settle()

        it.pin("2")
        await it.settle()
        assert it.moves() == []
        assert "Deployment api is upside down: turn it" in it.condition("Ready").message
        it.workloads.edit(ref, obstacles=())
        await it.settle(20)
        await it.finish_rollout()

        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_pods_that_load_one_number_for_ever_are_not_restarted_for_another() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        fixed = (FixedModel(place="args", model="churn", version="1"),)
        ref = it.workloads.add("api", traits={"main": Traits(fixed=fixed)})
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")

        await it.settle()
        assert it.says("go").startswith(
            "waits: Deployment api names models:/churn/1 in args of container main"
        )
        assert (it.moves(), it.workloads.rolls) == ([], [])
        it.workloads.edit(ref, traits={})
        await it.settle(20)
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_policy_that_denies_the_patch_ends_the_plan() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.workloads.denied["api"] = POLICY
        it.add_alias(serving=[{"name": "api", "load": PINNED}])
        it.ask("go", "2")

        await it.settle()

        assert it.end("go") == ("RolledBack", "RolledBack")
        assert "denied the request: frozen" in it.says("go")
        assert it.alias().status.plan is None
        assert it.moves() == []
        await it.assert_settled()


@pytest.mark.parametrize("on_failure", ["Rollback", "Hold"])
@in_virtual_time
async def test_a_policy_that_denies_the_way_back_as_well_leaves_no_plan_that_stands(on_failure: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.workloads.denied["api"] = POLICY
        it.add_alias(serving=[{"name": "api"}], rollout={"onFailure": on_failure})
        it.ask("go", "2")

        await it.settle(1_000)

        assert it.end("go")[0] in {"RolledBack", "Failed"}
        assert "denied the request: frozen" in it.says("go")
        assert it.alias().status.plan is None
        await it.assert_settled()


@in_virtual_time
async def test_what_one_workload_is_denied_takes_the_others_back() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("canary")
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "canary", "load": PINNED}, LATER])
        it.ask("go", "2")
        await it.settle()

        it.workloads.denied["api"] = POLICY
        await it.finish_rollout("canary")
        await it.finish_rollout()

        assert it.end("go") == ("RolledBack", "RolledBack")
        assert (it.mark("canary"), it.uri("canary")) == (None, None)


@pytest.mark.parametrize(
    "error",
    [
        Refused("may not patch deployments.apps in namespace ml: grant it in the operator's ClusterRole"),
        Unavailable('failed calling webhook "validation.gatekeeper.sh": connection refused'),
        Unavailable("the API server did not answer within 5 s"),
    ],
    ids=["a missing permission", "a webhook that is away", "a timeout"],
)
@in_virtual_time
async def test_what_time_or_a_permission_cures_is_waited_for(error: Exception) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api", "load": PINNED}])
        it.workloads.fail_next(error, call="roll", times=1_000)
        it.ask("go", "2")

        await it.settle(300)
        assert it.alias().status.plan is not None
        it.workloads.heal()
        await it.settle(300)
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_a_variable_that_admission_puts_back_ends_the_plan_and_is_not_patched_for_ever() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.workloads.admission = _as_it_was
        it.add_alias(serving=[{"name": "api", "load": PINNED}])
        it.ask("go", "2")

        await it.settle()
        await it.finish_rollout()

        assert it.end("go") == ("RolledBack", "RolledBack")
        assert "took the patch, but not MODEL_URI of container main" in it.says("go")
        assert (it.mark("api"), it.uri("api"), it.moves()) == (None, "models:/churn/1", [])
        assert len(it.workloads.rolls) == 2, "there and back"
        await it.assert_settled()


def _as_it_was(workload: PodWorkload) -> PodWorkload:
    return workload.model_copy(update={"containers": {"main": {"MODEL_URI": "models:/churn/1"}}})


@in_virtual_time
async def test_several_variables_go_there_and_back_together() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        containers = {"main": {"MODEL_URI": "models:/churn/1"}, "fetch": {}}
        ref = it.workloads.add(
            "api", containers=containers, traits={"fetch": Traits(init=True, serves=False)}
        )
        it.add_alias(serving=[{"name": "api", "load": SEVERAL}], rollout={"deadlineSeconds": 60})

        it.ask("go", "2")
        await it.settle()
        there, rolls = it.workload("api").containers, len(it.workloads.rolls)
        it.workloads.observe(ref, available=0)
        await it.settle(70)
        await it.finish_rollout()
        assert it.end("go") == ("RolledBack", "RolledBack")
        assert it.workload("api").containers == containers
        it.ask("again", "2")
        await it.settle()
        await it.finish_rollout()

        assert rolls == 1
        assert there == {"main": {"MODEL_URI": "models:/churn/2"}, "fetch": {"MODEL_VERSION": "2"}}
        assert it.phase("again") == "Succeeded"
        it.ask("no-op", "2", reason="once more")
        await it.settle()
        assert it.end("no-op") == ("Succeeded", "NoOp")


@in_virtual_time
async def test_one_of_several_variables_that_names_another_version_is_written() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        ref = it.workloads.add("api", containers={"main": {}, "fetch": {}})
        it.add_alias(serving=[{"name": "api", "load": SEVERAL}])
        it.ask("go", "2")
        await it.settle()
        await it.finish_rollout()

        containers = {**it.workload("api").containers, "fetch": {"MODEL_VERSION": "1"}}
        it.workloads.edit(ref, containers=containers)
        it.workloads.complete_rollout(ref)
        it.ask("again", "2", reason="it was edited")
        await it.settle()
        await it.finish_rollout()

        assert it.workload("api").containers["fetch"] == {"MODEL_VERSION": "2"}


def _as_the_former_release_wrote_it(status: ModelAliasStatus) -> ModelAliasStatus:
    body = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    for item in body["plan"]["serving"]:
        (variable,) = item.pop("variables")
        item |= {"container": variable["container"], "env": variable["env"], "toUri": variable["to"]}
        if "from" in variable:
            item["fromUri"] = variable["from"]
    return ModelAliasStatus.model_validate(body)


@pytest.mark.parametrize("former", [{}, {"MODEL_URI": "models:/churn/1"}], ids=["unset", "set"])
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "is undone"])
@in_virtual_time
async def test_a_plan_of_the_former_release_is_carried_out_as_it_was(
    former: Mapping[str, str], *, fails: bool
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("canary", containers={"main": former})
        ref = it.workloads.add("api", containers={"main": former})
        it.add_alias(serving=[{"name": "canary", "load": PINNED}, LATER], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle()
        await it.stop()
        written = it.alias()
        it.objects.aliases[NAMESPACE, NAME] = written.with_status(
            _as_the_former_release_wrote_it(written.status)
        )

        await it.settle()
        await it.finish_rollout("canary")
        there = it.workload("api").containers
        if fails:
            it.workloads.observe(ref, available=0)
            await it.settle(70)
        await it.finish_rollout()

        assert there == {"main": {"MODEL_URI": "models:/churn/2"}}
        assert it.phase("go") == ("RolledBack" if fails else "Succeeded")
        for name in ("canary", "api"):
            assert it.workload(name).containers == {"main": former} if fails else there
        assert len(it.workloads.rolls) == (4 if fails else 2)


def test_a_plan_of_the_former_release_says_the_same_in_todays_words() -> None:
    former = {
        "kind": "Deployment",
        "name": "api",
        "uid": "u1",
        "mode": "Pinned",
        "container": "main",
        "env": "MODEL_URI",
        "to": "2",
        "toUri": "models:/churn/2",
    }

    read = PlannedWorkload.model_validate(former)

    variable = {"container": "main", "env": "MODEL_URI", "to": "models:/churn/2"}
    rest = {key: former[key] for key in ("kind", "name", "uid", "mode", "to")}
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == {
        **rest,
        "variables": [variable],
    }
    assert read.nothing_before
