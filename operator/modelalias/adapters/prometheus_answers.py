"""What a Prometheus answers to an instant query: the one number in it, or the failure that it is.

Only Prometheus' own words about a query are passed on, without what looks like an address: whatever else a
server or a proxy writes may hold anything.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from modelalias.adapters.pod_log import printable
from modelalias.adapters.retry_after import retry_after
from modelalias.core.errors import InvalidRequest, OperatorError, Refused, Unavailable

LARGEST: Final = 1 << 20
"""Bytes of an answer; one series takes some hundred."""

AGGREGATE: Final = "let it yield one number, for instance with sum(...)"
STRANGE: Final = (
    "what answers at Prometheus' address is not a Prometheus: configure the address before /api/v1"
)

_LONGEST_SHOWN: Final = 300
_ADDRESS: Final = re.compile(
    r"""
    \w+://[^\s"']+ | \blookup\ \S+
    | \[[0-9a-fA-F:%.]+\](?::\d+)? | \b\d+\.\d+\.\d+\.\d+(?::\d+)?
    | \b[A-Za-z][\w.-]*:\d{2,5}\b
    """,
    re.VERBOSE,
)
_PASSING: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})


class Unauthorized(Refused):
    """The credentials were not accepted; they may have been renewed since they were read."""


def number_in(body: bytes) -> float | None:
    """Return the number in the answer to a query that went well, None without a series.

    Raise `InvalidRequest` when it is not one number, and `Unavailable` when it is no answer of a Prometheus.
    """
    match _object(body):
        case {"status": "success", "data": {"resultType": str(kind), "result": result}}:
            return _number(kind, result)
        case _:
            raise Unavailable(STRANGE)


def failure(status: int, headers: Mapping[str, str], body: bytes) -> OperatorError:
    """Translate an answer that is not a success."""
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized(f"Prometheus does not accept the credentials ({status})")
    if status == HTTPStatus.FORBIDDEN:
        return Unauthorized(f"the credentials do not permit queries to Prometheus ({status})")
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        match _object(body):
            case {"status": "error", "errorType": str(), "error": str(error)}:
                return InvalidRequest(f"Prometheus refuses the query: {_shown(error)}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Unavailable(
            f"Prometheus' address redirects elsewhere ({status}): configure the address of Prometheus itself"
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
        return Unavailable(f"Prometheus cannot answer now ({status})", retry_after=retry_after(headers))
    return Unavailable(f"{STRANGE} ({status})")


def too_large() -> InvalidRequest:
    """Return what to raise for an answer of more bytes than are read."""
    return InvalidRequest(f"the query yields more than {LARGEST >> 20} MiB, so many series: {AGGREGATE}")


def _number(kind: str, result: object) -> float | None:
    match kind, result:
        case "vector", []:
            return None
        case ("vector", [{"value": [_, str(text)]}]) | ("scalar", [_, str(text)]):
            return _float(text)
        case "vector", [{"histogram": _}]:
            raise InvalidRequest(
                "the query yields a histogram: let it yield one number, for instance with histogram_quantile(...)"
            )
        case "vector", [_, _, *_] as series:
            raise InvalidRequest(f"the query yields {len(series)} series: {AGGREGATE}")
        case "matrix", list():
            raise InvalidRequest(
                "the query yields a range of values: let it yield one number, for instance with rate(...)"
            )
        case "string", list():
            raise InvalidRequest("the query yields a string: let it yield a number")
        case _:
            raise Unavailable(STRANGE)


def _float(text: str) -> float:
    """Read a number as Go writes it, NaN, +Inf and -Inf included."""
    try:
        return float(text)
    except ValueError as error:
        raise Unavailable(STRANGE) from error


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(error: str) -> str:
    line = _ADDRESS.sub("***", printable(" ".join(error[:LARGEST].split())))
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}..."
