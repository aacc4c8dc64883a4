"""Waiting for a request to end, and reporting each new explanation meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Generic, TypeVar

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import RequestCondition, is_true
from modelalias.api.request import PromotionRequest
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.cli.request_state import has_ended
from modelalias.core.errors import Refused, Unavailable

M = TypeVar("M", bound=PromotionRequest | ModelAlias)

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 4.0
SLOWER: Final = 1.5


class Ending(IntEnum):
    """How waiting ended, as the exit status."""

    SUCCEEDED = 0
    NOT_SUCCEEDED = 1
    """Refused, failed, undone, aborted or deleted."""
    TIMED_OUT = 2


@dataclass(frozen=True)
class Clock:
    """A monotonic clock in seconds, and a way to sleep."""

    now: Callable[[], float]
    pause: Callable[[float], Awaitable[object]]


def clock() -> Clock:
    """Return the clock of the running event loop."""
    return Clock(asyncio.get_running_loop().time, asyncio.sleep)


async def until_ended(
    cluster: PersonsCluster,
    request: PromotionRequest,
    seconds: float,
    tell: Callable[[str], None],
    clock: Clock,
) -> tuple[PromotionRequest, Ending]:
    """Read the request repeatedly until it has ended, is deleted, or the time is over.

    Return the request as it was read last. A lost connection is reported once and tried again. If credentials
    are refused they are renewed; if they are refused again, `Refused` is raised.
    """
    deadline, pause, reported = clock.now() + seconds, FIRST_PAUSE, ""
    reader = Reader(cluster, cluster.request, request, f"request {request.metadata.name}", tell)
    latest = request
    while True:
        progress = _progress(latest)
        if progress not in {"", reported}:
            tell(progress)
            reported, pause = progress, FIRST_PAUSE
        if has_ended(latest):
            return latest, ending(latest)
        left = deadline - clock.now()
        if left <= 0:
            tell(f"timed out after {seconds:g} s: request {request.metadata.name} has not ended")
            return latest, Ending.TIMED_OUT
        await clock.pause(min(pause, left))
        pause = min(pause * SLOWER, LONGEST_PAUSE)
        try:
            latest = await reader.read() or latest
        except ObjectMissing as gone:
            tell(str(gone))
            return latest, Ending.NOT_SUCCEEDED


class Reader(Generic[M]):
    """Reads one object repeatedly, also across lost connections and expired credentials."""

    def __init__(
        self,
        cluster: PersonsCluster,
        read: Callable[[str], Awaitable[M]],
        item: M,
        called: str,
        tell: Callable[[str], None],
    ) -> None:
        """Take what reads it by its name, the object as it was read first, and how messages call it."""
        self._cluster, self._read, self._item, self._called, self._tell = cluster, read, item, called, tell
        self._trouble, self._renewed = "", False

    async def read(self) -> M | None:
        """Return the object, or None if it cannot be read now; raise `ObjectMissing` if it was deleted."""
        try:
            latest = await self._read(self._item.metadata.name)
        except ObjectMissing as error:
            raise ObjectMissing(f"{self._called} was deleted") from error
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
        if latest.metadata.uid != self._item.metadata.uid:
            raise ObjectMissing(f"{self._called} was deleted, and another one was created with its name")
        self._trouble, self._renewed = "", False
        return latest


def ending(request: PromotionRequest) -> Ending:
    """Return how a request ended."""
    succeeded = is_true(request.status.conditions, RequestCondition.SUCCEEDED)
    return Ending.SUCCEEDED if succeeded else Ending.NOT_SUCCEEDED


def _progress(request: PromotionRequest) -> str:
    status = request.status
    return ": ".join(item for item in (status.phase, status.explanation) if item)
