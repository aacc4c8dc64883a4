"""Windows: times in which nothing new begins, or outside of which nothing does."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from modelalias.api.fields import SUM_OF_SECONDS, Duration, ItemName, Value, cel, duration

_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=366)
_BOUNDS: Final = "must be between a minute and 366 days"
_WITHIN_BOUNDS: Final = (
    f"{SUM_OF_SECONDS} >= {int(_SHORTEST.total_seconds())} && "
    f"{SUM_OF_SECONDS} <= {int(_LONGEST.total_seconds())}"
)

_FIELD: Final = "[0-9A-Za-z*,/#-]+"


class WindowKind(StrEnum):
    """What a window does while it is open."""

    DENY = "Deny"
    """nothing begins while it is open."""
    ALLOW = "Allow"
    """nothing begins while neither it nor another Allow window is open. Deny has precedence."""


class WindowOperation(StrEnum):
    """What windows can concern; they never keep the operator from moving an alias back (Restore)."""

    PROMOTE = "Promote"
    """promotion requests, whoever files them."""
    PIN = "Pin"
    """an edit of spec.version."""
    ROLLBACK = "Rollback"
    """requests that go back, also those of monitors."""
    SWAP = "Swap"
    """requests that change places with the version before."""
    ADOPT = "Adopt"
    """taking over what somebody moved the alias to by hand."""


def _within_bounds(text: str) -> str:
    if not _SHORTEST <= duration(text) <= _LONGEST:
        raise ValueError(_BOUNDS)
    return text


class Window(Value):
    """A time that comes again and again; it says when plans may begin.

    A plan that is under way is never stopped by it, and judging and approving go on.
    """

    name: ItemName | None = None
    """Name for messages, such as freeze-weekend."""
    kind: WindowKind
    """Whether nothing begins while it is open (Deny), or nothing outside of it (Allow)."""
    cron: Annotated[str, Field(max_length=128, pattern=f"^{_FIELD}( +{_FIELD}){{4}}$")]
    """When it opens, as crontab(5) has it: minute, hour, day of month, month, day of week, such as
    `0 18 * * 5`. Also L (the last day), LW (the last working day), 5L (the last Friday) and MON#1 (the first
    Monday of a month). No seconds and no words such as @daily."""
    duration: Annotated[
        Duration,
        Field(
            json_schema_extra=cel(
                ("self.matches('[1-9]')", "a duration must be more than zero"),
                (_WITHIN_BOUNDS, _BOUNDS),
            )
        ),
        AfterValidator(_within_bounds),
    ]
    """How long it stays open, such as 60h, from a minute to 366 days: time that passes, also where clocks are
    changed meanwhile. While it is open it may open again, and then closes later."""
    time_zone: Annotated[
        str, Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$")
    ] = "UTC"
    """Time zone of cron by its IANA name, such as Europe/Berlin."""
    except_: Annotated[tuple[WindowOperation, ...], Field(alias="except", max_length=5)] = (
        WindowOperation.ROLLBACK,
        WindowOperation.SWAP,
    )
    """Operations that the window does not concern. Left out: Rollback and Swap. An empty list: it concerns all of
    them."""


Windows = Annotated[tuple[Window, ...], Field(max_length=16)]
