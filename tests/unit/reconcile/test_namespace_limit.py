"""Many open requests in one namespace: the oldest are in work, newer ones wait and say so, others' go on."""

from typing import Any

import pytest

from modelalias.core.decide import decide
from modelalias.core.protocol.context import Context
from modelalias.core.protocol.decision import Decision
from modelalias.reconcile import alias
from modelalias.reconcile.memory import LET_IN
from modelalias.reconcile.without_room import TOLD
from tests.support.harness import DEFAULT, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import request_spec

LIMIT = f"waits: namespace {NAMESPACE} has 2 older requests in work, and no more are at a time"
ASKS = {"approval": {"required": "Always"}}


def few(most: int = 2) -> Cluster:
    return Cluster({**DEFAULT, "requestsInWork": most})


async def filed(it: Cluster, *names: str, version: str | None = "2", **fields: Any) -> None:
    """File requests a second apart."""
    for name in names:
        it.ask(name, version, **fields)
        await it.settle(1)


def reason(it: Cluster, name: str) -> str:
    found = {item.type: item for item in it.request(name).status.conditions}
    return str(found["Complete"].reason)


@in_virtual_time
async def test_the_oldest_are_in_work_and_newer_ones_say_why_they_wait() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        await filed(it, "a", "b", "c", "d")
        await it.settle()

        assert [it.phase(name) for name in "abcd"] == ["AwaitingApproval", "Queued", "Pending", "Pending"]
        assert reason(it, "c") == reason(it, "d") == "NamespaceLimit"
        assert it.says("c").startswith(LIMIT)


@in_virtual_time
@pytest.mark.parametrize("how", ["abort", "delete"])
async def test_who_ends_makes_room_for_the_oldest_that_waits(how: str) -> None:
    async with few() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        await filed(it, "a", "b", "c", "d")
        await it.settle()
        if how == "abort":
            it.edit_request("b", abort=True)
        else:
            it.objects.remove_request(NAMESPACE, "b")
        await it.settle()

        assert [it.phase(name) for name in "acd"] == ["AwaitingApproval", "Queued", "Pending"]
        assert reason(it, "d") == "NamespaceLimit"


@in_virtual_time
async def test_who_waits_is_told_once_and_not_at_each_end() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        await filed(it, "a", "b", "c", "d", "e")
        await it.settle()
        before = it.request("e").metadata.resource_version
        it.edit_request("a", abort=True)
        await it.settle(120)

        assert it.request("e").metadata.resource_version == before


@in_virtual_time
async def test_a_rollback_needs_no_room_and_older_ones_without_room_end_before_it_does() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", policy=ASKS)
        await filed(it, "a", "b", "c", "d", "e", version="3")
        await it.settle()
        assert it.phase("e") == "Pending"
        await filed(it, "back", version=None, operation="Rollback", source={"previous": True}, reason="why")
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert {it.phase(name) for name in "abcde"} == {"Superseded"}
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_one_without_room_can_be_aborted_and_expires() -> None:
    async with few() as it:
        it.objects.clock = it.wall
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        await filed(it, "a", "b")
        await filed(it, "c", "d", expiresAfter="30s")
        it.edit_request("c", abort=True)
        await it.settle()
        assert it.end("c") == ("Aborted", "Aborted")
        assert it.phase("d") == "Pending"
        await it.settle(40)

        assert it.end("d") == ("Expired", "Expired")


@in_virtual_time
async def test_another_namespace_is_not_kept_waiting() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        await it.model(0.7, 0.8, aliases={"champion": "1"}, model="fraud")
        it.add_alias(policy=ASKS)
        it.add_alias("theirs", "other", model="fraud")
        await filed(it, "a", "b", "c")
        it.objects.add_request("other", "go", request_spec("2", name="theirs"))
        await it.settle()

        assert it.phase("c") == "Pending"
        assert it.objects.requests["other", "go"].status.phase == "Succeeded"


@in_virtual_time
async def test_after_a_restart_the_oldest_are_in_work_whatever_the_order_of_the_list() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        await it.stop()
        await filed(it, "z", "y", "x", "w")
        it.start()
        await it.settle()

        assert [it.phase(name) for name in "zyxw"] == ["AwaitingApproval", "Queued", "Pending", "Pending"]


@in_virtual_time
async def test_what_was_begun_goes_on_where_the_bound_is_smaller_after_a_restart() -> None:
    async with few(3) as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        await filed(it, "a", "b", "c", "d")
        await it.settle()
        await it.stop()
        it.settings = few(1).settings
        it.start()
        await it.settle()

        assert [it.phase(name) for name in "abcd"] == ["AwaitingApproval", "Queued", "Queued", "Pending"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each decision was given."""
    counts: list[int] = []

    def counting(context: Context) -> Decision:
        counts.append(len(context.requests))
        return decide(context)

    monkeypatch.setattr(alias, "decide", counting)
    return counts


@in_virtual_time
async def test_a_decision_looks_at_those_in_work_alone_however_many_wait(seen: list[int]) -> None:
    async with few(5) as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        for number in range(100):
            it.ask(f"r-{number:03}", str(2 + number % 2))
        await it.settle(300)

        assert {it.phase(f"r-{number:03}") for number in range(100)} == {"Succeeded"}
        assert max(seen) == 5


@in_virtual_time
async def test_those_that_give_way_to_a_rollback_are_let_in_some_at_a_time(seen: list[int]) -> None:
    async with few() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", policy=ASKS)
        names = [f"r-{number:03}" for number in range(2 * LET_IN)]
        for name in names:
            it.ask(name, "3")
        await it.settle(30)
        it.ask("back", operation="Rollback", source={"previous": True}, reason="why")
        await it.settle(30)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert {it.phase(name) for name in names} == {"Superseded"}
        assert max(seen) <= 2 + LET_IN + 1
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_many_are_told_some_at_a_time_and_each_once() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=ASKS)
        names = [f"r-{number:03}" for number in range(3 * TOLD)]
        for name in names:
            it.ask(name, "2")
        await it.settle(0.5)
        told = [name for name in names[2:] if it.request(name).status.conditions]
        await it.settle(30)
        written = [call for call in it.objects.calls if call == "write_request_status"]

        assert len(told) == TOLD
        assert {reason(it, name) for name in names[2:]} == {"NamespaceLimit"}
        assert len(names) - 2 <= len(written) <= len(names) + 10
