"""What an error of MLflow means: the failure that the core knows.

Nothing that the server wrote is passed on: its messages contain SQL, addresses and whatever a proxy puts into
its pages. Errors are told apart by status and `error_code` alone, except for a refused Host header, which has
neither.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from modelalias.adapters.retry_after import retry_after
from modelalias.core.errors import InvalidRequest, OperatorError, Refused, Unanswerable, Unavailable

REGISTRY: Final = "the registry"
TRACKING: Final = "the tracking server"
"""What the servers are called in sentences; most registries are both."""

HOST_REMEDY: Final = "{server} refuses the host name {host}: start MLflow with this name in --allowed-hosts"

PASSING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})
"""Errors that go away with time."""

STRANGE: Final = "the registry's answer does not match the question"
"""For an answer that can be parsed: an empty one would otherwise read as a model without aliases."""


class MissingResource(OperatorError):
    """The registry says that something does not exist.

    The caller finds out what, and never passes this one on.
    """


class Clash(OperatorError):
    """The database refused a write that met another one.

    The caller reads and tries again, and never passes this one on.
    """


class Taken(InvalidRequest):
    """Somebody else created something with that name first; the caller reads it and never passes this one on."""


class Broken(Unavailable):
    """The server failed over this very request (500), or has no such page or file (4xx).

    Where it was to hand out a file, it is the file that is meant; the caller looks whether the rest of the
    registry answers.
    """


class NoSuchEndpoint(Broken):
    """A 404 without a word of MLflow's: its release lacks the endpoint, or somebody else answered in its place."""


class Oversized(Unanswerable):
    """The answer is larger than what was asked for can be."""


class Unreachable(Unavailable):
    """No answer at all, so none can be expected for the other calls that wait."""


class Unauthorized(Refused):
    """The credentials were not accepted; they may have been renewed since they were read."""


def failure(
    status: int,
    error_code: str,
    headers: Mapping[str, str],
    *,
    text: str,
    host: str,
    server: str = REGISTRY,
) -> OperatorError:
    """Translate an answer that is not a success.

    `host` is the server's address without scheme, port and path.
    """
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _refusal(status, text, host, server)
    if error_code == "RESOURCE_DOES_NOT_EXIST":
        return MissingResource(f"{server} has nothing with that name")
    if error_code == "RESOURCE_ALREADY_EXISTS":
        return Taken(f"{server} already has something with that name")
    if (status, error_code) == (HTTPStatus.BAD_REQUEST, "BAD_REQUEST") or status == HTTPStatus.CONFLICT:
        return Clash(f"{server}'s database refused the write ({status})")
    if status == HTTPStatus.BAD_REQUEST:
        return InvalidRequest(f"{server} says that the request is invalid ({_known(error_code)})")
    return _kind_of_outage(status, error_code)(
        _outage(status, error_code, server), retry_after=retry_after(headers)
    )


def _refusal(status: int, text: str, host: str, server: str) -> Refused:
    if "invalid host header" in text.lower():
        return Refused(HOST_REMEDY.format(host=host, server=server))
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized(f"{server} does not accept the credentials ({status})")
    return Unauthorized(f"the credentials do not permit this in {server} ({status})")


def _kind_of_outage(status: int, error_code: str) -> type[Unavailable]:
    if status == HTTPStatus.NOT_FOUND and not error_code:
        return NoSuchEndpoint
    return Broken if _over_this_request(status) else Unavailable


def _over_this_request(status: int) -> bool:
    client = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in PASSING
    return client or status == HTTPStatus.INTERNAL_SERVER_ERROR


def _outage(status: int, error_code: str, server: str) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in PASSING:
        return f"{server} cannot answer now ({status})"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"{server}'s address redirects elsewhere ({status}): configure the address of MLflow itself"
    return f"the server at {server}'s address is not MLflow ({status}, {_known(error_code)})"


def _known(error_code: str) -> str:
    return error_code if re.fullmatch(r"[A-Z_]{1,64}", error_code) else "no error code"
