"""Events, posted behind everything else: what is done waits for none of them.

What happened is told after it was written, in the order in which it happened to an object. What waits is bounded, and
in memory alone: an Event is news, and the status is what holds.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from modelalias.ports import EventType, Involved, Objects

LANES: Final = 4
"""So many are posted at the same time; an object has one of them."""

MOST_WAITING: Final = 2_500
"""Events that wait in one lane; of more the oldest are dropped."""

LAST_SECONDS: Final = 2.0
"""How long the end of the process waits for what is not posted yet."""

_log = logging.getLogger(__name__)


class _Event(NamedTuple):
    about: Involved
    type: EventType
    reason: str
    message: str
    now: datetime
    annotations: Mapping[str, str]


class EventsPosted:
    """The lanes in which Events wait; `run` posts."""

    def __init__(self, objects: Objects) -> None:
        """Take where Events are posted."""
        self._objects = objects
        self._lanes = tuple(_Lane() for _ in range(LANES))

    def post(
        self,
        about: Involved,
        kind: EventType,
        reason: str,
        message: str,
        *,
        now: datetime,
        annotations: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Put an Event behind those of the same object, and wait for nothing."""
        lane = self._lanes[hash((about.kind, about.namespace, about.name)) % LANES]
        lane.put(_Event(about, kind, reason, message, now, annotations))

    async def run(self) -> None:
        """Post until cancelled, and then what is left, as far as that takes no time."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for lane in self._lanes:
                    tasks.create_task(self._run(lane), name="events")
        finally:
            left = asyncio.gather(*map(self._post_rest, self._lanes), return_exceptions=True)
            await asyncio.wait({left}, timeout=LAST_SECONDS)
            left.cancel()

    async def _run(self, lane: "_Lane") -> None:
        while True:
            await lane.filled.wait()
            await self._post_rest(lane)

    async def _post_rest(self, lane: "_Lane") -> None:
        while lane.waiting:
            event = lane.waiting.popleft()
            try:
                await self._objects.post_event(
                    event.about,
                    event.type,
                    event.reason,
                    event.message,
                    now=event.now,
                    annotations=event.annotations,
                )
            except Exception:  # noqa: BLE001 - a bug in one Event must not keep back the others
                _log.exception("an Event could not be posted")
        lane.filled.clear()


class _Lane:
    def __init__(self) -> None:
        self.waiting: deque[_Event] = deque()
        self.filled = asyncio.Event()
        self._dropping = False

    def put(self, event: _Event) -> None:
        dropping = len(self.waiting) >= MOST_WAITING
        if dropping:
            self.waiting.popleft()
        if dropping and not self._dropping:
            _log.warning("more Events wait than are kept: the oldest are dropped")
        self._dropping = dropping or (self._dropping and bool(self.waiting))
        self.waiting.append(event)
        self.filled.set()
