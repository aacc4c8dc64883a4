"""Whether this process may act."""

from typing import Protocol


class Lead(Protocol):
    """Whether this process is the one that acts."""

    def check(self) -> None:
        """Raise `Superseded` unless this process leads now; called before every external write."""
        ...

    async def acquired(self) -> None:
        """Wait until this process leads."""
        ...
