"""Leadership: what a Lease says, and from when on it may be taken.

Clocks of different machines are never compared. A holder counts its own validity from before its last renewal
was sent; a process that waits counts from when it last saw the Lease change. Both on a clock that only goes
forward, so whatever their wall clocks say, the holder stops `DURATION_SECONDS - VALID_SECONDS` before anyone
else starts. That gap is what an external write that was begun in time may take.
"""

import math
from typing import Final

from modelalias.api.fields import Value

DURATION_SECONDS: Final = 15
"""How long a Lease must stay unchanged before others may take it."""
VALID_SECONDS: Final = 10.0
"""How long after sending a renewal that succeeded this process leads."""
RENEW_SECONDS: Final = 2.0
"""How often the Lease is renewed, or looked at."""
RETRY_SECONDS: Final = 0.5
"""How soon a holder tries again after a renewal that failed."""
CALL_SECONDS: Final = 5.0
"""How long one call may take."""
LOOK_AROUND_SECONDS: Final = 30.0
"""How often a leader looks for other installations."""
LOOK_SECONDS: Final = 1.0
"""How long each of the two questions of that may take: together no longer than until the next renewal."""


class Record(Value):
    """What a Lease says; `holder` is empty when it was released, `renewed` is the holder's own wall clock, as text."""

    holder: str
    renewed: str = ""
    seconds: int = DURATION_SECONDS
    transitions: int = 0
    resource_version: str
    created: str = ""
    """When the object was made, by the API server's clock."""


class Sighting(Value):
    """The Lease as it was last seen, None when there is none, and since when it says so on our own clock."""

    record: Record | None
    since: float
    seconds: float


def observe(before: Sighting | None, record: Record | None, now: float) -> Sighting:
    """Return the sighting after the Lease was read: only what the holder writes counts as a sign of life.

    A Lease that was deleted under its holder's feet is not free before that holder has stopped. Only a
    process that starts after the deletion cannot know of the holder, which steps down at its next renewal.
    """
    if before is None and record is None:
        return Sighting(record=None, since=-math.inf, seconds=0)
    if before is not None and _sign(before.record) == _sign(record):
        return before.changed(record=record)
    if record is not None:
        return Sighting(record=record, since=now, seconds=record.seconds)
    held = before is not None and before.record is not None and before.record.holder
    return Sighting(record=None, since=now, seconds=before.seconds if before is not None and held else 0)


def free_at(sighting: Sighting, identity: str) -> float:
    """Return from when on, on our own clock, the process of that identity may take the Lease."""
    record = sighting.record
    if record is not None and record.holder in {"", identity}:
        return -math.inf
    return sighting.since + sighting.seconds


def _sign(record: Record | None) -> tuple[str, str, int] | None:
    return None if record is None else (record.holder, record.renewed, record.transitions)
