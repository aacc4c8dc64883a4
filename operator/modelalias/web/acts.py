"""What one person can do with a request: by a form, or why not and by which command somebody else can. Pure.

Whether an approval would count is decided by the rules of the command line (`approval_entry`), before anything is typed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelalias.api.request import ApprovalDecision
from modelalias.api.request_status import Phase
from modelalias.cli import abort_edit, approval_entry
from modelalias.cli.approval_entry import Choice
from modelalias.cli.rights import Right
from modelalias.cli.sight import Sight
from modelalias.core.errors import InvalidRequest
from modelalias.web import commands
from modelalias.web.view import Command, View

READ_ONLY: Final = "This dashboard only shows: a terminal writes."


class Deed(StrEnum):
    """What can be done with a request, by its verb on the command line and its form's address."""

    APPROVE = "approve"
    REJECT = "reject"
    ABORT = "abort"


DECISIONS: Final = {Deed.APPROVE: ApprovalDecision.APPROVE, Deed.REJECT: ApprovalDecision.REJECT}
_DONE: Final = {
    Deed.APPROVE: "You have approved this.",
    Deed.REJECT: "You have rejected this.",
    Deed.ABORT: "The abort was requested; the operator stops it and undoes what it has begun.",
}


class Act(View):
    """Something that can be done now with a request, by this person or by another."""

    deed: Deed
    is_offered: bool
    """Whether the person can do it with a form."""
    why_not: str = ""
    command: Command | None = None
    """How it is done in a terminal; None where it is done already."""


class Obstacle(View):
    """Why a person cannot do something by a form, and how it is done all the same."""

    why_not: str
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Standing:
    """Who looks, and what they lack."""

    sight: Sight
    lacks: dict[Deed, Right | None]
    may_write: bool = True
    flags: str = ""


def acts(standing: Standing) -> tuple[Act, ...]:
    """Return what can be done now, in the order in which it is offered."""
    found = (act(deed, standing) for deed in Deed)
    return tuple(item for item in found if item is not None)


def obstacles(found: Iterable[Act]) -> tuple[Obstacle, ...]:
    """Return what is in the way, each reason once."""
    reasons: dict[str, list[Command]] = {}
    for item in found:
        if not item.is_offered:
            reasons.setdefault(item.why_not, []).extend([item.command] if item.command else [])
    return tuple(Obstacle(why_not=why, commands=tuple(lines)) for why, lines in reasons.items())


def act(deed: Deed, standing: Standing) -> Act | None:
    """Return how something can be done; None where there is nothing to do."""
    sight = standing.sight
    if deed in DECISIONS and sight.request.status.phase != Phase.AWAITING_APPROVAL:
        return None
    try:
        is_done, why_not = is_nothing_to_do(deed, sight), ""
    except InvalidRequest as error:
        if deed is Deed.ABORT:  # it has ended
            return None
        is_done, why_not = False, str(error)
    if is_done:
        return Act(deed=deed, is_offered=False, why_not=_DONE[deed])
    lacked = standing.lacks.get(deed)
    if lacked is not None:
        why_not = f"You may not {lacked.verb} {lacked.plural}/{lacked.name}."
    elif why_not:
        why_not = f"{why_not[:1].upper()}{why_not[1:]}."
    is_read_only = not standing.may_write and not why_not
    return Act(
        deed=deed,
        is_offered=standing.may_write and not why_not,
        why_not=READ_ONLY if is_read_only else why_not,
        command=_command(deed, standing, for_oneself=not why_not),
    )


def is_nothing_to_do(deed: Deed, sight: Sight) -> bool:
    """Return whether it was done before; raise `InvalidRequest` where it would be refused whatever is typed."""
    if deed is Deed.ABORT:
        return abort_edit.edit(sight.request) is None
    choice = Choice(decision=DECISIONS[deed], confirms_all=True)
    return approval_entry.edit(sight.request, sight.rules, sight.who, choice) is None


def _command(deed: Deed, standing: Standing, *, for_oneself: bool) -> Command:
    words = ("-m", "WHY") if deed is Deed.REJECT else ()
    return commands.of_request(
        deed,
        standing.sight.request,
        *words,
        flags=standing.flags if for_oneself else "",
        purpose="" if for_oneself else f"Somebody who may {deed} can do it with:",
    )
