"""Where people and programs outside the cluster are told what happened."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Letter(NamedTuple):
    """What is told, for people and for programs."""

    title: str
    text: str
    """Plain text in several lines."""
    severity: Severity
    event: Mapping[str, object]
    """The CloudEvent; empty for a digest, which no program gets."""


class Channel(Protocol):
    """One address that is told; whatever it raises names neither the address nor a credential."""

    @property
    def is_for_people(self) -> bool:
        """Whether what waits for long is better told in one letter."""
        ...

    async def send(self, letter: Letter) -> None:
        """Deliver it, or raise.

        `Unavailable` when time may cure it, `Refused` when the address or a credential is not accepted. The
        caller ends it after a while.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
