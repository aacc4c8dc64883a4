"""How often looking at a request met an unexpected error; kept by this process alone."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from modelalias.api.request import PromotionRequest
from modelalias.core.errors import RequestBroken
from modelalias.core.protocol.context import Broken
from modelalias.core.requests.broken import MOST_TRIES
from modelalias.reconcile.queue import Key

_PAUSE: Final = timedelta(seconds=10)
"""Before the second try; before the third it is twice that."""

_log = logging.getLogger(__name__)


class BrokenRequests:
    """Counts the tries; another process, or this one after a restart, counts anew."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        """Know of none."""
        self._wall = wall
        self._broken: dict[Key, dict[str, Broken]] = {}

    def count(self, key: Key, error: RequestBroken) -> None:
        """Count a try, log its error with its trace, and leave the request alone for a while."""
        broken = self._broken.setdefault(key, {})
        tries = broken[error.uid].tries + 1 if error.uid in broken else 1
        broken[error.uid] = Broken(tries, self._wall() + tries * _PAUSE)
        fields = {"alias": f"{key.namespace}/{key.name}", "request": error.name, "try": tries}
        _log.error("unexpected error while a request was judged", exc_info=error.__cause__, extra=fields)

    def of(self, key: Key) -> Mapping[str, Broken]:
        """Return the requests that are not to be looked at: in their pause, or because they had all their tries."""
        now = self._wall()
        items = self._broken.get(key, {}).items()
        return {uid: item for uid, item in items if now < item.until or item.tries >= MOST_TRIES}

    def keep(self, key: Key, requests: Iterable[PromotionRequest]) -> None:
        """Forget the requests that are gone or have ended."""
        broken = self._broken.pop(key, {})
        uids = {item.metadata.uid for item in requests}
        left = {uid: item for uid, item in broken.items() if uid in uids}
        if left:
            self._broken[key] = left
