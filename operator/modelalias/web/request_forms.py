"""`/r/{namespace}/{name}/approve`, `/reject` and `/abort`: what a person decides on a request, as forms.

Each writes what `modelalias approve`, `reject` and `abort` write, by their code and in the person's own name.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.responses import Response

from modelalias.api.request import ApprovalDecision, PromotionRequest
from modelalias.cli import abort_edit, approval_entry, edits, sight
from modelalias.cli.approval_entry import Choice, EvidenceChanged, NotConfirmed
from modelalias.cli.cluster import ObjectMissing
from modelalias.core.errors import InvalidRequest
from modelalias.web import acts, asked_before, forms, open_requests, request_reading
from modelalias.web.acts import DECISIONS, Deed
from modelalias.web.forms import MOST_CHARACTERS, Form, Problem, Typed, Unfit
from modelalias.web.offers import Act
from modelalias.web.rendering import segment
from modelalias.web.request_view import RequestView
from modelalias.web.view import PageView, View
from modelalias.web.visit import Page, Visit

_CHANGED: Final = (
    "The evidence has changed since you looked, so nothing was written. Below is the verdict as it is now."
)


class Sentence(View):
    """A sentence of the checklist, and whether it is ticked."""

    field: str
    text: str
    is_ticked: bool


class FormView(PageView):
    """A form about a request, with the verdict that it is about."""

    deed: Deed
    request: RequestView
    act: Act | None
    """How it can be done; None where there is nothing to do any more."""
    user: str
    evidence: str
    behind: int = 0
    """How many requests wait for this one to end."""
    checklist: tuple[Sentence, ...] = ()
    message: str = ""
    most_characters: int = MOST_CHARACTERS
    problem: Problem | None = None


def opening(deed: Deed) -> Page:
    """Return what shows the form."""
    return lambda visit: forms.opened(visit, _FORMS[deed])


def sending(deed: Deed) -> Page:
    """Return what takes the form."""
    return lambda visit: forms.sent(visit, _FORMS[deed])


async def _show(
    visit: Visit, deed: Deed, typed: Typed, problem: Problem | None, status: HTTPStatus
) -> Response:
    standing = await request_reading.standing_of(visit)
    request = request_reading.view_of(visit, standing)
    evidence = request.verdict.evidence or ""
    ticked = typed.all("confirm") if typed.text("evidence") == evidence else ()
    checklist = request.approvals.checklist if request.approvals and deed is Deed.APPROVE else ()
    asked = standing.sight.request
    others = await open_requests.read(visit, asked.metadata.namespace, asked.spec.alias_ref.name)
    view = FormView(
        deed=deed,
        request=request,
        act=acts.act(deed, standing),
        user=standing.sight.who.user,
        evidence=evidence,
        behind=asked_before.behind(others, asked),
        checklist=tuple(
            Sentence(field=f"confirm-{number}", text=text, is_ticked=str(number) in ticked)
            for number, text in enumerate(checklist)
        ),
        message=typed.text("message"),
        problem=problem,
    )
    return await visit.answer("request_form.html", view, status)


async def _decide(visit: Visit, deed: Deed, typed: Typed) -> str:
    cluster = request_reading.cluster_of(visit)
    seen = await sight.look(cluster, visit.parameter("name"))
    _must_be_the_same(seen.request, typed)
    choice = _choice(seen.request, DECISIONS[deed], typed)
    try:
        await edits.carry_out(
            cluster,
            seen.request,
            lambda latest: approval_entry.edit(latest, seen.rules, seen.who, choice),
        )
    except EvidenceChanged as error:
        raise InvalidRequest(_CHANGED) from error
    except NotConfirmed as error:
        raise Unfit("Confirm each sentence, or do not approve.", _unticked(seen.request, error)) from error
    return _address(visit)


async def _abort(visit: Visit, _: Deed, typed: Typed) -> str:
    cluster = request_reading.cluster_of(visit)
    request = await cluster.request(visit.parameter("name"))
    _must_be_the_same(request, typed)
    await edits.carry_out(cluster, request, abort_edit.edit)
    return _address(visit)


def _choice(request: PromotionRequest, decision: ApprovalDecision, typed: Typed) -> Choice:
    """Return what a person chose; sentences are ticked by their number, which the evidence keeps the same."""
    needed = "Say why: the reason is kept with the request." if decision is ApprovalDecision.REJECT else ""
    message, checklist = forms.remark(typed, needed), _checklist(request)
    ticked = typed.all("confirm")
    return Choice(
        decision=decision,
        evidence=typed.text("evidence"),
        confirmed=tuple(text for number, text in enumerate(checklist) if str(number) in ticked),
        message=message,
    )


def _must_be_the_same(request: PromotionRequest, typed: Typed) -> None:
    if request.metadata.uid != typed.text("uid"):
        raise ObjectMissing(
            f"request {request.metadata.name} was deleted, and another one was created with its name"
        )


def _checklist(request: PromotionRequest) -> Sequence[str]:
    return request.status.approvals.checklist if request.status.approvals else ()


def _unticked(request: PromotionRequest, error: NotConfirmed) -> str:
    return f"confirm-{_checklist(request).index(error.sentences[0])}"


def _address(visit: Visit) -> str:
    return f"/r/{segment(visit.parameter('namespace'))}/{segment(visit.parameter('name'))}"


def _form(deed: Deed) -> Form:
    write = _abort if deed is Deed.ABORT else _decide
    return Form(
        write=lambda visit, typed: write(visit, deed, typed),
        show=lambda visit, typed, problem, status: _show(visit, deed, typed, problem, status),
    )


_FORMS: Final = {deed: _form(deed) for deed in Deed}
