"""Whether the API server proves who writes requests and approvals, looked up now and then."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from modelalias.core.errors import Refused, Unavailable
from modelalias.ports import Admission

INTERVAL: Final = timedelta(seconds=60)
PROBE: Final = timedelta(seconds=5)
"""While nobody proves it people wait for the policy, and their approvals with them."""

_log = logging.getLogger(__name__)


class IdentityWatch:
    """What the last look said; `changed` is called when it says something else than the one before."""

    def __init__(self, admission: Admission, changed: Callable[[], None]) -> None:
        """Know nothing yet, which proves nothing."""
        self._admission, self._changed = admission, changed
        self.why_unproved = "it was not looked up yet"
        self.certain = False
        """Whether that is what the API server said."""

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep((PROBE if self.why_unproved else INTERVAL).total_seconds())
            await self.look()

    async def look(self) -> None:
        """Look it up; while the API server does not answer, what the last look said stands."""
        certain = True
        try:
            why = await self._admission.why_unproved()
        except Refused as error:
            why, certain = f"the operator cannot look it up: {error}", False
        except Unavailable as error:
            _log.warning("cannot look up the admission policy: %s", error)
            return
        self.certain = certain
        if why != self.why_unproved:
            self.why_unproved = why
            _log.info("identity", extra={"proved": not why, "text": why})
            self._changed()
