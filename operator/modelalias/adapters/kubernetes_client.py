"""The connection to the API server.

Credentials, a deadline on every call, and its errors as the core's failures. Everything that the operator
asks of Kubernetes apart from Kopf's watches goes through `Connection.send`. The generated classes of the
client library are not used: they build a model of each answer, and all that is needed here is JSON.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.rest import RESTResponse
from kubernetes.aio.config import (
    ConfigException,
    load_incluster_config,
    load_kube_config,
    load_kube_config_from_dict,
)
from multidict import CIMultiDict

from modelalias.adapters.server_clock import ServerClock
from modelalias.api.fields import Value
from modelalias.core.errors import InvalidRequest, NotFound, OperatorError, Refused, StaleObject, Unavailable
from modelalias.ports import SILENT, Telemetry
from modelalias.rest import FIELD_MANAGER, JsonBody, PatchType, Resource

READ_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 5.0
"""No longer than the time between the end of a lease's validity here and its end for others, see
`adapters.leadership`."""

PAGE: Final = 500
"""Objects per page of a list."""

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes of one event of a watch; etcd takes objects of 1.5 MB."""
_MESSAGE_LIMIT: Final = 900
_RBAC: Final = re.compile(r'\S+ (?:"[^"]*" )?is forbidden: User ".*" cannot \S+ resource')
"""How the API server words a missing permission. A policy's own words, further on, may be alike."""
_TIME_MAY_CURE: Final = frozenset(
    {
        HTTPStatus.METHOD_NOT_ALLOWED,  # what a CRD that is being deleted answers
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,  # as an answer to who reads: nothing of theirs can be old
        HTTPStatus.GONE,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class Verb(StrEnum):
    """What RBAC calls the ways to use a resource that the operator needs."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    PATCH = "patch"
    DELETE = "delete"


_READS: Final = frozenset({Verb.GET, Verb.LIST, Verb.WATCH})
_METHODS: Final = {
    Verb.GET: "GET",
    Verb.LIST: "GET",
    Verb.WATCH: "GET",
    Verb.CREATE: "POST",
    Verb.PATCH: "PATCH",
    Verb.DELETE: "DELETE",
}


class Call(Value):
    """What is done to which resource: the part of a call that a permission is about."""

    verb: Verb
    resource: Resource
    namespace: str
    name: str = ""
    page: str = ""
    """Where a list goes on, as the page before said."""
    query: tuple[tuple[str, str], ...] = ()
    """What else is asked, such as a labelSelector."""
    accept: str = "application/json"
    """In which form, such as that of a table."""

    def __str__(self) -> str:
        """Name verb, resource and namespace as RBAC does."""
        return (
            f"{self.verb} {self.resource} in "
            f"{f'namespace {self.namespace}' if self.namespace else 'the cluster'}"
        )


class MissingObject(NotFound):
    """The API server knows the kind and holds no object of that name."""


class KindNotServed(Unavailable):
    """The API server itself, and nothing in front of it, says that it does not know the kind."""


class Expired(Unavailable):
    """A watch cannot go on from there any more: what was missed has to be listed again."""


class Denied(Refused):
    """A quota, a policy or a webhook does not let this object in, though the permission is there."""


class CredentialsRefused(Refused):
    """The API server does not know whose the credentials are: they are wrong, or their time is over."""


class Answer(Value):
    """What the API server said when it said no."""

    status: int
    retry_after: str | None = None
    reason: str = ""
    """A reason such as NotFound; empty where the answer was no Kubernetes Status, as when the kind itself is
    not served."""
    message: str = ""
    audited: bool = False
    """Whether it has the header that the API server, and no proxy, puts on all it says."""


class Caller(Value):
    """The user in whose name calls are made, and how messages refer to that user."""

    whose: str
    """As in "... credentials"."""
    remedy: str
    """What to do about a missing permission."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent with each call; a name can be repeated, as for several impersonated groups."""


OPERATOR: Final = Caller(whose="the operator's", remedy="grant it in the operator's ClusterRole")


class Connection:
    """A pool of connections to one API server.

    Every call raises `Unavailable` when no answer comes in time or the server is overloaded, `Refused` when a
    permission is missing, `StaleObject`, `MissingObject` and `InvalidRequest`, and nothing else. Nothing is
    retried here: the engine does.
    """

    def __init__(self, client: ApiClient, caller: Caller = OPERATOR, telemetry: Telemetry = SILENT) -> None:
        self._client, self._caller, self._telemetry = client, caller, telemetry
        self.clock = ServerClock()
        """The API server's, by its answers."""

    async def send(
        self,
        call: Call,
        body: JsonBody | None = None,
        *,
        patch: PatchType | None = None,
        seconds: float | None = None,
    ) -> Mapping[str, Any]:
        """Do one call within so many seconds and return the object that the API server answered with."""
        return _object(call, await self._answer(call, body, patch, seconds))

    async def read_text(self, call: Call, *, seconds: float | None = None) -> str:
        """Do one call within so many seconds that is answered with plain text, such as a log."""
        return (await self._answer(call, None, None, seconds)).decode(errors="replace")

    async def open_lines(self, call: Call, *, silence: float) -> "Lines":
        """Do one call whose answer comes line by line, as a watch's does; it has to be closed.

        Silence of so many seconds counts as no answer.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=READ_SECONDS, sock_read=silence)
        with _failures(call, self._caller):
            async with asyncio.timeout(READ_SECONDS):
                response = await self._sent(call, None, None, READ_SECONDS, timeout)
                self.clock.hear(response.headers.get("Date"))
                if response.status < 300:  # noqa: PLR2004 - anything but success
                    return Lines(call, self._caller, response)
                data = await response.read()  # type: ignore[no-untyped-call]  # its library has no types here
        raise failure(call, answer_of(response.status, response.headers, data), self._caller)

    async def _answer(
        self, call: Call, body: JsonBody | None, patch: PatchType | None, seconds: float | None
    ) -> bytes:
        limit = (
            seconds
            if seconds is not None
            else READ_SECONDS
            if call.verb in {Verb.GET, Verb.LIST}
            else WRITE_SECONDS
        )
        began, code = time.monotonic(), "unreachable"
        try:
            async with asyncio.timeout(limit):
                status, headers, data = await self._exchange(call, body, patch, limit)
            code = str(status)
        except TimeoutError as error:
            code = "timeout"
            raise Unavailable(f"the API server did not answer within {limit:g} s: {call}") from error
        except ConfigException as error:
            raise Refused(f"{self._caller.whose} Kubernetes credentials cannot be read: {call}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"the API server cannot be reached: {call}: {type(error).__name__}") from error
        finally:
            self._telemetry.kubernetes_called(
                str(call.verb), str(call.resource), code, time.monotonic() - began
            )
        self.clock.hear(headers.get("Date"))
        if status >= 300:  # noqa: PLR2004 - anything but success
            raise failure(call, answer_of(status, headers, data), self._caller)
        return data

    async def _exchange(
        self, call: Call, body: JsonBody | None, patch: PatchType | None, limit: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        timeout = aiohttp.ClientTimeout(total=limit)
        response = await self._sent(call, body, patch, limit, timeout)
        return response.status, response.headers, await response.read()  # type: ignore[no-untyped-call]  # its library has no types here

    async def _sent(
        self,
        call: Call,
        body: JsonBody | None,
        patch: PatchType | None,
        limit: float,
        waits: aiohttp.ClientTimeout,
    ) -> RESTResponse:
        method = _METHODS[call.verb]
        query = urlencode(_query(call, limit))
        url = (
            self._client.configuration.host
            + call.resource.path(call.namespace, call.name)
            + ("?" + query if query else "")
        )
        headers = CIMultiDict({**self._client.default_headers, "Accept": call.accept})
        headers["Content-Type"] = patch or "application/json"
        headers.extend(self._caller.headers)
        await self._client.update_params_for_auth(headers, None, ["BearerToken"], "", method, body)
        return await self._client.call_api(
            method, url, header_params=headers, body=body, _request_timeout=waits
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # as above


class Lines:
    """An answer that comes line by line until the API server ends it; reading raises as a call does."""

    def __init__(self, call: Call, caller: Caller, response: RESTResponse) -> None:
        self._call, self._caller, self._response = call, caller, response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield line after line."""
        rest = b""
        with _failures(self._call, self._caller):
            async for chunk in self._response.response.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    raise Unavailable(f"the API server's answer is too long: {self._call}")
                for line in whole:
                    yield line

    def close(self) -> None:
        """Close the connection at once."""
        self._response.response.close()


@contextmanager
def _failures(call: Call, caller: Caller) -> Iterator[None]:
    """Sort what the client library raises."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable(f"the API server did not answer: {call}") from error
    except ConfigException as error:
        raise Refused(f"{caller.whose} Kubernetes credentials cannot be read: {call}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"the API server cannot be reached: {call}: {type(error).__name__}") from error


async def open_client(kubeconfig: str | None) -> ApiClient:
    """Open a client with the kubeconfig file, or without one with the pod's service account.

    Must run in the event loop that will use it. Raise `InvalidRequest` when the credentials cannot be read.
    """
    configuration = Configuration()
    try:
        if kubeconfig:
            await load_kube_config(  # type: ignore[no-untyped-call]  # as above
                config_file=kubeconfig, client_configuration=configuration, persist_config=False
            )
        else:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # as above
    except (ConfigException, OSError) as error:
        source = "KUBECONFIG" if kubeconfig else "the pod's service account"
        raise InvalidRequest(f"cannot connect to Kubernetes with {source}: {error}") from error
    client = _client(configuration)
    client.user_agent = FIELD_MANAGER
    return client


async def client_of(kubeconfig: Mapping[str, Any]) -> ApiClient:
    """Open a client with a kubeconfig that was read already, for its current context.

    Must run in the event loop that will use it. Raise `InvalidRequest` when the credentials in it cannot be
    used.
    """
    configuration = Configuration()
    try:
        await load_kube_config_from_dict(kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]  # as above
        return _client(configuration)
    except (
        ConfigException,
        OSError,
        ValueError,
        TypeError,
    ) as error:  # the last two: what is no base64, or no text at all
        raise InvalidRequest(f"the credentials in the kubeconfig cannot be used: {error}") from error


def _client(configuration: Configuration) -> ApiClient:
    """Make a client that looks for a proxy in the environment once, and without one never for a .netrc.

    Left to itself it would look for both before each call, in threads, which cost as much as the call.
    """
    configuration.client_session_kwargs = {"trust_env": _is_behind_a_proxy(configuration.host)}
    return ApiClient(configuration)


def _is_behind_a_proxy(address: str) -> bool:
    """Return whether the environment names a proxy for this address."""
    parts = urlsplit(address)
    return parts.scheme in getproxies() and not proxy_bypass(parts.hostname or "")


def answer_of(status: int, headers: Mapping[str, str], data: bytes) -> Answer:
    """Read an error of the API server, from a Kubernetes Status if it sent one."""
    try:
        body = json.loads(data)
    except ValueError:
        body = None
    error = body if isinstance(body, dict) and body.get("kind") == "Status" else {}
    return Answer(
        status=status,
        retry_after=headers.get("Retry-After"),
        reason=str(error.get("reason") or ""),
        message=str(error.get("message") or "")[:_MESSAGE_LIMIT],
        audited="Audit-Id" in headers,
    )


def failure(call: Call, answer: Answer, caller: Caller = OPERATOR) -> OperatorError:
    """Sort an error by what to do next."""
    message = answer.message or f"HTTP {answer.status}"
    status = answer.status
    error: OperatorError
    if status == HTTPStatus.NOT_FOUND and answer.reason == "NotFound":
        error = MissingObject(message)
    elif status == HTTPStatus.NOT_FOUND:
        kind = KindNotServed if answer.audited else Unavailable
        error = kind(f"the API server does not serve {call.resource} now: are its CRDs installed?")
    elif status == HTTPStatus.GONE and call.verb is Verb.WATCH:
        error = Expired(message)
    elif status == HTTPStatus.CONFLICT and call.verb not in _READS:
        error = StaleObject(message)
    elif status == HTTPStatus.UNAUTHORIZED:
        error = CredentialsRefused(f"the API server does not accept {caller.whose} credentials: {call}")
    elif status == HTTPStatus.FORBIDDEN:
        known = not answer.message or _RBAC.match(answer.message)
        error = Refused(f"may not {call}: {caller.remedy}") if known else Denied(f"may not {call}: {message}")
    elif HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _TIME_MAY_CURE:
        error = InvalidRequest(answer.message or f"the API server refuses it: {call}: {message}")
    else:
        error = Unavailable(
            f"the API server cannot do it now: {call}: {message}", retry_after=_pause(answer.retry_after)
        )
    return error


def _query(call: Call, limit: float) -> Mapping[str, str]:
    query = dict(call.query)
    if call.verb is Verb.LIST:
        query.setdefault("limit", str(PAGE))
        if call.page:
            query["continue"] = call.page
    elif call.verb not in {Verb.GET, Verb.WATCH}:
        if call.verb is not Verb.DELETE:
            query.setdefault("fieldManager", FIELD_MANAGER)
        # The server keeps the same deadline, so that a write it was late with does not land after we gave up
        # on it.
        query["timeout"] = f"{limit:g}s"
    return query


def _pause(retry_after: str | None) -> timedelta | None:
    """Read a Retry-After header in seconds, the only form that Kubernetes sends."""
    if retry_after is None or not re.fullmatch(r"[0-9]{1,5}", retry_after.strip()):
        return None
    return timedelta(seconds=int(retry_after))


def _object(call: Call, data: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as error:
        raise Unavailable(f"the API server's answer is not JSON: {call}") from error
    if not isinstance(body, dict):
        raise Unavailable(f"the API server's answer is not an object: {call}")
    return body
