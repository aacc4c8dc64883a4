"""Whether the API server proves who writes requests and approvals, and who pins, looked up now and then."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from modelalias.core.errors import OperatorError, Refused
from modelalias.ports import SILENT, Admission, Telemetry

INTERVAL: Final = timedelta(seconds=60)
PROBE: Final = timedelta(seconds=5)
"""While nobody proves it people wait for the policy, and their approvals with them."""

_log = logging.getLogger(__name__)


class IdentityWatch:
    """What the last look said; `changed` is called when it says something else than the one before."""

    def __init__(
        self, admission: Admission, changed: Callable[[], None], telemetry: Telemetry = SILENT
    ) -> None:
        """Know nothing yet, which proves nothing."""
        self._admission, self._changed, self._telemetry = admission, changed, telemetry
        self.why_unproved = self.why_pins_unproved = "it was not looked up yet"
        self.certain = False
        """Whether the API server itself says what is said of requests and approvals."""

    async def run(self) -> None:
        """Look again and again."""
        while True:
            missing = self.why_unproved or self.why_pins_unproved
            await asyncio.sleep((PROBE if missing else INTERVAL).total_seconds())
            await self.look()

    async def look(self) -> None:
        """Look it up; while the API server does not answer, what the last look said stands."""
        before = (self.why_unproved, self.why_pins_unproved)
        self.why_unproved, self.certain = await _answer(
            self._admission.why_unproved, self.why_unproved, certain=self.certain
        )
        self.why_pins_unproved, _ = await _answer(
            self._admission.why_pins_unproved, self.why_pins_unproved, certain=False
        )
        self._telemetry.identity_looked_up(proved=not self.why_unproved)
        after = (self.why_unproved, self.why_pins_unproved)
        if after != before:
            _log.info("identity", extra={"proved": not any(after), "text": "; ".join(filter(None, after))})
            self._changed()


async def _answer(question: Callable[[], Awaitable[str]], before: str, *, certain: bool) -> tuple[str, bool]:
    """Return why something is not proved, and whether the API server says so; without an answer, as before."""
    try:
        return await question(), True
    except Refused as error:
        return f"the operator cannot look it up: {error}", False
    except OperatorError as error:
        _log.warning("cannot look up an admission policy: %s", error)
        return before, certain
