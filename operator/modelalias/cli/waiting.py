"""Waiting for a request to end, with each new explanation told on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from modelalias.api.conditions import RequestCondition, is_true
from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import Cluster, Missing
from modelalias.cli.word import has_ended
from modelalias.core.errors import Refused, Unavailable

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 4.0
_SLOWER: Final = 1.5


class Ending(IntEnum):
    """How waiting ended, as the status of the program."""

    SUCCEEDED = 0
    NOT_SUCCEEDED = 1
    """Refused, failed, stopped or deleted."""
    TIMED_OUT = 2


@dataclass(frozen=True)
class Clock:
    """Seconds from somewhere, and a way to let some pass."""

    now: Callable[[], float]
    pause: Callable[[float], Awaitable[object]]


def clock() -> Clock:
    """Return the clock of the event loop that runs."""
    return Clock(asyncio.get_running_loop().time, asyncio.sleep)


async def until_ended(
    cluster: Cluster, request: PromotionRequest, seconds: float, tell: Callable[[str], None], clock: Clock
) -> tuple[PromotionRequest, Ending]:
    """Look again and again until the request has ended, is gone, or the time is over.

    Return how it stood last. A lost connection is told once and tried again. Credentials that are refused are
    renewed; refused again, it is `Refused`.
    """
    deadline, pause, told = clock.now() + seconds, FIRST_PAUSE, ""
    look = _Look(cluster, request, tell)
    found = request
    while True:
        words = _words(found)
        if words not in {"", told}:
            tell(words)
            told, pause = words, FIRST_PAUSE
        if has_ended(found):
            return found, ending(found)
        left = deadline - clock.now()
        if left <= 0:
            tell(f"timed out after {seconds:g} s: request {request.metadata.name} has not ended")
            return found, Ending.TIMED_OUT
        await clock.pause(min(pause, left))
        pause = min(pause * _SLOWER, LONGEST_PAUSE)
        try:
            found = await look.again() or found
        except Missing as gone:
            tell(str(gone))
            return found, Ending.NOT_SUCCEEDED


class _Look:
    """Reads a request over and over, whatever becomes of the connection."""

    def __init__(self, cluster: Cluster, request: PromotionRequest, tell: Callable[[str], None]) -> None:
        self._cluster, self._request, self._tell = cluster, request, tell
        self._trouble, self._renewed = "", False

    async def again(self) -> PromotionRequest | None:
        """Return the request, or None when it cannot be read now; raise `Missing` when it is gone."""
        name = self._request.metadata.name
        try:
            found = await self._cluster.request(name)
        except Missing as error:
            raise Missing(f"request {name} was deleted") from error
        except Unavailable as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._tell(f"{error}; trying again")
            return None
        except Refused:
            if self._renewed:
                raise
            self._renewed = True
            await self._cluster.renew()
            return None
        if found.metadata.uid != self._request.metadata.uid:
            raise Missing(f"request {name} was deleted, there is another one of that name")
        self._trouble, self._renewed = "", False
        return found


def ending(request: PromotionRequest) -> Ending:
    """Say which way a request ended."""
    good = is_true(request.status.conditions, RequestCondition.SUCCEEDED)
    return Ending.SUCCEEDED if good else Ending.NOT_SUCCEEDED


def _words(request: PromotionRequest) -> str:
    status = request.status
    return ": ".join(item for item in (status.phase, status.explanation) if item)
