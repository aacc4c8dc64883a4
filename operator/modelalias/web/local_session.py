"""A session on a person's own machine: a token that opens it once, and a cookie that keeps it.

Anybody on the machine can reach a port of 127.0.0.1, and any page in the person's browser can send requests to it. So
the token stands in the address that only the terminal shows; the cookie is HttpOnly and SameSite=Strict; a name other
than that of the machine itself is refused (a stranger's name can be made to resolve to 127.0.0.1); and what changes
something must come from a page of ours.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final

from modelalias.core.errors import Refused
from modelalias.web.identity import NotSignedIn, Person

HOSTS: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?")
"""Any port: a tunnel of ssh may have another one."""
SAFE: Final = frozenset({"GET", "HEAD"})
_HOW_TO_SIGN_IN: Final = (
    "This page opens with the address that `modelalias dashboard` printed; it works once. "
    "Start the command again for another one."
)


class LocalSession:
    """Implements `Identity` for the one person who started the process."""

    def __init__(self, person: Person, port: int) -> None:
        self._person = person
        self.token: str | None = secrets.token_urlsafe(32)
        """None once it was used."""
        self._key = secrets.token_urlsafe(32)
        self.cookie = f"modelalias-{port}"
        """Its name has the port, because browsers keep one set of cookies for all ports of a machine."""

    def person(self, headers: Mapping[str, str]) -> Person:
        """Return the person, if the cookie is the one that was given for the token."""
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            morsel = None
        if morsel is None or not _same(morsel.value, self._key):
            raise NotSignedIn(_HOW_TO_SIGN_IN)
        return self._person

    def redeem(self, token: str) -> str:
        """Return the Set-Cookie header for the token, which is worth nothing after that."""
        if self.token is None or not _same(token, self.token):
            raise NotSignedIn(_HOW_TO_SIGN_IN)
        self.token = None
        return f"{self.cookie}={self._key}; Path=/; HttpOnly; SameSite=Strict"


def check_host(host: str) -> None:
    """Refuse a request that was sent to another name than that of the machine itself."""
    if not HOSTS.fullmatch(host):
        raise Refused("this page answers at localhost only")


def check_origin(method: str, headers: Mapping[str, str]) -> None:
    """Refuse what would change something and does not come from a page of ours."""
    if method in SAFE:
        return
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    if origin != f"http://{headers.get('host', '')}" or site != "same-origin":
        raise Refused("this was not sent by a page of this dashboard, so nothing was done")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
