"""When one window is open: its cron expression in its time zone, and its duration.

Starts are those of Debian's cron, as cronsim has them: one in an hour that clocks skip is at the end of the
gap, one in an hour that comes twice is in the first of them. All times that come out are in UTC.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from modelalias.api.alias import Window
from modelalias.api.fields import duration

_NO_PLACES: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Files beside the time zones that mean another time on each machine, or none."""
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_BEYOND_A_REPEATED_HOUR: Final = timedelta(hours=3)


def fault(window: Window) -> str:
    """Return what is wrong with a window that no schema can tell; "" when nothing is."""
    return _fault(window.cron, window.time_zone)


@lru_cache(maxsize=1024)
def _fault(cron: str, zone: str) -> str:
    if not _is_zone(zone):
        return f"timeZone: there is no time zone {zone}; it takes IANA names such as Europe/Berlin"
    try:
        begins = next(CronSim(cron, _ANY_TIME), None)
    except CronSimError as error:
        return f"cron: {cron} is no cron expression that ever comes true: {str(error).lower()}"
    return "" if begins is not None else f"cron: {cron} never comes true: no date matches"


def _is_zone(name: str) -> bool:
    if name in _NO_PLACES or name.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such file, not a time zone, a folder
        return False
    return True


def zone_of(window: Window) -> tzinfo:
    """Return the time zone of a window that has no fault."""
    return UTC if window.time_zone == "UTC" else ZoneInfo(window.time_zone)


def next_start(window: Window, after: datetime) -> datetime | None:
    """Return when the window opens next after a time; None if not within decades."""
    for start in CronSim(window.cron, after.astimezone(zone_of(window))):
        if (opens := start.astimezone(UTC)) > after:  # in a repeated hour cronsim may look back
            return _earliest(window, after, opens)
    return None


def _earliest(window: Window, after: datetime, opens: datetime) -> datetime:
    """Return the first start after a time: where clocks go back by half an hour cronsim passes one over ahead, not back."""
    while (before := last_start(window, opens - _SECOND)) is not None and before > after:
        opens = before
    return opens


def last_start(window: Window, at: datetime) -> datetime | None:
    """Return when the window opened last, that time included."""
    zone = zone_of(window)
    begin = (at + _SECOND).astimezone(zone)
    if begin.fold:
        begin = (at + _BEYOND_A_REPEATED_HOUR).astimezone(zone)
    for start in CronSim(window.cron, begin, reverse=True):
        if (opened := start.astimezone(UTC)) <= at:
            return opened
    return None


def open_until(window: Window, at: datetime) -> datetime | None:
    """Return when the window closes that is open at a time, unless it opens again before; None while it is closed."""
    opened = last_start(window, at)
    if opened is None:
        return None
    closes = opened + duration(window.duration)
    return closes if closes > at else None
