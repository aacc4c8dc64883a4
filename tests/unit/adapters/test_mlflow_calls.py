"""How many calls are under way, whose time runs, and what is left behind."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from modelalias.adapters.mlflow_calls import Calls, Locks
from modelalias.adapters.mlflow_errors import Broken, Unreachable
from modelalias.core.errors import ModelNotFound, Unavailable
from modelalias.turns import ASKED_FOR

SECONDS = 0.5


@pytest.fixture
def calls() -> Iterator[Calls]:
    pool = Calls("test", concurrency=2, seconds=SECONDS)
    yield pool
    pool.close()


async def test_a_burst_is_slow_and_not_wrong(calls: Calls) -> None:
    """Twice the deadline of work waits in front of the last call: its own time begins with its turn."""
    naps = int(2 * 2 * SECONDS / 0.05)

    found = await asyncio.gather(*(calls.run(lambda: time.sleep(0.05)) for _ in range(naps)))

    assert found == [None] * naps


async def test_namespaces_take_turns_however_many_calls_of_one_wait(calls: Calls) -> None:
    free, done = threading.Event(), list[str]()

    async def call(namespace: str) -> None:
        ASKED_FOR.set(namespace)
        await calls.run(free.wait if len(done) == 0 else lambda: None)
        done.append(namespace)

    many = [asyncio.create_task(call("many")) for _ in range(20)]
    await asyncio.sleep(0)
    one = asyncio.create_task(call("one"))
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(*many, one)

    assert done.index("one") < 6


async def test_an_answer_and_a_failure_come_through(calls: Calls) -> None:
    def missing() -> None:
        raise ModelNotFound("gone")

    assert await calls.run(lambda: 7) == 7
    with pytest.raises(ModelNotFound, match="gone"):
        await calls.run(missing)


async def test_a_failure_that_is_an_answer_leaves_the_others_waiting(calls: Calls) -> None:
    def busy() -> None:
        time.sleep(0.05)
        raise Unavailable("busy")

    found = await asyncio.gather(
        *(calls.run(busy) for _ in range(2)), calls.run(lambda: 7), return_exceptions=True
    )

    assert [str(item) for item in found] == ["busy", "busy", "7"]


async def test_no_call_begins_in_a_pause_that_the_other_side_asks_for(calls: Calls) -> None:
    began: list[str] = []

    def full() -> None:
        began.append("full")
        time.sleep(0.05)
        raise Unavailable("full", retry_after=timedelta(seconds=0.5))

    found = await asyncio.gather(
        *(calls.run(full) for _ in range(2)),
        calls.run(lambda: began.append("waited")),
        return_exceptions=True,
    )
    with pytest.raises(Unavailable, match="asks for a pause") as refused:
        await calls.run(lambda: began.append("came"))
    assert refused.value.retry_after is not None
    await asyncio.sleep(refused.value.retry_after.total_seconds() + 0.01)

    assert await calls.run(lambda: 7) == 7
    assert [str(item) for item in found] == ["full", "full", "the registry asks for a pause"]
    assert began == ["full", "full"]


async def test_a_pause_that_one_request_is_refused_with_is_none_of_the_others(calls: Calls) -> None:
    def broken() -> None:
        raise Broken("this request", retry_after=timedelta(seconds=60))

    with pytest.raises(Broken):
        await calls.run(broken)

    assert await calls.run(lambda: 7) == 7


async def test_no_answer_turns_away_those_that_wait(calls: Calls) -> None:
    def gone() -> None:
        time.sleep(0.05)
        raise Unreachable("no connection")

    found = await asyncio.gather(
        *(calls.run(gone) for _ in range(2)), calls.run(lambda: 7), return_exceptions=True
    )

    assert [str(item) for item in found] == ["no connection"] * 3


async def test_one_call_that_hangs_turns_away_nobody_while_others_are_answered(calls: Calls) -> None:
    free = threading.Event()
    naps = int(2 * SECONDS / 0.05)

    hanging, *others = await asyncio.gather(
        calls.run(lambda: free.wait(10 * SECONDS)),
        *(calls.run(lambda: time.sleep(0.05)) for _ in range(naps)),
        return_exceptions=True,
    )
    free.set()

    assert isinstance(hanging, Unreachable)
    assert others == [None] * naps


async def test_a_call_that_takes_too_long_is_given_up(calls: Calls) -> None:
    free = threading.Event()
    begun = time.monotonic()

    with pytest.raises(Unavailable, match=r"within 0\.5 s"):
        await calls.run(lambda: free.wait(10 * SECONDS))

    assert time.monotonic() - begun < 5 * SECONDS
    free.set()


async def test_a_call_that_is_given_up_as_its_turn_comes_passes_it_on() -> None:
    """The one that ends cancels the one that has just been given its thread; some rounds meet that moment."""
    one = Calls("test", concurrency=1, seconds=SECONDS)
    waiting: list[asyncio.Task[int]] = []

    async def end_and_cancel() -> None:
        await one.run(lambda: 7)
        waiting.pop().cancel()

    async with asyncio.timeout(20 * SECONDS):
        for _ in range(40):
            first = asyncio.create_task(end_and_cancel())
            await asyncio.sleep(0)
            second = asyncio.create_task(one.run(lambda: 8))
            waiting.append(second)
            await asyncio.gather(first, second, return_exceptions=True)

        assert await one.run(lambda: 9) == 9
    one.close()


async def test_a_call_that_is_given_up_while_it_waits_takes_no_thread(calls: Calls) -> None:
    free = threading.Event()
    busy = [asyncio.create_task(calls.run(lambda: free.wait(SECONDS))) for _ in range(2)]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(calls.run(lambda: 7))
    await asyncio.sleep(0)

    waiting.cancel()
    free.set()

    assert await asyncio.gather(*busy) == [True, True]
    assert await asyncio.gather(*(calls.run(lambda: 8) for _ in range(4))) == [8] * 4
    assert waiting.cancelled()


async def test_a_call_that_is_given_up_under_way_gives_its_thread_back(calls: Calls) -> None:
    free = threading.Event()
    tasks = [asyncio.create_task(calls.run(lambda: free.wait(10 * SECONDS))) for _ in range(2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    free.set()

    assert await asyncio.gather(*(calls.run(lambda: 8) for _ in range(4))) == [8] * 4


async def test_a_lock_is_kept_only_while_it_is_used() -> None:
    locks, order = Locks(), []

    async def use(name: str, word: str) -> None:
        async with locks.hold(name):
            order.append(word)
            await asyncio.sleep(0)
            order.append(word)

    await asyncio.gather(use("churn", "a"), use("churn", "b"), use("fraud", "c"))

    assert "".join(word for word in order if word != "c") == "aabb"
    assert len(locks) == 0


async def test_a_lock_is_dropped_after_a_failure() -> None:
    locks = Locks()

    with pytest.raises(ModelNotFound):
        async with locks.hold("churn"):
            raise ModelNotFound("churn")

    assert len(locks) == 0
