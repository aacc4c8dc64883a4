"""Which version of a model a server says it serves: one HTTP GET, answered with a JSON object.

The server is somebody else's program: what it answers is bounded before it is read, and is shown in a message
only where it is short and holds no address.
"""

import asyncio
import errno
import json
import re
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from modelalias.adapters.pod_log import printable
from modelalias.api.fields import ModelVersionNumber, Value
from modelalias.api.workload import Verify
from modelalias.rest import FIELD_MANAGER

SECONDS: Final = 2.0
"""For the whole of one question and its answer."""
LIMIT_BYTES: Final = 1 << 16

_LONGEST_SHOWN: Final = 40
_NUMBER: Final[TypeAdapter[str]] = TypeAdapter(ModelVersionNumber)
_MODEL_URI: Final = re.compile(r"models:/(?P<model>[^/]{1,255})/(?P<version>[0-9]+)")
_ADDRESS: Final = re.compile(r"://|\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F]*:")


class Said(Value):
    """What a server says."""

    version: str | None = None
    model: str | None = None
    """The name in the model's URI, where it says one."""
    message: str = ""
    """Why there is no version: the same cause in the same words."""


def session() -> aiohttp.ClientSession:
    """Open what `ask_address` takes: no proxy, no credentials of .netrc, no cookies, no connection kept.

    Answers are read as they come over the wire, so that a small one cannot unfold into a large one.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": FIELD_MANAGER, "Accept": "application/json", "Accept-Encoding": "identity"},
        auto_decompress=False,
        trust_env=False,
    )


async def ask_address(
    client: aiohttp.ClientSession, host: str, verify: Verify, *, seconds: float = SECONDS
) -> Said:
    """Ask the server at an IP address; no answer in time is an answer too. Nothing is raised."""
    url = URL.build(scheme="http", host=host, port=verify.port, path=verify.path)
    try:
        async with (
            asyncio.timeout(seconds),
            client.get(url, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=None)) as response,
        ):
            if message := _refusal(response.status, verify):
                return Said(message=message)
            data = await _body(response)
    except TimeoutError:
        return Said(message=f"it does not answer within {seconds:g} s at port {verify.port}")
    except aiohttp.ClientConnectorError as error:
        return Said(message=_unreached(error, verify))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Said(message=_broken(error, verify))
    if data is None:
        return Said(message=f"its answer to GET {verify.path} is longer than {LIMIT_BYTES >> 10} KiB")
    return read_answer(data, verify)


def read_answer(data: bytes, verify: Verify) -> Said:
    """Read an answer whatever its content type says."""
    try:
        answer = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError):
        shown = _shown(data.decode(errors="replace"))
        detail = f": {shown}, which is no version number of a model" if shown else ""
        return Said(message=f"its answer to GET {verify.path} is not JSON{detail}")
    if not isinstance(answer, dict):
        return Said(message=f"its answer to GET {verify.path} is not a JSON object")
    try:
        value = _at(answer, verify.field)
    except LookupError:
        return Said(message=f"its answer has no field {verify.field}")
    if value is None:
        return Said(message=f"field {verify.field} of its answer is null")
    if (said := _version(value)) is not None:
        return said
    return Said(message=f"field {verify.field} says {_named(value)}, which is no version number of a model")


def _version(value: object) -> Said | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:d}" if abs(value) < 10**20 else ""
    if not isinstance(value, str):
        return None
    uri = _MODEL_URI.fullmatch(value)
    try:
        version = _NUMBER.validate_python(uri["version"] if uri else value)
    except ValidationError:
        return None
    return Said(version=version, model=uri["model"] if uri else None)


def _at(answer: object, path: str) -> object:
    """Return what stands at a `JsonPath`; raise LookupError where there is nothing."""
    value: Any = answer
    for name, index in re.findall(r"([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]", path):
        if name and isinstance(value, dict) and name in value:
            value = value[name]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            raise LookupError(path)
    return value


async def _body(response: aiohttp.ClientResponse) -> bytes | None:
    """Read the answer, None when it is too long."""
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > LIMIT_BYTES:
            return None
    return bytes(data)


def _refusal(status: int, verify: Verify) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it answers GET {verify.path} with a redirect (HTTP {status}), which is not followed"
    return "" if status == HTTPStatus.OK else f"it answers GET {verify.path} with HTTP {status}"


def _unreached(error: aiohttp.ClientConnectorError, verify: Verify) -> str:
    if error.os_error.errno == errno.ECONNREFUSED:
        return f"nothing listens at port {verify.port}"
    return f"port {verify.port} cannot be reached: does a network policy forbid it?"


def _broken(error: Exception, verify: Verify) -> str:
    if isinstance(error, aiohttp.ClientResponseError | ValueError):  # its own words may hold the address
        return f"it does not speak plain HTTP at port {verify.port}"
    return f"it closes the connection to port {verify.port} without a whole answer: does it want TLS?"


def _no_number(text: str) -> None:
    raise ValueError(text)


def _named(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return _shown(value if isinstance(value, str) else json.dumps(value)) or "something"


def _shown(text: str) -> str:
    """Return a text of the server as far as it is shown: its first line, short; "" where it holds an address."""
    line = printable(text.strip().partition("\n")[0][:1000])
    if _ADDRESS.search(line):
        return ""
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}..."
