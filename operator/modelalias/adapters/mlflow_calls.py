"""Calls of a blocking client from the event loop.

Bounded in number and in time, and one model's writes one after another.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from modelalias.adapters.mlflow_errors import REGISTRY, Broken, Unreachable
from modelalias.core.errors import Unavailable
from modelalias.turns import Turns

CLOSED: Final = "the registry's client is closed"

T = TypeVar("T")


class Calls:
    """A pool of threads for one server, whose queue empties itself when the other side is gone.

    A call's time begins when a thread is free for it, so that a burst of work is slow and not wrong. When one
    call gets no answer, and no other has got one for half a deadline, those that wait fail with it: none waits for
    more than the calls ahead of it or two deadlines. Namespaces take turns (`modelalias.turns`), so that the load of one
    does not delay another's. When the other side asks for a pause, none is sent before it is over: those that come
    fail, since what they were decided by grows old.
    """

    def __init__(self, name: str, *, concurrency: int, seconds: float, server: str = REGISTRY) -> None:
        """Take what the server is called in sentences."""
        self._server = server
        self._pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix=name)
        self._seconds = seconds
        self._turns = Turns(concurrency)
        self._quiet_until = self._answered_at = -math.inf

    async def turn(self) -> None:
        """Wait until a thread is free; raise `Unavailable` as those do that wait. What runs `ahead` then comes next."""
        await self._turns.take()
        self._turns.give_back()

    async def run(self, work: Callable[[], T], *, ahead: bool = False) -> T:
        """Run the work in a thread, ahead of what waits for one if it has waited for its turn.

        Raise `Unavailable` when it takes too long or may not begin, and what it raises.
        """
        await self._turns.take(ahead=ahead)
        loop = asyncio.get_running_loop()
        left = self._quiet_until - loop.time()
        if left > 0:
            self._turns.give_back()
            raise Unavailable(f"{self._server} asks for a pause", retry_after=timedelta(seconds=left))
        try:
            future = self._pool.submit(work)
        except RuntimeError as error:
            self._turns.give_back()
            raise Unreachable(CLOSED) from error
        answer = asyncio.wrap_future(future)
        future.add_done_callback(partial(self._from_thread, loop, answer))
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError as error:
            late = Unreachable(f"{self._server} did not answer within {self._seconds:g} s")
            self._gets_no_answer(late)
            raise late from error
        except Unavailable as error:  # the thread may tell of its end a moment after its answer
            self._keep_quiet(error)
            raise

    def close(self) -> None:
        """Let the threads end by themselves, each within its deadline; nothing new starts."""
        self._turns.turn_away(lambda: Unreachable(CLOSED))
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _from_thread(
        self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], done: Future[T]
    ) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(self._ended, answer, done)

    def _ended(self, answer: asyncio.Future[T], done: Future[T]) -> None:
        """Take the thread back, which is free only now, also when its caller has given up and others have come since."""
        error = None if done.cancelled() else done.exception()
        if not done.cancelled() and not isinstance(error, Unreachable):
            self._answered_at = asyncio.get_running_loop().time()
        if isinstance(error, Unreachable) and not answer.cancelled():
            self._gets_no_answer(error)
        if isinstance(error, Unavailable):
            self._keep_quiet(error)
        self._turns.give_back()

    def _keep_quiet(self, error: Unavailable) -> None:
        """Send nothing while the other side asks for a pause; one over a single request concerns no other."""
        if error.retry_after is not None and not isinstance(error, Broken):
            until = asyncio.get_running_loop().time() + error.retry_after.total_seconds()
            self._quiet_until = max(self._quiet_until, until)

    def _gets_no_answer(self, error: Unreachable) -> None:
        """Turn away those that wait, unless the other side answers others: it is one call that it does not answer."""
        if asyncio.get_running_loop().time() - self._answered_at > self._seconds / 2:
            self._turns.turn_away(lambda: Unreachable(str(error)))


class Locks:
    """One lock per name, kept only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, list[None]]] = {}

    def __len__(self) -> int:
        """Count the names that are in use."""
        return len(self._locks)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        """Wait for the name and keep it until the block ends."""
        lock, users = self._locks.setdefault(name, (asyncio.Lock(), []))
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                del self._locks[name]
