"""Many who ask at the same time for things of one kind are answered by one call.

The first who asks waits for nobody: what is asked in the same turn of the event loop goes out together, and what is
asked while a call is under way, or while all threads are busy, goes out with the next. So somebody alone waits for nothing,
and a crowd makes few calls. A call begins after each of its questions was asked, so that nobody gets an answer from before.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from contextvars import Context
from itertools import chain, islice
from typing import Final, Generic, TypeAlias, TypeVar

from modelalias.adapters.mlflow_calls import CLOSED
from modelalias.adapters.mlflow_errors import Unreachable
from modelalias.core.errors import OperatorError, Unanswerable

MOST: Final = 100
"""Questions in one call."""

HOLD_SECONDS: Final = 0.25
"""A call that takes longer holds up nobody who asks after it."""

APART_SECONDS: Final = 60.0
"""So long each question is asked alone after a call for many failed and none of them alone was why, or all were."""

OUT_SECONDS: Final = 600.0
"""So long a question is asked alone that failed alone too, where others of its call were answered."""

_log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Asked: TypeAlias = Mapping[K, Sequence[asyncio.Future[V]]]


class Batches(Generic[K, V]):
    """One kind of question; one call of it at a time, as long as it is answered soon."""

    def __init__(
        self,
        one: Callable[[K], Awaitable[V]],
        many: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]],
        turn: Callable[[], Awaitable[None]],
        most: int = MOST,
    ) -> None:
        """Take how one question is answered, which may raise, how several are, and how one's turn is waited for.

        What `many` leaves out, and everything when it fails, is asked one by one. Where it got no answer, or one that was
        too large, the questions that fail alone as well are kept out of calls for many for a while. Where none of them
        does, or none is answered, every question is.
        """
        self._one, self._many, self._turn, self._most = one, many, turn, most
        self._waiting: dict[K, list[asyncio.Future[V]]] = {}
        self._starter: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._apart_until = 0.0
        self._out_until: dict[K, float] = {}
        self._closed = False

    async def ask(self, key: K) -> V:
        """Return the answer, or raise what answers to this question."""
        if self._closed:
            raise Unreachable(CLOSED)
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        if self._starter is None:  # in nobody's name: it asks for all of them
            self._starter = asyncio.create_task(self._start(), name="batches", context=Context())
        return await future

    def close(self) -> None:
        """Start nothing new; what is under way ends by itself."""
        self._closed = True
        if self._starter is not None:
            self._starter.cancel()
        self._turn_away(Unreachable(CLOSED))

    async def _start(self) -> None:
        """Start calls until nobody waits."""
        try:
            while self._waiting:
                try:
                    await self._turn()
                except Unreachable as error:
                    self._turn_away(error)
                    continue
                keys = tuple(islice(self._waiting, self._most))
                asked = {key: self._waiting.pop(key) for key in keys}
                call = asyncio.create_task(self._answer(asked), name="batch")
                self._calls.add(call)  # else nothing keeps it
                call.add_done_callback(self._calls.discard)
                await asyncio.wait({call}, timeout=HOLD_SECONDS)
        finally:
            self._starter = None

    async def _answer(self, asked: Asked[K, V]) -> None:
        now = asyncio.get_running_loop().time()
        self._out_until = {key: until for key, until in self._out_until.items() if until > now}
        alone = asked.keys() & self._out_until.keys()
        together = {key: futures for key, futures in asked.items() if key not in alone}
        try:
            await asyncio.gather(
                self._answer_together(together), *(self._answer_alone(key, asked[key]) for key in alone)
            )
        finally:  # nobody waits for ever, whatever became of the call
            _fail(asked, Unreachable(CLOSED))

    async def _answer_alone(self, key: K, futures: Sequence[asyncio.Future[V]]) -> None:
        """Ask a question that is known to be at fault; its failure says nothing of others."""
        failure = await self._answer_one(key, futures)
        if failure is not None:
            _fail({key: futures}, failure)

    async def _answer_together(self, asked: Asked[K, V]) -> None:
        """Ask for all at once, and one by one for what that does not tell; learn whom it failed over."""
        found: Mapping[K, V] = {}
        has_failed = False
        try:
            found = await self._answer_many(asked)
        except (Unreachable, Unanswerable):
            has_failed = True
        for key, value in found.items():
            _tell(asked[key], value)
        rest = [key for key in asked if key not in found]
        failures = await asyncio.gather(*(self._answer_one(key, asked[key]) for key in rest))
        at_fault = {key: failure for key, failure in zip(rest, failures, strict=True) if failure is not None}
        if has_failed:
            self._keep_apart(at_fault.keys(), len(asked))
        silent = [failure for failure in at_fault.values() if isinstance(failure, Unreachable)]
        if silent and len(at_fault) == len(asked) > 1:  # those who wait would wait as long for nothing
            self._turn_away(silent[0])
        for key, failure in at_fault.items():  # who asks again from here on is asked for again
            _fail({key: asked[key]}, failure)

    def _keep_apart(self, at_fault: Collection[K], of: int) -> None:
        """Keep out of calls for many whom one failed over, or all for a shorter time where that is nobody, or everybody."""
        now = asyncio.get_running_loop().time()
        if 0 < len(at_fault) < of:
            self._out_until |= dict.fromkeys(at_fault, now + OUT_SECONDS)
        else:
            self._apart_until = now + APART_SECONDS

    async def _answer_many(self, asked: Asked[K, V]) -> Mapping[K, V]:
        """Return what a call for many tells, nothing where none is made; raise where it has no answer, or too large a one."""
        if len(asked) <= 1 or asyncio.get_running_loop().time() < self._apart_until:
            return {}
        try:
            return await self._many(tuple(asked))
        except (Unreachable, Unanswerable):
            raise
        except OperatorError:
            return {}
        except Exception:  # noqa: BLE001 - a bug on one answer must not fail the others; it is logged with its trace
            _log.exception("many questions could not be asked at once")
            return {}

    async def _answer_one(
        self, key: K, futures: Sequence[asyncio.Future[V]]
    ) -> Unreachable | Unanswerable | None:
        """Ask one question, and return why it has no answer, which is still to be told; a refusal is one."""
        try:
            value = await self._one(key)
        except (Unreachable, Unanswerable) as error:
            return error
        except Exception as error:  # noqa: BLE001 - whoever asked knows what to do with it
            _fail({key: futures}, error)
        else:
            _tell(futures, value)
        return None

    def _turn_away(self, error: Unreachable) -> None:
        waiting, self._waiting = self._waiting, {}
        _fail(waiting, error)


def _tell(futures: Iterable[asyncio.Future[V]], value: V) -> None:
    for future in futures:
        if not future.done():
            future.set_result(value)


def _fail(asked: Mapping[K, Iterable[asyncio.Future[V]]], error: Exception) -> None:
    for future in chain.from_iterable(asked.values()):
        if not future.done():
            future.set_exception(error)
