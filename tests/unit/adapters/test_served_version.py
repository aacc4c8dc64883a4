"""Which version a server's answer names, and what is said of answers that name none."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from modelalias.adapters.served_version import LIMIT_BYTES, Said, ask_address, read_answer, session
from modelalias.api.workload import Verify

HERE = "127.0.0.1"


@pytest.mark.parametrize(
    ("answer", "path", "version", "model"),
    [
        ({"version": "4"}, "version", "4", None),
        ({"version": 4}, "version", "4", None),
        ({"version": "4"}, "$.version", "4", None),
        ({"version": 18 * "9"}, "version", 18 * "9", None),
        ({"versions": ["4", "3"]}, "versions[0]", "4", None),
        ({"versions": ["4", "3"]}, "$.versions[1]", "3", None),
        ({"model": {"version": 12}}, "model.version", "12", None),
        ({"metadata": {"tags": {"version": "7"}}}, "metadata.tags.version", "7", None),
        ({"a": [[1], [2, {"b-c": ["x", "5"]}]]}, "a[1][1].b-c[1]", "5", None),
        ({"uri": "models:/churn/4"}, "uri", "4", "churn"),
        ({"uri": "models:/fraud eu/10"}, "uri", "10", "fraud eu"),
        (
            {"model_version_status": [{"version": "4", "state": "AVAILABLE"}]},
            "model_version_status[0].version",
            "4",
            None,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_version_is_found_by_its_path(answer: Any, path: str, version: str, model: str | None) -> None:
    said = read_answer(json.dumps(answer).encode(), Verify(port=1, field=path))

    assert said == Said(version=version, model=model)


NUMBER = "which is no version number of a model"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("3.17.2", f"field version says 3.17.2, {NUMBER}"),
        ("v4", f"field version says v4, {NUMBER}"),
        ("04", f"field version says 04, {NUMBER}"),
        ("0", f"field version says 0, {NUMBER}"),
        (0, f"field version says 0, {NUMBER}"),
        (-4, f"field version says -4, {NUMBER}"),
        (4.0, f"field version says 4.0, {NUMBER}"),
        (True, f"field version says true, {NUMBER}"),
        ("4\n", f"field version says 4, {NUMBER}"),
        ("", f"field version says something, {NUMBER}"),
        (19 * "9", f"field version says {19 * '9'}, {NUMBER}"),
        (10**40, f"field version says 1{39 * '0'}..., {NUMBER}"),
        ("models:/churn@champion", f"field version says models:/churn@champion, {NUMBER}"),
        ("models:/churn/latest", f"field version says models:/churn/latest, {NUMBER}"),
        ("models:/churn/4/5", f"field version says models:/churn/4/5, {NUMBER}"),
        ("models:/m-4f/04", f"field version says models:/m-4f/04, {NUMBER}"),
        ("runs:/4/4", f"field version says runs:/4/4, {NUMBER}"),
        ("s3://bucket/churn/4", f"field version says something, {NUMBER}"),
        ("http://me:geheim@store/4", f"field version says something, {NUMBER}"),
        ("10.0.0.7:8080", f"field version says something, {NUMBER}"),
        ("fd00:10::7", f"field version says something, {NUMBER}"),
        ("\x1b[31m4\x00\u202e", f"field version says 4, {NUMBER}"),
        (500 * "x", f"field version says {40 * 'x'}..., {NUMBER}"),
        (None, "field version of its answer is null"),
        ({"major": 4}, f"field version says an object, {NUMBER}"),
        (["4"], f"field version says a list, {NUMBER}"),
    ],
    ids=repr,
)
def test_what_is_no_version_number_is_told_short_and_without_addresses(value: Any, message: str) -> None:
    said = read_answer(json.dumps({"version": value}).encode(), Verify(port=1))

    assert said == Said(message=message)


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({}, "version"),
        ({"versions": []}, "versions[0]"),
        ({"versions": ["4"]}, "versions[1]"),
        ({"versions": "4"}, "versions[0]"),
        ({"versions": {"0": "4"}}, "versions[0]"),
        ({"versions": {"": "4"}}, "versions[0]"),
        ({"model": "4"}, "model.version"),
        ({"model": [{"version": 4}]}, "model.version"),
        ({"model": None}, "model.version"),
        ({"name": "churn", "ready": True}, "version"),
    ],
    ids=repr,
)
def test_a_field_that_is_not_there_is_named(answer: Any, path: str) -> None:
    said = read_answer(json.dumps(answer).encode(), Verify(port=1, field=path))

    assert said == Said(message=f"its answer has no field {path}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"3.17.2", f"its answer to GET /version is not JSON: 3.17.2, {NUMBER}"),
        (b"<!doctype html>\n<html>", f"its answer to GET /version is not JSON: <!doctype html>, {NUMBER}"),
        (b"see http://me:geheim@store", "its answer to GET /version is not JSON"),
        (b"", "its answer to GET /version is not JSON"),
        (b"\xff\xfe\x00", f"its answer to GET /version is not JSON: \ufffd\ufffd, {NUMBER}"),
        (b'{"version": NaN}', f'its answer to GET /version is not JSON: {{"version": NaN}}, {NUMBER}'),
        (b"[" * 60_000, f"its answer to GET /version is not JSON: {40 * '['}..., {NUMBER}"),
        (b"4", "its answer to GET /version is not a JSON object"),
        (b'["4"]', "its answer to GET /version is not a JSON object"),
        (b'{"version": %s}' % (b"1" * 5000), None),
    ],
    ids=["plain", "page", "address", "nothing", "no text", "NaN", "deep", "number", "list", "digits"],
)
def test_an_answer_that_is_no_json_object_says_so(data: bytes, message: str | None) -> None:
    said = read_answer(data, Verify(port=1))

    assert said.version is None
    assert said.message == message or (message is None and "is not JSON" in said.message)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A server on loopback that answers everything as the test says."""

    answer: Handler
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs))
        self.headers.append(dict(request.headers))
        return await self.answer(request)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async def four(_: web.Request) -> web.StreamResponse:
        return web.json_response({"version": "4"})

    found = Server(four)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HERE, 0)
    await site.start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with session() as opened:
        yield opened


async def test_the_server_is_asked_once_at_its_port_and_path(
    server: Server, client: aiohttp.ClientSession
) -> None:
    said = await ask_address(client, HERE, Verify(port=server.port, path="/v2/models/churn"))

    assert said == Said(version="4")
    assert server.asked == [("GET", "/v2/models/churn")]
    assert server.headers[0]["Host"] == f"{HERE}:{server.port}"
    assert server.headers[0]["User-Agent"] == "modelalias-operator"
    assert not server.headers[0].keys() & {"Authorization", "Cookie"}


async def test_an_IPv6_address_is_asked(client: aiohttp.ClientSession) -> None:  # noqa: N802 - its name
    async def four(_: web.Request) -> web.StreamResponse:
        return web.json_response({"version": "4"})

    app = web.Application()
    app.router.add_get("/version", four)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "::1", 0).start()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    try:
        said = await ask_address(client, "::1", Verify(port=runner.addresses[0][1]))
    finally:
        await runner.cleanup()

    assert said == Said(version="4")


async def test_no_proxy_and_no_password_file_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text(f"machine {HERE} login me password geheim\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", f"http://{HERE}:1")
    async with session() as client:
        said = await ask_address(client, HERE, Verify(port=server.port))

    assert said == Said(version="4")
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server: Server, client: aiohttp.ClientSession, status: int) -> None:
    async def away(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    server.answer = away

    said = await ask_address(client, HERE, Verify(port=server.port))

    assert said.message == f"it answers GET /version with a redirect (HTTP {status}), which is not followed"
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [201, 204, 401, 403, 404, 500, 503])
async def test_another_status_is_told(server: Server, client: aiohttp.ClientSession, status: int) -> None:
    async def no(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=None if status == 204 else b'{"version": "4"}')

    server.answer = no

    said = await ask_address(client, HERE, Verify(port=server.port))

    assert said == Said(message=f"it answers GET /version with HTTP {status}")


async def test_the_content_type_does_not_matter(server: Server, client: aiohttp.ClientSession) -> None:
    async def plain(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b'{"version": "4"}', content_type="text/html")

    server.answer = plain

    assert await ask_address(client, HERE, Verify(port=server.port)) == Said(version="4")


@pytest.mark.parametrize(("extra", "found"), [(0, True), (1, False)])
async def test_an_answer_is_read_up_to_its_limit(
    server: Server, client: aiohttp.ClientSession, extra: int, found: bool
) -> None:
    text = b'{"version": "4", "filler": "%s"}'
    filler = b"x" * (LIMIT_BYTES + extra - len(text) + 2)

    async def long(_: web.Request) -> web.StreamResponse:
        return web.Response(body=text % filler)

    server.answer = long

    said = await ask_address(client, HERE, Verify(port=server.port))

    assert said == (
        Said(version="4") if found else Said(message="its answer to GET /version is longer than 64 KiB")
    )


async def test_an_answer_without_end_is_given_up(server: Server, client: aiohttp.ClientSession) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    server.answer = endless

    said = await ask_address(client, HERE, Verify(port=server.port))

    assert said.message == "its answer to GET /version is longer than 64 KiB"


async def test_a_packed_answer_is_not_unfolded(server: Server, client: aiohttp.ClientSession) -> None:
    async def packed(_: web.Request) -> web.StreamResponse:
        response = web.json_response({"version": "4", "filler": 1_000_000 * "x"})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    server.answer = packed

    said = await ask_address(client, HERE, Verify(port=server.port))

    assert "is not JSON" in said.message
    assert server.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("begun", [False, True], ids=["no answer", "half an answer"])
async def test_a_server_that_takes_too_long_is_given_up(
    server: Server, client: aiohttp.ClientSession, begun: bool
) -> None:
    never = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if begun:
            await response.prepare(request)
            await response.write(b'{"version": ')
        await never.wait()
        return response

    server.answer = slow

    said = await ask_address(client, HERE, Verify(port=server.port), seconds=0.1)

    never.set()
    assert said.message == f"it does not answer within 0.1 s at port {server.port}"


async def test_a_server_that_hangs_up_is_told(server: Server, client: aiohttp.ClientSession) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answer = hang_up

    said = await ask_address(client, HERE, Verify(port=server.port))

    assert said.message == (
        f"it closes the connection to port {server.port} without a whole answer: does it want TLS?"
    )


async def test_what_is_no_HTTP_is_told(client: aiohttp.ClientSession) -> None:  # noqa: N802 - its name
    async def other(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x15\x03\x01\x00\x02\x02\x0a")  # what a TLS server says to plain HTTP
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(other, HERE, 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        said = await ask_address(client, HERE, Verify(port=port))

    assert said.message == f"it does not speak plain HTTP at port {port}"


async def test_a_port_where_nothing_listens_is_told(client: aiohttp.ClientSession) -> None:
    with socket.socket() as taken:
        taken.bind((HERE, 0))  # bound, so that nobody else listens there, and not listening
        port = taken.getsockname()[1]
        said = await ask_address(client, HERE, Verify(port=port))

    assert said == Said(message=f"nothing listens at port {port}")
