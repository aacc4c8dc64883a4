"""Edits of requests that have ended: nothing comes of them, and their statuses say that they were seen.

`kubectl wait`, kstatus and the tools that go by it wait for `status.observedGeneration` and that of the conditions, so an
abort or an approval that comes too late would keep them waiting for ever.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from modelalias.api.conditions import RequestCondition, is_true
from modelalias.core.errors import NotLeading, OperatorError, StaleObject
from modelalias.ports import Lead, Objects
from modelalias.reconcile.known_requests import KnownRequests
from modelalias.reconcile.queue import Key

AGAIN: Final = timedelta(seconds=60)
"""When what could not be written is tried again."""
SOON: Final = timedelta(seconds=1)
"""When what was changed meanwhile is looked at again."""

_log = logging.getLogger(__name__)


class LateEdits:
    """The ended requests of one alias after the other, as far as somebody edited them since."""

    def __init__(
        self, requests: KnownRequests, objects: Objects, lead: Lead, wall: Callable[[], datetime]
    ) -> None:
        """Take where ended requests are known, and what reads and writes them."""
        self._requests, self._objects, self._lead, self._wall = requests, objects, lead, wall

    async def observe(self, key: Key) -> datetime | None:
        """Write that the latest generation was seen, and return when what failed is tried again."""
        again = None
        for name in [item.name for item in self._requests.ended(key) if not item.observed]:
            try:
                await self._observe(key, name)
            except NotLeading:
                raise
            except StaleObject:
                again = again or self._wall() + SOON
            except OperatorError as error:
                _log.warning("the edit of a request that has ended cannot be acknowledged: %s", error)
                again = self._wall() + AGAIN
        return again

    async def _observe(self, key: Key, name: str) -> None:
        """Read the request afresh, since only little of it is kept, and write its status as of now."""
        before = self._requests.version(key.namespace, name)
        request = await self._objects.request(key.namespace, name)
        self._requests.reread(key, name, request, before)
        if request is None or not is_true(request.status.conditions, RequestCondition.COMPLETE):
            return
        status = request.status.as_of(request.metadata.generation)
        if status != request.status:
            self._lead.check()
            self._requests.see(await self._objects.write_request_status(request, status))
