"""What is not told again, and what is told in one letter."""

from collections import OrderedDict
from typing import Final

from modelalias.core.notifications.notice import Notice

REMEMBERED_SECONDS: Final = 300.0
MOST_REMEMBERED: Final = 10_000
"""Of more within that time the oldest are forgotten, so that they could be told twice."""
DIGEST_ABOVE: Final = 20
"""Notices that wait for a channel of people; more are told in one letter."""


class Recent:
    """What was told a short while ago."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._told: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def is_new(self, notice: Notice, now: float) -> bool:
        """Return whether the same was not told of the same object within five minutes, and remember it.

        `now` is that of a monotonic clock in seconds. What is told again and again is told every five minutes.
        """
        while self._told and next(iter(self._told.values())) <= now - REMEMBERED_SECONDS:
            self._told.popitem(last=False)
        what = (*notice.object, str(notice.occasion), notice.reason, notice.sentence)
        if what in self._told:
            return False
        if len(self._told) >= MOST_REMEMBERED:
            self._told.popitem(last=False)
        self._told[what] = now
        return True


def how_many(waiting: int, *, for_people: bool) -> int:
    """Return how many of those that wait go into the next letter."""
    return waiting if for_people and waiting > DIGEST_ABOVE else min(waiting, 1)
