"""A small HTTP server on loopback that answers as a test says, for what a real server will not do on request."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Seen:
    """A request as it came in; `values` are its query and its body, JSON or a form, together; a list under `list`."""

    method: str
    path: str
    values: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes back: bytes as they are, everything else as JSON."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    gap: float = 0.0
    """Seconds between one byte of the body and the next."""

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Respond = Callable[[Seen], Answer]


class HttpStub:
    """A running server: its address and what it has seen."""

    def __init__(self, respond: Respond) -> None:
        self.uri = ""
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self.stopped = threading.Event()
        self._respond = respond
        self._at_once = 0
        self._lock = threading.Lock()

    def answer(self, seen: Seen) -> Answer:
        """Answer a request and note how many are under way."""
        with self._lock:
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self._respond(seen)
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def http_stub(respond: Respond, *, tls: ssl.SSLContext | None = None) -> Iterator[HttpStub]:
    """Serve until the block ends."""
    stub = HttpStub(respond)

    class Handler(_Handler):
        owner = stub

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        stub.uri = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield stub
        finally:
            stub.stopped.set()
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that leave early are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: HttpStub

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Serve every method alike; the server looks for `do_<method>`."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        """Say nothing."""

    def _body(self, content: bytes) -> Any:
        if self.headers.get("Content-Type") == "application/x-www-form-urlencoded":
            return dict(parse_qsl(content.decode()))
        return json.loads(content)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self._body(self.rfile.read(length)) if length else {}
        parts = urlsplit(self.path)
        values = {**dict(parse_qsl(parts.query)), **(body if isinstance(body, dict) else {"list": body})}
        answer = self.owner.answer(Seen(self.command, parts.path, values, dict(self.headers)))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        if not answer.gap:
            self.wfile.write(answer.content)
            return
        for byte in answer.content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.owner.stopped.wait(answer.gap):
                return
