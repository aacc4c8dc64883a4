"""What comes of each answer that something at Prometheus' address can give, and of none."""

import asyncio
import base64
import math
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from modelalias.adapters.prometheus import Prometheus
from modelalias.core.errors import InvalidRequest, OperatorError, Refused, Unavailable
from modelalias.servers import Credentials, PrometheusSettings
from tests.support.certificates import certificate_of_nobody
from tests.support.http_stub import Answer, HttpStub, Seen, http_stub
from tests.support.mounted_secret import MountedSecret

PATIENCE = 20.0


def yields(kind: str, result: Any) -> Answer:
    return Answer({"status": "success", "data": {"resultType": kind, "result": result}})


def error(status: int, kind: str, text: str) -> Answer:
    return Answer({"status": "error", "errorType": kind, "error": text}, status)


def series(*values: str) -> list[dict[str, Any]]:
    return [{"metric": {"v": str(place)}, "value": [1.5, value]} for place, value in enumerate(values)]


ONE = yields("vector", series("0.25"))


@asynccontextmanager
async def prometheus(uri: str, **settings: Any) -> AsyncIterator[Prometheus]:
    opened = Prometheus(PrometheusSettings(uri=uri, **settings))
    try:
        yield opened
    finally:
        await opened.close()


async def ask(stub: HttpStub, query: str = "up", **settings: Any) -> float | None:
    async with prometheus(stub.uri, **settings) as source:
        return await source.query(query)


async def failure_of(stub: HttpStub, kind: type[OperatorError], **settings: Any) -> str:
    """Return the message, which names no address."""
    with pytest.raises(kind) as caught:
        await ask(stub, **settings)
    message = str(caught.value)
    assert type(caught.value).__name__ in {kind.__name__, "Unauthorized"}
    assert "127.0.0.1" not in message
    assert stub.uri.rpartition(":")[2] not in message
    assert message.isprintable()
    return message


def authorizations(stub: HttpStub) -> list[str | None]:
    return [seen.headers.get("Authorization") for seen in stub.seen]


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (ONE, 0.25),
        (yields("scalar", [1.5, "3"]), 3.0),
        (yields("vector", []), None),
        (yields("vector", series("+Inf")), math.inf),
        (yields("scalar", [1.5, "-Inf"]), -math.inf),
        (yields("vector", series("1.5e-07")), 1.5e-7),
    ],
    ids=["one series", "scalar", "no series", "infinite", "minus infinite", "small"],
)
async def test_the_one_number_is_read(answer: Answer, value: float | None) -> None:
    with http_stub(lambda _: answer) as stub:
        assert await ask(stub) == value


@pytest.mark.parametrize("answer", [yields("vector", series("NaN")), yields("scalar", [1, "NaN"])])
async def test_nan_is_a_number_too(answer: Answer) -> None:
    with http_stub(lambda _: answer) as stub:
        value = await ask(stub)

    assert value is not None
    assert math.isnan(value)


async def test_a_query_is_one_post_of_a_form_that_says_how_long_it_may_take() -> None:
    query = 'sum(a{b="ü&=+%"})\n/ 2'

    with http_stub(lambda _: ONE) as stub:
        async with prometheus(f"{stub.uri}/team/", timeout_seconds=7) as source:
            await source.query(query)

    (seen,) = stub.seen
    assert (seen.method, seen.path) == ("POST", "/team/api/v1/query")
    assert seen.values == {"query": query, "timeout": "7s", "partial_response": "false"}
    assert seen.headers["User-Agent"] == "modelalias-operator"
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (yields("vector", series("1", "2", "3")), r"yields 3 series: .*sum\("),
        (yields("matrix", []), "a range of values"),
        (yields("string", [1.5, "3"]), "a string"),
        (yields("vector", [{"metric": {}, "histogram": [1.5, {}]}]), "histogram_quantile"),
        (
            error(400, "bad_data", 'parse error: unexpected "}"'),
            'refuses the query: parse error: unexpected "}"',
        ),
        (error(422, "execution", "too many samples"), "refuses the query: too many samples"),
        (yields("vector", series(*(30_000 * ["1"]))), "more than 1 MiB, so many series"),
    ],
    ids=["several", "matrix", "string", "histogram", "bad", "cannot be executed", "huge"],
)
async def test_a_query_that_a_person_has_to_edit(answer: Answer, says: str) -> None:
    with http_stub(lambda _: answer) as stub, pytest.raises(InvalidRequest, match=says):
        await ask(stub)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (4000 * "long ", f"{60 * 'long '}..."),
        ("a\x1b[31mred\x1b[0m\nline\u202e", "ared line"),
        ('Post "http://user:pw@thanos:9090/x": dial tcp: lookup thanos-0 on 10.0.0.10:53: gone', None),
        ("dial tcp [fd00::1]:9090: refused by thanos-0.monitoring:9090", None),
        ("invalid parameter 'query': 1:5: parse error: foo:bar:rate5m", "1:5: parse error: foo:bar:rate5m"),
    ],
    ids=["long", "not printable", "addresses", "more addresses", "position"],
)
async def test_what_prometheus_says_of_a_query_is_shown_short_and_without_addresses(
    text: str, shown: str | None
) -> None:
    with http_stub(lambda _: error(422, "execution", text)) as stub:
        message = await failure_of(stub, InvalidRequest)

    assert len(message) < 400
    assert not any(part in message for part in ("thanos", "pw", "10.0.0", "fd00", "9090"))
    if shown is not None:
        assert message.endswith(shown)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>", 200),
        Answer(b"", 200),
        Answer(b"[" * 100_000, 200),
        Answer([1], 200),
        Answer({"status": "success"}, 200),
        Answer({"status": "error", "errorType": "bad_data", "error": "no"}, 200),
        yields("vector", None),
        yields("vector", [{"value": [1]}]),
        yields("vector", [{"value": [1, 2]}]),
        yields("vector", series("many")),
        yields("scalar", []),
        yields("streams", []),
        Answer(b"<html>", 400),
        Answer({"message": "who are you?"}, 422),
        Answer(b"", 404),
        Answer(b"", 405),
        Answer(b"", 204),
    ],
    ids=str,
)
async def test_what_no_prometheus_answers_is_no_answer(answer: Answer) -> None:
    with http_stub(lambda _: answer) as stub:
        assert "is not a Prometheus" in await failure_of(stub, Unavailable)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (error(500, "internal", "disk"), None),
        (error(503, "timeout", "query timed out"), None),
        (Answer(b"", 503, {"Retry-After": "30"}), 30),
        (Answer(b"", 429, {"Retry-After": "2"}), 2),
        (Answer(b"", 429, {"Retry-After": "86400"}), 600),
        (Answer(b"", 408), None),
    ],
    ids=["internal", "timeout", "away", "too many", "for a day", "408"],
)
async def test_a_prometheus_that_cannot_answer_now_says_until_when(answer: Answer, pause: int | None) -> None:
    with http_stub(lambda _: answer) as stub, pytest.raises(Unavailable, match="cannot answer now") as caught:
        await ask(stub)

    assert caught.value.retry_after == (None if pause is None else timedelta(seconds=pause))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(tmp_path: Path, status: int) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")

    with (
        http_stub(lambda _: ONE) as elsewhere,
        http_stub(lambda _: Answer(b"", status, {"Location": f"{elsewhere.uri}/api/v1/query"})) as stub,
    ):
        message = await failure_of(stub, Unavailable, credentials=Credentials(token_file=token))

    assert "redirects elsewhere" in message
    assert elsewhere.seen == []


async def test_nothing_that_listens_is_no_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        async with prometheus(f"http://127.0.0.1:{taken.getsockname()[1]}") as source:
            with pytest.raises(Unavailable, match="Prometheus cannot be reached"):
                await source.query("up")


async def test_an_answer_that_does_not_end_in_time_is_none() -> None:
    with http_stub(lambda _: Answer(ONE.content, gap=0.05)) as stub:
        message = await failure_of(stub, Unavailable, timeout_seconds=0.3)

    assert message == "Prometheus did not answer within 0.3 s"


async def test_an_answer_that_breaks_off_is_none() -> None:
    with half_answers() as uri:
        async with prometheus(uri) as source:
            with pytest.raises(Unavailable, match="broke off"):
                await source.query("up")


async def test_a_connection_that_was_closed_meanwhile_costs_no_answer() -> None:
    with hanging_up() as uri:
        async with prometheus(uri) as source:
            assert [await source.query("up") for _ in range(3)] == [1.0, 1.0, 1.0]


async def test_no_more_queries_are_under_way_than_configured_and_all_are_answered() -> None:
    several = threading.Barrier(3, timeout=PATIENCE)

    def respond(_: Seen) -> Answer:
        several.wait()
        return ONE

    with http_stub(respond) as stub:
        async with prometheus(stub.uri, concurrency=3) as source:
            values = await asyncio.gather(*(source.query("up") for _ in range(12)))

    assert set(values) == {0.25}
    assert stub.most_at_once == 3


async def test_those_that_wait_behind_a_query_without_answer_fail_with_it() -> None:
    release = threading.Event()

    def respond(_: Seen) -> Answer:
        release.wait(PATIENCE)
        return ONE

    with http_stub(respond) as stub:
        async with prometheus(stub.uri, concurrency=1, timeout_seconds=1) as source:
            found = await asyncio.gather(*(source.query("up") for _ in range(20)), return_exceptions=True)
            asked = len(stub.seen)
            release.set()
            again = await source.query("up")

    assert {type(item) for item in found} == {Unavailable}
    assert {str(item) for item in found} == {"Prometheus did not answer within 1 s"}
    assert asked == 1
    assert again == 0.25


async def test_a_query_that_is_given_up_gives_back_its_turn() -> None:
    release = threading.Event()

    def respond(_: Seen) -> Answer:
        release.wait(PATIENCE)
        return ONE

    with http_stub(respond) as stub:
        async with prometheus(stub.uri, concurrency=1) as source:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(source.query("up"), 0.2)
            release.set()

            assert await source.query("up") == 0.25


async def test_a_closed_client_asks_nothing() -> None:
    with http_stub(lambda _: ONE) as stub:
        source = Prometheus(PrometheusSettings(uri=stub.uri))
        await source.close()

        with pytest.raises(Unavailable, match="closed"):
            await source.query("up")

    assert stub.seen == []


async def test_a_text_that_no_form_can_hold_is_refused() -> None:
    with http_stub(lambda _: ONE) as stub, pytest.raises(InvalidRequest, match="half a character"):
        await ask(stub, "\ud800")


@pytest.mark.parametrize(
    ("status", "says"), [(401, "does not accept the credentials"), (403, "do not permit queries")]
)
async def test_credentials_that_do_not_fit_are_told_and_not_repeated(
    tmp_path: Path, status: int, says: str
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")

    with http_stub(lambda _: Answer(b"s3cret is bad", status)) as stub:
        message = await failure_of(stub, Refused, credentials=Credentials(token_file=token))

    assert says in message
    assert "s3cret" not in message
    assert authorizations(stub) == ["Bearer s3cret"]


async def test_name_and_password_are_basic(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "mounted", {"user": "ana", "password": "pä:ss\n"})

    with http_stub(lambda _: ONE) as stub:
        files = Credentials(username_file=mounted.path("user"), password_file=mounted.path("password"))
        await ask(stub, credentials=files)

    assert authorizations(stub) == ["Basic " + base64.b64encode("ana:pä:ss".encode()).decode()]


async def test_a_renewed_token_is_used_from_the_next_query_and_after_a_refusal(tmp_path: Path) -> None:
    mounted = MountedSecret(tmp_path / "mounted", {"token": "first"})

    def respond(seen: Seen) -> Answer:
        if seen.headers["Authorization"] == "Bearer second":
            mounted.replace({"token": "third"})
            return Answer(b"", 401)
        mounted.replace({"token": "second"})
        return ONE

    with http_stub(respond) as stub:
        async with prometheus(stub.uri, credentials=Credentials(token_file=mounted.path("token"))) as source:
            assert await source.query("up") == 0.25
            assert await source.query("up") == 0.25

    assert authorizations(stub) == ["Bearer first", "Bearer second", "Bearer third"]


@pytest.mark.parametrize("content", ["", "two\nlines", "t\u00f6ken"])
async def test_a_file_without_a_credential_is_named_and_nothing_is_sent(tmp_path: Path, content: str) -> None:
    token = tmp_path / "token"
    token.write_text(content)

    with http_stub(lambda _: ONE) as stub:
        message = await failure_of(stub, Refused, credentials=Credentials(token_file=token))

    assert message.startswith("Prometheus' ")
    assert str(tmp_path) not in message
    assert stub.seen == []


async def test_nothing_is_taken_from_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password from-netrc\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    with http_stub(lambda _: Answer(ONE.body, headers={"Set-Cookie": "a=b"})) as stub:
        async with prometheus(stub.uri) as source:
            await source.query("up")
            await source.query("up")

    assert authorizations(stub) == [None, None]
    assert [seen for seen in stub.seen if "Cookie" in seen.headers] == []


async def test_a_ca_file_is_what_the_next_query_is_trusted_by(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    certificate, tls = certificate_of_nobody(tmp_path / "a")
    stranger, _ = certificate_of_nobody(tmp_path / "b")
    mounted = MountedSecret(tmp_path / "mounted", {"ca": certificate.read_text()})

    with http_stub(lambda _: ONE, tls=tls) as stub:
        async with prometheus(stub.uri, credentials=Credentials(ca_file=mounted.path("ca"))) as source:
            await source.query("up")
            mounted.replace({"ca": stranger.read_text()})
            with pytest.raises(Unavailable, match="caFile"):
                await source.query("up")
            mounted.replace({"ca": certificate.read_text()})
            await source.query("up")
        assert "caFile" in await failure_of(stub, Unavailable)

    assert len(stub.seen) == 2


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_ca_file_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_text(content)

    with http_stub(lambda _: ONE) as stub:
        message = await failure_of(stub, Refused, credentials=Credentials(ca_file=tmp_path / "ca.crt"))

    assert message == "Prometheus' credentials file ca.crt cannot be read"


def half_answers() -> AbstractContextManager[str]:
    """Serve answers that end before their length."""
    return _raw(lambda answer: answer[:-5], keeps=False)


def hanging_up() -> AbstractContextManager[str]:
    """Serve one answer on each connection, which is said to be kept and is not."""
    return _raw(lambda answer: answer, keeps=True)


@contextmanager
def _raw(cut: Callable[[bytes], bytes], *, keeps: bool) -> Iterator[str]:
    content = yields("scalar", [1, "1"]).content
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n\r\n".encode()

    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(cut(head + content))
                    if keeps:
                        connection.recv(1 << 16)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE)
