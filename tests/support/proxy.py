"""Reverse proxies on loopback: what the operator really sends to the API server and to MLflow, in one order, and
what goes wrong on the way.

Used where calls are counted, never where they are timed. The one before the API server speaks TLS with a
certificate of its own, so that the operator's memory is what it is without the proxy. The faults are in
`tests.support.faults`.
"""

import asyncio
import json
import ssl
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from modelalias.adapters.kubernetes_client import open_client
from tests.support.certificates import certificate_of_nobody

HOST: Final = "127.0.0.1"
SECONDS: Final = 20.0
LARGEST_BODY: Final = 16 * 1024 * 1024
_OF_THE_HOP: Final = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "upgrade"})


@dataclass(frozen=True)
class Sent:
    """One call as the operator sent it."""

    to: str
    """`mlflow` or `kubernetes`."""
    method: str
    path: str
    """With the query, as it went over the wire."""
    content_type: str
    body: bytes
    at: float
    """Seconds of `time.perf_counter`."""

    @property
    def is_write(self) -> bool:
        return self.method not in {"GET", "HEAD"}

    @property
    def resource(self) -> str:
        """Return the resource with its subresource, or MLflow's endpoint: no names in either."""
        if self.to == "mlflow":
            return "/".join(self._parts[3:])
        return "/".join(self._below_namespace[:1] + self._below_namespace[2:]) or "discovery"

    @property
    def namespace(self) -> str:
        """Return the namespace that it is about, empty where it is about none or about all."""
        parts = self._parts
        return parts[parts.index("namespaces") + 1] if self._below_namespace else ""

    @property
    def is_watch(self) -> bool:
        return "watch" in parse_qs(urlsplit(self.path).query)

    @property
    def is_follow_up(self) -> bool:
        """Whether it reads a snapshot, a list or a watch, or renews the Lease: the operator does that whatever is
        asked of it."""
        if self.to == "mlflow":
            named = parse_qs(urlsplit(self.path).query).get("filter")
            return self.resource == "registered-models/search" and not named
        return self.resource == "leases" or (not self.is_write and len(self._below_namespace) < 2)

    @property
    def _parts(self) -> list[str]:
        return urlsplit(self.path).path.strip("/").split("/")

    @property
    def _below_namespace(self) -> list[str]:
        parts = self._parts
        return parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else []

    def __str__(self) -> str:
        return f"{self.to} {self.method} {self.resource}"


class Exchange:
    """One call on its way: to the server and back, or not."""

    def __init__(self, sent: Sent, request: web.Request, session: aiohttp.ClientSession, url: URL) -> None:
        self.sent = sent
        self._request, self._session, self._url = request, session, url
        self._loop = asyncio.get_running_loop()

    @property
    def authorization(self) -> str:
        return self._request.headers.get("Authorization", "")

    @asynccontextmanager
    async def carried_out(self) -> AsyncIterator[aiohttp.ClientResponse]:
        """Let the server do it; its answer has come so far as its headers."""
        headers = {
            key: value for key, value in self._request.headers.items() if key.lower() not in _OF_THE_HOP
        }
        async with self._session.request(
            self.sent.method, self._url, headers=headers, data=self.sent.body or None, allow_redirects=False
        ) as answer:
            yield answer

    async def begin(self, status: int, headers: Mapping[str, str]) -> web.StreamResponse:
        """Begin an answer."""
        kept = {key: value for key, value in headers.items() if key.lower() not in _OF_THE_HOP}
        response = web.StreamResponse(status=status, headers=kept)
        await response.prepare(self._request)
        return response

    def lose(self) -> None:
        """Lose the connection, told from any thread."""
        if self._request.transport is not None:
            self._loop.call_soon_threadsafe(self._request.transport.abort)

    async def break_off(self) -> web.StreamResponse:
        """End the connection in the middle of whatever was sent."""
        self.lose()
        await asyncio.Event().wait()  # until the loss of the connection ends this
        raise AssertionError("unreachable")


Where = Callable[[Sent], bool]
Fault = Callable[[Exchange], Awaitable[web.StreamResponse]]
Hides = Callable[[Sent, Mapping[str, Any]], bool]
"""Whether an event of a watch is hidden."""


@dataclass
class Rule:
    """Which calls meet a fault, and how many do; None: all."""

    where: Where
    fault: Fault
    times: int | None = None
    met: int = 0

    def takes(self, sent: Sent) -> bool:
        """Return whether it is for this call, and count that."""
        if (self.times is not None and self.met >= self.times) or not self.where(sent):
            return False
        self.met += 1
        return True


@dataclass
class Recorder:
    """The proxies' common log, where the operator finds them, and what goes wrong: a test changes that meanwhile."""

    kubeconfig: str = ""
    mlflow_uri: str = ""
    calls: list[Sent] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    hidden: list[Hides] = field(default_factory=list)
    """Which watch events do not get through."""
    watches: list[Exchange] = field(default_factory=list)
    """Those that are open."""

    @contextmanager
    def fault(self, where: Where, fault: Fault, times: int | None = None) -> Iterator[Rule]:
        """Let such calls meet a fault until the block ends."""
        rule = Rule(where, fault, times)
        self.rules.append(rule)
        try:
            yield rule
        finally:
            self.rules.remove(rule)

    @contextmanager
    def hiding(self, which: Hides) -> Iterator[None]:
        """Hide watch events until the block ends."""
        self.hidden.append(which)
        try:
            yield
        finally:
            self.hidden.remove(which)

    def end_watches(self, where: Where) -> None:
        """Lose the connections of such watches; who watches may ask for another."""
        for exchange in [*self.watches]:
            if where(exchange.sent):
                exchange.lose()

    def fault_of(self, sent: Sent) -> Fault | None:
        return next((rule.fault for rule in [*self.rules] if rule.takes(sent)), None)

    def shows(self, sent: Sent, line: bytes) -> bool:
        """Return whether a line of a watch gets through."""
        return not self.hidden or not any(hides(sent, json.loads(line)) for hides in [*self.hidden])


@asynccontextmanager
async def recording(kubeconfig: str, mlflow_uri: str) -> AsyncIterator[Recorder]:
    """Stand before an API server and an MLflow server until the block ends."""
    recorder = Recorder()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="proxy-")))
        client = await open_client(kubeconfig)
        stack.push_async_callback(client.close)
        settings = client.configuration
        outward = ssl.create_default_context(cafile=settings.ssl_ca_cert)
        if settings.cert_file:
            outward.load_cert_chain(settings.cert_file, settings.key_file)
        certificate, inward = certificate_of_nobody(folder)
        port = await _serve(stack, _Proxy("kubernetes", settings.host, outward, recorder), inward)
        recorder.kubeconfig = str(
            _kubeconfig_for(Path(kubeconfig), folder, f"https://{HOST}:{port}", certificate)
        )
        recorder.mlflow_uri = (
            f"http://{HOST}:{await _serve(stack, _Proxy('mlflow', mlflow_uri, None, recorder), None)}"
        )
        yield recorder


@contextmanager
def proxied(kubeconfig: str, mlflow_uri: str) -> Iterator[Recorder]:
    """Stand before both in a thread, for tests that wait without a loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy")
    thread.start()
    standing = recording(kubeconfig, mlflow_uri)
    try:
        recorder = asyncio.run_coroutine_threadsafe(standing.__aenter__(), loop).result(SECONDS)
        try:
            yield recorder
        finally:
            asyncio.run_coroutine_threadsafe(standing.__aexit__(None, None, None), loop).result(SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()


class _Proxy:
    def __init__(self, name: str, upstream: str, tls: ssl.SSLContext | None, recorder: Recorder) -> None:
        self._name, self._upstream, self._tls, self._recorder = name, upstream.rstrip("/"), tls, recorder
        self._session: aiohttp.ClientSession | None = None

    async def open(self, stack: AsyncExitStack) -> None:
        connector = (
            aiohttp.TCPConnector(limit=0, ssl=self._tls) if self._tls else aiohttp.TCPConnector(limit=0)
        )
        session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=LARGEST_BODY,
        )
        self._session = await stack.enter_async_context(session)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        body = await request.read()
        kind = request.headers.get("Content-Type", "")
        sent = Sent(self._name, request.method, request.raw_path, kind, body, time.perf_counter())
        self._recorder.calls.append(sent)
        url = URL(self._upstream + request.raw_path, encoded=True)
        exchange = Exchange(sent, request, self._session, url)
        fault = self._recorder.fault_of(sent)
        return await (self._passed_on(exchange) if fault is None else fault(exchange))

    async def _passed_on(self, exchange: Exchange) -> web.StreamResponse:
        watches = self._recorder.watches if exchange.sent.is_watch else []
        watches.append(exchange)
        try:
            async with exchange.carried_out() as answer:
                response = await exchange.begin(answer.status, answer.headers)
                with suppress(ConnectionResetError):  # the operator ended its watch
                    async for piece in self._pieces(exchange.sent, answer):
                        await response.write(piece)
                    await response.write_eof()
                return response
        finally:
            watches.remove(exchange)

    async def _pieces(self, sent: Sent, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Yield what the server answers; of a watch only what is not hidden."""
        if not sent.is_watch:
            async for piece in answer.content.iter_any():
                yield piece
            return
        async for line in answer.content:
            if self._recorder.shows(sent, line):
                yield line


async def _serve(stack: AsyncExitStack, proxy: _Proxy, tls: ssl.SSLContext | None) -> int:
    """Serve the proxy on a free port and return the port."""
    await proxy.open(stack)
    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_route("*", "/{rest:.*}", proxy.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, HOST, 0, ssl_context=tls)
    await site.start()
    port: int = runner.addresses[0][1]
    return port


def _kubeconfig_for(original: Path, folder: Path, server: str, certificate: Path) -> Path:
    """Write a kubeconfig for the same user, whose cluster is the proxy."""
    config: dict[str, Any] = yaml.safe_load(original.read_text(encoding="utf-8"))
    for cluster in config["clusters"]:
        cluster["cluster"] = {"server": server, "certificate-authority": str(certificate)}
    written = folder / "kubeconfig"
    written.touch(mode=0o600)
    written.write_text(yaml.safe_dump(config), encoding="utf-8")
    return written
