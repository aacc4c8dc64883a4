"""Whether the operator is silent, as the pages tell it: its Lease, read in the name of who looks and kept for a moment."""

import time
from collections.abc import Callable
from typing import Final

from modelalias.cli import heartbeat
from modelalias.core.errors import OperatorError
from modelalias.web.reading import Reader

KEPT_SECONDS: Final = 10.0
"""For how long an answer is used again: the Lease counts as old after a minute."""


class Pulse:
    """What pages say of the operator's Lease; what one person may read is told to nobody else."""

    def __init__(
        self, namespace: str = heartbeat.NAMESPACE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the namespace in which the operator is installed."""
        self.namespace, self._clock, self.kept_seconds = namespace, clock, KEPT_SECONDS
        self._read: dict[str, tuple[float, str | None]] = {}

    async def warning(self, reader: Reader) -> str | None:
        """Return the sentence that statuses may be old; None where they are not, or where nobody can tell."""
        try:
            user, now = (await reader.who()).user, self._clock()
        except OperatorError:
            return None
        self._read = {who: item for who, item in self._read.items() if now - item[0] < self.kept_seconds}
        if user not in self._read:
            found = await heartbeat.look(reader.within(reader.namespace), self.namespace)
            sentence = f"{found.lasting[0].upper()}{found.lasting[1:]}." if found.is_silent else None
            self._read[user] = (now, sentence)
            return sentence
        return self._read[user][1]
