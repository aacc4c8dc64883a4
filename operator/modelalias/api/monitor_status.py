"""What is known of a monitor: the last readings of one production metric, and what they add up to."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelalias.api.fields import (
    ItemName,
    Message,
    ModelVersionNumber,
    Reported,
    Timestamp,
    keep_first,
    keep_last,
)

_Reading = Annotated[str, Field(max_length=64)]
"""A decimal number as text: NaN has no JSON."""


class MonitorState(StrEnum):
    """How a monitor stands."""

    WAITING = "Waiting"
    """nothing was read of this version yet."""
    GRACE = "Grace"
    """the version was moved to less than spec.monitors[].grace ago; readings count for nothing."""
    PASSING = "Passing"
    """the last reading is within the bound."""
    FAILING = "Failing"
    """the last readings are beyond the bound, fewer in a row than failureLimit."""
    BREACHED = "Breached"
    """failureLimit readings in a row, or more, are beyond the bound."""
    NO_DATA = "NoData"
    """there is no number: no series, NaN, or no answer. It is no breach, and ends none."""


class MonitorPoint(Reported):
    """One reading."""

    at: Timestamp
    """When it was read."""
    value: _Reading
    """The number."""


class Baseline(Reported):
    """What was kept of the version before: the median of its last readings when it was replaced."""

    version: ModelVersionNumber
    """The version."""
    value: _Reading
    """The number."""
    at: Timestamp
    """When it was kept."""


class MonitorStatus(Reported):
    """The last readings of one monitor, of the version that is current."""

    name: ItemName
    """Name of the monitor."""
    version: ModelVersionNumber | None = None
    """The version that is watched."""
    state: MonitorState = MonitorState.WAITING
    """How it stands."""
    value: _Reading | None = None
    """The last number that was read."""
    at: Timestamp | None = None
    """When it was read."""
    sample: Annotated[str, Field(max_length=128), keep_first(128)] | None = None
    """Which measurement that was, where one measurement can be read several times: the run of an experiment. It
    counts once."""
    counting_since: Timestamp | None = None
    """When the first reading was made that counts; absent while none does."""
    failures: Annotated[int, Field(ge=0)] = 0
    """How many readings in a row were beyond the bound; not counted further than failureLimit."""
    failing_since: Timestamp | None = None
    """When the first of them was read."""
    breached_at: Timestamp | None = None
    """When it was last read while it was breached."""
    no_data_since: Timestamp | None = None
    """Since when there is no number."""
    disarmed: bool = False
    """Whether this breach moves nothing any more, until readings pass again: many aliases breached at once."""
    rule: Annotated[str, Field(max_length=256), keep_first(256)] = ""
    """The bound in words, with the number that it comes to."""
    baseline: Baseline | None = None
    """What was kept of the version before."""
    points: Annotated[tuple[MonitorPoint, ...], Field(max_length=30), keep_last(30)] = ()
    """The last readings, the newest last, written every few minutes, and with whatever else is written of it."""
    message: Message = ""
    """Why it stands so."""
    follows: Message = ""
    """What follows from a breach, or why nothing does."""


class BreachedVersion(Reported):
    """A version of which a monitor was breached: nothing goes back to it by itself."""

    version: ModelVersionNumber
    """The version."""
    monitor: ItemName
    """The monitor."""
    value: _Reading
    """The number that completed the breach."""
    at: Timestamp
    """When."""
    request: Annotated[str, Field(max_length=253)] | None = None
    """The rollback that was filed for it. It is filed once, also where somebody deletes it."""
