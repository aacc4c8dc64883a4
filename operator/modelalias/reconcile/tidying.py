"""Deleting requests that have ended: when their time is over, or when there are more than their alias keeps.

One that a tool keeps in Git is left alone: the tool would only apply it again.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from modelalias.core.errors import NotLeading, OperatorError
from modelalias.ports import Lead, Objects
from modelalias.reconcile.known_requests import EndedRequest, KnownRequests
from modelalias.reconcile.queue import Key

AGAIN: Final = timedelta(seconds=60)
"""When what could not be deleted is tried again."""

_log = logging.getLogger(__name__)


class Tidying:
    """The ended requests of one alias after the other."""

    def __init__(
        self, requests: KnownRequests, objects: Objects, lead: Lead, wall: Callable[[], datetime]
    ) -> None:
        """Take where ended requests are known, and what deletes them."""
        self._requests, self._objects, self._lead, self._wall = requests, objects, lead, wall

    async def tidy(self, key: Key, limit: int | None) -> datetime | None:
        """Delete what is due and return when the next one will be.

        A failure is told in the log and tried again.
        """
        ended, now, again = self._requests.ended(key), self._wall(), None
        for item in due(ended, limit, now):
            try:
                self._lead.check()
                await self._objects.delete_request(key.namespace, item.name, item.uid, item.version)
            except NotLeading:
                raise
            except OperatorError as error:
                _log.warning("a request that ended cannot be deleted: %s", error)
                again = now + AGAIN
                continue
            self._requests.drop(key.namespace, item.name, item.uid)
            _log.info("request deleted", extra={"namespace": key.namespace, "request": item.name})
        later = (at for item in self._requests.ended(key) if (at := _expires(item)) is not None and at > now)
        return min((at for at in (again, *later) if at is not None), default=None)


def due(ended: Iterable[EndedRequest], limit: int | None, now: datetime) -> Iterator[EndedRequest]:
    """Return the requests to delete: whose time is over, and the oldest beyond the limit.

    Those that were not judged are counted by themselves: a flood of them must not push the verdicts out.
    """
    ours = sorted((item for item in ended if not item.tracked), key=lambda item: (item.at, item.version))
    for judged in (True, False):  # times are whole seconds
        alike = [item for item in ours if item.judged is judged]
        extra = 0 if limit is None else max(0, len(alike) - limit)
        for index, item in enumerate(alike):
            expires = _expires(item)
            if index < extra or (expires is not None and expires <= now):
                yield item


def _expires(item: EndedRequest) -> datetime | None:
    return None if item.ttl is None or item.tracked else item.at + timedelta(seconds=item.ttl)
