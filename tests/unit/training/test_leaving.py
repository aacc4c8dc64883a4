"""A serving process that is asked to end answers on, until nobody sends it anything any more."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from time import monotonic, sleep

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.support.mlflow_server import free_port
from training.serving.leaving import LeavingServer

HOST = "127.0.0.1"
PATIENCE = 30.0
FOR_EVER = 3600.0


async def _hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@contextmanager
def _served(seconds: float) -> Iterator[tuple[LeavingServer, threading.Thread]]:
    """Run the server in a thread, where no signal reaches it: the test hands it the signals."""
    server = LeavingServer(Starlette(routes=[Route("/", _hello)]), HOST, free_port(HOST), seconds=seconds)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        _until(lambda: server.started)
        yield server, thread
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def _until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline, "it did not come about"
        sleep(0.02)  # poll


def _ask(connection: HTTPConnection) -> tuple[int, str | None]:
    """Return the status, and what the answer says of the connection."""
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("connection")


def test_after_sigterm_new_and_old_connections_are_answered_and_told_to_go_elsewhere() -> None:
    with _served(FOR_EVER) as (server, thread):
        old = HTTPConnection(HOST, server.config.port, timeout=PATIENCE)
        before = _ask(old)

        server.handle_exit(signal.SIGTERM, None)
        kept = _ask(old)
        new = _ask(HTTPConnection(HOST, server.config.port, timeout=PATIENCE))

        assert before == (200, None)
        assert kept == new == (200, "close")
        assert thread.is_alive()


def test_it_ends_by_itself_once_nobody_can_be_sent_to_it() -> None:
    with _served(0.0) as (server, thread):
        server.handle_exit(signal.SIGTERM, None)
        thread.join(PATIENCE)

        assert not thread.is_alive()
        with pytest.raises(ConnectionRefusedError):
            _ask(HTTPConnection(HOST, server.config.port, timeout=PATIENCE))


def test_a_second_sigterm_ends_it_at_once() -> None:
    with _served(FOR_EVER) as (server, thread):
        server.handle_exit(signal.SIGTERM, None)
        server.handle_exit(signal.SIGTERM, None)
        thread.join(PATIENCE)

        assert not thread.is_alive()
