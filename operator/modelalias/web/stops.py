"""What keeps an alias from moving by itself, each with the command that ends it. Pure."""

from collections.abc import Iterator
from datetime import datetime

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import AliasCondition, Condition, Status, find
from modelalias.cli import drift
from modelalias.core.status import ways_out
from modelalias.web.view import Command, View


class Stop(View):
    """Something that a person ends."""

    title: str
    text: str
    since: datetime | None = None
    is_error: bool = False
    command: Command | None = None


def of(alias: ModelAlias, flags: str = "") -> Iterator[Stop]:
    """Return what stops it; `flags` are what a command line needs to act in the same place."""
    yield from _stalled(alias)
    yield from _drifted(alias, flags)
    yield from _held(alias, flags)
    if alias.spec.suspend:
        yield Stop(
            title="Suspended",
            text="Nothing new starts, and a plan under way stops before its next step.",
            command=_command(ways_out.resume(alias), flags, "To go on:"),
        )
    if alias.spec.version is not None:
        by = f", set by {alias.metadata.pinned_by}" if alias.metadata.pinned_by else ""
        yield Stop(
            title=f"Pinned to version {alias.spec.version}",
            text=f"spec.version says so{by}; requests are rejected meanwhile.",
            command=_command(ways_out.unpin(alias), flags, "To let requests decide:"),
        )


def _stalled(alias: ModelAlias) -> Iterator[Stop]:
    stalled = _is(alias, AliasCondition.STALLED, Status.TRUE)
    if stalled is not None:
        title = f"A person has to change something: {stalled.reason}"
        yield Stop(title=title, text=stalled.message, since=stalled.last_transition_time, is_error=True)


def _drifted(alias: ModelAlias, flags: str) -> Iterator[Stop]:
    condition, found = _is(alias, AliasCondition.IN_SYNC, Status.FALSE), drift.of(alias)
    if condition is None and (found is None or alias.status.plan is not None):
        return
    command = None
    if found is not None and drift.has_effect(alias):
        purpose = f"To let it be corrected ({drift.FOLLOWS[alias.spec.drift]}):"
        command = _command(ways_out.acknowledge(alias), flags, purpose)
    elif found is not None and alias.status.observed is not None and alias.status.observed.version:
        line = ways_out.promote(alias, alias.status.observed.version)
        command = _command(line, flags, f"To ask for version {alias.status.observed.version}:")
    text = condition.message if condition is not None else ""
    yield Stop(
        title="Drift",
        text=text or f"The registry names {found}.",
        since=None if condition is None else condition.last_transition_time,
        is_error=True,
        command=command,
    )


def _held(alias: ModelAlias, flags: str) -> Iterator[Stop]:
    hold, condition = alias.status.hold, _is(alias, AliasCondition.HELD, Status.TRUE)
    if hold is None and condition is None:
        return
    reason = hold.reason if hold is not None else condition.reason if condition is not None else ""
    yield Stop(
        title=f"Automatic steps are on hold: {reason}",
        text=condition.message if condition is not None else "",
        since=hold.since if hold is not None else None,
        command=_command(ways_out.release(alias), flags, "To end the hold:") if hold is not None else None,
    )


def _command(line: str, flags: str, purpose: str) -> Command:
    return Command(line=f"{line} {flags}".rstrip(), purpose=purpose)


def _is(alias: ModelAlias, kind: AliasCondition, status: Status) -> Condition | None:
    found = find(alias.status.conditions, kind)
    return found if found is not None and found.status is status else None
