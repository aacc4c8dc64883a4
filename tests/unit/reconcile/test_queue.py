"""The queue of dirty keys: once each, one worker per key, and later after failures."""

import asyncio
from datetime import timedelta

import pytest

from modelalias.reconcile.queue import LAST_RETRY, Key, KeyedQueue
from tests.support.virtual_loop import in_virtual_time

A, B = Key("ml", "a"), Key("ml", "b")


def _queue(jitter: float = 0.0) -> KeyedQueue:
    return KeyedQueue(asyncio.get_running_loop().time, lambda: jitter)


async def _nothing_is_ready(queue: KeyedQueue) -> bool:
    try:
        await asyncio.wait_for(queue.get(), 0.001)
    except TimeoutError:
        return True
    return False


@in_virtual_time
async def test_a_key_added_many_times_comes_once_and_in_the_order_of_the_first() -> None:
    queue = _queue()
    for key in (A, B, A, A):
        queue.add(key)

    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == [A, B]
    assert await _nothing_is_ready(queue)


@in_virtual_time
async def test_namespaces_take_turns_however_many_keys_one_has() -> None:
    queue, mine = _queue(), [Key("many", f"{number}") for number in range(100)]
    for key in mine:
        queue.add(key)
    queue.add(A)
    queue.add(B)

    first = [await queue.get() for _ in range(6)]
    queue.add(Key("new", "c"))

    assert first == [mine[0], A, mine[1], B, mine[2], mine[3]]
    assert [await queue.get(), await queue.get()] == [mine[4], Key("new", "c")]
    assert len(queue) == 95


@in_virtual_time
async def test_a_wait_is_told_from_the_first_time_on_at_which_a_key_was_added() -> None:
    waits: list[float] = []
    queue = KeyedQueue(asyncio.get_running_loop().time, waited=waits.append)
    queue.add(A)
    await asyncio.sleep(2)
    queue.add(A)
    await asyncio.sleep(1)
    await queue.get()
    queue.add_at(B, timedelta(seconds=60))
    await queue.get()

    assert waits == [pytest.approx(3, abs=0.01), pytest.approx(0, abs=0.01)]


@in_virtual_time
async def test_a_key_is_given_to_one_worker_and_comes_again_after_it() -> None:
    queue = _queue()
    queue.add(A)
    await queue.get()

    queue.add(A)
    assert await _nothing_is_ready(queue)
    queue.done(A)

    assert await queue.get() == A
    queue.done(A)
    assert await _nothing_is_ready(queue)


@in_virtual_time
async def test_a_worker_that_waits_is_woken_by_a_key() -> None:
    queue = _queue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)

    queue.add(A)

    assert await waiting == A


@in_virtual_time
async def test_of_many_workers_that_wait_a_key_wakes_one() -> None:
    looks, loop = 0, asyncio.get_running_loop()

    def clock() -> float:
        nonlocal looks
        looks += 1
        return loop.time()

    queue = KeyedQueue(clock)
    workers = [asyncio.create_task(queue.get()) for _ in range(32)]
    await asyncio.sleep(1)
    before = looks

    queue.add(A)
    queue.add_at(B, timedelta(seconds=5))
    await asyncio.sleep(10)

    assert {worker.result() for worker in workers if worker.done()} == {A, B}
    assert looks - before < len(workers)
    for worker in workers:
        worker.cancel()


@in_virtual_time
async def test_a_worker_that_is_stopped_while_it_waits_leaves_the_next_key_to_another() -> None:
    queue = _queue()
    first, second = (asyncio.create_task(queue.get()) for _ in range(2))
    await asyncio.sleep(1)

    first.cancel()
    queue.add(A)

    assert await asyncio.wait_for(second, 1) == A


@in_virtual_time
@pytest.mark.parametrize("delays", [(5, 60), (60, 5)], ids=["the earlier first", "the later first"])
async def test_of_two_wakes_the_earlier_counts_and_it_comes_once(delays: tuple[int, int]) -> None:
    queue, loop = _queue(), asyncio.get_running_loop()
    start = loop.time()
    for delay in delays:
        queue.add_at(A, timedelta(seconds=delay))

    assert await queue.get() == A
    assert loop.time() - start == pytest.approx(5)
    queue.done(A)
    await asyncio.sleep(100)
    assert await _nothing_is_ready(queue)


@in_virtual_time
async def test_a_wake_in_the_past_is_due_now() -> None:
    queue = _queue()

    queue.add_at(A, timedelta(seconds=-5))

    assert await queue.get() == A


@in_virtual_time
async def test_a_key_that_was_looked_at_needs_its_wake_no_longer() -> None:
    queue = _queue()
    queue.add_at(A, timedelta(seconds=5))
    queue.add(A)
    await queue.get()
    queue.done(A)

    await asyncio.sleep(10)

    assert await _nothing_is_ready(queue)


@in_virtual_time
async def test_a_wake_that_falls_due_while_its_key_is_busy_comes_after_it() -> None:
    queue = _queue()
    queue.add(A)
    await queue.get()
    queue.add_at(A, timedelta(seconds=5))

    await asyncio.sleep(10)
    assert await _nothing_is_ready(queue)
    queue.done(A)

    assert await queue.get() == A


@in_virtual_time
async def test_retries_grow_are_bounded_and_start_anew_after_a_success() -> None:
    queue = _queue(jitter=1.0)

    delays = [queue.retry(A).total_seconds() for _ in range(20)]
    other = queue.retry(B)
    queue.succeeded(A)

    assert delays[:4] == [0.5, 1, 2, 4]
    assert delays == sorted(delays)
    assert delays[-1] == LAST_RETRY.total_seconds()
    assert other == timedelta(seconds=0.5)
    assert queue.retry(A) == timedelta(seconds=0.5)


@in_virtual_time
async def test_jitter_shortens_a_retry_to_no_less_than_half() -> None:
    assert _queue(jitter=0.0).retry(A) == timedelta(seconds=0.25)


@in_virtual_time
async def test_a_retry_waits_at_least_as_long_as_the_other_side_asked() -> None:
    assert _queue().retry(A, timedelta(seconds=30)) == timedelta(seconds=30)


@in_virtual_time
async def test_a_key_that_is_forgotten_does_not_wake() -> None:
    queue = _queue()
    queue.add_at(A, timedelta(seconds=5))

    queue.forget(A)
    await asyncio.sleep(10)

    assert await _nothing_is_ready(queue)


@in_virtual_time
@pytest.mark.parametrize("ticks", range(5))
async def test_a_worker_that_is_stopped_in_the_moment_of_a_wake_stops(ticks: int) -> None:
    queue = _queue()
    queue.add_at(B, timedelta(hours=1))

    async def work() -> None:
        while True:
            queue.done(await queue.get())

    worker = asyncio.create_task(work())
    await asyncio.sleep(0.001)

    queue.add(A)
    for _ in range(ticks):
        await asyncio.sleep(0)
    worker.cancel()
    await asyncio.wait({worker}, timeout=1)

    assert worker.cancelled()
