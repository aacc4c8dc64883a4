"""The door of a dashboard that is deployed: by which names it is known, and where what changes something comes from.

Behind a proxy the browser's session is the proxy's cookie, which a browser also sends with what another site's page
submits. So what changes something must have an `Origin` that is this very host: browsers put it on every POST, no page
can set or remove it, and what has none is refused. Where the browser also says `Sec-Fetch-Site`, that has to agree:
it knows a page of the same name over plain http as a stranger. That is why no token stands in the forms.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from modelalias.core.errors import Refused
from modelalias.web import visit
from modelalias.web.local_session import SAFE
from modelalias.web.visit import Fault, Site

ALIVE: Final = "/healthz"
"""Asked for by the kubelet, which knows the pod's address only."""
ONCE: Final = ("host", "origin", "authorization", "x-forwarded-user", "x-forwarded-groups")
"""What may stand in a request once: of two, one may be the proxy's and one its client's."""
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class HostGuard:
    """Lets in what was sent to a name of ours, and what changes something only from a page of ours."""

    def __init__(self, app: ASGIApp, site: Site, hosts: Sequence[str]) -> None:
        self._app, self._site, self._hosts = app, site, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or scope["path"] == ALIVE:
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        try:
            check_once(request.headers)
            check_host(request.headers.get("host", ""), self._hosts)
        except Refused as error:
            fault = Fault(title="Wrong address", message=str(error), status=HTTPStatus.BAD_REQUEST)
            await visit.told(request, self._site, fault)(scope, receive, send)
            return
        try:
            check_origin(request.method, request.headers)
        except Refused as error:
            await visit.fault(request, self._site, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def check_once(headers: Headers) -> None:
    """Refuse a request in which a header that is believed stands twice."""
    for name in ONCE:
        if len(headers.getlist(name)) > 1:
            raise Refused(f"the request has more than one {name}")


def check_host(host: str, hosts: frozenset[str]) -> None:
    """Refuse a request that was sent to another name than one of ours."""
    if _name(host) not in hosts:
        raise Refused(
            "this dashboard is not known by that name; hosts in its configuration has those that it is"
        )


def check_origin(method: str, headers: Headers) -> None:
    """Refuse what would change something and does not come from a page of ours."""
    if method in SAFE:
        return
    host, origin = headers.get("host", ""), headers.get("origin", "")
    schemes = {"http", "https"} if _name(host) in LOOPBACK else {"https"}
    known = origin in {f"{scheme}://{host}" for scheme in schemes}
    if not known or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Refused("this was not sent by a page of this dashboard over https, so nothing was done")


def _name(host: str) -> str:
    """Return a host without its port; "" for what is no host."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.netloc == host and not parts.username else ""
