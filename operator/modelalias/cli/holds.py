"""Which hold a ModelAlias is on, and what a person says to end it."""

from modelalias.api.alias import ModelAlias
from modelalias.api.alias_status import Hold
from modelalias.api.fields import timestamp_text
from modelalias.api.metadata import RELEASE_HOLD
from modelalias.cli import said
from modelalias.cli.said import Said


def wanted(alias: ModelAlias, user: str) -> Said | None:
    """Return what ends the hold; None if there is none, or if somebody has said so."""
    hold = alias.status.hold
    return None if hold is None else said.unless(alias.metadata.release, release(hold, user))


def release(hold: Hold, user: str) -> Said:
    """Return what ends a hold."""
    return Said(RELEASE_HOLD, timestamp_text(hold.since), user)


def described(hold: Hold) -> str:
    """Return which hold it is."""
    return f"the hold since {timestamp_text(hold.since)} ({hold.reason})"
