"""Builders for tests of monitors: everything has a default."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from modelalias.api.alias import Monitor, MonitorStatus
from modelalias.core.monitoring import bounds, series
from modelalias.core.monitoring.series import Reading

SINCE: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the version became current."""
QUERY: Final = 'errors{version="$version"}'


def monitor_body(**fields: Any) -> dict[str, Any]:
    """Return a monitor as it stands in YAML; by default of a query that names the version."""
    source = {} if "experiment" in fields else {"prometheus": {"query": QUERY}}
    rule = {} if "champion" in fields or "threshold" in fields else {"threshold": 0.05}
    return {"name": "errors", "direction": "LowerIsBetter", "grace": "5m", **source, **rule, **fields}


def monitor(**fields: Any) -> Monitor:
    return Monitor.model_validate(monitor_body(**fields))


def reading(value: float | None, sample: str | None = None) -> Reading:
    """Return a reading as a source gives it."""
    number = bounds.number(value)
    return Reading(number, "" if number is not None else "no series", sample)


class Readings:
    """A series that takes readings, one each interval, from long after the move on."""

    def __init__(self, status: MonitorStatus | None = None, **fields: Any) -> None:
        self.monitor = monitor(**fields)
        self.status = series.begun(self.monitor, "3") if status is None else status
        self.now = SINCE + timedelta(hours=1)

    def read(self, value: float | None, sample: str | None = None, *, after: str = "60s") -> MonitorStatus:
        self.now += timedelta(seconds=int(after.removesuffix("s")))
        self.status = series.read(self.status, self.monitor, reading(value, sample), self.now, SINCE)
        return self.status

    def states(self, *values: float | None) -> list[tuple[str, int]]:
        """Read these values one after another and return how the monitor stood after each, and its count."""
        told = []
        for value in values:
            status = self.read(value)
            told.append((str(status.state), status.failures))
        return told
