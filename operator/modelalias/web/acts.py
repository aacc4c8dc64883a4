"""What one person can do with a request: by a form, or why not and by which command somebody else can. Pure.

Whether an approval would count is decided by the rules of the command line (`approval_entry`), before anything is typed.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from modelalias.api.request import ApprovalDecision
from modelalias.api.request_status import Phase
from modelalias.cli import abort_edit, approval_entry
from modelalias.cli.approval_entry import Choice
from modelalias.cli.request_state import has_ended
from modelalias.cli.rights import Right
from modelalias.cli.sight import Sight
from modelalias.core.errors import InvalidRequest
from modelalias.web import commands, offers
from modelalias.web.offers import Act, Looking


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


@dataclass(frozen=True)
class Standing:
    """Who looks, and what they lack."""

    sight: Sight
    lacks: dict[Deed, Right | None]
    looking: Looking = field(default_factory=Looking)


def acts(standing: Standing) -> tuple[Act, ...]:
    """Return what can be done now, in the order in which it is offered."""
    found = (act(deed, standing) for deed in Deed)
    return tuple(item for item in found if item is not None)


def act(deed: Deed, standing: Standing) -> Act | None:
    """Return how something can be done; None where there is nothing to do."""
    sight = standing.sight
    if deed in DECISIONS and sight.request.status.phase != Phase.AWAITING_APPROVAL:
        return None
    if deed is Deed.ABORT and has_ended(sight.request):
        return None
    try:
        is_done, why_not = is_nothing_to_do(deed, sight), ""
    except InvalidRequest as error:
        is_done, why_not = False, str(error)
    if is_done:
        return offers.done(deed, _DONE[deed])
    words = ("-m", "WHY") if deed is Deed.REJECT else ()
    return offers.act(
        deed,
        standing.looking,
        lambda flags, purpose: commands.of_request(deed, sight.request, *words, flags=flags, purpose=purpose),
        lacked=standing.lacks.get(deed),
        why_not=why_not,
    )


def is_nothing_to_do(deed: Deed, sight: Sight) -> bool:
    """Return whether it was done before; raise `InvalidRequest` where it would be refused whatever is typed."""
    if deed is Deed.ABORT:
        return abort_edit.edit(sight.request) is None
    choice = Choice(decision=DECISIONS[deed], confirms_all=True)
    return approval_entry.edit(sight.request, sight.rules, sight.who, choice) is None
