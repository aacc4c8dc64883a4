"""Recording reverse proxies on loopback: what the operator really sends to the API server and to MLflow, in
one order.

Used where calls are counted, never where they are timed. The one before the API server speaks TLS with a
certificate of its own, so that the operator's memory is what it is without the proxy.
"""

import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from modelalias.adapters.kubernetes_client import open_client

HOST: Final = "127.0.0.1"
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


@dataclass
class Recorder:
    """The proxies' common log, and where the operator finds them."""

    kubeconfig: str = ""
    mlflow_uri: str = ""
    calls: list[Sent] = field(default_factory=list)


@asynccontextmanager
async def recording(kubeconfig: str, mlflow_uri: str) -> AsyncIterator[Recorder]:
    """Stand before an API server and an MLflow server until the block ends."""
    recorder = Recorder()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-proxy-")))
        client = await open_client(kubeconfig)
        stack.push_async_callback(client.close)
        settings = client.configuration
        outward = ssl.create_default_context(cafile=settings.ssl_ca_cert)
        if settings.cert_file:
            outward.load_cert_chain(settings.cert_file, settings.key_file)
        inward, certificate = _own_certificate(folder)
        port = await _serve(stack, _Proxy("kubernetes", settings.host, outward, recorder), inward)
        recorder.kubeconfig = str(
            _kubeconfig_for(Path(kubeconfig), folder, f"https://{HOST}:{port}", certificate)
        )
        recorder.mlflow_uri = (
            f"http://{HOST}:{await _serve(stack, _Proxy('mlflow', mlflow_uri, None, recorder), None)}"
        )
        yield recorder


class _Proxy:
    def __init__(self, name: str, upstream: str, tls: ssl.SSLContext | None, recorder: Recorder) -> None:
        self._name, self._upstream, self._tls, self._recorder = name, upstream.rstrip("/"), tls, recorder
        self._session: aiohttp.ClientSession | None = None

    async def open(self, stack: AsyncExitStack) -> None:
        connector = (
            aiohttp.TCPConnector(limit=0, ssl=self._tls) if self._tls else aiohttp.TCPConnector(limit=0)
        )
        session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)
        )
        self._session = await stack.enter_async_context(session)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        body = await request.read()
        kind = request.headers.get("Content-Type", "")
        sent = Sent(self._name, request.method, request.raw_path, kind, body, time.perf_counter())
        self._recorder.calls.append(sent)
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _OF_THE_HOP}
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in _OF_THE_HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            try:
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                await response.write_eof()
            except ConnectionResetError:
                pass  # the operator ended its watch
            return response


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


def _own_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for loopback that is good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate, both = folder / "proxy.crt", folder / "proxy.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    both.touch(mode=0o600)
    both.write_bytes(plain + certificate.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, certificate


def _kubeconfig_for(original: Path, folder: Path, server: str, certificate: Path) -> Path:
    """Write a kubeconfig for the same user, whose cluster is the proxy."""
    config: dict[str, Any] = yaml.safe_load(original.read_text(encoding="utf-8"))
    for cluster in config["clusters"]:
        cluster["cluster"] = {"server": server, "certificate-authority": str(certificate)}
    written = folder / "kubeconfig"
    written.touch(mode=0o600)
    written.write_text(yaml.safe_dump(config), encoding="utf-8")
    return written
