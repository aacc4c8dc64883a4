"""Questions that meet go out together; one that fails, hangs or is given up harms no other."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from modelalias.adapters import batches
from modelalias.adapters.batches import Batches
from modelalias.adapters.mlflow_errors import Oversized, Unreachable
from modelalias.core.errors import ModelNotFound, Unavailable


class Server:
    """Answers a name with its length; a call ends when the test lets it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.thread = asyncio.Event()
        self.thread.set()
        self.hanging: set[str] = set()
        self.failure: Exception | None = None
        self.at_fault: dict[str, Exception] = {}
        """Names that fail wherever they are asked for, with all that are asked for together with them."""

    async def turn(self) -> None:
        await self.thread.wait()
        if isinstance(self.failure, Unreachable):
            raise self.failure

    async def one(self, name: str) -> int:
        self.calls.append((name,))
        if name in self.hanging:
            await asyncio.Event().wait()
        await self.free.wait()
        if name == "missing":
            raise ModelNotFound("no model missing")
        if name in self.at_fault:
            raise self.at_fault[name]
        if isinstance(self.failure, Unreachable):
            raise self.failure
        return len(name)

    async def many(self, names: Sequence[str]) -> Mapping[str, int]:
        self.calls.append(tuple(names))
        await self.free.wait()
        if self.failure is not None:
            raise self.failure
        for name in self.at_fault.keys() & set(names):
            raise self.at_fault[name]
        return {name: len(name) for name in names if name != "missing"}


async def test_what_is_asked_in_one_turn_goes_out_together() -> None:
    server = Server()
    asked = Batches(server.one, server.many, server.turn)

    assert await asyncio.gather(*map(asked.ask, ("a", "bb", "a"))) == [1, 2, 1]
    assert await asked.ask("ccc") == 3
    assert server.calls == [("a", "bb"), ("ccc",)]


async def test_nobody_is_answered_by_a_call_that_began_before() -> None:
    server = Server()
    server.free.clear()
    asked = Batches(server.one, server.many, server.turn)
    first = asyncio.create_task(asked.ask("a"))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(asked.ask(name)) for name in ("a", "bb")]
    await asyncio.sleep(0.01)
    assert server.calls == [("a",)]

    server.free.set()

    assert await asyncio.gather(first, *others) == [1, 1, 2]
    assert server.calls == [("a",), ("a", "bb")]


async def test_what_is_asked_while_no_thread_is_free_goes_out_together() -> None:
    server = Server()
    server.thread.clear()
    asked = Batches(server.one, server.many, server.turn)
    both = [asyncio.create_task(asked.ask("a"))]
    await asyncio.sleep(0.01)
    both.append(asyncio.create_task(asked.ask("bb")))
    await asyncio.sleep(0.01)

    server.thread.set()

    assert list(await asyncio.gather(*both)) == [1, 2]
    assert server.calls == [("a", "bb")]


async def test_who_waits_for_a_thread_of_a_registry_that_is_gone_is_told() -> None:
    server = Server()
    server.failure = Unreachable("no answer")
    asked = Batches(server.one, server.many, server.turn)

    with pytest.raises(Unreachable):
        await asked.ask("a")

    assert server.calls == []


async def test_a_crowd_is_asked_by_calls_of_a_bounded_size() -> None:
    server = Server()
    asked = Batches(server.one, server.many, server.turn, most=2)

    await asyncio.gather(*map(asked.ask, ("a", "b", "c")))

    assert server.calls == [("a", "b"), ("c",)]


async def test_what_is_not_found_together_is_asked_alone_and_raises_for_itself() -> None:
    server = Server()
    asked = Batches(server.one, server.many, server.turn)

    answers = await asyncio.gather(asked.ask("a"), asked.ask("missing"), return_exceptions=True)

    assert answers[0] == 1
    assert isinstance(answers[1], ModelNotFound)


async def test_a_call_that_fails_for_many_is_made_for_each() -> None:
    server = Server()
    server.failure = Oversized("too large")
    asked = Batches(server.one, server.many, server.turn)

    assert list(await asyncio.gather(asked.ask("a"), asked.ask("bb"))) == [1, 2]
    server.calls = []
    await asyncio.gather(asked.ask("a"), asked.ask("bb"))
    assert sorted(server.calls) == [("a",), ("bb",)], "what was too large is not asked for again at once"


async def test_a_bug_on_many_answers_fails_none_of_them() -> None:
    server = Server()
    server.failure = KeyError("a bug")
    asked = Batches(server.one, server.many, server.turn)

    assert list(await asyncio.gather(asked.ask("a"), asked.ask("bb"))) == [1, 2]


async def test_who_asks_after_the_end_is_told() -> None:
    server = Server()
    asked = Batches(server.one, server.many, server.turn)
    waiting = asyncio.create_task(asked.ask("a"))
    await asyncio.sleep(0)
    asked.close()

    for question in (waiting, asked.ask("bb")):
        with pytest.raises(Unavailable):
            await question


async def test_no_answer_is_told_to_all_who_wait_and_then_each_is_asked_alone() -> None:
    server = Server()
    server.free.clear()
    asked = Batches(server.one, server.many, server.turn)
    crowd = [asyncio.create_task(asked.ask(name)) for name in ("a", "bb")]
    await asyncio.sleep(0.01)
    server.failure = Unreachable("no answer")
    crowd.append(asyncio.create_task(asked.ask("ccc")))
    await asyncio.sleep(0.01)

    server.free.set()
    answers = await asyncio.gather(*crowd, return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unreachable] * 3
    server.failure, server.calls = None, []

    assert list(await asyncio.gather(asked.ask("a"), asked.ask("bb"))) == [1, 2]
    assert sorted(server.calls) == [("a",), ("bb",)]


@pytest.mark.parametrize("failure", [Unreachable("no answer"), Oversized("too large")], ids=repr)
async def test_one_at_fault_fails_alone_and_is_kept_out_of_what_the_others_ask(failure: Exception) -> None:
    server = Server()
    server.at_fault["slow"] = failure
    asked = Batches(server.one, server.many, server.turn)

    for _ in range(2):
        answers = await asyncio.gather(*map(asked.ask, ("a", "slow", "bb")), return_exceptions=True)
        assert answers == [1, failure, 2]

    assert server.calls[0] == ("a", "slow", "bb")
    assert sorted(server.calls[1:4]) == [("a",), ("bb",), ("slow",)]
    assert sorted(server.calls[4:]) == [("a", "bb"), ("slow",)]


async def test_one_at_fault_is_asked_with_the_others_again_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "OUT_SECONDS", 0.05)
    server = Server()
    server.at_fault["slow"] = Unreachable("no answer")
    asked = Batches(server.one, server.many, server.turn)
    await asyncio.gather(*map(asked.ask, ("a", "slow", "bb")), return_exceptions=True)
    server.calls, server.at_fault = [], {}

    await asyncio.sleep(0.06)
    await asyncio.gather(*map(asked.ask, ("a", "slow", "bb")))

    assert server.calls == [("a", "slow", "bb")]


async def test_one_at_fault_turns_away_nobody_who_waits() -> None:
    server = Server()
    server.free.clear()
    server.at_fault["slow"] = Unreachable("no answer")
    asked = Batches(server.one, server.many, server.turn)
    crowd = [asyncio.create_task(asked.ask(name)) for name in ("a", "slow")]
    await asyncio.sleep(0.01)
    crowd.append(asyncio.create_task(asked.ask("ccc")))
    await asyncio.sleep(0.01)

    server.free.set()
    answers = await asyncio.gather(*crowd, return_exceptions=True)

    assert [type(answer) for answer in answers] == [int, Unreachable, int]


async def test_one_that_is_known_to_be_at_fault_turns_away_nobody_who_waits() -> None:
    server = Server()
    server.at_fault["slow"] = Unreachable("no answer")
    asked = Batches(server.one, server.many, server.turn)
    await asyncio.gather(*map(asked.ask, ("a", "slow")), return_exceptions=True)
    server.free.clear()
    crowd = [asyncio.create_task(asked.ask("slow"))]
    await asyncio.sleep(0.01)
    crowd.append(asyncio.create_task(asked.ask("ccc")))
    await asyncio.sleep(0.01)

    server.free.set()
    answers = await asyncio.gather(*crowd, return_exceptions=True)

    assert [type(answer) for answer in answers] == [Unreachable, int]


async def test_who_asks_again_after_a_failure_is_asked_for_again() -> None:
    server = Server()
    server.at_fault["a"] = Unreachable("no answer")
    asked = Batches(server.one, server.many, server.turn)

    with pytest.raises(Unreachable):
        await asked.ask("a")
    server.at_fault.clear()

    assert await asked.ask("a") == 1


async def test_a_call_that_hangs_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "HOLD_SECONDS", 0.01)
    server = Server()
    server.hanging.add("slow")
    asked = Batches(server.one, server.many, server.turn)
    slow = asyncio.create_task(asked.ask("slow"))
    await asyncio.sleep(0)

    assert await asyncio.wait_for(asked.ask("a"), timeout=5) == 1
    slow.cancel()


async def test_who_gives_up_takes_nobody_along() -> None:
    server = Server()
    server.free.clear()
    asked = Batches(server.one, server.many, server.turn)
    both = [asyncio.create_task(asked.ask(name)) for name in ("a", "bb")]
    await asyncio.sleep(0.01)

    both[0].cancel()
    server.free.set()

    assert await both[1] == 2


async def test_who_waits_at_the_end_is_told() -> None:
    server = Server()
    server.free.clear()
    asked = Batches(server.one, server.many, server.turn)
    first = asyncio.create_task(asked.ask("a"))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(asked.ask("bb"))
    await asyncio.sleep(0.01)

    asked.close()

    with pytest.raises(Unavailable):
        await second
    server.free.set()
    assert await first == 1
