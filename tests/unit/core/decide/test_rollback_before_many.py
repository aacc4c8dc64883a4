"""A rollback over many older requests: the alias moves first, they end after it, and none of them goes on."""

from typing import Any

import pytest

from modelalias.core.decide import decide
from modelalias.core.errors import Refused
from modelalias.core.requests import queue
from modelalias.core.requests.finish import end_request
from modelalias.reconcile import alias as passes
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time

BACK: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "worse"}


async def _older(it: Cluster, number: int, **fields: Any) -> list[str]:
    """Let promotions to version 3 wait for an alias that a rollback leads from 2 to 1."""
    await it.model(0.9, 0.8, 0.95, aliases={"champion": "2"})
    it.add_accepted_alias("1", "2", suspend=True, **fields)
    names = [f"older-{item:03}" for item in range(number)]
    for name in names:
        it.ask(name, "3", reason=f"reason of {name}")
    await it.settle()
    it.registry.calls.clear()
    return names


async def _decisions_before_the_move(monkeypatch: pytest.MonkeyPatch, number: int) -> int:
    count = 0
    async with Cluster() as it:
        await _older(it, number)

        def counted(context: Any) -> Any:
            nonlocal count
            count += not it.moves()
            return decide(context)

        with monkeypatch.context() as patch:
            patch.setattr(passes, "decide", counted)
            it.ask("back", **BACK)
            it.edit_alias(suspend=False)
            await it.settle(30)
        assert it.registry_writes()[0] == ("set_alias", "churn", "champion", "1")
    return count


@in_virtual_time
async def test_the_alias_moves_first_and_the_older_requests_end_after_it() -> None:
    async with Cluster() as it:
        older = await _older(it, 30)
        it.ask("back", **BACK)
        it.edit_alias(suspend=False)
        await it.settle(30)

        assert it.registry_writes()[0] == ("set_alias", "churn", "champion", "1")
        assert it.moves() == [("set_alias", "churn", "champion", "1")]
        assert {it.end(name) for name in older} == {("Superseded", "Superseded")}
        assert it.says(older[0]) == "PromotionRequest back (Rollback) took its place"
        assert it.end("back") == ("Succeeded", "Succeeded")
        await it.assert_settled()


@in_virtual_time
async def test_as_many_decisions_lead_to_the_move_however_many_are_older(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = await _decisions_before_the_move(monkeypatch, 2)
    many = await _decisions_before_the_move(monkeypatch, 40)

    assert few == many


@in_virtual_time
async def test_each_older_request_is_ended_in_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def counted(*args: Any) -> bool:
        nonlocal looks
        looks += 1
        return end_request(*args)

    monkeypatch.setattr(queue, "end_request", counted)
    async with Cluster() as it:
        older = await _older(it, 40)
        it.ask("back", **BACK)
        it.edit_alias(suspend=False)
        await it.settle(30)

        assert {it.phase(name) for name in older} == {"Superseded"}
        assert looks <= 2 * len(older) + 2


@in_virtual_time
async def test_they_end_while_the_workloads_are_rolled() -> None:
    async with Cluster() as it:
        it.workloads.add("api")
        older = await _older(it, 5, serving=[{"name": "api"}])
        it.ask("back", **BACK)
        it.edit_alias(suspend=False)
        await it.settle(1)

        assert it.phase("back") in {"Promoting", "RollingOut"}
        assert {it.phase(name) for name in older} == {"Superseded"}


@in_virtual_time
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
async def test_none_of_them_goes_where_the_operator_dies_at_any_write(at: int, after: bool) -> None:
    async with Cluster() as it:
        older = await _older(it, 3)
        it.ask("back", **BACK)
        it.trip.arm(at, after=after)
        it.edit_alias(suspend=False)
        await it.settle(30)
        await it.stop()
        it.trip.arm(0, after=False)
        await it.settle(30)

        assert {item[-1] for item in it.moves()} == {"1"}
        assert {it.phase(name) for name in older} == {"Superseded"}
        assert it.end("back") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_rollback_that_has_nothing_to_do_ends_them_too() -> None:
    async with Cluster() as it:
        older = await _older(it, 3)
        it.ask("back", operation="Rollback", source={"version": "2"}, reason="stay")
        it.edit_alias(suspend=False)
        await it.settle(30)

        assert it.moves() == []
        assert {it.phase(name) for name in older} == {"Superseded"}


@in_virtual_time
@pytest.mark.parametrize("how", ["abort", "delete"])
async def test_a_rollback_that_is_withdrawn_before_it_moved_replaces_nobody(how: str) -> None:
    async with Cluster() as it:
        (older,) = await _older(it, 1)
        it.registry.fail_next(Refused("no"), call="set_alias", times=1000)
        it.ask("back", **BACK)
        it.edit_alias(suspend=False)
        await it.settle(10)
        if how == "abort":
            it.edit_request("back", abort=True)
        else:
            it.objects.remove_request(NAMESPACE, "back")
        await it.settle(120)

        assert it.phase(older) != "Superseded"
        it.take_errors()
