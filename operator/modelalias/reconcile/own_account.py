"""The user name under which the API server knows this process, and under which it files requests."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from modelalias.core.errors import OperatorError
from modelalias.ports import Objects

PROBE: Final = timedelta(seconds=30)

_log = logging.getLogger(__name__)


class OwnAccount:
    """The name, once it was found out; `found` is called then."""

    def __init__(self, objects: Objects, found: Callable[[], None]) -> None:
        """Know no name yet: nothing is filed without one."""
        self._objects, self._found = objects, found
        self.name = ""

    async def look(self) -> None:
        """Find out the name; one that is known does not change."""
        if self.name:
            return
        try:
            self.name = await self._objects.account()
        except OperatorError as error:
            _log.warning("cannot find out the operator's own user name: %s", error)

    async def run(self) -> None:
        """Ask until the name is known."""
        while not self.name:
            await asyncio.sleep(PROBE.total_seconds())
            await self.look()
            if self.name:
                self._found()
