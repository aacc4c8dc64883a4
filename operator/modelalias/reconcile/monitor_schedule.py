"""When monitors fall due: the same question of many aliases is due at the same moment.

A question's moments are whole multiples of its interval after a phase that its text gives, so that questions
spread evenly and a restart does not gather them.
"""

import asyncio
import hashlib
import heapq
import itertools
import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from modelalias.reconcile.monitor_questions import Question
from modelalias.reconcile.queue import TICK, Key

FIRST: Final = 60
"""Seconds; within them a question is asked for the first time, however long its interval is."""


class Member(NamedTuple):
    """A monitor of an alias."""

    key: Key
    name: str


class Turn(NamedTuple):
    """A question and how often it is asked, in seconds."""

    question: Question
    every: int


class Schedule:
    """The turns of all monitors, on a monotonic clock in seconds."""

    def __init__(self) -> None:
        self._members: dict[Turn, dict[Member, None]] = {}
        self._turns: dict[Member, Turn] = {}
        self._of_alias: dict[Key, dict[Member, None]] = {}
        self._moments: dict[Turn, float] = {}
        self._heap: list[tuple[float, int, Turn]] = []
        """Holds moments of turns that are gone or were given another one, which are passed over."""
        self._count = itertools.count()
        self._changed = asyncio.Event()
        self._new: list[Turn] = []

    def put(self, member: Member, turn: Turn | None) -> None:
        """Let a monitor have this turn in place of the one that it has; None: it is asked no more."""
        if self._turns.get(member) == turn:
            return
        self._leave(member)
        if turn is None:
            return
        self._turns[member] = turn
        self._of_alias.setdefault(member.key, {})[member] = None
        if turn not in self._members:
            self._members[turn] = {}
            self._new.append(turn)
            self._changed.set()
        self._members[turn][member] = None

    def question(self, member: Member) -> Question | None:
        """Return what is asked for a monitor now."""
        turn = self._turns.get(member)
        return None if turn is None else turn.question

    def names(self, key: Key) -> frozenset[str]:
        """Return the monitors of an alias that have a turn."""
        return frozenset(member.name for member in self._of_alias.get(key, ()))

    def begin(self, now: float) -> None:
        """Give every turn its next moment, as after a time in which nothing was asked."""
        self._new = []
        self._heap = []
        for turn in self._members:
            self._push(turn, _next(turn, min(turn.every, FIRST), now))

    def due(self, now: float) -> Iterator[tuple[Question, tuple[Member, ...]]]:
        """Yield what is due, each with the monitors that it is asked for, and give it its next moment."""
        self._changed.clear()
        self._place_new(now)
        while self._heap and self._heap[0][0] <= now + TICK:
            at, _, turn = heapq.heappop(self._heap)
            if self._moments.get(turn) == at:
                self._push(turn, _next(turn, turn.every, now))
                yield turn.question, tuple(self._members[turn])

    async def wait(self, now: float) -> None:
        """Return when something is due or new."""
        delay = max(0.0, self._heap[0][0] - now) if self._heap else None
        try:
            async with asyncio.timeout(delay):
                await self._changed.wait()
        except TimeoutError:
            return

    def _leave(self, member: Member) -> None:
        turn = self._turns.pop(member, None)
        if turn is None:
            return
        del self._of_alias[member.key][member]
        if not self._of_alias[member.key]:
            del self._of_alias[member.key]
        del self._members[turn][member]
        if not self._members[turn]:
            del self._members[turn]
            self._moments.pop(turn, None)

    def _place_new(self, now: float) -> None:
        new, self._new = self._new, []
        for turn in new:
            if turn in self._members:
                self._push(turn, _next(turn, min(turn.every, FIRST), now))

    def _push(self, turn: Turn, at: float) -> None:
        self._moments[turn] = at
        heapq.heappush(self._heap, (at, next(self._count), turn))


def _next(turn: Turn, period: int, now: float) -> float:
    """Return the first moment after now that the turn's phase gives for a period."""
    text = "\0".join((*turn.question.source, *turn.question.parts, str(turn.every)))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    phase = int.from_bytes(digest[:8], "big") % period
    moment = (math.floor((now + TICK - phase) / period) + 1) * period + phase
    return float(moment)
