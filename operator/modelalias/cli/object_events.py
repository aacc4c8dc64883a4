"""Events of the core API as values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import Field

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
    kind: str = ""
    """Kind of the object that it is about."""
    name: str = ""
    """Name of that object."""
    uid: str = ""
    """UID of that object."""
    annotations: Mapping[str, str] = Field(default_factory=dict)
    """What it says for programs, see docs/events.md."""


def newest_first(bodies: Iterable[Mapping[str, Any]]) -> Sequence[ObjectEvent]:
    """Return Events out of bodies of the core API, the newest first."""
    return sorted(map(read, bodies), key=time_of, reverse=True)


def time_of(event: ObjectEvent) -> datetime:
    """Return when it happened last; one that does not say so is older than all others."""
    return event.at or _NEVER


def read(body: Mapping[str, Any]) -> ObjectEvent:
    """Return an Event out of its body; whatever is odd in it is left out."""
    series, about = body.get("series") or {}, body.get("involvedObject") or {}
    annotations = body.get("metadata", {}).get("annotations") or {}
    times = series.get("count") or body.get("count") or 1
    return ObjectEvent(
        at=_time(series.get("lastObservedTime") or body.get("lastTimestamp") or body.get("eventTime")),
        reason=str(body.get("reason") or ""),
        message=str(body.get("message") or ""),
        is_warning=body.get("type") == "Warning",
        times=times if isinstance(times, int) else 1,
        kind=str(about.get("kind") or ""),
        name=str(about.get("name") or ""),
        uid=str(about.get("uid") or ""),
        annotations={str(key): str(value) for key, value in annotations.items()},
    )


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
