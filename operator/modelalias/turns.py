"""Turns: so many at once have their way with what all share, and namespaces take turns at it.

The load of one namespace then delays another by one turn, and not by all that wait in it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import chain
from typing import Final

ASKED_FOR: Final[ContextVar[str]] = ContextVar("asked_for", default="")
"""The namespace of the ModelAlias that is looked at; empty where it is none. A task takes it along to those it starts."""


class Turns:
    """A number of places, and a line for each namespace (`ASKED_FOR`) while all of them are taken."""

    def __init__(self, most: int) -> None:
        """Take how many places there are."""
        self._free = most
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """Those who wait, by namespace, in the order of the namespaces' turns."""

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Wait for a place, and keep it until the block ends."""
        await self.take()
        try:
            yield
        finally:
            self.give_back()

    async def take(self, *, ahead: bool = False) -> None:
        """Wait for a place, with `ahead` before all others of its namespace; raise what `turn_away` was given."""
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(ASKED_FOR.get(), deque())
        if ahead:
            waiting.appendleft(turn)
        else:
            waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back()
            raise

    def give_back(self) -> None:
        """Hand a place to the next that waits; its namespace then comes after all others."""
        while self._waiting:
            namespace = next(iter(self._waiting))
            waiting = self._waiting.pop(namespace)
            turn = waiting.popleft()
            if waiting:
                self._waiting[namespace] = waiting
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def turn_away(self, error: Callable[[], Exception]) -> None:
        """Let all that wait fail, each with an error of its own."""
        waiting, self._waiting = self._waiting, {}
        for turn in chain.from_iterable(waiting.values()):
            if not turn.done():
                turn.set_exception(error())
