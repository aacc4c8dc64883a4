"""Who signs the records of versions, read again now and then, so that another key needs no restart."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from modelalias.core.errors import InvalidRequest, Refused, StaleObject, Unavailable
from modelalias.ports import Notary, SigningKeys

INTERVAL: Final = timedelta(seconds=60)
PROBE: Final = timedelta(seconds=5)
"""How soon it is tried again while there is no key: nothing is done without one."""

_log = logging.getLogger(__name__)


class NotaryWatch:
    """The notary that was read last."""

    def __init__(self, keys: SigningKeys) -> None:
        """Know none yet."""
        self._keys = keys
        self._notary: Notary | None = None
        self._logged = ""

    @property
    def notary(self) -> Notary:
        """The notary; there is one once `ready` has returned."""
        if self._notary is None:
            raise Unavailable("the key that signs records was not read yet")
        return self._notary

    async def ready(self) -> None:
        """Wait until there is a key: no record is written without a signature."""
        while not await self._load():  # noqa: ASYNC110 - nobody tells when the API server answers again
            await asyncio.sleep(PROBE.total_seconds())

    async def run(self) -> None:
        """Read it again and again; while that fails, the one that was read last signs."""
        while True:
            await asyncio.sleep(INTERVAL.total_seconds())
            await self._load()

    async def _load(self) -> bool:
        try:
            notary = await self._keys.load()
        except (InvalidRequest, Refused, StaleObject, Unavailable) as error:
            waits = "nothing is done until then" if self._notary is None else "the last one still signs"
            self._log_change(logging.WARNING, f"cannot read the key that signs records, {waits}: {error}")
            return False
        self._notary = notary
        self._log_change(logging.INFO, f"records are signed with key {notary.key}")
        return True

    def _log_change(self, level: int, text: str) -> None:
        """Log what changed, once."""
        if text != self._logged:
            self._logged = text
            _log.log(level, text)
