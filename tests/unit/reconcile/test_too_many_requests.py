"""Many open requests in one namespace: what there is no room for is refused at once, and undoing goes on."""

from typing import Any

from modelalias.core.errors import Unavailable
from modelalias.core.requests import too_many
from tests.support.harness import DEFAULT, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import MODEL

REFUSED = ("Rejected", "TooManyRequests")
ASKS = {"approval": {"required": "Always"}}
BACK: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "it is worse"}


def few(most: int = 2) -> Cluster:
    return Cluster({**DEFAULT, "requestsPerNamespace": most})


async def filed(it: Cluster, *names: str, version: str | None = "2", **fields: Any) -> None:
    """File requests a second apart."""
    for name in names:
        it.ask(name, version, **fields)
        await it.settle(1)


async def asked(it: Cluster, *names: str, of: int = 2) -> None:
    """Have an alias whose people do not answer, with requests for version 2."""
    await it.model(*(0.7 + number / 10 for number in range(of)), aliases={"champion": "1"})
    it.add_alias(policy=ASKS)
    await filed(it, *names)
    await it.settle()


@in_virtual_time
async def test_the_oldest_have_room_and_newer_ones_end_and_say_why_and_how_to_ask_again() -> None:
    async with few() as it:
        await asked(it, "a", "b", "c", "d")

        assert it.phase("a") == "AwaitingApproval"
        assert it.phase("b") == "Queued"
        assert it.end("c") == it.end("d") == REFUSED
        assert it.says("c") == (
            f"namespace {NAMESPACE} has 2 older requests that have not ended, and there is room for no more: "
            "nothing was judged; file it again once some have ended"
        )


@in_virtual_time
async def test_what_was_refused_may_be_filed_again_under_its_name() -> None:
    async with few() as it:
        await asked(it, "a", "b", "c")
        assert it.end("c") == REFUSED
        for name in ("a", "b"):
            it.edit_request(name, abort=True)
        await it.settle()
        it.objects.remove_request(NAMESPACE, "c")
        await filed(it, "c")
        await it.settle()

        assert it.phase("c") == "AwaitingApproval"
        assert [number for number in ("1", "2") if '"c"' in str(await it.tags(number))] == []


@in_virtual_time
async def test_a_rollback_has_room_and_nothing_is_promoted_after_it() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", policy=ASKS)
        await filed(it, "a", "b", "c", version="3")
        await filed(it, "back", version=None, **BACK)
        await it.settle(30)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert {it.phase(name) for name in "ab"} == {"Superseded"}
        assert it.end("c") == REFUSED
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_a_rollback_with_nothing_to_move_leaves_none_without_room_behind() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", policy=ASKS)
        await filed(it, "a", "b", "c", "d", version="3")
        it.ask("stay", operation="Rollback", source={"version": "2"}, reason="it stays")
        await it.settle(30)

        assert it.end("stay") == ("Succeeded", "NoOp")
        assert it.moves() == []
        assert {it.phase(name) for name in "abcd"} == {"Superseded", "Rejected"}


@in_virtual_time
async def test_a_rollback_moves_before_hundreds_end_and_while_more_keep_coming() -> None:
    async with few() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", policy=ASKS)
        await it.settle()
        ended, count, set_alias = list[int](), 0, it.registry.set_alias
        write = it.objects.write_request_status

        async def counting(*args: Any) -> None:
            phases = [item.status.phase for item in it.objects.requests.values()]
            ended.append(sum(phase in {"Rejected", "Superseded"} for phase in phases))
            await set_alias(*args)

        async def one_more_comes(*args: Any) -> Any:
            nonlocal count
            written = await write(*args)
            if count < 60:
                count += 1
                it.ask(f"s{count:03}", "3")
            return written

        it.registry.set_alias = counting  # type: ignore[method-assign]
        it.objects.write_request_status = one_more_comes  # type: ignore[method-assign]
        for number in range(40):
            it.ask(f"r{number:03}", "3")
        it.ask("back", **BACK)
        await it.settle(120)

        assert ended[0] == 0
        assert it.end("back") == ("Succeeded", "Succeeded")
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_with_supersede_the_newest_request_of_an_alias_has_room() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it)
        it.edit_alias(policy={**ASKS, "concurrency": "Supersede"})
        await filed(it, "a", "b", "c")
        await it.settle()

        assert it.phase("c") == "AwaitingApproval"
        assert "Rejected" not in (it.phase("b"), it.phase("c"))


@in_virtual_time
async def test_a_flood_of_refusals_pushes_no_verdict_out() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it, of=3)
        it.edit_alias(requestHistoryLimit=2, policy={})
        await filed(it, "judged")
        await it.settle()
        it.edit_alias(requestHistoryLimit=2, policy=ASKS)
        await filed(it, "waits", "b", "c", "d", version="3")
        await it.settle(60)

        assert sorted(name for _, name in it.objects.requests) == ["c", "d", "judged", "waits"]


@in_virtual_time
async def test_the_oldest_request_of_each_alias_has_room() -> None:
    async with few() as it:
        await asked(it, "a", "b")
        await it.model(0.7, 0.8, aliases={"champion": "1"}, model="fraud")
        it.add_alias("theirs", model="fraud", policy=ASKS)
        await filed(it, "first", "second", of="theirs")
        await it.settle()

        assert it.phase("first") == "AwaitingApproval"
        assert it.end("second") == REFUSED


@in_virtual_time
async def test_an_outage_a_stalled_alias_and_a_missing_one_refuse_as_well() -> None:
    async with few(1) as it:
        await asked(it)
        it.registry.fail_next(Unavailable("down"), times=10_000)
        await it.settle(120)
        await filed(it, "a", "b")
        await filed(it, "x", "y", of="missing")
        it.add_alias("stalled", registry="unheard-of")
        await filed(it, "s", "t", of="stalled")
        await it.settle()

        assert it.end("b") == it.end("x") == it.end("y") == it.end("t") == REFUSED
        assert it.phase("a") == it.phase("s") == "Pending"


@in_virtual_time
async def test_what_had_room_keeps_it_after_a_restart() -> None:
    async with few(3) as it:
        await asked(it, *"abcde")
        before = {name: it.phase(name) for name in "abcde"}
        await it.stop()
        it.start()
        await it.settle(60)

        assert {name: it.phase(name) for name in "abcde"} == before
        assert list(before.values()).count("Rejected") == 2


@in_virtual_time
async def test_what_has_no_room_is_no_business_of_a_pin() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it, "a")
        it.pin("1")
        await it.stop()
        for name in "bcd":
            it.ask(name, "2")
        it.start()
        await it.settle()

        assert it.end("a") == ("Rejected", "AliasPinned")
        assert it.end("c") == it.end("d") == REFUSED
        assert len(it.alias().status.finished) <= 2


@in_virtual_time
async def test_what_ended_before_ends_as_it_did_also_without_room() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it, of=3)
        it.edit_alias(policy={})
        await filed(it, "old")
        await it.settle()
        it.edit_alias(policy=ASKS)
        await filed(it, "waits", version="3")
        it.objects.remove_request(NAMESPACE, "old")
        await filed(it, "old")
        await it.settle()

        assert it.phase("waits") == "AwaitingApproval"
        assert it.end("old")[1] == "AlreadyProcessed"


@in_virtual_time
async def test_a_rollback_lifts_no_bound_where_nothing_can_move() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        it.ask("back", of="missing", **BACK)
        await filed(it, "x", "y", of="missing")
        await it.settle()

        assert it.phase("back") == "Pending"
        assert it.end("y") == REFUSED


@in_virtual_time
async def test_a_dry_run_takes_the_room_of_no_promotion() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it)
        await it.model(0.7, 0.8, aliases={"champion": "1"}, model="fraud")
        it.add_alias("theirs", model="fraud", policy=ASKS)
        await filed(it, "a")
        await it.stop()
        it.ask("tried", "2", of="theirs", dryRun=True)
        it.ask("wanted", "2", of="theirs")
        it.start()
        await it.settle()

        assert it.end("tried") == REFUSED
        assert it.phase("wanted") == "AwaitingApproval"


@in_virtual_time
async def test_with_supersede_none_is_left_to_go_after_the_newest() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it)
        it.edit_alias(policy={"concurrency": "Supersede"})
        await it.stop()
        names = [f"r{number:03}" for number in range(too_many.TOGETHER + 20)]
        for name in names:
            it.ask(name, "2")
        it.start()
        await it.settle(60)

        assert it.end(names[-1]) == ("Succeeded", "Succeeded")
        assert {it.phase(name) for name in names[:-1]} == {"Rejected", "Superseded"}


@in_virtual_time
async def test_what_the_operator_filed_itself_has_room() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={**ASKS, "autoPromote": {"fromVersions": {"tags": {"ok": "yes"}}}})
        await filed(it, "mine", "yours")
        await it.registry.tag_version(MODEL, "3", {"ok": "yes"})
        await it.settle(300)
        (own,) = (name for _, name in it.objects.requests if "-auto-" in name)

        assert it.end("yours") == REFUSED
        assert it.phase(own) == "Queued"


@in_virtual_time
async def test_many_that_wait_for_an_operator_are_refused_in_parts() -> None:
    async with few(1) as it:
        it.objects.clock = it.wall
        await asked(it)
        names = [f"r{number:03}" for number in range(too_many.TOGETHER + 10)]
        for name in names:
            it.ask(name, "2")
        await it.settle(30)

        assert it.phase(names[0]) == "AwaitingApproval"
        assert {it.end(name) for name in names[1:]} == {REFUSED}
