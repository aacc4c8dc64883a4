"""`/a/{namespace}/{name}/promote` and `/rollback`: requests that people file from the page.

Each is the one that `modelalias promote` or `modelalias rollback` would file, by their code and in the person's own name. A
promotion is chosen first; a dry run of it, judged by the operator, shows the verdict on the same page before it is filed.
"""

import secrets
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from pydantic import Field
from starlette.responses import RedirectResponse, Response

from modelalias.api.alias import Concurrency, ModelAlias
from modelalias.api.request import PromotionRequest, RequestOperation
from modelalias.cli import filing
from modelalias.cli.filing import Wanted
from modelalias.core.errors import InvalidRequest, NotFound, StaleObject
from modelalias.web import (
    alias_acts,
    alias_standing,
    asked_before,
    board,
    choosing,
    forms,
    going_back,
    open_requests,
    request_view,
)
from modelalias.web.alias_acts import AliasDeed
from modelalias.web.asked_before import RequestRow
from modelalias.web.board import Row
from modelalias.web.forms import MOST_CHARACTERS, Form, Problem, Typed, Unfit
from modelalias.web.going_back import Target
from modelalias.web.offers import Act
from modelalias.web.rendering import segment
from modelalias.web.request_view import RequestView
from modelalias.web.version_choices import Choices
from modelalias.web.view import Notice, PageView
from modelalias.web.visit import AGAIN, Visit

JUDGE: Final = "judge"
"""The step in which a promotion is filed as a dry run, to see its verdict."""
KEPT_SECONDS: Final = 3600
"""How long such a dry run stays after its end."""
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_ONCE: Final = 5
_LONGEST_PREFIX: Final = 58
"""Of a name that the API server makes: five of its letters follow."""
_DRY: Final = "dry-"
"""In the name of a dry run, which has the same end as that of the request that follows it."""
_SUSPENDED: Final = Notice(
    text="It is suspended: what you file waits until it is resumed; a dry run is judged."
)


class FilingView(PageView):
    """A form that files a request."""

    deed: AliasDeed
    row: Row
    uid: str
    act: Act | None
    """How it can be done; None where it makes no sense as the alias stands."""
    user: str
    version: str = ""
    number: str = ""
    message: str = ""
    choices: Choices | None = None
    """Where the version of a promotion is to be chosen first."""
    targets: tuple[Target, ...] = ()
    judged: str = ""
    """The dry run that shows the verdict."""
    verdict: RequestView | None = None
    ahead: tuple[RequestRow, ...] = ()
    """The open requests that one of now waits behind."""
    takes_their_place: bool = False
    """Whether it supersedes them instead, once it can go."""
    same: tuple[RequestRow, ...] = ()
    """The open requests that ask for the same version."""
    once: str = Field(default="", exclude=True)
    """The end of the request's name, so that a form that is sent twice, or again after Back, files one request."""
    most_characters: int = MOST_CHARACTERS
    notices: tuple[Notice, ...] = ()
    problem: Problem | None = None


async def opened(visit: Visit, form: Form) -> Response:
    """Answer with a form; a browser gets it at an address of its own, to which Back leads again."""
    if not visit.is_of_browser or _is_end(visit.query("once")) or visit.query(AGAIN):
        return await forms.opened(visit, form)
    query = [item for item in visit.request.query_params.multi_items() if item[0] != "once"]
    path = visit.request.scope["raw_path"].decode("ascii")
    return RedirectResponse(f"{path}?{urlencode([*query, ('once', _new_end())])}", HTTPStatus.SEE_OTHER)


async def _show_promotion(
    visit: Visit, typed: Typed, problem: Problem | None, status: HTTPStatus
) -> Response:
    asked = Typed(
        {name: (typed.text(name) or visit.query(name),) for name in ("version", "number", "judged")}
    )
    alias = await alias_standing.alias_of(visit)
    version = ""
    if asked.text("version") or asked.text("number"):
        try:
            version = choosing.chosen(asked)
        except Unfit as error:
            problem, status = problem or forms.problem(error), forms.status_of(error)
    view = (await _view(visit, AliasDeed.PROMOTE, alias, version, typed)).changed(
        number=asked.text("number"), message=typed.text("message"), problem=problem
    )
    if version:
        verdict = await _verdict(visit, alias, version, asked.text("judged"))
        others = await open_requests.read(visit, alias.metadata.namespace, alias.metadata.name)
        view = view.changed(
            verdict=verdict,
            judged=verdict.name if verdict else "",
            ahead=asked_before.ahead(others),
            takes_their_place=alias.spec.policy.concurrency is Concurrency.SUPERSEDE,
            same=asked_before.asking_for(others, version),
        )
    else:
        view = view.changed(choices=await choosing.offered(visit, alias, without=view.row.version))
    return await visit.answer("promote_form.html", view, status)


async def _show_rollback(visit: Visit, typed: Typed, problem: Problem | None, status: HTTPStatus) -> Response:
    alias = await alias_standing.alias_of(visit)
    targets = going_back.targets(alias)
    former = next((item.version for item in targets if item.is_former), "")
    version = typed.text("version") or visit.query("version") or former
    view = (await _view(visit, AliasDeed.ROLLBACK, alias, version, typed)).changed(
        targets=targets, message=typed.text("message"), problem=problem
    )
    return await visit.answer("rollback_form.html", view, status)


async def _view(visit: Visit, deed: AliasDeed, alias: ModelAlias, version: str, typed: Typed) -> FilingView:
    sent = (typed.text("once"), visit.query("once"))
    standing = await alias_standing.standing_of(visit, alias, [deed])
    return FilingView(
        deed=deed,
        row=board.row(alias, {}),
        uid=alias.metadata.uid,
        act=alias_acts.act(deed, standing, version),
        user=(await visit.reader.who()).user,
        version=version,
        once=next((end for end in sent if _is_end(end)), _new_end()),
        notices=(_SUSPENDED,) if alias.spec.suspend else (),
    )


async def _verdict(visit: Visit, alias: ModelAlias, version: str, name: str) -> RequestView | None:
    """Read the dry run that shows the verdict; None where there is none of this version any more."""
    if not name:
        return None
    try:
        request = await alias_standing.cluster_of(visit).request(name)
    except (NotFound, InvalidRequest):
        return None
    if not _would_be(request, alias, version):
        return None
    links = visit.site.registries.named(alias.spec.registry).links
    return request_view.request_view(request, None, links=links, alias=alias)


def _would_be(request: PromotionRequest, alias: ModelAlias, version: str) -> bool:
    """Return whether it is a dry run of just what would be filed, and was judged for this ModelAlias if for any."""
    spec, resolved = request.spec, request.status.resolved
    asked = spec.source.version if spec.source else None
    is_judged = spec.operation is RequestOperation.PROMOTE and not spec.skip_gates
    is_of_it = resolved is None or resolved.alias_uid in {None, alias.metadata.uid}
    names_it = spec.alias_ref.name == alias.metadata.name and asked == version
    return spec.dry_run and is_judged and is_of_it and names_it


async def _promote(visit: Visit, typed: Typed) -> str:
    alias = await alias_standing.same_alias(visit, typed)
    version, is_dry = choosing.chosen(typed), typed.text("step") == JUDGE
    reason = forms.remark(typed)
    wanted = Wanted(alias=alias.metadata.name, version=version, reason=reason or None)
    if not is_dry:
        return _page_of(await _file(visit, wanted, typed.text("once")))
    wanted = Wanted(
        alias=alias.metadata.name,
        version=version,
        verdict_only=True,
        ttl_seconds_after_finished=KEPT_SECONDS,
    )
    judged = await _file(visit, wanted, typed.text("once"))
    end = {"once": typed.text("once")} if _is_end(typed.text("once")) else {}
    query = urlencode({"version": version, **end, "judged": judged.metadata.name})
    return f"{alias_standing.address(visit, AliasDeed.PROMOTE)}?{query}"


async def _roll_back(visit: Visit, typed: Typed) -> str:
    alias = await alias_standing.same_alias(visit, typed)
    version = choosing.chosen(typed, at="version")
    reason = forms.remark(typed, "Say why: the reason is kept in the history.")
    wanted = filing.going_back(alias.metadata.name, version, reason)
    return _page_of(await _file(visit, wanted, typed.text("once")))


async def _file(visit: Visit, wanted: Wanted, once: str) -> PromotionRequest:
    """File a request, under a name of its own where the form has the end of one."""
    cluster, user = alias_standing.cluster_of(visit), (await visit.reader.who()).user
    name = _name(wanted, once)
    draft = filing.draft(replace(wanted, name=name), user, cluster.namespace)
    try:
        return await cluster.create(draft.body)
    except StaleObject:
        if name is None:
            raise
        found = await cluster.request(name)
        if found.spec_hash != PromotionRequest.model_validate(draft.body).spec_hash:
            raise StaleObject(
                f"this form has filed {name} already, and with something else in it; open it anew for another"
            ) from None
        return found  # the form was sent twice


def _name(wanted: Wanted, once: str) -> str | None:
    end = f"{_DRY}{once}" if wanted.verdict_only else once
    return f"{filing.prefix(wanted)[: _LONGEST_PREFIX + _ONCE - len(end)]}{end}" if _is_end(once) else None


def _is_end(text: str) -> bool:
    return len(text) == _ONCE and set(text) <= set(_LETTERS)


def _new_end() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_ONCE))


def _page_of(request: PromotionRequest) -> str:
    return f"/r/{segment(request.metadata.namespace)}/{segment(request.metadata.name)}"


PROMOTE: Final = Form(write=_promote, show=_show_promotion)
ROLLBACK: Final = Form(write=_roll_back, show=_show_rollback)
