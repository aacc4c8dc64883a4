"""Teams that share a registry: who may begin what, what is finished when that changes, and what one learns of
another."""

from typing import Any

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import AliasCondition, find
from modelalias.core.errors import ModelNotFound, Refused
from modelalias.reconcile.registry_watch import PROBE
from modelalias.settings import Settings
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import alias_spec

OURS = {"namespaces": ["ml"], "models": ["churn"]}
THEIRS = {"namespaces": ["risk"], "models": ["churn"]}


def _settings(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"registries": {"default": {"uri": "http://mlflow", "allow": [*rules]}}}


def _stalled(it: Cluster, namespace: str, name: str) -> tuple[str, str, str]:
    alias = it.objects.aliases[namespace, name]
    found = find(alias.status.conditions, AliasCondition.STALLED)
    assert found is not None, alias.status
    return str(found.status), found.reason, found.message


def _theirs(it: Cluster, **fields: Any) -> ModelAlias:
    return it.objects.add_alias("risk", "hers", alias_spec(**fields))


async def _rolling(it: Cluster) -> None:
    """Let a plan of namespace ml wait for its workload, with a second request behind it."""
    await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
    it.workloads.add("api")
    it.add_alias(serving=[{"name": "api"}])
    it.ask("go", "2")
    await it.settle()
    it.ask("next", "3")
    await it.settle()
    assert (it.phase("go"), it.phase("next")) == ("RollingOut", "Queued")


async def _restarted(it: Cluster, *rules: dict[str, Any]) -> None:
    """Start the operator anew with other rules, as a change of its configuration does."""
    await it.stop()
    it.settings = Settings.model_validate(_settings(*rules))
    await it.settle()


@in_virtual_time
async def test_a_plan_is_finished_and_what_is_queued_behind_it_does_not_begin() -> None:
    async with Cluster() as it:
        await _rolling(it)

        await _restarted(it, THEIRS)
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "2"}
        assert _stalled(it, "ml", "churn-champion")[1] == "ModelNotAllowed"
        assert (it.phase("next"), it.says("next")) == (
            "Pending",
            "waits: ModelAlias churn-champion is stalled: namespace ml may not manage model churn",
        )
        await it.assert_settled()


@in_virtual_time
async def test_a_plan_that_fails_is_undone_also_when_it_is_no_longer_allowed() -> None:
    async with Cluster() as it:
        await _rolling(it)

        await _restarted(it, THEIRS)
        await it.settle(700)
        await it.finish_rollout()

        assert it.phase("go") == "RolledBack"
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_nothing_is_judged_beside_a_plan_that_alone_may_go_on() -> None:
    async with Cluster() as it:
        await _rolling(it)
        await it.stop()
        it.ask("try", "3", dryRun=True)
        it.ask("back", "1", operation="Rollback", reason="it is bad")

        await _restarted(it, THEIRS)
        beside = (it.phase("try"), it.phase("back"), it.phase("go"))
        await it.finish_rollout()

        assert beside == ("Queued", "Queued", "RollingOut")
        assert it.end("go") == ("Succeeded", "Succeeded")
        assert (it.phase("try"), it.phase("back")) == ("Pending", "Pending")
        assert it.request("try").status.resolved is None
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_what_waits_goes_on_when_it_is_allowed_again() -> None:
    async with Cluster(_settings(THEIRS)) as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2")
        await it.settle()
        assert it.registry_writes() == []

        await _restarted(it, OURS)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_an_alias_is_handed_over_once_the_plan_has_ended() -> None:
    """The end is this process's own write, of which no watch tells the others: they look again within a
    resync."""
    async with Cluster() as it:
        await _rolling(it)
        _theirs(it)

        await _restarted(it, THEIRS)
        before = _stalled(it, "risk", "hers")
        await it.finish_rollout()
        await it.settle(700)

        assert before[:2] == ("True", "Conflict")
        assert _stalled(it, "risk", "hers")[0] == "False"
        assert it.objects.aliases["risk", "hers"].status.current is not None


@in_virtual_time
async def test_an_older_alias_that_is_not_allowed_keeps_nothing_from_the_team_that_may_have_it() -> None:
    async with Cluster(_settings(THEIRS)) as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        _theirs(it)

        await it.settle()

        assert _stalled(it, "ml", "churn-champion")[1] == "ModelNotAllowed"
        assert _stalled(it, "risk", "hers")[0] == "False"


@in_virtual_time
async def test_two_names_of_one_registry_cannot_have_the_same_alias() -> None:
    named = {"default": {"uri": "http://mlflow"}, "of-risk": {"uri": "http://MLflow:80/"}}
    async with Cluster({"registries": named}) as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.registry_name = "of-risk"
        it.add_alias()
        _theirs(it, registry="of-risk")

        await it.settle()

        assert _stalled(it, "risk", "hers")[:2] == ("True", "Conflict")


@in_virtual_time
async def test_a_conflict_names_the_older_alias_to_its_own_namespace_only() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias("secret-plans")
        it.add_alias("second")
        _theirs(it)

        await it.settle()

        told = _stalled(it, "ml", "second")
        assert told[1:] == (
            "Conflict",
            "ModelAlias secret-plans, which is older, claims the same alias of churn",
        )
        hers = it.objects.aliases["risk", "hers"]
        assert (
            _stalled(it, "risk", "hers")[2]
            == "an older ModelAlias of another namespace claims the same alias of churn"
        )
        assert "secret-plans" not in hers.status.model_dump_json()
        events = [item.message for item in it.objects.events if item.about.namespace == "risk"]
        assert events == ["an older ModelAlias of another namespace claims the same alias of churn"]


@in_virtual_time
async def test_a_conflict_of_names_in_another_case_says_why_they_are_one() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias("first")
        it.add_alias("second", alias="Champion")
        it.ask("go", "2", of="second")

        await it.settle()

        assert _stalled(it, "ml", "second")[1:] == (
            "Conflict",
            (
                "ModelAlias first, which is older, claims the same alias of churn, in another case: MLflow on "
                "MySQL does not tell such names apart"
            ),
        )
        assert it.phase("go") == "Pending"
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_a_model_that_the_registry_has_in_another_case_is_told() -> None:
    async with Cluster() as it:
        await it.model(0.7, model="Churn")
        message = "the registry has no model churn, but one named Churn: write the name as it is there"
        it.registry.fail_next(ModelNotFound(message), call="aliases", times=100)
        it.add_alias()

        await it.settle(60)

        assert _stalled(it, "ml", "churn-champion")[1:] == ("ModelNotFound", message)


@in_virtual_time
async def test_an_alias_that_another_one_claims_in_another_case_is_not_removed() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
        it.add_alias("second", alias="Challenger")
        it.add_alias()
        it.ask("go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True})

        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert (await it.aliases())["challenger"] == "2"


@in_virtual_time
async def test_refused_credentials_are_tried_by_one_probe_for_all_aliases_and_all_go_on_once_they_are_right() -> (
    None
):
    names = [f"alias-{number}" for number in range(50)]
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases=dict.fromkeys(names, "1"))
        for name in names:
            it.add_alias(name, alias=name)
        await it.settle()
        it.registry.calls.clear()
        it.registry.fail_next(Refused("the registry does not accept the credentials (401)"), times=200)
        for name in names:
            it.ask(name, "2", of=name)

        await it.settle(120)
        in_vain = len(it.registry.calls)
        told = {it.condition("RegistryReachable", name).reason for name in names}
        await it.settle(200 * PROBE.total_seconds())

        assert in_vain <= len(names) + 120 / PROBE.total_seconds() + 2, (
            "each alias asks once, then one probe asks for all"
        )
        assert told == {"AuthFailed"}
        assert {it.end(name) for name in names} == {("Succeeded", "Succeeded")}
