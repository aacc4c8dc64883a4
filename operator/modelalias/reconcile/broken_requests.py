"""How often looking at a request met an unexpected error; kept by this process alone."""

import logging
from collections.abc import Collection, Iterable, Mapping

from modelalias.api.request import PromotionRequest
from modelalias.core.errors import RequestBroken
from modelalias.core.requests.broken import MOST_TRIES
from modelalias.reconcile.queue import Key

_log = logging.getLogger(__name__)


class BrokenRequests:
    """Counts the tries; another process, or this one after a restart, counts anew."""

    def __init__(self) -> None:
        """Know of none."""
        self._tries: dict[Key, dict[str, int]] = {}

    def count(self, key: Key, error: RequestBroken) -> str:
        """Count a try and log its error once with its trace; return the uid of the request."""
        tries = self._tries.setdefault(key, {})
        tries[error.uid] = tries.get(error.uid, 0) + 1
        fields = {"alias": f"{key.namespace}/{key.name}", "request": error.name, "try": tries[error.uid]}
        _log.error("unexpected error while a request was judged", exc_info=error.__cause__, extra=fields)
        return error.uid

    def of(self, key: Key, not_again: Collection[str]) -> Mapping[str, int]:
        """Return the tries of the requests that are not to be looked at.

        That is in this pass, or because they had all their tries.
        """
        tries = self._tries.get(key, {})
        return {uid: count for uid, count in tries.items() if uid in not_again or count >= MOST_TRIES}

    def keep(self, key: Key, requests: Iterable[PromotionRequest]) -> None:
        """Forget the requests that are gone or have ended."""
        tries = self._tries.pop(key, {})
        uids = {item.metadata.uid for item in requests}
        left = {uid: count for uid, count in tries.items() if uid in uids}
        if left:
            self._tries[key] = left
