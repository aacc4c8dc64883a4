"""The same request applied again, as GitOps tools do: it ends as it ended, and nothing is moved a second
time."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from modelalias.api.conditions import RequestCondition, find
from modelalias.core.errors import Refused
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

SWAP: dict[str, Any] = {"operation": "Swap", "reason": "complaints"}
BACK: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}


async def _again(it: Cluster, name: str, version: str | None = None, **fields: Any) -> None:
    """Delete a request and apply it as it was."""
    it.objects.remove_request(NAMESPACE, name)
    it.ask(name, version, **fields)
    await it.settle()


async def _rebuilt(it: Cluster) -> None:
    """Make the ModelAlias anew, as on a new cluster: its history is gone, the registry is as it was."""
    spec = it.alias().spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    it.objects.delete_alias(NAMESPACE, "churn-champion")
    await it.settle()
    for _, name in list(it.objects.requests):
        it.objects.remove_request(NAMESPACE, name)
    await it.settle()
    it.add_alias(**spec)
    await it.settle()


async def _forgotten(it: Cluster) -> None:
    """Let the history forget everything but its newest entry."""
    it.edit_alias(historyLimit=1)
    await it.settle()
    for number in range(2):
        it.ask(f"other-{number}", "3" if number == 0 else "4")
        await it.settle()


MEMORIES: list[Any] = [
    pytest.param(_forgotten, id="history forgot"),
    pytest.param(_rebuilt, id="cluster rebuilt"),
]
Memory = Callable[[Cluster], Awaitable[None]]


def _assert_already(it: Cluster, name: str, phase: str) -> None:
    assert it.end(name) == (phase, "AlreadyProcessed"), it.says(name)
    assert f"the same request ended {phase} before" in it.says(name)
    succeeded = find(it.request(name).status.conditions, RequestCondition.SUCCEEDED)
    assert succeeded is not None
    assert succeeded.status == ("True" if phase == "Succeeded" else "False")


@in_virtual_time
@pytest.mark.parametrize("loses_memory", MEMORIES)
async def test_a_promotion_is_not_made_again(loses_memory: Memory) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.8, 0.8)
        it.add_alias()
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        await loses_memory(it)
        before = it.registry_writes()

        if ("ml", "go-1") in it.objects.requests:
            it.objects.remove_request(NAMESPACE, "go-1")
        it.ask("go-1", "1")
        await it.settle()

        _assert_already(it, "go-1", "Succeeded")
        assert it.registry_writes() == before


@in_virtual_time
@pytest.mark.parametrize("loses_memory", MEMORIES)
@pytest.mark.parametrize(
    "asked",
    [SWAP, BACK, {"source": {"alias": "challenger"}}],
    ids=["swap", "rollback to previous", "from an alias"],
)
async def test_what_names_no_version_is_known_by_the_record_of_the_one_it_meant(
    asked: dict[str, Any], loses_memory: Memory
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.8, 0.8)
        it.add_alias(previousAlias="prev")
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        await it.registry.set_alias("churn", "challenger", "3")
        it.ask("once", **asked)
        await it.settle()
        assert it.end("once") == ("Succeeded", "Succeeded")
        await it.registry.set_alias("churn", "challenger", "4")
        await loses_memory(it)
        before = it.moves()

        if ("ml", "once") in it.objects.requests:
            it.objects.remove_request(NAMESPACE, "once")
        it.ask("once", **asked)
        await it.settle()

        _assert_already(it, "once", "Succeeded")
        assert it.moves() == before


@in_virtual_time
async def test_a_refusal_stays_one_also_when_the_rules_are_milder_by_now() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.9}))
        it.ask("go", "2")
        await it.settle()
        await _rebuilt(it)
        it.edit_alias(**gated({"threshold": 0.1}))

        it.ask("go", "2")
        await it.settle()

        _assert_already(it, "go", "Rejected")
        assert it.moves() == []


@in_virtual_time
@pytest.mark.parametrize("rebuilt", [False, True], ids=["same cluster", "cluster rebuilt"])
async def test_a_request_that_a_rollback_replaced_does_not_undo_it_later(rebuilt: bool) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        it.edit_alias(policy={"approval": {"required": "Always"}})
        it.ask("go-3", "3")
        await it.settle()
        it.ask("back", **BACK)
        await it.settle()
        assert it.phase("go-3") == "Superseded"
        it.edit_alias(policy=None)
        if rebuilt:
            await _rebuilt(it)
        else:
            it.objects.remove_request(NAMESPACE, "go-3")

        it.ask("go-3", "3")
        await it.settle()

        _assert_already(it, "go-3", "Superseded")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_an_abort_before_the_source_was_looked_up_is_remembered_by_the_alias() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1", "challenger": "2"})
        it.add_alias(suspend=True)
        it.ask("go", source={"alias": "challenger"})
        await it.settle()
        it.edit_request("go", abort=True)
        await it.settle()
        it.edit_alias(suspend=False)

        await _again(it, "go", source={"alias": "challenger"})

        _assert_already(it, "go", "Aborted")
        assert it.moves() == []
        assert [item.phase for item in it.alias().status.finished] == ["Aborted"]


@in_virtual_time
async def test_a_no_op_writes_nothing_and_is_known_once_its_version_is_replaced() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("same", "1")
        await it.settle()
        assert it.end("same") == ("Succeeded", "NoOp")
        assert it.registry_writes() == []
        it.ask("go", "2")
        await it.settle()
        await _rebuilt(it)
        before = it.moves()

        it.ask("same", "1")
        await it.settle()

        _assert_already(it, "same", "Succeeded")
        assert it.moves() == before


@in_virtual_time
async def test_another_request_of_the_same_name_is_another_request() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.9}))
        it.ask("go", "2")
        await it.settle()
        it.edit_alias(policy=None)

        await _again(it, "go", "2", reason="the bar was wrong")

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_request_is_not_taken_for_its_own_replay_when_its_end_could_not_be_written() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.9}))
        await it.settle()
        it.trip.arm(2, after=True)  # dies after the record and the alias's status were written
        it.ask("go", "2")
        await it.settle()
        assert it.trip.dead.is_set()
        assert it.phase("go") == "None"
        await it.stop()
        it.trip.arm(0, after=False)

        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        record = json.loads((await it.tags("2"))["modelalias.champion"])
        assert list(record["done"].values()) == [
            f"Rejected {it.request('go').metadata.uid[:8]} {it.keys.cluster[:8]}"
        ]
        assert len(it.alias().status.finished) == 1


@in_virtual_time
async def test_a_dry_run_is_not_remembered() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("look", "2", dryRun=True)
        await it.settle()

        await _again(it, "look", "2", dryRun=True)

        assert it.end("look") == ("Succeeded", "DryRun")
        assert it.registry_writes() == []
        assert it.alias().status.finished == ()


@in_virtual_time
async def test_a_registry_that_lets_no_tag_be_written_does_not_keep_a_request_from_ending() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.9}))
        await it.settle()
        it.registry.fail_next(Refused("403"), call="tag_version", times=1_000)

        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        await _again(it, "go", "2")
        _assert_already(it, "go", "Rejected")


@in_virtual_time
@pytest.mark.parametrize(
    "why",
    [{"model": "fraud"}, {"registry": "elsewhere"}],
    ids=["model", "registry"],
)
async def test_the_end_of_a_request_touches_no_model_that_is_none_of_its_aliass_business(
    why: dict[str, Any],
) -> None:
    limited = {"registries": {"default": {"uri": "http://mlflow", "allow": [{"models": ["churn"]}]}}}
    async with Cluster(limited) as it:
        await it.model(0.7, aliases={"champion": "1"})
        await it.model(0.7, model="fraud")
        it.add_alias(**why)
        it.ask("go", "1")
        await it.settle()
        asked = len(it.registry.called("version", "versions_tagged", "tag_version"))

        it.edit_request("go", abort=True)
        await it.settle()

        assert it.end("go") == ("Aborted", "Aborted")
        assert len(it.registry.called("version", "versions_tagged", "tag_version")) == asked == 0
        assert [item.phase for item in it.alias().status.finished] == ["Aborted"]


@in_virtual_time
async def test_a_request_that_found_nothing_to_do_is_remembered_though_the_history_is_short() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(historyLimit=1)
        for name in ("no-op", "another-no-op"):
            it.ask(name, "1")
            await it.settle()
        it.ask("go", "2")
        await it.settle()

        await _again(it, "no-op", "1")

        _assert_already(it, "no-op", "Succeeded")
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
@pytest.mark.parametrize(
    ("operation", "reason"), [("Rollback", "complaints"), ("Promote", None)], ids=["rollback", "promotion"]
)
async def test_an_end_that_no_record_tells_of_is_known_when_the_history_forgot_it(
    operation: str, reason: str | None
) -> None:
    """The registry refuses the record, so only the ModelAlias can know how the request ended."""
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias(historyLimit=1)
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        it.registry.fail_next(Refused("the registry refuses that"), call="tag_version", times=9)
        asked = {"operation": operation, **({"reason": reason} if reason else {})}
        version = "1" if operation == "Rollback" else "3"
        it.ask("once", version, **asked)
        await it.settle()
        assert it.end("once") == ("Succeeded", "Succeeded"), it.says("once")
        it.registry.heal()
        await it.registry.set_alias("churn", "champion", "2")
        await it.settle(60)
        it.ask("later", "2" if operation == "Promote" else "3")
        await it.settle()
        before = it.moves()

        await _again(it, "once", version, **asked)

        _assert_already(it, "once", "Succeeded")
        assert it.moves() == before
