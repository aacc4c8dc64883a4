"""`/a/{namespace}/{name}/pin`, `/unpin`, `/suspend`, `/resume`, `/release` and `/ack`: edits of a ModelAlias, as forms.

Each writes what the command of that name writes, by its code and in the person's own name.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from modelalias.api.alias import ModelAlias
from modelalias.cli import alias_edit, drift, holds, pin_edit, said, suspend_edit
from modelalias.cli.alias_edit import Make
from modelalias.cli.said import Said
from modelalias.core.errors import InvalidRequest
from modelalias.web import alias_acts, alias_standing, board, choosing, filing_forms, forms
from modelalias.web.alias_acts import AliasDeed
from modelalias.web.board import Row
from modelalias.web.forms import Form, Problem, Typed
from modelalias.web.offers import Act
from modelalias.web.version_choices import Choices
from modelalias.web.view import Notice, PageView
from modelalias.web.visit import Page, Visit

_CHANGED: Final = (
    "Somebody has changed it since you looked, so nothing was written. Below is how it stands now."
)
_SUSPENDED: Final = Notice(text="It is suspended: the alias goes there once it is resumed.")


class AliasFormView(PageView):
    """A form about a ModelAlias."""

    deed: AliasDeed
    row: Row
    uid: str
    seen: str
    """What it is about, which has to be the same when it is sent."""
    about: str
    act: Act | None
    """How it can be done; None where there is nothing to do any more."""
    user: str
    notices: tuple[Notice, ...] = ()
    choices: Choices | None = None
    version: str = ""
    number: str = ""
    problem: Problem | None = None


def opening(deed: AliasDeed) -> Page:
    """Return what shows the form."""
    show = filing_forms.opened if deed in alias_acts.FILING else forms.opened
    return lambda visit: show(visit, _FORMS[deed])


def sending(deed: AliasDeed) -> Page:
    """Return what takes the form."""
    return lambda visit: forms.sent(visit, _FORMS[deed])


async def _show(
    visit: Visit, deed: AliasDeed, typed: Typed, problem: Problem | None, status: HTTPStatus
) -> Response:
    alias = await alias_standing.alias_of(visit)
    standing = await alias_standing.standing_of(visit, alias, [deed])
    current = "" if alias.status.current is None else alias.status.current.version
    view = AliasFormView(
        deed=deed,
        row=board.row(alias, {}),
        uid=alias.metadata.uid,
        seen=alias_acts.seen(deed, alias),
        about=alias_acts.about(deed, alias),
        act=alias_acts.act(deed, standing),
        user=(await visit.reader.who()).user,
        notices=(_SUSPENDED,) if deed is AliasDeed.PIN and alias.spec.suspend else (),
        choices=await choosing.offered(visit, alias) if deed is AliasDeed.PIN else None,
        version=typed.text("version") or current,
        number=typed.text(choosing.NUMBER),
        problem=problem,
    )
    return await visit.answer("alias_form.html", view, status)


async def _write(visit: Visit, deed: AliasDeed, typed: Typed) -> str:
    cluster = alias_standing.cluster_of(visit)
    alias = await alias_standing.same_alias(visit, typed)
    user = (await visit.reader.who()).user

    def must_be_as_seen(latest: ModelAlias) -> None:
        if alias_acts.seen(deed, latest) != typed.text("seen"):
            raise InvalidRequest(_CHANGED)

    def say(latest: ModelAlias) -> Said | None:
        must_be_as_seen(latest)
        return _SAID[deed](latest, user)

    if deed in _SAID:
        if _SAID[deed](alias, user) is not None:  # else it has ended by itself, or somebody has said so
            await said.say(cluster, alias, say)
        return alias_standing.address(visit)
    make = _edit(deed, typed, user)
    if make(alias) is not None:
        must_be_as_seen(alias)
        await alias_edit.carry_out(cluster, alias, make, lambda _, latest: must_be_as_seen(latest))
    return alias_standing.address(visit)


_SAID: Final = {AliasDeed.RELEASE: holds.wanted, AliasDeed.ACK: drift.wanted}
"""What is said in an annotation, in one's own name."""
_EDITS: Final[Mapping[AliasDeed, Make]] = {
    AliasDeed.UNPIN: pin_edit.unpin,
    AliasDeed.SUSPEND: suspend_edit.suspend,
    AliasDeed.RESUME: suspend_edit.resume,
}


def _edit(deed: AliasDeed, typed: Typed, user: str) -> Make:
    if deed is not AliasDeed.PIN:
        return _EDITS[deed]
    version = choosing.chosen(typed)
    return lambda alias: pin_edit.pin(alias, version, user)


def _form(deed: AliasDeed) -> Form:
    return Form(
        write=lambda visit, typed: _write(visit, deed, typed),
        show=lambda visit, typed, problem, status: _show(visit, deed, typed, problem, status),
    )


_FORMS: Final[Mapping[AliasDeed, Form]] = {
    **{deed: _form(deed) for deed in AliasDeed if deed not in alias_acts.FILING},
    AliasDeed.PROMOTE: filing_forms.PROMOTE,
    AliasDeed.ROLLBACK: filing_forms.ROLLBACK,
}
