"""What the monitors ask a Prometheus for, in our own words."""

from typing import Protocol


class MetricsSource(Protocol):
    """One Prometheus, or what answers like it."""

    async def query(self, query: str) -> float | None:
        """Return the one number that a PromQL expression yields now, which may be NaN or infinite.

        None when it yields no series. Raise `Unavailable` when there is no answer in time, `Refused` when the
        credentials are not accepted, and `InvalidRequest` when the expression is wrong or yields several series;
        no message holds an address or a credential.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
