"""Mass breach: monitors of so many aliases begin to fail at once that it is not the models.

What has failed for long is its own trouble, and counts no more. In a mass breach nothing is rolled back.
What fails at that time is disarmed until a reading of it passes, and counts until then, so that the tail of a
common trouble that ends slowly rolls nothing back either.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from modelalias.api.monitor_status import MonitorState, MonitorStatus

FEW: Final = 5
"""So many aliases may fail at once, however few there are."""
SHARE: Final = 10
"""One in so many may."""
AT_ONCE: Final = timedelta(minutes=15)
"""How long ago a monitor may have begun to fail for that to be at once, beside its interval."""
REMEMBERED: Final = timedelta(minutes=15)
"""How long a monitor that failed last counts after its numbers stopped."""


def is_mass(failing: int, monitored: int) -> bool:
    """Return whether so many failing aliases of so many that have monitors are too many."""
    return failing > FEW and failing * SHARE > monitored


def is_failing(monitors: Iterable[tuple[MonitorStatus, timedelta]], now: datetime) -> bool:
    """Return whether one of an alias's monitors, each with its interval, began to fail lately and still does."""
    return any(_fails(item, now) and _counts(item, interval, now) for item, interval in monitors)


def disarmed(status: MonitorStatus) -> MonitorStatus:
    """Return the monitor as it stands after a mass breach: what fails moves nothing until it passes."""
    return status.changed(disarmed=True) if status.failures and not status.disarmed else status


def _counts(status: MonitorStatus, interval: timedelta, now: datetime) -> bool:
    """Return whether a failure is part of what happens at once: one that is read seldom is seen that much later."""
    began = status.failing_since
    return status.disarmed or began is None or now - began < AT_ONCE + interval


def _fails(status: MonitorStatus, now: datetime) -> bool:
    if not status.failures:
        return False
    if status.state is not MonitorState.NO_DATA:
        return True
    return status.no_data_since is None or now - status.no_data_since < REMEMBERED
