"""Series: what the readings of one monitor, of one version, add up to.

Within the grace time readings are shown and count for nothing. Afterwards each one beyond the bound counts, and
one within it ends the count. What is no number is neither. A measurement of an experiment counts once, however
often it is read; one that was there when the series began was made before it, and never counts: no clock of
another system is asked.

failureLimit readings in a row are a breach. With failureLimit 1 the one reading has to stand for an interval: by
another reading beyond the bound, or, for a measurement, because no other one has replaced it. Meanwhile trouble
that many aliases have in common shows itself at all of them, before anything is rolled back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Final, NamedTuple

from modelalias.api.fields import duration
from modelalias.api.monitor_status import Baseline, MonitorPoint, MonitorState, MonitorStatus
from modelalias.api.monitors import Monitor
from modelalias.core.monitoring import bounds
from modelalias.core.monitoring.bounds import Judged

SHORTEST_INTERVAL: Final = timedelta(seconds=5)

NO_MEASUREMENT: Final = "none"
"""The sample of an experiment that was looked at and had no measurement; runs are told as `run=value`."""

_ROUNDING: Final = timedelta(seconds=1)
"""Times in a status are whole seconds, so that two of them may seem closer than they were."""


class Reading(NamedTuple):
    """What a source said: a finite number, or why there is none."""

    value: Decimal | None
    why: str = ""
    """Why there is no number, in the same words as long as the cause lasts."""
    sample: str | None = None
    """Which measurement it is, where one can be read several times."""


def interval(monitor: Monitor) -> timedelta:
    """Return how often a monitor is read."""
    return max(duration(monitor.interval), SHORTEST_INTERVAL)


def begun(monitor: Monitor, version: str, baseline: Baseline | None = None) -> MonitorStatus:
    """Return the series of a version of which nothing was read yet."""
    rule = bounds.rule(monitor, baseline)
    return MonitorStatus(name=monitor.name, version=version, rule=rule, baseline=baseline)


def moved(status: MonitorStatus, version: str, now: datetime, *, was_breached: bool = False) -> MonitorStatus:
    """Return a new series for the version that is current now; what was kept of the one left is its baseline.

    That is the median of the readings that counted and were not part of a failure. A version that was breached
    is no yardstick: the one of the version before it stays. Where nothing is known of the version left, the
    baseline stays only where it is the new version's own.
    """
    breached = was_breached or status.state is MonitorState.BREACHED
    baseline = status.baseline if breached else _kept(status, now) or _own(status.baseline, version)
    return MonitorStatus(name=status.name, version=version, baseline=baseline)


def read(
    status: MonitorStatus, monitor: Monitor, reading: Reading, now: datetime, since: datetime
) -> MonitorStatus:
    """Return the series with another reading; `since` is when the version became current."""
    now = now.replace(microsecond=0)
    in_grace = now < since + duration(monitor.grace)
    if reading.value is None:
        return status.changed(
            state=MonitorState.GRACE if in_grace else MonitorState.NO_DATA,
            no_data_since=status.no_data_since or now,
            sample=reading.sample if status.sample is None else status.sample,
            message=reading.why,
            rule=bounds.rule(monitor, status.baseline),
        )
    is_known = reading.sample is not None and reading.sample == status.sample
    was_there = reading.sample is not None and status.sample is None
    fresh = status if is_known else _with_point(status, reading, reading.value, now)
    if in_grace and status.counting_since is not None:
        fresh = fresh.changed(
            points=status.points
        )  # after a move that was undone: the median stays of what counted
    fresh = fresh.changed(at=now, no_data_since=None)
    judged = bounds.judge(monitor, reading.value, status.baseline)
    if in_grace or was_there or (is_known and status.counting_since is None):
        return _shown(fresh, judged, in_grace=in_grace)
    if judged.beyond is None:
        return fresh.changed(
            state=MonitorState.NO_DATA,
            counting_since=status.counting_since or now,
            no_data_since=status.no_data_since or now,
            message=judged.why,
            rule=judged.rule,
        )
    if is_known:  # it has counted already
        return _standing(fresh, monitor, judged, now, status.failures)
    counting = fresh.changed(counting_since=status.counting_since or now)
    failures = min(status.failures + 1, monitor.failure_limit) if judged.beyond else 0
    return _standing(counting, monitor, judged, now, failures)


def _with_point(status: MonitorStatus, reading: Reading, value: Decimal, now: datetime) -> MonitorStatus:
    words = bounds.text(value)
    point = MonitorPoint(at=now, value=words)
    return status.changed(value=words, sample=reading.sample, points=(*status.points, point))


def _shown(status: MonitorStatus, judged: Judged, *, in_grace: bool) -> MonitorStatus:
    """Return the series with a reading that does not count."""
    message = (
        "" if in_grace else "the last measurement was there before readings counted; the next one counts"
    )
    state = MonitorState.GRACE if in_grace else MonitorState.WAITING
    return status.changed(state=state, message=message, rule=judged.rule)


def _standing(
    status: MonitorStatus, monitor: Monitor, judged: Judged, now: datetime, failures: int
) -> MonitorStatus:
    """Return the series with so many readings in a row beyond the bound."""
    if not failures:
        return status.changed(
            state=MonitorState.PASSING,
            failures=0,
            failing_since=None,
            disarmed=False,
            message="",
            rule=judged.rule,
        )
    failing_since = status.failing_since or now
    limit = monitor.failure_limit
    stands = now - failing_since >= interval(monitor) - _ROUNDING
    breached = failures >= limit and (limit > 1 or stands)
    if breached:
        message = f"{_readings(limit)} not {judged.rule}"
    elif failures >= limit:
        message = f"{_readings(1)} not {judged.rule}; a breach if that stands for {monitor.interval}"
    else:
        message = f"{_readings(failures)} not {judged.rule}; a breach after {limit}"
    return status.changed(
        state=MonitorState.BREACHED if breached else MonitorState.FAILING,
        failures=failures,
        failing_since=failing_since,
        breached_at=now if breached else status.breached_at,
        message=message,
        rule=judged.rule,
    )


def _readings(count: int) -> str:
    return "the last reading is" if count == 1 else f"the last {count} readings are"


def _kept(status: MonitorStatus, now: datetime) -> Baseline | None:
    """Return the median of the readings that counted and were not part of a failure."""
    if status.version is None or status.counting_since is None:
        return None
    values = _values(status.points, status.counting_since, status.failing_since)
    if not values:
        return None
    value = bounds.text(median(values))
    return Baseline(version=status.version, value=value, at=now.replace(microsecond=0))


def _values(points: Sequence[MonitorPoint], first: datetime, end: datetime | None) -> list[Decimal]:
    counted = (point for point in points if first <= point.at and (end is None or point.at < end))
    return [value for point in counted if (value := bounds.number(point.value)) is not None]


def _own(baseline: Baseline | None, version: str) -> Baseline | None:
    return baseline if baseline is not None and baseline.version == version else None
