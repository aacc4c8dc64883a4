"""Asking one source: few questions at once, each once, and a source that fails is left alone."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from datetime import timedelta
from typing import Any, Final

from modelalias.core.errors import InvalidRequest, OperatorError, Refused, Unavailable
from modelalias.core.monitoring.series import Reading
from modelalias.reconcile.monitor_questions import Question, Source
from modelalias.reconcile.monitor_schedule import Member

AT_ONCE: Final = 8
"""Questions that one source is asked at once."""
PROBE: Final = timedelta(seconds=5)
"""How long a source that failed is left alone."""

_log = logging.getLogger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], object]


def uncounted(source: str, outcome: str) -> None:
    """Count no query."""
    del source, outcome


class SourceReader:
    """What waits for the answers of one source.

    After a failure everything waits, for `PROBE`, and then one question is asked: if that fails too, all that wait
    are told so, in the words of the first failure; if it is answered, all are asked. So one question that the
    source cannot answer takes no other one's number away, and a dead source gets one question each few seconds.
    """

    def __init__(
        self,
        source: Source,
        ask: Callable[[Question], Awaitable[Reading]],
        answered: Callable[[Question, Reading, Iterable[Member]], Awaitable[None]],
        clock: Callable[[], float],
        queried: Callable[[str, str], None] = uncounted,
    ) -> None:
        """Take what asks, what hears each answer with the monitors that wait for it, and what counts the queries."""
        self._source, self._put, self._answered, self._clock = source, ask, answered, clock
        self._queried = queried
        self._asked: dict[Question, dict[Member, None]] = {}
        self._pending: deque[Question] = deque()
        self._workers = 0
        self._problem = ""
        self._probe_at = 0.0
        self._probing = False

    def ask(self, question: Question, members: Iterable[Member], spawn: Spawn) -> None:
        """Ask for these monitors; while the same question is under way, they hear that answer."""
        if question in self._asked:
            self._asked[question].update(dict.fromkeys(members))
            return
        self._asked[question] = dict.fromkeys(members)
        self._pending.append(question)
        self._hire(spawn, 1)

    def forget(self) -> None:
        """Forget what is under way, whose tasks have ended."""
        self._asked.clear()
        self._pending.clear()
        self._workers, self._probing = 0, False

    def _hire(self, spawn: Spawn, most: int) -> None:
        """Start so many workers more, but none beside a probe, which goes on with the rest."""
        for _ in range(0 if self._probing else min(most, AT_ONCE - self._workers)):
            self._workers += 1
            spawn(self._work(spawn))

    async def _work(self, spawn: Spawn) -> None:
        try:
            while self._pending and not self._probing:
                if self._problem:
                    await self._probe()
                    self._hire(spawn, len(self._pending) - 1)
                    continue
                question = self._pending.popleft()
                await self._tell(question, await self._read(question))
        finally:
            self._workers -= 1

    async def _probe(self) -> None:
        """Wait until the source may be asked again, and find out with one question how it stands for all.

        Where it wants to be left alone for longer, all that wait are told so without a question.
        """
        self._probing = True
        try:
            left = self._probe_at - self._clock()
            await asyncio.sleep(min(max(0.0, left), PROBE.total_seconds()))
            waiting = [self._pending.popleft()]
            if left > PROBE.total_seconds() and self._problem:
                reading = Reading(None, self._problem)
            else:
                reading = await self._read(waiting[0])
            if self._problem:
                waiting += self._pending
                self._pending.clear()
        finally:
            self._probing = False
        for question in waiting:
            await self._tell(question, reading)

    async def _tell(self, question: Question, reading: Reading) -> None:
        await self._answered(question, reading, self._asked.pop(question, {}))
        await asyncio.sleep(0)  # many answers may come at once, and others have their turn between them

    async def _read(self, question: Question) -> Reading:
        try:
            reading = await self._put(question)
        except (Unavailable, Refused) as error:
            self._count("refused" if isinstance(error, Refused) else "unavailable")
            return self._failed(error)
        except InvalidRequest as error:
            self._count("invalid")
            self._works()
            return Reading(None, str(error))
        except Exception:  # noqa: BLE001 - a bug on one answer must not stop the others; it is logged with its trace
            self._count("unexpected")
            _log.exception("a source gave an unexpected answer", extra=self._fields())
            return Reading(None, f"the {self._name()} gave an answer that the operator does not understand")
        self._count("ok")
        self._works()
        return reading

    def _failed(self, error: OperatorError) -> Reading:
        left_alone = getattr(error, "retry_after", None) or PROBE
        self._probe_at = self._clock() + max(left_alone, PROBE).total_seconds()
        if not self._problem:
            self._problem = f"the {self._name()} cannot be read: {error}"
            _log.warning("a source of monitors cannot be read", extra={**self._fields(), "error": str(error)})
        return Reading(None, self._problem)

    def _works(self) -> None:
        if self._problem:
            self._problem = ""
            _log.info("a source of monitors can be read again", extra=self._fields())

    def _count(self, outcome: str) -> None:
        self._queried(self._source.counted_as, outcome)

    def _name(self) -> str:
        return f"{self._source.system} named {self._source.name}"

    def _fields(self) -> dict[str, str]:
        return {"source": f"{self._source.system} {self._source.name}"}
