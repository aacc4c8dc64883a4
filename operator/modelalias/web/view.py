"""What pages show, as values: a template renders one, and programs get the same as JSON."""

from datetime import datetime
from typing import Final

from modelalias.api.fields import Value

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_UNITS: Final = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))
MOST_DAYS: Final = 90
"""From here on a date says more than a number of days."""


class View(Value):
    """A part of a page; frozen, in camelCase for programs."""


class PageView(View):
    """A whole page."""

    operator_warning: str | None = None
    """That statuses may be old, where the operator's Lease says so."""


class Notice(View):
    """What a person has to know before they read on, such as that a part could not be read."""

    text: str
    is_error: bool = False


class Command(View):
    """A command line that a person can copy."""

    line: str
    purpose: str = ""


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago that was, in one unit, as people say it; a time to come is told as one."""
    seconds = (now - at).total_seconds()
    if abs(seconds) >= MOST_DAYS * _DAY:
        return f"{at:%Y-%m-%d}"
    if seconds >= 0:
        return "just now" if seconds < _MINUTE else f"{lasting(at, now)} ago"
    return f"in {lasting(at, now)}"


def lasting(at: datetime, now: datetime) -> str:
    """Return how much time lies between the two, in one unit."""
    seconds = abs((now - at).total_seconds())
    if seconds < _MINUTE:
        return "less than 1 min"
    length, unit = next(item for item in _UNITS if seconds >= item[0])
    return f"{int(seconds // length)} {unit}"


def grouped(number: int) -> str:
    """Return a number with narrow spaces between its thousands."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
