"""A form that writes in a person's own name, the same for every form.

It is read, written by the code of the command line, and answered with 303 to the page that shows what was written.
Where it is refused, the same page is shown with why, beside the field that it is about, and with what was typed; a browser
is sent there, so that Back leads from it as from any page.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from modelalias.adapters.kubernetes_client import CredentialsRefused
from modelalias.core.errors import InvalidRequest, NotFound, OperatorError
from modelalias.web import visit as visits
from modelalias.web.view import View
from modelalias.web.visit import Visit

MOST_FIELDS: Final = 200
MOST_CHARACTERS: Final = 1024
"""Of a remark or a reason, as the API server takes it."""


class Problem(View):
    """Why nothing was written."""

    text: str
    field: str = ""
    """The field that it is about; "" where it is about none of them."""


class Unfit(InvalidRequest):
    """A field is not filled in as it has to be."""

    def __init__(self, message: str, field: str) -> None:
        """Keep which field."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Typed:
    """What was typed and chosen; nothing, where a form is opened."""

    values: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        """Return one text without the space around it; "" where there is none."""
        return next(iter(self.values.get(name, ())), "").replace("\r\n", "\n").strip()

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, as of checkboxes."""
        return self.values.get(name, ())


NOTHING: Final = Typed({})


class _Mistake(NamedTuple):
    """A form that was sent and could not be taken."""

    typed: Typed
    problem: Problem
    status: HTTPStatus


@dataclass(frozen=True)
class Form:
    """What a form writes, and how its page is shown."""

    write: Callable[[Visit, Typed], Awaitable[str]]
    """Returns the address that shows what was written; raises an `OperatorError`, `Unfit` for a field, where nothing was."""
    show: Callable[[Visit, Typed, Problem | None, HTTPStatus], Awaitable[Response]]


async def opened(visit: Visit, form: Form) -> Response:
    """Answer with the form, empty or as it was sent before and could not be taken."""
    mistakes = visit.site.mistakes
    before = None if mistakes is None else mistakes.find(visit.person, visit.query(visits.AGAIN))
    if before is not None:
        return await form.show(visit, before.typed, before.problem, before.status)
    return await form.show(visit, NOTHING, None, HTTPStatus.OK)


async def sent(visit: Visit, form: Form) -> Response:
    """Write what was sent, or show the form again with why nothing was written."""
    typed = await typed_in(visit)
    try:
        address = await form.write(visit, typed)
    except (NotFound, CredentialsRefused):  # there is nothing to show the form for, or nobody to show it to
        raise
    except OperatorError as error:
        mistake = _Mistake(typed, problem(error), status_of(error))
        if (
            visit.is_of_browser and visit.site.mistakes is not None
        ):  # one that gets a page for a POST asks on Back whether to send it again
            word = visit.site.mistakes.keep(visit.person, mistake)
            path = visit.request.scope["raw_path"].decode("ascii")
            return RedirectResponse(f"{path}?{visits.AGAIN}={word}", HTTPStatus.SEE_OTHER)
        return await form.show(visit, *mistake)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


async def typed_in(visit: Visit) -> Typed:
    """Read a form; files in it are refused."""
    try:
        form = await visit.request.form(max_files=0, max_fields=MOST_FIELDS)
    except HTTPException as error:
        raise InvalidRequest(f"the form cannot be read: {error.detail}") from error
    names = dict.fromkeys(name for name, _ in form.multi_items())
    values = {name: tuple(text for text in form.getlist(name) if isinstance(text, str)) for name in names}
    return Typed(values)


def remark(typed: Typed, needed: str = "", field: str = "message") -> str:
    """Return what was typed as a remark or a reason; raise `Unfit`, with `needed` where there has to be one."""
    text = typed.text(field)
    if needed and not text:
        raise Unfit(needed, field)
    if len(text) > MOST_CHARACTERS:
        raise Unfit(f"At most {MOST_CHARACTERS} characters; these are {len(text)}.", field)
    return text


def problem(error: OperatorError) -> Problem:
    """Return a failure as it is told beside what was typed."""
    text = str(error)
    return Problem(
        text=f"{text[:1].upper()}{text[1:]}", field=error.field if isinstance(error, Unfit) else ""
    )


def status_of(error: OperatorError) -> HTTPStatus:
    """Return the status of a form that is shown again."""
    status = visits.status_of(error)
    return HTTPStatus.UNPROCESSABLE_ENTITY if status is HTTPStatus.BAD_REQUEST else status
