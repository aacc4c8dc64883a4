"""Objects that go, come back or go back in time: nothing is done for another one of the same name, and nothing twice."""

from typing import Any

import pytest

from tests.support.harness import NAME, NAMESPACE, START, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import alias_spec

ALWAYS: dict[str, Any] = {"policy": {"approval": {"required": "Always"}}}


def _remade(it: Cluster, **fields: Any) -> None:
    it.objects.delete_alias(NAMESPACE, NAME)
    it.add_alias(**fields)


@in_virtual_time
async def test_a_request_that_was_looked_at_for_another_resource_of_the_name_ends() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        await it.model(0.1, 0.2, aliases={"champion": "1"}, model="fraud")
        it.add_alias(**ALWAYS)
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "AwaitingApproval"

        _remade(it, model="fraud")
        await it.settle(60)

        assert it.end("go") == ("Rejected", "AliasReplaced")
        assert await it.aliases("fraud") == {"champion": "1"}


@in_virtual_time
async def test_a_suspended_request_for_an_alias_is_of_one_resource_too() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
        it.add_alias(suspend=True)
        it.ask("go", source={"alias": "challenger"})
        await it.settle()
        assert it.resolved("go").version == "2"

        _remade(it)
        await it.settle(60)

        assert it.end("go") == ("Rejected", "AliasReplaced")


@in_virtual_time
@pytest.mark.parametrize("begun", [False, True])
async def test_a_request_that_is_being_deleted_is_aborted(begun: bool) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], **({} if begun else ALWAYS))
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == ("RollingOut" if begun else "AwaitingApproval")

        it.objects.delete_request_slowly(NAMESPACE, "go")
        await it.settle()
        if begun:
            await it.finish_rollout()

        assert it.end("go") == ("Aborted", "Aborted")
        assert "deleted" in it.says("go")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
@pytest.mark.parametrize("asked", ["by a request", "by a pin"])
async def test_nothing_begins_on_a_resource_that_is_being_deleted(asked: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        it.objects.delete_alias_slowly(NAMESPACE, NAME)

        if asked == "by a pin":
            it.edit_alias(version="2")
        else:
            it.ask("go", "2")
        await it.settle()

        assert it.moves() == []
        assert it.condition("Ready").reason == "Terminating"


@in_virtual_time
async def test_a_plan_under_way_on_a_resource_that_is_being_deleted_comes_to_its_end() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()

        it.objects.delete_alias_slowly(NAMESPACE, NAME)
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_pods_get_a_mark_that_they_never_had_also_from_a_resource_that_was_made_anew() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8)
        it.workloads.add("api")
        it.workloads.rolls_at_once = True
        it.add_alias(serving=[{"name": "api"}])
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        assert it.mark("api") == "2.2"
        await it.registry.delete_alias("churn", "champion")
        _remade(it, serving=[{"name": "api"}])
        await it.settle()

        marks = []
        for version in ("1", "2"):
            it.ask(f"again-{version}", version, reason="once more")
            await it.settle()
            marks.append(it.mark("api"))

        assert marks == ["1.3", "2.4"]


@in_virtual_time
async def test_after_a_restore_from_a_backup_the_operator_sees_what_there_is() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        backup = it.objects.backup()
        for number in range(8):
            it.edit_alias(historyLimit=5 + number)
            await it.settle()

        it.objects.restore(backup)
        await it.settle(1200)  # what a watch cannot tell, the next listing does
        it.ask("go", "3")
        await it.settle(60)

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.alias().spec.history_limit == alias_spec().history_limit
        assert it.wall() > START


@in_virtual_time
async def test_what_was_made_anew_during_a_listing_is_not_forgotten() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        listed = it.objects.every_alias

        async def replaced_meanwhile(namespaces: Any) -> Any:
            it.objects.delete_alias(NAMESPACE, NAME)
            async for item in listed(namespaces):
                yield item
            it.add_alias()
            await it.settle(0)
            it.objects.every_alias = listed  # type: ignore[method-assign]  # once is enough

        it.objects.every_alias = replaced_meanwhile  # type: ignore[method-assign]  # no fault of a port does this
        await it.settle(1200)
        assert it.objects.every_alias == listed
        it.registry.move("churn", "champion", "2")
        await it.settle(60)

        assert it.condition("InSync").reason == "Drifted"
