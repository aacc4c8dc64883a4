"""A cluster that is built anew from Git: every request is applied again, beside an alias that remembers
nothing."""

import json
from typing import Any

import pytest

from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED

BACK: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}
FROM_ALIAS: dict[str, Any] = {"source": {"alias": "challenger"}}


async def _lost(it: Cluster, **fields: Any) -> None:
    """Take everything of the cluster away and make the ModelAlias again; the registry is as it was."""
    spec = it.alias().spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    it.objects.delete_alias(NAMESPACE, "churn-champion")
    for _, name in list(it.objects.requests):
        it.objects.remove_request(NAMESPACE, name)
    await it.settle()
    it.add_alias(**{**spec, **fields})
    await it.settle()


def _ends(it: Cluster) -> dict[str, tuple[str, str]]:
    return {name: it.end(name) for _, name in it.objects.requests}


@in_virtual_time
async def test_a_request_whose_source_alias_was_removed_by_its_success_ends_as_it_ended() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
        it.add_alias()
        asked = {**FROM_ALIAS, "onSuccess": {"deleteSourceAlias": True}}
        it.ask("go", **asked)
        await it.settle()
        await _lost(it)

        it.ask("go", **asked)
        await it.settle()

        assert _ends(it) == {"go": ("Succeeded", "AlreadyProcessed")}


@in_virtual_time
async def test_a_rollback_that_followed_the_history_ends_as_it_ended() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8)
        it.add_alias()
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        it.ask("back", **BACK)
        await it.settle()
        await _lost(it)
        before = it.moves()

        it.ask("back", **BACK)
        await it.settle()

        assert _ends(it) == {"back": ("Succeeded", "AlreadyProcessed")}
        assert it.moves() == before


@in_virtual_time
async def test_a_request_that_was_replaced_before_its_source_was_looked_up_is_remembered() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1", "challenger": "3"})
        it.add_alias(previousAlias="prev")
        it.ask("first", "2")
        await it.settle()
        it.edit_alias(policy={"approval": {"required": "Always"}})
        it.ask("asks", "3")
        await it.settle()
        it.ask("behind", **FROM_ALIAS)
        await it.settle()
        it.ask("back", **BACK)
        await it.settle()
        assert it.phase("behind") == "Superseded"
        await _lost(it, policy={})

        it.ask("behind", **FROM_ALIAS)
        await it.settle()

        assert _ends(it) == {"behind": ("Superseded", "AlreadyProcessed")}
        assert await it.aliases() == {"champion": "1", "prev": "2", "challenger": "3"}


@in_virtual_time
async def test_an_abort_before_the_source_was_looked_up_is_remembered() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
        it.add_alias(suspend=True)
        it.ask("go", **FROM_ALIAS)
        await it.settle()
        it.edit_request("go", abort=True)
        await it.settle()
        await _lost(it, suspend=False)

        it.ask("go", **FROM_ALIAS)
        await it.settle()

        assert _ends(it) == {"go": ("Aborted", "AlreadyProcessed")}
        assert it.moves() == []


@in_virtual_time
async def test_what_ended_before_takes_nobodys_place() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias(policy={"concurrency": "Supersede"})
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        await _lost(it, policy={"concurrency": "Supersede", "approval": {"required": "Always"}})

        it.ask("a-new-one", "3")
        await it.settle()
        it.ask("go-1", "1")
        it.ask("go-2", "2")
        await it.settle()

        assert it.end("go-1") == ("Succeeded", "AlreadyProcessed")
        assert it.end("go-2") == ("Succeeded", "AlreadyProcessed")
        assert it.phase("a-new-one") == "AwaitingApproval", it.says("a-new-one")


@in_virtual_time
async def test_a_rollout_of_pinned_workloads_that_failed_is_not_tried_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle(90)
        await it.finish_rollout()
        assert it.phase("go") == "RolledBack"
        await _lost(it)
        before = len(it.workloads.rolls)

        it.ask("go", "2")
        await it.settle()

        assert _ends(it) == {"go": ("RolledBack", "AlreadyProcessed")}
        assert len(it.workloads.rolls) == before


@in_virtual_time
async def test_an_abort_before_the_alias_was_moved_is_remembered() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}])
        it.ask("go", "2")
        await it.settle()
        it.edit_request("go", abort=True)
        await it.settle()
        await it.finish_rollout()
        assert it.phase("go") == "Aborted"
        await _lost(it)

        it.ask("go", "2")
        await it.settle()

        assert _ends(it) == {"go": ("Aborted", "AlreadyProcessed")}


@in_virtual_time
@pytest.mark.parametrize("reason", ["\U0001f600" * 1000, "模" * 1024], ids=["emoji", "characters"])
async def test_however_long_the_reasons_are_the_records_keep_what_ended(reason: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "3"})
        it.add_alias(historyLimit=1)
        for version in ("1", "2"):
            it.ask(f"no-{version}", version, expectedCurrent="9")
            await it.settle()
        for version in ("1", "2", "3"):
            it.ask(f"go-{version}", version, reason=reason)
            await it.settle()
        records = [(await it.tags(version))["modelalias.champion"] for version in ("1", "2", "3")]
        await _lost(it)

        it.ask("no-1", "1", expectedCurrent="9")
        it.ask("go-1", "1", reason=reason)
        await it.settle()

        assert [("operation" in json.loads(text), len(text) < 5_000) for text in records] == [
            (True, True)
        ] * 3
        assert _ends(it) == {
            "no-1": ("Rejected", "AlreadyProcessed"),
            "go-1": ("Succeeded", "AlreadyProcessed"),
        }
        assert await it.aliases() == {"champion": "3"}


@in_virtual_time
async def test_a_promotion_is_remembered_through_many_refusals_of_its_version() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        for version in ("2", "3"):
            it.ask(f"go-{version}", version)
            await it.settle()
        for number in range(52):
            it.ask(f"no-{number}", "2", expectedCurrent="9")
        await it.settle(60)
        await _lost(it)

        it.ask("go-2", "2")
        await it.settle()

        assert _ends(it) == {"go-2": ("Succeeded", "AlreadyProcessed")}
        assert await it.aliases() == {"champion": "3"}


HELD: dict[str, Any] = {"serving": [{"name": "api"}], "rollout": {"deadlineSeconds": 60, "onFailure": "Hold"}}


@in_virtual_time
async def test_a_no_op_that_failed_is_remembered_once_its_version_was_replaced() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(**HELD)
        it.ask("same", "1")
        await it.settle(90)
        assert it.phase("same") == "Failed"
        it.ask("go-2", "2")
        await it.settle()
        await it.finish_rollout()
        await _lost(it)

        it.ask("same", "1")
        await it.settle()

        assert _ends(it) == {"same": ("Failed", "AlreadyProcessed")}
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
@pytest.mark.parametrize(
    "asked", [{"source": {"version": "2"}}, {**BACK, "source": {"version": "2"}}], ids=["held", "back"]
)
async def test_a_version_whose_successor_failed_and_stays_is_archived(asked: dict[str, Any]) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.workloads.add("api")
        it.add_alias(**HELD)
        for version in ("2", "1"):
            it.ask(f"go-{version}", version)
            await it.settle()
            await it.finish_rollout()
        it.ask("same", "1")
        await it.settle()
        it.ask("to-2", **asked)
        await it.settle(90)
        assert it.phase("to-2") == "Failed", it.says("to-2")
        told = json.loads((await it.tags("1"))["modelalias.champion"])
        await _lost(it)

        it.ask("same", "1")
        await it.settle()

        assert (told["archived"]["replacedBy"], told["archived"]["request"]) == ("2", "to-2")
        assert _ends(it) == {"same": ("Succeeded", "AlreadyProcessed")}
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
@pytest.mark.parametrize(
    "error", [Refused("403: no tags"), InvalidRequest("too long")], ids=["forbidden", "invalid"]
)
async def test_where_the_registry_takes_no_record_everything_still_moves(
    error: InvalidRequest | Refused,
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go-1", "1")
        await it.settle()
        await it.finish_rollout()
        it.registry.fail_next(error, call="tag_version", times=10_000)

        it.ask("go-2", "2")
        await it.settle()
        await it.finish_rollout()
        it.ask("back", **BACK)
        await it.settle()
        await it.finish_rollout()

        assert [it.phase(name) for name in ("go-2", "back")] == ["Succeeded", "Succeeded"]
        assert await it.aliases() == {"champion": "1"}
        assert (it.mark("api") or "").startswith("1.")


@in_virtual_time
async def test_an_outage_holds_up_the_move_until_its_record_is_written() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={})
        it.add_alias()
        it.registry.fail_next(Unavailable("503"), call="tag_version")

        it.ask("go", "1")
        await it.settle(120)

        assert it.phase("go") == "Succeeded"
        assert "modelalias.champion" in await it.tags("1")


@in_virtual_time
async def test_an_abort_after_the_source_alias_was_removed_brings_it_back() -> None:
    async with Cluster() as it:
        aliases = {"champion": "1", "challenger": "2"}
        await it.model(0.7, 0.8, aliases=aliases)
        it.add_alias()
        await it.settle()

        def crash(alias: str, version: str | None) -> None:
            if (alias, version) == ("challenger", None):
                it.trip.at, it.trip.after = it.trip.count, True

        it.registry.listeners.append(crash)
        it.ask("go", **FROM_ALIAS, onSuccess={"deleteSourceAlias": True})
        await it.settle()
        assert await it.aliases() == {"champion": "2"}
        await it.stop()
        it.trip.arm(0, after=False)
        it.registry.listeners.remove(crash)
        it.edit_request("go", abort=True)
        await it.settle()

        assert it.phase("go") == "Aborted", it.says("go")
        assert await it.aliases() == aliases
        assert "archived" not in json.loads((await it.tags("1"))["modelalias.champion"])
