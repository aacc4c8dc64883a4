"""The one version that a process works with, whatever its address was."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServedVersion:
    """Which version a process serves; fixed when it starts."""

    model: str
    version: str
    run: str | None
