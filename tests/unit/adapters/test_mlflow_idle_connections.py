"""A server closes connections that are idle: a read that meets one is sent again, a write is not."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import Unavailable
from modelalias.settings import RegistrySettings

ANSWER = json.dumps(
    {"registered_model": {"name": "churn", "aliases": [{"alias": "a", "version": "1"}]}}
).encode()


class _Server(ThreadingTCPServer):
    """Answers so many requests of a connection and closes it as the next one arrives, as a timeout may."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answered: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answered = answered
        self.connections = 0
        self.met: list[str] = []
        """What arrived on a connection that was closed on it."""


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.connections += 1
        for number in range(self.server.answered + 1):
            line = self.rfile.readline().decode()
            if not line:
                return
            length = 0
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self.rfile.read(length)
            if number == self.server.answered:
                self.server.met.append(line.split()[0])
                return
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(ANSWER)}\r\n\r\n"
            )
            self.wfile.write(head.encode() + ANSWER)


@contextmanager
def _serving(answered: int) -> Iterator[_Server]:
    with _Server(answered) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def _opened(server: _Server) -> AsyncIterator[MlflowRegistry]:
    uri = f"http://127.0.0.1:{server.server_address[1]}"
    registry = MlflowRegistry(RegistrySettings(uri=uri, timeout_seconds=5))
    try:
        yield registry
    finally:
        await registry.close()


async def test_a_read_on_a_connection_that_is_being_closed_is_sent_again_on_a_new_one() -> None:
    with _serving(answered=1) as server:
        async with _opened(server) as registry:
            for _ in range(3):
                assert await registry.aliases("churn") == {"a": "1"}

    assert (server.met, server.connections) == (["GET", "GET"], 3)


async def test_of_several_idle_connections_none_is_met_twice() -> None:
    with _serving(answered=1) as server:
        async with _opened(server) as registry:
            await asyncio.gather(*(registry.aliases("churn") for _ in range(4)))
            for _ in range(2):
                assert await registry.aliases("churn") == {"a": "1"}


async def test_a_write_is_not_sent_again() -> None:
    with _serving(answered=1) as server:
        async with _opened(server) as registry:
            await registry.aliases("churn")
            with pytest.raises(Unavailable, match="cannot be reached"):
                await registry.set_alias("churn", "champion", "1")

    assert server.met == ["POST"]


async def test_a_server_that_closes_every_connection_is_asked_twice_and_no_more() -> None:
    with _serving(answered=0) as server:
        async with _opened(server) as registry:
            with pytest.raises(Unavailable, match="cannot be reached"):
                await registry.aliases("churn")

    assert server.met == ["GET", "GET"]
