"""Nothing turns the order round: not two who go back at once, not a registry in trouble, not what is there
already."""

from collections.abc import Callable
from typing import Any

import pytest

from modelalias.core.errors import OperatorError, Refused, Unavailable
from modelalias.ports import ModelVersion
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED, gated

PREVIOUS: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}
ALWAYS: dict[str, Any] = {"approval": {"required": "Always"}}


async def _promoted(it: Cluster, *versions: str, rolls: bool = False, **fields: Any) -> None:
    await it.model(0.9, 0.9, 0.9, 0.9)
    if rolls:
        it.workloads.add("api")
        fields = {"serving": [{"name": "api"}], **fields}
    it.add_alias(**fields)
    for version in versions:
        it.ask(f"go-{version}", version)
        await it.settle()
        await it.finish_rollout()
        assert it.phase(f"go-{version}") == "Succeeded", it.says(f"go-{version}")


def _stumble(it: Cluster, version: str, error: OperatorError, holds: Callable[[], bool]) -> None:
    """Let reads of one version fail while that holds."""
    read = it.registry.version

    async def stumbling(model: str, number: str) -> ModelVersion:
        if number == version and holds():
            raise error
        return await read(model, number)

    it.registry.version = stumbling  # type: ignore[method-assign, assignment]


def _once() -> Callable[[], bool]:
    left = [True]
    return lambda: bool(left) and left.pop()


@in_virtual_time
@pytest.mark.parametrize("rolls", [False, True], ids=["at once", "while pods roll"])
@pytest.mark.parametrize("fields", [{}, {"previousAlias": "prev"}], ids=["by history", "by previousAlias"])
async def test_two_who_go_back_at_the_same_time_go_back_once(rolls: bool, fields: dict[str, Any]) -> None:
    async with Cluster() as it:
        await _promoted(it, "1", "2", "3", rolls=rolls, **fields)

        it.ask("back-ana", **PREVIOUS, requestedBy="ana")
        it.ask("back-bo", **PREVIOUS, requestedBy="bo")
        await it.settle()
        for _ in range(2):
            await it.finish_rollout()

        assert it.end("back-ana") == ("Succeeded", "Succeeded")
        assert it.end("back-bo") == ("Succeeded", "NoOp")
        assert (await it.aliases())["champion"] == "2"


@in_virtual_time
async def test_who_goes_back_while_a_failed_promotion_goes_back_gets_what_was_there_before_it() -> None:
    async with Cluster() as it:
        await _promoted(it, "1", "2", rolls=True, rollout={"deadlineSeconds": 60})
        it.ask("go-3", "3")
        await it.settle(70)
        assert it.phase("go-3") == "RollingBack"

        it.ask("back", **PREVIOUS)
        await it.settle()
        for _ in range(3):
            await it.finish_rollout()

        assert it.phase("back") == "Succeeded"
        assert it.resolved("back").version == "2"
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_a_rollback_to_what_is_there_already_takes_the_place_of_older_promotions_too() -> None:
    async with Cluster() as it:
        await _promoted(it, "1", "2", rolls=True)
        for version in ("3", "4"):
            it.ask(f"go-{version}", version)
            await it.settle()

        it.ask("back", **PREVIOUS)
        await it.settle()
        for _ in range(4):
            await it.finish_rollout()

        assert it.end("go-3") == ("Aborted", "Aborted")
        assert it.phase("back") == "Succeeded"
        assert it.end("go-4") == ("Superseded", "Superseded")
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
@pytest.mark.parametrize("source", [{"previous": True}, {"version": "2"}], ids=["previous", "by version"])
async def test_a_registry_that_stumbles_lets_no_promotion_before_a_rollback(source: dict[str, Any]) -> None:
    async with Cluster() as it:
        await _promoted(it, "1", "2", "3")
        await it.stop()
        it.ask("go-4", "4")
        it.ask("back", operation="Rollback", source=source, reason="complaints")
        _stumble(it, "2", Unavailable("503"), _once())

        await it.settle(60)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.end("go-4") == ("Superseded", "Superseded")
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_a_registry_that_stumbles_lets_no_newer_promotion_before_an_older_one() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        it.ask("old", "2")
        it.ask("new", "3")
        _stumble(it, "2", Unavailable("503"), _once())

        await it.settle(60)

        assert [item[3] for item in it.moves()] == ["2", "3"]


@in_virtual_time
async def test_with_supersede_the_older_one_never_follows_the_newer() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"concurrency": "Supersede", **ALWAYS})
        it.ask("old", "2")
        await it.settle()
        down = [True]
        _stumble(it, "2", Unavailable("a broken row"), lambda: bool(down))
        it.edit_alias(policy={"concurrency": "Supersede"})

        it.ask("new", "3")
        await it.settle(20)
        down.clear()
        await it.settle(60)

        assert it.end("old") == ("Superseded", "Superseded")
        assert await it.aliases() == {"champion": "3"}


@in_virtual_time
@pytest.mark.parametrize(
    "error", [Unavailable("a broken row"), Refused("may not read it")], ids=["away", "refused"]
)
async def test_a_version_that_cannot_be_read_keeps_no_rollback_and_no_abort_waiting(
    error: OperatorError,
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "3"})
        it.add_alias(previousAlias="prev")
        it.ask("first", "1")
        await it.settle()
        it.edit_alias(policy=ALWAYS)
        it.ask("old", "2")
        it.ask("older-still", "2", dryRun=False, reason="again")
        await it.settle()
        _stumble(it, "2", error, lambda: True)

        it.edit_request("old", abort=True)
        it.ask("back", **PREVIOUS)
        await it.settle()

        assert it.end("old") == ("Aborted", "Aborted")
        assert it.end("older-still") == ("Superseded", "Superseded")
        assert it.end("back") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_registry_that_takes_no_writes_keeps_no_request_from_its_end() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.99}))
        await it.settle()
        it.registry.fail_next(Unavailable("read only"), call="tag_version", times=1_000)

        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert [item.phase for item in it.alias().status.finished] == ["Rejected"]


@in_virtual_time
async def test_an_alias_is_looked_up_when_its_request_is_first_seen_though_another_goes_first() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, 0.95, aliases={"champion": "1", "challenger": "3"})
        it.add_alias(policy=ALWAYS)
        it.ask("first", "2")
        it.ask("second", source={"alias": "challenger"})
        await it.settle()
        assert it.phase("second") == "Queued"

        await it.registry.set_alias("churn", "challenger", "4")
        it.edit_request("first", abort=True)
        await it.settle()

        assert it.phase("second") == "AwaitingApproval"
        assert (it.resolved("second").version, it.resolved("second").from_) == ("3", "alias challenger")


@in_virtual_time
async def test_a_version_that_somebody_made_champion_by_hand_is_judged_when_it_is_asked_for() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.1, 0.95)
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}], **gated({"threshold": 0.8}))
        it.ask("one", "1")
        await it.settle()
        await it.finish_rollout()
        await it.registry.set_alias("churn", "champion", "2")
        await it.settle(60)

        it.ask("bad", "2")
        await it.settle()
        bad = it.end("bad")
        await it.registry.set_alias("churn", "champion", "3")
        await it.settle(60)
        it.ask("good", "3")
        await it.settle()
        await it.finish_rollout()

        assert bad == ("Rejected", "GatesFailed")
        assert it.phase("good") == "Succeeded"
        assert it.uri("api") == "models:/churn/3"
        assert it.is_true("InSync")


@in_virtual_time
async def test_a_long_line_is_not_written_anew_for_each_that_ends() -> None:
    async with Cluster() as it:
        await it.model(*[0.9] * 5, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        before = len(it.objects.writes)

        for number in range(60):
            it.ask(f"go-{number:02}", str(1 + number % 4))
        await it.settle(600)

        assert {it.phase(f"go-{number:02}") for number in range(60)} == {"Succeeded"}
        assert len(it.objects.writes) - before < 60 * 25
