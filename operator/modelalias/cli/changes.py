"""What happens to objects of the cluster, as the pages follow it."""

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

from modelalias.api.fields import Value


class Happened(StrEnum):
    """What became of an object."""

    ADDED = "ADDED"
    """made, or now taken by the selector"""
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    """gone, or not taken by the selector any more"""
    BOOKMARK = "BOOKMARK"
    """nothing: it says how far the watch has come"""


class Event(Value):
    """One line of a watch."""

    happened: Happened
    body: Mapping[str, Any]

    @property
    def version(self) -> str:
        """From where another watch would go on."""
        return str(self.body.get("metadata", {}).get("resourceVersion") or "")


class Watch(Protocol):
    """What happens to some objects, until the API server ends it; reading raises what `event` raises."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Yield event after event."""

    def close(self) -> None:
        """End it at once."""
