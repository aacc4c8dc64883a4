"""Ending a hold on automatic steps, where a person says so."""

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.fields import timestamp_text
from modelalias.core.protocol.context import Context


def released(context: Context, alias: ModelAlias) -> ModelAliasStatus:
    """Return the status without its hold where a person released this very hold, and somebody proves who it was."""
    said, hold = alias.metadata.release, alias.status.hold
    if said is None or hold is None or context.identity.pins_unproved:
        return alias.status
    return alias.status.without_hold() if said.what == timestamp_text(hold.since) else alias.status
