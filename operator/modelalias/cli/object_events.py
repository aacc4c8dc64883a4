"""Events of one object, as the API server keeps them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from modelalias.api.fields import Value

MOST: Final = 50
"""Events that are read of one object."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class ObjectEvent(Value):
    """Something that was told of an object."""

    at: datetime | None
    reason: str
    message: str
    is_warning: bool = False
    times: int = 1


def newest_first(bodies: Iterable[Mapping[str, Any]]) -> Sequence[ObjectEvent]:
    """Return Events out of bodies of the core API, the newest first."""
    return sorted(map(_event, bodies), key=lambda event: event.at or _NEVER, reverse=True)


def _event(body: Mapping[str, Any]) -> ObjectEvent:
    series = body.get("series") or {}
    times = series.get("count") or body.get("count") or 1
    return ObjectEvent(
        at=_time(series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime")),
        reason=str(body.get("reason") or ""),
        message=str(body.get("message") or ""),
        is_warning=body.get("type") == "Warning",
        times=times if isinstance(times, int) else 1,
    )


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
