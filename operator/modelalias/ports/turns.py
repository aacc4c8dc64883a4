"""For whom something is done, so that those who share a server take turns at it."""

from contextvars import ContextVar
from typing import Final

ASKED_FOR: Final[ContextVar[str]] = ContextVar("asked_for", default="")
"""The namespace of the ModelAlias that is looked at; empty where it is none. A task takes it along to those it starts."""
