"""What a person is offered to do by a form, or why not and by which command somebody else can. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from modelalias.cli import rights
from modelalias.cli.rights import Right
from modelalias.web.view import Command, View

READ_ONLY: Final = "This dashboard only shows: a terminal writes."


class Act(View):
    """Something that can be done now, by this person or by another."""

    deed: str
    """Its verb on the command line and the end of its form's address."""
    is_offered: bool
    """Whether the person can do it with a form."""
    why_not: str = ""
    is_for_others: bool = False
    """Whether it takes somebody else."""
    command: Command | None = None
    """How it is done in a terminal; None where it is done already."""


class Obstacle(View):
    """Why a person cannot do something by a form, and how it is done all the same."""

    why_not: str
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Looking:
    """What decides whether a form is offered, whatever it is about."""

    may_write: bool = True
    flags: str = ""
    """What a command line needs to act in the same place."""


def act(
    deed: str,
    looking: Looking,
    command: Callable[[str, str], Command],
    *,
    lacked: Right | None = None,
    why_not: str = "",
) -> Act:
    """Return how something can be done; `why_not` is what keeps this person from it, `command` takes flags and purpose."""
    if lacked is not None:
        role = rights.role_with(lacked)
        why_not = f"You may not {lacked}.{f' The ClusterRole {role} has that verb.' if role else ''}"
    elif why_not:
        why_not = f"{why_not[:1].upper()}{why_not[1:]}."
    flags, purpose = ("", f"Somebody who may {deed} can do it with:") if why_not else (looking.flags, "")
    return Act(
        deed=deed,
        is_offered=looking.may_write and not why_not,
        why_not=why_not or ("" if looking.may_write else READ_ONLY),
        is_for_others=bool(why_not),
        command=command(flags, purpose),
    )


def done(deed: str, how: str) -> Act:
    """Return that it was done before, and what follows."""
    return Act(deed=deed, is_offered=False, why_not=how)


def obstacles(found: Iterable[Act]) -> tuple[Obstacle, ...]:
    """Return what is in the way, each reason once."""
    reasons: dict[str, list[Command]] = {}
    for item in found:
        if not item.is_offered:
            reasons.setdefault(item.why_not, []).extend([item.command] if item.command else [])
    return tuple(Obstacle(why_not=why, commands=tuple(lines)) for why, lines in reasons.items())
