"""What keeps an alias from moving by itself, each with what ends it: a form, or the command. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import AliasCondition, Condition, Status, find
from modelalias.cli import drift
from modelalias.core.status import ways_out
from modelalias.web.offers import Act
from modelalias.web.view import Command, View


class Stop(View):
    """Something that a person ends."""

    title: str
    text: str
    since: datetime | None = None
    is_error: bool = False
    command: Command | None = None
    form: str = ""
    """The end of the address of the form that ends it, where this person has one."""
    form_name: str = ""
    said: str = ""
    """Who has asked for its end already."""


@dataclass(frozen=True)
class _Ways:
    """How this person ends what stops an alias: as the acts offer it, so that both say the same."""

    flags: str
    acts: Iterable[Act]

    def out(self, deed: str, line: str, purpose: str, name: str, query: str = "") -> dict[str, Any]:
        """Return the fields of a stop that say how it is ended."""
        act = next((item for item in self.acts if item.deed == deed), None)
        if act is not None and act.is_offered:
            return {"form": f"{deed}{query}", "form_name": name}
        if act is not None and act.command is None:
            return {"said": act.why_not}
        if act is not None and act.is_for_others:
            return {"command": Command(line=line, purpose=f"Somebody who may {deed}:")}
        return {"command": Command(line=f"{line} {self.flags}".rstrip(), purpose=purpose)}


def of(alias: ModelAlias, flags: str = "", acts: Iterable[Act] = ()) -> Iterator[Stop]:
    """Return what stops it; `flags` are what a command line needs to act in the same place."""
    ways = _Ways(flags, acts)
    yield from _stalled(alias)
    yield from _drifted(alias, ways)
    yield from _held(alias, ways)
    if alias.spec.suspend:
        yield Stop(
            title="Suspended",
            text="Nothing new starts, requests wait, and a plan under way stops before its next step.",
            **ways.out("resume", ways_out.resume(alias), "To go on:", "Resume…"),
        )
    if alias.spec.version is not None:
        by = f", set by {alias.metadata.pinned_by}" if alias.metadata.pinned_by else ""
        yield Stop(
            title=f"Pinned to version {alias.spec.version}",
            text=f"spec.version says so{by}; requests are rejected meanwhile.",
            **ways.out("unpin", ways_out.unpin(alias), "To let requests decide:", "Unpin…"),
        )


def _stalled(alias: ModelAlias) -> Iterator[Stop]:
    stalled = _is(alias, AliasCondition.STALLED, Status.TRUE)
    if stalled is not None:
        title = f"A person has to change something: {stalled.reason}"
        yield Stop(title=title, text=stalled.message, since=stalled.last_transition_time, is_error=True)


def _drifted(alias: ModelAlias, ways: _Ways) -> Iterator[Stop]:
    condition, found = _is(alias, AliasCondition.IN_SYNC, Status.FALSE), drift.of(alias)
    if condition is None and (found is None or alias.status.plan is not None):
        return
    out: dict[str, Any] = {}
    if found is not None and drift.has_effect(alias):
        purpose = f"To let it be corrected ({drift.FOLLOWS[alias.spec.drift]}):"
        out = ways.out("ack", ways_out.acknowledge(alias), purpose, "Acknowledge the drift…")
    elif found is not None and alias.status.observed is not None and alias.status.observed.version:
        version = alias.status.observed.version
        purpose, name = f"To ask for version {version}:", f"Promote version {version}…"
        out = ways.out("promote", ways_out.promote(alias, version), purpose, name, f"?version={version}")
    text = condition.message if condition is not None else ""
    yield Stop(
        title="Drift",
        text=text or f"The registry names {found}.",
        since=None if condition is None else condition.last_transition_time,
        is_error=True,
        **out,
    )


def _held(alias: ModelAlias, ways: _Ways) -> Iterator[Stop]:
    hold, condition = alias.status.hold, _is(alias, AliasCondition.HELD, Status.TRUE)
    if hold is None and condition is None:
        return
    reason = hold.reason if hold is not None else condition.reason if condition is not None else ""
    out = ways.out("release", ways_out.release(alias), "To end the hold:", "Release the hold…")
    yield Stop(
        title=f"Automatic steps are on hold: {reason}",
        text=condition.message if condition is not None else "",
        since=hold.since if hold is not None else None,
        **(out if hold is not None else {}),
    )


def _is(alias: ModelAlias, kind: AliasCondition, status: Status) -> Condition | None:
    found = find(alias.status.conditions, kind)
    return found if found is not None and found.status is status else None
