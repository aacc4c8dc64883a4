"""The addresses of the pages, and the headers that every answer has."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelalias.core.errors import Refused
from modelalias.web import alias_forms, live_stream, local_session, rendering, request_forms, visit
from modelalias.web.acts import Deed
from modelalias.web.alias_acts import AliasDeed
from modelalias.web.alias_page import alias_page
from modelalias.web.approvals_page import approvals_page
from modelalias.web.board_page import board_page
from modelalias.web.identity import NotSignedIn
from modelalias.web.live_pages import LIVE
from modelalias.web.live_stream import PAUSES, Pauses
from modelalias.web.local_session import LocalSession
from modelalias.web.model_page import model_page
from modelalias.web.request_page import request_page
from modelalias.web.visit import Fault, Page, Site

_ALIAS: Final = "/a/{namespace}/{name}"
_REQUEST: Final = "/r/{namespace}/{name}"
PAGES: Final[Mapping[str, Page]] = {
    "/": board_page,
    "/approvals": approvals_page,
    _ALIAS: alias_page,
    **{f"{_ALIAS}/{deed}": alias_forms.opening(deed) for deed in AliasDeed},
    _REQUEST: request_page,
    **{f"{_REQUEST}/{deed}": request_forms.opening(deed) for deed in Deed},
    "/m/{registry}/{model}": model_page,
}
"""What is shown at which address."""
FORMS: Final[Mapping[str, Page]] = {
    **{f"{_ALIAS}/{deed}": alias_forms.sending(deed) for deed in AliasDeed},
    **{f"{_REQUEST}/{deed}": request_forms.sending(deed) for deed in Deed},
}
"""What takes a form at which address; a person who may not write is refused before it is called."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # no-referrer would make browsers send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LARGEST: Final = 256 * 1024
"""Bytes of a form."""
_KEPT_FOR: Final = "private, max-age=604800"
_WRONG: Final = "That went wrong"
_FAULTS: Final[Mapping[int, tuple[str, str]]] = {
    404: ("Not found", "There is no page at this address."),
    405: ("Not like this", "This address does not take that method."),
}


def app(site: Site, pauses: Pauses = PAUSES, guard: Middleware | None = None) -> Starlette:
    """Return the application; the guard stands before a dashboard that is deployed."""

    async def not_answered(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        title, message = _FAULTS.get(error.status_code, (_WRONG, error.detail))
        fault = Fault(title=title, message=message, status=error.status_code)
        answer = visit.told(request, site, fault)
        answer.headers.update(dict(error.headers or {}))
        return answer

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        yield
        await site.readers.close()

    guards = [Middleware(_Hardened), Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST)]
    if isinstance(site.identity, LocalSession):
        guards.append(Middleware(_LocalOnly, site=site))
    if guard is not None:
        guards.append(guard)
    return Starlette(
        routes=routes(site, pauses),
        middleware=guards,
        exception_handlers={HTTPException: not_answered},
        lifespan=running,
    )


def routes(site: Site, pauses: Pauses = PAUSES) -> list[Route | Mount]:
    """Return what answers at which address."""
    pages = [
        Route(path, visit.endpoint(work, site, is_live=path in LIVE), methods=["GET"])
        for path, work in PAGES.items()
    ]
    streams = [
        Route(visit.STREAMS + path, live_stream.endpoint(PAGES[path], live, site, pauses), methods=["GET"])
        for path, live in LIVE.items()
    ]
    forms = [Route(path, visit.writing(work, site), methods=["POST"]) for path, work in FORMS.items()]
    return [
        Route("/healthz", _healthy, methods=["GET"]),
        Mount("/static", StaticFiles(directory=rendering.STATIC), name="static"),
        *pages,
        *streams,
        *forms,
    ]


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


class _Hardened:
    """Gives every answer the headers that keep a browser from doing what no page of ours needs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith("/static/")

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["Cache-Control"] = _KEPT_FOR if is_static else "no-store"
            await send(message)

        await self._app(scope, receive, hardened)


class _LocalOnly:
    """Lets in what a browser on this machine sends for one of our pages, and opens the session."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app, self._site = app, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._refusal(Request(scope)) or self._opened(Request(scope))
        await (answer or self._app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        headers: Headers = request.headers
        try:
            local_session.check_host(headers.get("host", ""))
        except Refused as error:
            fault = Fault(title="Wrong address", message=str(error), status=HTTPStatus.BAD_REQUEST)
            return visit.told(request, self._site, fault)
        try:
            local_session.check_origin(request.method, headers)
        except Refused as error:
            return visit.fault(request, self._site, error)
        return None

    def _opened(self, request: Request) -> Response | None:
        """Answer the address that the command printed."""
        token, session = request.query_params.get("token"), self._site.identity
        if token is None or request.method != "GET" or request.url.path != "/":
            return None
        assert isinstance(session, LocalSession)  # noqa: S101 - the only identity that this guard is used with
        try:
            cookie = session.redeem(token)
        except NotSignedIn as error:
            try:
                session.person(request.headers)
            except NotSignedIn:
                return visit.fault(request, self._site, error)
            return visit.page(self._site, "opened.html", {}, HTTPStatus.OK)  # opened before, by this browser
        answer = visit.page(self._site, "opened.html", {}, HTTPStatus.OK)
        answer.headers["Set-Cookie"] = cookie
        return answer
