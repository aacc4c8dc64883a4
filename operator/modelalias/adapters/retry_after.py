"""How long a server asks to be left alone."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_RETRY_AFTER: Final = timedelta(minutes=10)
"""A server that asks for a longer pause is asked again after this one."""


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the other side asks to be left alone.

    A date is compared with the other side's own `Date`, never with our clock, and without one it counts for
    nothing.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(timedelta(seconds=int(value)), LONGEST_RETRY_AFTER)
    until, now = _date(value), _date(headers.get("Date", ""))
    if until is None or now is None:
        return None
    return min(max(until - now, timedelta()), LONGEST_RETRY_AFTER)


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
