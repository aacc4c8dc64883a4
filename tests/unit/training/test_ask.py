"""Many requests are counted by the version that answered, and one without an answer is no version's."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from training import ask

Answer = tuple[int, Any]
Serve = Callable[[Callable[[int, str, Any], Answer]], str]
"""From what answers the n-th request, to that name and body, to the address where it does."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def begin(answer: Callable[[int, str, Any], Answer]) -> str:
        numbers = count()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answered = answer(next(numbers), self.headers["Host"], body)
                text = json.dumps(answered).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
                """Write nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


def test_answers_are_counted_by_version(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, Any]] = []

    def answer(number: int, host: str, body: Any) -> Answer:
        asked.append((host, body))
        return 200, {"predictions": [[0.9, 0.1]], "version": "2" if number % 10 == 0 else "1"}

    status = ask.main(
        [serve(answer), "--host", "fraud.example.com", "--pipeline", "fraud", "--requests", "30"]
    )

    assert status == 0
    assert capsys.readouterr().out.splitlines() == [
        "VERSION   ANSWERS   SHARE",
        "1         27        90 %",
        "2         3         10 %",
    ]
    rows = [row for _, body in asked for row in body["dataframe_records"]]
    assert {host for host, _ in asked} == {"fraud.example.com"}
    assert len(rows) == len({json.dumps(row) for row in rows}) == 30
    assert "amount" in rows[0]
    assert "fraud" not in rows[0]


def test_a_request_without_an_answer_is_an_error(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    address = serve(lambda number, _host, _body: (503 if number == 3 else 200, {"version": "1"}))

    status = ask.main([address, "--requests", "8"])

    said = capsys.readouterr()
    assert status == 1
    assert said.out.splitlines()[1] == "1         7         100 %"
    assert "1 requests were not answered: status 503" in said.err


def test_nobody_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    status = ask.main(["http://127.0.0.1:1", "--requests", "4"])

    assert status == 1
    assert "4 requests were not answered: ConnectionRefusedError" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["https://a.example.com"], ["a.example.com"], ["http://a", "--requests", "0"]]
)
def test_a_wrong_call_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        ask.main(words)

    assert ended.value.code == 2
