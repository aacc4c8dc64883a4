"""What the requests are told for which there is no room in their namespace: why they wait, once, some at a time.

They are judged by nothing and wait for no registry until older ones have ended. One whose time is over ends all the same.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from modelalias.api.conditions import Reason
from modelalias.api.request import PromotionRequest, PromotionRequestStatus
from modelalias.core.protocol.answers import NotReady
from modelalias.core.status import request_status
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.queue import Key

TOLD: Final = 20
"""Requests of an alias that are told together."""
NEXT: Final = timedelta(seconds=1)
"""After which the next ones are."""

Write = Callable[[Key, PromotionRequest, PromotionRequestStatus], Awaitable[None]]
"""Writes a status; raises as the cluster does."""


class WithoutRoom:
    """The requests without room of one alias after the other."""

    def __init__(self, memory: Memory, in_work: int, write: Write, wall: Callable[[], datetime]) -> None:
        """Take where they are known, how many of a namespace have room, and what writes their statuses."""
        self._memory, self._in_work, self._write, self._wall = memory, in_work, write, wall

    async def tell(self, key: Key) -> datetime | None:
        """Tell the oldest that do not know it yet, and return when to look again."""
        now = self._wall()
        expires = self._memory.let_expire(key, now)
        for request in self._memory.without_room(key, TOLD):
            wait = NotReady(Reason.NAMESPACE_LIMIT, self._says(key.namespace))
            await self._write(key, request, request_status.waiting(request, wait, now))
        left = self._memory.without_room(key, 1)
        return min((at for at in (expires, now + NEXT if left else None) if at is not None), default=None)

    def _says(self, namespace: str) -> str:
        older = "1 older request" if self._in_work == 1 else f"{self._in_work} older requests"
        return (
            f"waits: namespace {namespace} has {older} in work, and no more are at a time; this one goes on as they end, "
            "and a rollback or a swap goes at once"
        )
