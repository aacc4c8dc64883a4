"""One request for a page: who looks, how to read, and how to answer as a page or as JSON."""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from modelalias.adapters.kubernetes_client import CredentialsRefused
from modelalias.core.errors import (
    InvalidRequest,
    NotFound,
    OperatorError,
    Refused,
    StaleObject,
    Unavailable,
)
from modelalias.web.identity import Identity, NotSignedIn, Person
from modelalias.web.kept import Kept
from modelalias.web.offers import Looking
from modelalias.web.pulse import Pulse
from modelalias.web.reading import Reader, Readers
from modelalias.web.registries import Registries
from modelalias.web.streams import Streams
from modelalias.web.view import PageView, View

STREAMS: Final = "/events"
"""What stands before the address of a page in that of its stream."""
SEEN: Final = "seen"
AGAIN: Final = "again"
"""What names, in the address of a form, what was typed into it before."""

_LOG: Final = logging.getLogger(__name__)
_STATUSES: Final = (
    (NotSignedIn, HTTPStatus.UNAUTHORIZED, "Not signed in"),
    (CredentialsRefused, HTTPStatus.UNAUTHORIZED, "Not signed in"),
    (NotFound, HTTPStatus.NOT_FOUND, "Not found"),
    (InvalidRequest, HTTPStatus.BAD_REQUEST, "That cannot be done"),
    (StaleObject, HTTPStatus.CONFLICT, "Somebody was faster"),
    (Refused, HTTPStatus.FORBIDDEN, "Not allowed"),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "Not available now"),
)


class Fault(View):
    """Why there is no page."""

    title: str
    message: str
    status: int


BUG: Final = Fault(
    title="That went wrong",
    message="An error of the page itself; its log has the details.",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
)


@dataclass(frozen=True)
class Site:
    """What all requests share."""

    identity: Identity
    readers: Readers
    templates: Environment
    registries: Registries = field(default_factory=Registries)
    streams: Streams = field(default_factory=Streams)
    pulse: Pulse = field(default_factory=Pulse)
    mistakes: Kept[Any] | None = None
    """Forms that were sent and could not be taken, see `forms`; None where several processes answer one browser."""


@dataclass(frozen=True)
class Visit:
    """One request of one person."""

    request: Request
    person: Person
    reader: Reader
    site: Site
    is_live: bool = False
    """Whether the page has a stream that tells it what changes, see `live_stream`."""
    is_part: bool = False
    """Whether it is for that stream, which takes what stands in `<main>`."""

    def parameter(self, name: str) -> str:
        """Return a part of the address, decoded."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """Return what was asked behind the question mark; "" where it was not."""
        return self.request.query_params.get(name, "").strip()

    @property
    def is_of_browser(self) -> bool:
        """Return whether a browser asks, for which Back and reload have to lead to a page."""
        return "text/html" in self.request.headers.get("accept", "") and not self.is_part

    @property
    def looking(self) -> Looking:
        """What decides whether forms are offered."""
        return Looking(may_write=self.person.may_write, flags=self.person.flags)

    async def answer(self, template: str, view: View, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """Answer with a page, or with the same as JSON where that was asked for."""
        warning = await self.site.pulse.warning(self.reader) if isinstance(view, PageView) else None
        if warning:
            view = view.changed(operator_warning=warning)
        if wants_json(self.request) and not self.is_part:
            return as_json(view, status)
        who = await self.reader.who()
        context = {
            "view": view,
            "user": who.user,
            "person": self.person,
            "now": self.reader.now(),
            "path": self.request.url.path,
            "operator_warning": warning,
        }
        if self.is_part:
            return Part(view, page(self.site, template, {**context, "is_part": True}, status))
        if self.is_live:
            context["stream"] = stream_address(self.request, digest(view))
        return page(self.site, template, context, status)


class Part(Response):
    """What stands in the `<main>` of a page, and the view that it was made of."""

    def __init__(self, view: View, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, media_type=whole.media_type)
        self.view = view


Page = Callable[[Visit], Awaitable[Response]]


def endpoint(work: Page, site: Site, *, is_live: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that finds the person first, and tells failures as pages."""

    async def answered(request: Request) -> Response:
        try:
            person = site.identity.person(request.headers)
            async with site.readers.of(person) as reader:
                follows = (
                    is_live and AGAIN not in request.query_params
                )  # else what is told would be morphed away
                return await work(Visit(request, person, reader, site, is_live=follows))
        except OperatorError as error:
            return fault(request, site, error)
        except Exception:  # noqa: BLE001 - told as a page with its headers, and logged
            _LOG.exception("an error of the page %s", request.url.path)
            return told(request, site, BUG)

    return answered


def writing(work: Page, site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint for a form, which a person who only looks may not send."""

    async def written(visit: Visit) -> Response:
        if not visit.person.may_write:
            raise Refused("this dashboard only shows, and changes nothing")
        return await work(visit)

    return endpoint(written, site)


def stream_address(request: Request, seen: str) -> str:
    """Return the address of the stream of a page, which also says what the page shows already."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != SEEN]
    path = request.scope["raw_path"].decode("ascii")
    return f"{STREAMS}{path}?{urlencode([*query, (SEEN, seen)])}"


def digest(view: View) -> str:
    """Return a word that is another one once the view is another one."""
    return hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:16]


def fault(request: Request, site: Site, error: OperatorError) -> Response:
    """Tell a failure in a sentence, with the status that fits."""
    status, title = _status(error)
    return told(request, site, Fault(title=title, message=str(error), status=status))


def status_of(error: OperatorError) -> HTTPStatus:
    """Return the status that fits a failure."""
    return _status(error)[0]


def _status(error: OperatorError) -> tuple[HTTPStatus, str]:
    return next(
        ((status, title) for kind, status, title in _STATUSES if isinstance(error, kind)),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "That went wrong"),
    )


def told(request: Request, site: Site, view: Fault) -> Response:
    """Answer with why there is no page."""
    status = HTTPStatus(view.status)
    if wants_json(request):
        return as_json(view, status)
    return page(site, "fault.html", {"view": view, "path": request.url.path}, status)


def page(site: Site, template: str, context: Mapping[str, Any], status: HTTPStatus) -> Response:
    """Render a template."""
    return HTMLResponse(site.templates.get_template(template).render(context), status)


def as_json(view: View, status: HTTPStatus) -> Response:
    """Answer with the values of a view."""
    body = view.model_dump(mode="json", by_alias=True, exclude_none=True)
    return Response(json.dumps(body, indent=1), status, media_type="application/json")


def wants_json(request: Request) -> bool:
    """Return whether JSON was asked for, and no page."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted
