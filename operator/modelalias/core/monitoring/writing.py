"""Writing: when readings are worth a write of the status, and in which order they stand there."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from modelalias.api.monitor_status import MonitorState, MonitorStatus
from modelalias.api.monitors import Monitor

FLUSH: Final = timedelta(minutes=5)
"""How often new points alone are written."""
BETWEEN: Final = timedelta(minutes=1)
"""How often states and counts are written that nobody has to know at once: a metric may go to and fro."""

_ROUNDING: Final = timedelta(seconds=1)
_POINTS: Final = frozenset({"points", "value", "at", "breached_at"})
_SLOW: Final = tuple(name for name in MonitorStatus.model_fields if name not in _POINTS)
_AT_ONCE: Final = ("name", "version", "disarmed", "rule", "baseline")
_EARLY: Final = frozenset({MonitorState.WAITING, MonitorState.GRACE})


class Worth(NamedTuple):
    """Whether monitors are worth a write of the status."""

    now: bool
    later: datetime | None = None
    """When they are, where not now: not everything is written as often as it changes."""


def worth_writing(
    before: tuple[MonitorStatus, ...],
    after: tuple[MonitorStatus, ...],
    now: datetime,
    written: datetime | None = None,
) -> Worth:
    """Return whether the status should say `after` in place of `before`, which was written then.

    At once where a breach begins or ends, what follows changed, or a version has its first number; else the
    states and counts a while after the last write, and points alone where the written one is `FLUSH` old.
    """
    if len(before) != len(after):
        return Worth(now=True)
    pairs = tuple(zip(before, after, strict=True))
    if any(is_urgent(old, new) or _is_due(old, new, now) for old, new in pairs):
        return Worth(now=True)
    if not any(_differ(_SLOW, old, new) for old, new in pairs):
        return Worth(now=False)
    if written is None or now - written >= BETWEEN - _ROUNDING:
        return Worth(now=True)
    return Worth(now=False, later=written + BETWEEN)


def is_urgent(old: MonitorStatus, new: MonitorStatus) -> bool:
    """Return whether somebody who is woken for it has to find that in the status at once.

    The want of a number ends no breach.
    """
    if _differ(_AT_ONCE, old, new) or (old.value is None and new.value is not None):
        return True
    if old.state in _EARLY and new.state not in {*_EARLY, MonitorState.NO_DATA}:
        return True
    if MonitorState.BREACHED not in {old.state, new.state} or new.state is MonitorState.NO_DATA:
        return False
    return old.state is not new.state or old.follows != new.follows


def merged(
    monitors: Iterable[Monitor], known: Mapping[str, MonitorStatus], written: Iterable[MonitorStatus]
) -> tuple[MonitorStatus, ...]:
    """Return how each monitor of a spec stands, in its order: as it is known, else as it was written."""
    by_name = {item.name: item for item in written} | dict(known)
    return tuple(by_name.get(item.name) or MonitorStatus(name=item.name) for item in monitors)


def _is_due(old: MonitorStatus, new: MonitorStatus, now: datetime) -> bool:
    """Return whether a number came whose written one is old."""
    return new.at != old.at and (old.at is None or now - old.at >= FLUSH)


def _differ(fields: Iterable[str], old: MonitorStatus, new: MonitorStatus) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in fields)
