"""How long something takes or is ago, in as few letters as people read at a glance."""

from datetime import datetime, timedelta
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = ((2 * _MINUTE, 1, "s"), (2 * _HOUR, _MINUTE, "m"), (2 * _DAY, _HOUR, "h"))
"""Below what which unit is used, as kubectl does: up to two of the next one the smaller tells more."""


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago something was, such as 90s, 12m, 3h or 5d; "" where nobody knows when."""
    return "" if at is None else short(now - at)


def short(span: timedelta) -> str:
    """Return a span in its whole units; less than nothing, as where clocks differ, is nothing."""
    seconds = max(int(span.total_seconds()), 0)
    for below, unit, letter in _STEPS:
        if seconds < below:
            return f"{seconds // unit}{letter}"
    return f"{seconds // _DAY}d"
