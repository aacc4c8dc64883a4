"""What one person can do with a ModelAlias: by a form, or why not and by which command somebody else can. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import timestamp_text
from modelalias.api.request import RequestOperation
from modelalias.cli import drift, holds, pin_edit, rights
from modelalias.cli.rights import Right
from modelalias.web import commands, going_back, offers
from modelalias.web.offers import Act, Looking


class AliasDeed(StrEnum):
    """What can be done with a ModelAlias, by its verb on the command line and its form's address."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RELEASE = "release"
    ACK = "ack"
    PIN = "pin"
    UNPIN = "unpin"
    SUSPEND = "suspend"
    RESUME = "resume"


FILING: Final[Mapping[AliasDeed, RequestOperation]] = {
    AliasDeed.PROMOTE: RequestOperation.PROMOTE,
    AliasDeed.ROLLBACK: RequestOperation.ROLLBACK,
}
"""What files a request; everything else edits the ModelAlias."""
_SAYING: Final = frozenset({AliasDeed.RELEASE, AliasDeed.ACK})


@dataclass(frozen=True)
class AliasStanding:
    """Who looks at which ModelAlias, and what they lack."""

    alias: ModelAlias
    lacks: Mapping[AliasDeed, Right | None]
    looking: Looking = field(default_factory=Looking)


def rights_for(deed: AliasDeed, alias: ModelAlias) -> Sequence[Right]:
    """Return what it takes."""
    name = alias.metadata.name
    if deed in FILING:
        return rights.to_file(FILING[deed], name)
    return rights.to_say(name) if deed in _SAYING else rights.to_edit(name)


def makes_sense(deed: AliasDeed, alias: ModelAlias) -> bool:
    """Return whether there is anything to do as the alias stands."""
    if alias.metadata.deletion_timestamp is not None:
        return False
    match deed:
        case AliasDeed.PROMOTE:
            return alias.spec.version is None  # requests are rejected while it is pinned
        case AliasDeed.ROLLBACK:
            return alias.spec.version is None and bool(going_back.targets(alias))
        case AliasDeed.SUSPEND:
            return not alias.spec.suspend
        case AliasDeed.RESUME:
            return alias.spec.suspend
        case AliasDeed.UNPIN:
            return alias.spec.version is not None
        case AliasDeed.RELEASE | AliasDeed.ACK:
            return bool(seen(deed, alias))
        case AliasDeed.PIN:
            return True


def seen(deed: AliasDeed, alias: ModelAlias) -> str:
    """Return in a word what a form is about, which somebody else may have changed before it is sent; "" for nothing."""
    match deed:
        case AliasDeed.PIN | AliasDeed.UNPIN:
            return alias.spec.version or ""
        case AliasDeed.RELEASE:
            return "" if alias.status.hold is None else timestamp_text(alias.status.hold.since)
        case AliasDeed.ACK:
            found = drift.of(alias)
            is_due = found is not None and alias.status.plan is None and drift.has_effect(alias)
            return found.word if found is not None and is_due else ""
        case _:
            return ""


def acts(standing: AliasStanding) -> tuple[Act, ...]:
    """Return what can be done now, in the order in which it is offered."""
    found = (act(deed, standing) for deed in AliasDeed)
    return tuple(item for item in found if item is not None)


def act(deed: AliasDeed, standing: AliasStanding, version: str = "") -> Act | None:
    """Return how something can be done, of a version that was chosen; None where there is nothing to do."""
    alias = standing.alias
    if not makes_sense(deed, alias):
        return None
    said = said_before(deed, alias)
    if said:
        return offers.done(deed, said)
    words = _words(deed, alias, version)
    return offers.act(
        deed,
        standing.looking,
        lambda flags, purpose: commands.of_alias(deed, alias, *words, flags=flags, purpose=purpose),
        lacked=standing.lacks.get(deed),
    )


def said_before(deed: AliasDeed, alias: ModelAlias) -> str:
    """Return who has said it already, and that it is now the operator's turn; "" where nobody has."""
    if deed is AliasDeed.RELEASE:
        signed, what = alias.metadata.release, "The end of the hold was asked for"
    elif deed is AliasDeed.ACK:
        signed, what = alias.metadata.acknowledgement, "The drift was acknowledged"
    else:
        return ""
    if signed is None or signed.what != seen(deed, alias):
        return ""
    return f"{what} by {signed.user}; the operator acts on it."


def about(deed: AliasDeed, alias: ModelAlias) -> str:
    """Return which hold, which drift or which pin it is about; "" where there is nothing to say."""
    found = drift.of(alias)
    if deed is AliasDeed.RELEASE and alias.status.hold is not None:
        return f"It ends {holds.described(alias.status.hold)}."
    if deed is AliasDeed.ACK and found is not None:
        return f"The registry names {found}: {drift.FOLLOWS[alias.spec.drift]}."
    if deed in {AliasDeed.PIN, AliasDeed.UNPIN} and alias.spec.version is not None:
        return f"It is {pin_edit.described(alias)}."
    return ""


def _words(deed: AliasDeed, alias: ModelAlias, version: str) -> Sequence[str]:
    match deed:
        case AliasDeed.PROMOTE:
            return "--version", version or "N", "--reason", "WHY"
        case AliasDeed.ROLLBACK:
            return "--to-version", version or going_back.targets(alias)[0].version, "-m", "WHY"
        case AliasDeed.PIN:
            return (version or "N",)
        case _:
            return ()
