"""The API server's clock, by the dates of its answers.

The times in objects, such as when a request was made, are the API server's. What is compared with them must
come from the same clock, and not from the one of the node on which the operator happens to run.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

TOLERANCE: Final = timedelta(seconds=2)
"""A date is cut to the second and takes a while to arrive: what differs by less is the same time."""


class ServerClock:
    """Tells the API server's time from a clock of our own and what the last answers said."""

    def __init__(self, wall: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Take our own clock, which counts until an answer tells better."""
        self._wall = wall
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time that the API server has now."""
        return self._wall() + self._ahead

    def hear(self, date: str | None) -> None:
        """Take the `Date` of an answer that has just come; one that is missing or makes no sense says nothing."""
        try:
            present = parsedate_to_datetime(date or "")
        except ValueError:
            return
        if present.tzinfo is not None and abs(present - self.now()) > TOLERANCE:
            self._ahead = present - self._wall()
