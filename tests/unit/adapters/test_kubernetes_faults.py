"""What becomes of an API server's failures, against a server that fails on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from modelalias.adapters.kubernetes_client import (
    Call,
    Connection,
    CredentialsRefused,
    Denied,
    MissingObject,
    Verb,
    open_client,
)
from modelalias.core.errors import InvalidRequest, OperatorError, Refused, StaleObject, Unavailable
from modelalias.ports import Telemetry
from modelalias.rest import PatchType, Resource

DEPLOYMENTS = Resource(group="apps", version="v1", plural="deployments")
PATCH = Call(verb=Verb.PATCH, resource=DEPLOYMENTS, namespace="ml", name="api")
PODS = Resource(group="", version="v1", plural="pods")
DELETE = Call(
    verb=Verb.DELETE,
    resource=Resource(group="batch", version="v1", plural="jobs"),
    namespace="ml",
    name="api",
)
LOG = Call(
    verb=Verb.GET,
    resource=PODS.model_copy(update={"subresource": "log"}),
    namespace="ml",
    name="api",
    query=(("tailLines", "20"),),
)
READ = Call(verb=Verb.GET, resource=DEPLOYMENTS, namespace="ml", name="api")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stub:
    """An API server that answers everything with what the test gave it, and remembers what it was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        self.bodies: list[str] = []
        self.was_asked = asyncio.Event()
        self.answer: Handler = self._none
        self._release = asyncio.Event()

    def say(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = (
            body
            if isinstance(body, bytes)
            else (body if isinstance(body, str) else json.dumps(body)).encode()
        )

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, body=data, headers=headers)

        self.answer = answer

    def hang(self) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            await self._release.wait()
            return web.Response()

        self.answer = answer

    def hang_in_the_middle(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b'{"kind": ')
            await self._release.wait()
            return response

        self.answer = answer

    def hang_up(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.answer = answer

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs, dict(request.headers)))
        self.bodies.append(await request.text())
        self.was_asked.set()
        return await self.answer(request)

    def let_go(self) -> None:
        self._release.set()

    async def _none(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=500)


@pytest.fixture
async def stub() -> AsyncIterator[Stub]:
    found = Stub()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    found.let_go()
    await runner.cleanup()


@pytest.fixture
async def connection(stub: Stub) -> AsyncIterator[Connection]:
    found = Connection(ApiClient(Configuration(host=stub.address)))
    yield found
    await found.close()


def status(code: int, reason: str, message: str) -> Mapping[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message,
        "code": code,
    }


RBAC = (
    'deployments.apps "api" is forbidden: User "system:serviceaccount:a:b" cannot patch resource "deployments" in API group '
    '"apps" in the namespace "ml"'
)
LISTING = 'deployments.apps is forbidden: User "system:serviceaccount:a:b" cannot list resource "deployments"'
POLICY = (
    """deployments.apps "api" is forbidden: ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied """
    'request: User "system:serviceaccount:a:b" cannot patch resource "deployments" on Fridays'
)
QUOTA = 'jobs.batch "a" is forbidden: exceeded quota: one, requested: count/jobs.batch=1, used: count/jobs.batch=1'
MODIFIED = "the object has been modified"
TERMINATING = "create not allowed while custom resource definition is terminating"
WHAT = "patch deployments.apps in namespace ml"
GRANT = f"may not {WHAT}: grant it in the operator's ClusterRole"
NOT_NOW = f"the API server cannot do it now: {WHAT}"

CASES: Mapping[str, tuple[int, Any, type[OperatorError], str]] = {
    "not there": (404, status(404, "NotFound", "api not found"), MissingObject, "api not found"),
    "kind not served": (
        404,
        "404 page not found\n",
        Unavailable,
        "the API server does not serve deployments.apps now: are its CRDs installed?",
    ),
    "CRD going": (
        405,
        status(405, "MethodNotAllowed", TERMINATING),
        Unavailable,
        f"{NOT_NOW}: {TERMINATING}",
    ),
    "changed": (409, status(409, "Conflict", MODIFIED), StaleObject, MODIFIED),
    "no credentials": (
        401,
        status(401, "Unauthorized", "Unauthorized"),
        CredentialsRefused,
        f"the API server does not accept the operator's credentials: {WHAT}",
    ),
    "no permission": (403, status(403, "Forbidden", RBAC), Refused, GRANT),
    "a webhook says no": (
        403,
        status(403, "Forbidden", "a webhook: frozen"),
        Denied,
        f"may not {WHAT}: a webhook: frozen",
    ),
    "no permission to list": (403, status(403, "Forbidden", LISTING), Refused, GRANT),
    "a policy in the words of RBAC": (
        403,
        status(403, "Forbidden", POLICY),
        Denied,
        f"may not {WHAT}: {POLICY}",
    ),
    "a quota is full": (403, status(403, "Forbidden", QUOTA), Denied, f"may not {WHAT}: {QUOTA}"),
    "a proxy says no": (403, "<html>Forbidden</html>", Refused, GRANT),
    "does not fit": (422, status(422, "Invalid", "spec.x: wrong"), InvalidRequest, "spec.x: wrong"),
    "malformed": (400, status(400, "BadRequest", "unknown field"), InvalidRequest, "unknown field"),
    "too large": (413, "too large", InvalidRequest, f"the API server refuses it: {WHAT}: HTTP 413"),
    "broken": (
        500,
        status(500, "InternalError", "etcdserver: no leader"),
        Unavailable,
        f"{NOT_NOW}: etcdserver: no leader",
    ),
    "a proxy's 502": (502, "<html>", Unavailable, f"{NOT_NOW}: HTTP 502"),
    "a page that expired": (
        410,
        status(410, "Expired", "continue again"),
        Unavailable,
        f"{NOT_NOW}: continue again",
    ),
    "not JSON": (200, "<html>", Unavailable, f"the API server's answer is not JSON: {WHAT}"),
    "not an object": (200, [], Unavailable, f"the API server's answer is not an object: {WHAT}"),
}


@pytest.mark.parametrize("case", list(CASES))
async def test_each_answer_is_sorted_by_what_to_do_next(
    stub: Stub, connection: Connection, case: str
) -> None:
    code, body, kind, message = CASES[case]
    stub.say(code, body)

    with pytest.raises(OperatorError) as raised:
        await connection.send(PATCH, {}, patch=PatchType.STRATEGIC)

    assert type(raised.value) is kind
    assert str(raised.value) == message


@pytest.mark.parametrize("verb", [Verb.GET, Verb.LIST])
async def test_a_conflict_is_no_answer_to_who_reads(stub: Stub, connection: Connection, verb: Verb) -> None:
    stub.say(409, status(409, "Conflict", MODIFIED))

    with pytest.raises(Unavailable, match=MODIFIED):
        await connection.send(PATCH.model_copy(update={"verb": verb}))


@pytest.mark.parametrize(
    ("header", "pause"), [("7", timedelta(seconds=7)), (None, None), ("soon", None), ("-1", None)]
)
async def test_an_overloaded_server_says_when_to_come_back(
    stub: Stub, connection: Connection, header: str | None, pause: timedelta | None
) -> None:
    stub.say(
        429, status(429, "TooManyRequests", "too many requests"), {"Retry-After": header} if header else {}
    )

    with pytest.raises(Unavailable) as raised:
        await connection.send(PATCH, {})

    assert raised.value.retry_after == pause


async def test_nothing_is_tried_twice(stub: Stub, connection: Connection) -> None:
    stub.say(503, status(503, "ServiceUnavailable", "starting"), {"Retry-After": "1"})

    for call in (READ, PATCH):
        with pytest.raises(Unavailable):
            await connection.send(call)

    assert [method for method, _, _ in stub.asked] == ["GET", "PATCH"]


@pytest.mark.parametrize("fault", ["hang", "hang_in_the_middle"])
async def test_a_server_that_never_answers_is_given_up(
    stub: Stub, connection: Connection, fault: str
) -> None:
    getattr(stub, fault)()

    with pytest.raises(
        Unavailable,
        match=r"^the API server did not answer within 0\.2 s: get deployments\.apps in namespace ml$",
    ):
        await connection.send(READ, seconds=0.2)


async def test_a_server_that_hangs_up_is_unavailable(stub: Stub, connection: Connection) -> None:
    stub.hang_up()

    with pytest.raises(
        Unavailable, match=r"^the API server cannot be reached: patch deployments\.apps in namespace ml: \w+$"
    ):
        await connection.send(PATCH, {})


async def test_a_server_that_is_not_there_is_unavailable_and_its_address_is_not_told() -> None:
    connection = Connection(ApiClient(Configuration(host="http://127.0.0.1:1")))

    with pytest.raises(Unavailable) as raised:
        await connection.send(READ)

    assert "127.0.0.1" not in str(raised.value)
    await connection.close()


async def test_it_works_again_after_a_fault(stub: Stub, connection: Connection) -> None:
    stub.hang()
    with pytest.raises(Unavailable):
        await connection.send(READ, seconds=0.1)

    stub.say(200, {"kind": "Deployment"})

    assert await connection.send(READ) == {"kind": "Deployment"}


async def test_cancelling_a_call_is_no_failure_of_the_server(stub: Stub, connection: Connection) -> None:
    stub.hang()
    task = asyncio.create_task(connection.send(READ))
    await stub.was_asked.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_write_names_us_and_its_deadline(stub: Stub, connection: Connection) -> None:
    stub.say(200, {})

    await connection.send(PATCH, {"metadata": {}}, patch=PatchType.STRATEGIC)

    method, path, headers = stub.asked[0]
    assert (method, path) == (
        "PATCH",
        "/apis/apps/v1/namespaces/ml/deployments/api?fieldManager=modelalias-operator&timeout=5s",
    )
    assert headers["Content-Type"] == "application/strategic-merge-patch+json"


async def test_a_deletion_has_a_deadline_and_its_options(stub: Stub, connection: Connection) -> None:
    stub.say(200, {"kind": "Status"})

    await connection.send(DELETE, {"propagationPolicy": "Background"})

    method, path, headers = stub.asked[0]
    assert (method, path) == ("DELETE", "/apis/batch/v1/namespaces/ml/jobs/api?timeout=5s")
    assert headers["Content-Type"] == "application/json"
    assert stub.bodies == ['{"propagationPolicy": "Background"}']


async def test_a_list_asks_by_label_and_goes_on_with_the_same(stub: Stub, connection: Connection) -> None:
    stub.say(200, {"items": []})
    query = (("labelSelector", "a=b"),)

    await connection.send(Call(verb=Verb.LIST, resource=PODS, namespace="ml", page="next", query=query))

    assert stub.asked[0][1] == "/api/v1/namespaces/ml/pods?labelSelector=a%3Db&limit=500&continue=next"


async def test_a_log_is_read_as_text_whatever_is_in_it(stub: Stub, connection: Connection) -> None:
    stub.say(200, b"one\n\xff two")

    assert await connection.read_text(LOG) == "one\n\ufffd two"
    assert stub.asked[0][1] == "/api/v1/namespaces/ml/pods/api/log?tailLines=20"


async def test_a_log_that_may_not_be_read_names_the_permission(stub: Stub, connection: Connection) -> None:
    stub.say(403, status(403, "Forbidden", RBAC))

    with pytest.raises(
        Refused, match=r"^may not get pods/log in namespace ml: grant it in the operator's ClusterRole$"
    ):
        await connection.read_text(LOG)


async def test_a_name_cannot_leave_its_place_in_the_address(stub: Stub, connection: Connection) -> None:
    stub.say(200, {})

    await connection.send(READ.model_copy(update={"name": "../../x?a=b"}))

    assert stub.asked[0][1] == "/apis/apps/v1/namespaces/ml/deployments/..%2F..%2Fx%3Fa=b"


async def test_credentials_that_cannot_be_read_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(
        InvalidRequest, match=r"^cannot connect to Kubernetes with the pod's service account: "
    ):
        await open_client(None)
    with pytest.raises(InvalidRequest, match=r"^cannot connect to Kubernetes with KUBECONFIG: "):
        await open_client("/no/such/file")


async def test_a_netrc_is_left_alone(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password from-netrc\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    stub.say(200, {})

    async with AsyncExitStack() as stack:
        connection = await kubeconfig_connection(stack, stub.address, tmp_path)
        await connection.send(READ)

    assert [headers.get("Authorization") for _, _, headers in stub.asked] == ["Bearer of-the-kubeconfig"]


@pytest.mark.parametrize(
    ("exempt", "is_asked"), [("", False), ("127.0.0.1", True)], ids=["proxy", "no proxy for this host"]
)
async def test_a_proxy_is_taken_from_the_environment(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exempt: str, *, is_asked: bool
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", exempt)
    stub.say(200, {})

    async with AsyncExitStack() as stack:
        connection = await kubeconfig_connection(stack, stub.address, tmp_path)
        with nullcontext() if is_asked else pytest.raises(Unavailable, match="ClientProxyConnectionError"):
            await connection.send(READ)

    assert bool(stub.asked) is is_asked


async def kubeconfig_connection(stack: AsyncExitStack, address: str, folder: Path) -> Connection:
    """Open a connection as the operator does, with a token."""
    file = folder / "kubeconfig"
    config = {
        "clusters": [{"name": "it", "cluster": {"server": address}}],
        "users": [{"name": "me", "user": {"token": "of-the-kubeconfig"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
        "current-context": "it",
    }
    file.write_text(json.dumps(config), encoding="utf-8")
    connection = Connection(await open_client(str(file)))
    stack.push_async_callback(connection.close)
    return connection


async def test_the_time_is_the_api_servers(stub: Stub, connection: Connection) -> None:
    stub.say(200, {}, {"Date": "Fri, 01 Jan 2027 00:00:00 GMT"})

    await connection.send(READ)

    assert connection.clock.now().year == 2027


class _Told(Telemetry):
    """Keeps what it is told of calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []

    def kubernetes_called(self, verb: str, resource: str, code: str, seconds: float) -> None:
        assert 0 <= seconds < 10
        self.calls.append((verb, resource, code))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda stub: stub.say(200, {}), "200"),
        (lambda stub: stub.say(409, status(409, "Conflict", MODIFIED)), "409"),
        (lambda stub: stub.say(503, "<html>"), "503"),
        (lambda stub: stub.hang(), "timeout"),
        (lambda stub: stub.hang_up(), "unreachable"),
    ],
    ids=["ok", "changed", "overloaded", "silent", "hangs up"],
)
async def test_each_call_is_told_with_its_code(stub: Stub, answer: Callable[[Stub], None], code: str) -> None:
    told = _Told()
    connection = Connection(ApiClient(Configuration(host=stub.address)), telemetry=told)
    answer(stub)
    with suppress(OperatorError):
        await connection.send(READ, seconds=0.5)
    await connection.close()

    assert told.calls == [("get", "deployments.apps", code)]
