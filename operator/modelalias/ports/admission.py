"""Whether the API server proves who writes."""

from typing import Protocol


class Admission(Protocol):
    """What makes the API server prove who writes requests and approvals, and who pins.

    Every call raises `Unavailable` and `Refused` as `Objects` does.
    """

    async def why_unproved(self) -> str:
        """Return why nobody proves who writes requests and approvals; "" when the API server does."""
        ...

    async def why_pins_unproved(self) -> str:
        """Return why nobody proves who sets `spec.version`; "" when the API server does."""
        ...
