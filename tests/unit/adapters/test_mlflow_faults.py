"""What a registry does when it is ill: the class of the failure, the time it takes, and what its message
says."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.adapters.mlflow_wire import Wire
from modelalias.core.errors import InvalidRequest, ModelNotFound, OperatorError, Refused, Unavailable
from modelalias.ports import Aliases
from modelalias.settings import RegistrySettings
from tests.support.http_stub import Answer, Seen, http_stub

SECONDS = 0.6
"""Deadline of a call that is not answered."""
ENOUGH = 30.0
"""Deadline of all others: a loaded machine is slow, which says nothing about the code."""
MARGIN = 1.5
"""What a loaded machine may add to it."""
STALL = 0.3
"""Longest silence of the event loop: half a deadline, so a call that blocks the loop shows."""
SQL = (
    "(sqlite3.IntegrityError) UNIQUE constraint failed: model_aliases [SQL: INSERT INTO model_aliases "
    "VALUES (?)]"
)
DATE = "Sat, 03 Jan 2026 10:00:00 GMT"
MODEL = {"registered_model": {"name": "churn", "aliases": [{"alias": "champion", "version": "3"}]}}


@asynccontextmanager
async def opened(uri: str, *, seconds: float = ENOUGH, **values: Any) -> AsyncIterator[MlflowRegistry]:
    registry = MlflowRegistry(RegistrySettings(uri=uri, timeout_seconds=seconds, **values))
    try:
        yield registry
    finally:
        await registry.close()


async def failure(call: Awaitable[object], uri: str, *secrets: str) -> OperatorError:
    """Return what a call fails with, having looked that its message may be shown to anybody."""
    with pytest.raises(OperatorError) as caught:
        await call
    message = str(caught.value)
    for word in (
        "://",
        "SQL",
        "sqlite",
        "INSERT",
        "UNIQUE",
        "Traceback",
        "<html",
        *secrets,
        str(uri.rsplit(":", 1)[-1]),
    ):
        assert word not in message
    return caught.value


@contextmanager
def silent() -> Iterator[str]:
    """Accept connections, as the kernel does for any listening socket, and never answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def no_stall() -> AsyncIterator[None]:
    """Fail when the event loop did nothing for too long in the block.

    A thread beside it shows for how long a busy machine let nothing of this process run.
    """
    gaps, beside, over = [0.0], [0.0], threading.Event()

    async def tick() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    def tick_beside() -> None:
        last = time.monotonic()
        while not over.wait(0.01):
            beside.append(time.monotonic() - last)
            last = time.monotonic()

    thread, ticker = threading.Thread(target=tick_beside), asyncio.create_task(tick())
    thread.start()
    await asyncio.sleep(0)
    try:
        yield
    finally:
        ticker.cancel()
        over.set()
        thread.join()
    assert len(gaps) > 1
    assert max(gaps) < STALL + max(beside), (sorted(gaps)[-3:], sorted(beside)[-3:])


def always(answer: Answer) -> Callable[[Seen], Answer]:
    return lambda _: answer


def error(status: int, code: str, message: str = "no", **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer({"error_code": code, "message": message}, status, names)


async def within(seconds: float, registry: MlflowRegistry) -> Aliases:
    """Ask until there is an answer: on a machine that does much else one may be late."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await registry.aliases("churn")
        except Unavailable:
            if time.monotonic() > end:
                raise


class TestNoAnswer:
    async def test_a_refused_connection_is_an_outage(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            uri = f"http://127.0.0.1:{free.getsockname()[1]}"

            async with opened(uri) as registry:
                found = await failure(registry.aliases("churn"), uri)

        assert isinstance(found, Unavailable)
        assert str(found) == "the registry cannot be reached: its host refuses the connection"

    async def test_a_name_that_does_not_resolve_is_an_outage(self) -> None:
        uri = "http://registry.invalid:5000"

        async with opened(uri) as registry:
            found = await failure(registry.aliases("churn"), uri, "registry.invalid")

        assert isinstance(found, Unavailable)

    @pytest.mark.parametrize(
        "call", ["snapshot", "aliases", "version", "runs", "set_alias", "version_of_run"]
    )
    async def test_silence_ends_at_the_deadline_and_stalls_nobody(self, call: str) -> None:
        with silent() as uri:
            async with opened(uri, seconds=SECONDS) as registry, no_stall():
                calls: dict[str, Callable[[], Awaitable[object]]] = {
                    "snapshot": registry.snapshot,
                    "aliases": lambda: registry.aliases("churn"),
                    "version": lambda: registry.version("churn", "3"),
                    "runs": lambda: registry.runs(["a", "b", "c"]),
                    "set_alias": lambda: registry.set_alias("churn", "champion", "3"),
                    "version_of_run": lambda: registry.version_of_run("churn", "a", None),
                }
                begun = time.monotonic()

                found = await failure(calls[call](), uri)

                assert SECONDS * 0.9 <= time.monotonic() - begun < SECONDS + MARGIN
        assert isinstance(found, Unavailable)
        assert "did not answer within 0.6 s" in str(found)

    def test_the_thread_too_comes_back_at_the_deadline_and_says_why(self) -> None:
        with silent() as uri:
            wire = Wire(RegistrySettings(uri=uri, timeout_seconds=SECONDS))
            begun = time.monotonic()

            with pytest.raises(Unavailable, match=r"did not answer within 0\.6 s"):
                wire.send("/api/2.0/mlflow/runs/get", "GET", '{"run_id": "a"}')

            assert time.monotonic() - begun < SECONDS + MARGIN

    async def test_many_that_wait_for_silence_end_with_the_first(self) -> None:
        with silent() as uri:
            async with opened(uri, seconds=SECONDS, concurrency=2) as registry, no_stall():
                begun = time.monotonic()

                found = await asyncio.gather(
                    *(registry.aliases(f"m{n}") for n in range(40)), return_exceptions=True
                )

                assert time.monotonic() - begun < SECONDS + MARGIN
        assert all(isinstance(item, Unavailable) for item in found)

    async def test_another_registry_is_served_meanwhile(self) -> None:
        with silent() as ill, http_stub(always(Answer(MODEL))) as well:
            async with opened(ill, seconds=SECONDS) as first, opened(well.uri) as second:
                waiting = asyncio.create_task(failure(first.aliases("churn"), ill))
                await asyncio.sleep(0)

                assert await second.aliases("churn") == {"champion": "3"}

                assert not waiting.done()
                await waiting

    async def test_threads_come_back_after_silence(self) -> None:
        ill = [True]

        def respond(_: Seen) -> Answer:
            if ill[0]:
                stub.stopped.wait(2 * SECONDS)
            return Answer(MODEL)

        with http_stub(respond) as stub:
            async with opened(stub.uri, seconds=SECONDS, concurrency=1) as registry:
                await failure(registry.aliases("churn"), stub.uri)
                ill[0] = False

                assert await within(10, registry) == {"champion": "3"}

    async def test_an_answer_that_trickles_ends_at_the_deadline(self) -> None:
        with http_stub(always(Answer(MODEL, gap=0.1))) as stub:
            async with opened(stub.uri, seconds=SECONDS, concurrency=1) as registry, no_stall():
                begun = time.monotonic()

                first = await failure(registry.aliases("churn"), stub.uri)
                second = await failure(registry.aliases("churn"), stub.uri)  # needs the only thread

                assert time.monotonic() - begun < 2 * (SECONDS + MARGIN)
        assert isinstance(first, Unavailable)
        assert isinstance(second, Unavailable)

    async def test_after_closing_there_is_no_answer(self) -> None:
        with http_stub(always(Answer(MODEL))) as stub:
            async with opened(stub.uri) as registry:
                await registry.close()

                assert isinstance(await failure(registry.aliases("churn"), stub.uri), Unavailable)
        assert stub.seen == []


class TestRefusals:
    @pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504])
    async def test_a_registry_that_cannot_answer_is_asked_once(self, status: int) -> None:
        with http_stub(always(error(status, "INTERNAL_ERROR", SQL))) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.aliases("churn"), stub.uri)

        assert isinstance(found, Unavailable)
        assert found.retry_after is None
        assert str(status) in str(found)
        assert len(stub.seen) == 1

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "7"}, 7),
            ({"Retry-After": "0"}, 0),
            ({"Retry-After": "86400"}, 600),
            ({"Retry-After": "Sat, 03 Jan 2026 10:00:30 GMT", "X-Date": DATE}, 30),
            ({"Retry-After": "Sat, 03 Jan 2026 09:00:00 GMT", "X-Date": DATE}, 0),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "-5"}, None),
        ],
        ids=["seconds", "none", "a day", "a date", "a date gone by", "prose", "negative"],
    )
    async def test_retry_after_is_passed_on(
        self, monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], seconds: int | None
    ) -> None:
        monkeypatch.setattr("http.server.BaseHTTPRequestHandler.date_time_string", lambda *_: DATE)
        with http_stub(always(Answer(b"busy", status, headers))) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.snapshot(), stub.uri)

        assert isinstance(found, Unavailable)
        assert found.retry_after == (None if seconds is None else timedelta(seconds=seconds))

    async def test_a_pause_that_one_server_asks_for_is_none_of_the_other(self) -> None:
        full = always(Answer(b"busy", 429, {"Retry-After": "60"}))
        model = always(Answer({"registered_model": {"name": "churn"}}))
        with http_stub(model) as models, http_stub(full) as runs:
            async with opened(models.uri, tracking_uri=runs.uri) as registry:
                await failure(registry.runs(["0123"]), runs.uri)
                paused = await failure(registry.runs(["0123"]), runs.uri)
                found = await registry.aliases("churn")
        with http_stub(full) as models, http_stub(always(error(404, "RESOURCE_DOES_NOT_EXIST"))) as runs:
            async with opened(models.uri, tracking_uri=runs.uri) as registry:
                await failure(registry.aliases("churn"), models.uri)
                also_paused = await failure(registry.aliases("churn"), models.uri)
                none = await registry.runs(["0123"])

        assert str(paused) == "the tracking server asks for a pause"
        assert str(also_paused) == "the registry asks for a pause"
        assert (found, none) == ({}, {})

    async def test_a_host_that_is_not_allowed_names_the_remedy(self) -> None:
        with http_stub(
            always(Answer(b"Invalid Host header - possible DNS rebinding attack detected", 403))
        ) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.snapshot(), stub.uri)

        assert isinstance(found, Refused)
        assert "--allowed-hosts" in str(found)
        assert "127.0.0.1" in str(found)
        assert len(stub.seen) == 1

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(b"<html>sign in</html>", 404),
            error(404, "ENDPOINT_NOT_FOUND"),
            Answer(b"", 302, {"Location": "/login"}),
            Answer(b"", 418),
            Answer(b"<html>sign in</html>"),
            Answer(b'{"registered_model": {"name": "chu'),
            Answer([1, 2]),
            Answer({"registered_model": {"name": 5}}),
            Answer({"registered_model": "churn"}),
            Answer({"registered_model": {"name": "another"}}),
            Answer({"registered_model": {"name": "churn", "aliases": [{"alias": "a", "version": "01"}]}}),
            Answer({}),
            Answer(b""),
            Answer(b"\xff\xfe\x00"),
        ],
        ids=[
            "no such page",
            "no such endpoint",
            "redirect",
            "teapot",
            "page",
            "cut off",
            "list",
            "number as name",
            "text as model",
            "another model",
            "no version",
            "nothing in it",
            "nothing at all",
            "not text",
        ],
    )
    async def test_what_is_not_an_answer_is_an_outage(self, answer: Answer) -> None:
        with http_stub(always(answer)) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.aliases("churn"), stub.uri, "sign in", "another")

        assert isinstance(found, Unavailable)

    async def test_a_redirect_is_not_followed_even_to_an_answer(self) -> None:
        def respond(seen: Seen) -> Answer:
            return (
                Answer(MODEL) if seen.path == "/elsewhere" else Answer(b"", 307, {"Location": "/elsewhere"})
            )

        with http_stub(respond) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.aliases("churn"), stub.uri)

        assert isinstance(found, Unavailable)
        assert "redirects" in str(found)
        assert len(stub.seen) == 1

    async def test_an_invalid_request_does_not_repeat_what_the_server_wrote(self) -> None:
        with http_stub(always(error(400, "INVALID_PARAMETER_VALUE", SQL))) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.set_alias("churn", "champion", "3"), stub.uri)

        assert type(found) is InvalidRequest


class TestSnapshot:
    @pytest.mark.parametrize("call", ["aliases", "version", "set_alias"])
    async def test_a_model_that_is_there_in_another_case_is_told(self, call: str) -> None:
        """MLflow on MySQL finds `Churn` where it is asked for `churn`, and answers with the name as it is."""
        model = {"name": "Churn", "aliases": [], "version": "1", "status": "READY"}
        clash = error(409, "CONFLICT")

        def respond(seen: Seen) -> Answer:
            return (
                clash if seen.method != "GET" else Answer({"registered_model": model, "model_version": model})
            )

        with http_stub(respond) as stub:
            async with opened(stub.uri) as registry:
                arguments = {"aliases": (), "version": ("1",), "set_alias": ("champion", "1")}[call]
                with pytest.raises(
                    ModelNotFound, match="no model churn, but one named Churn: write the name"
                ):
                    await getattr(registry, call)("churn", *arguments)

    async def test_a_later_page_that_fails_drops_the_whole(self) -> None:
        def respond(seen: Seen) -> Answer:
            if "page_token" in seen.values:
                return error(500, "INTERNAL_ERROR")
            return Answer({"registered_models": [{"name": "churn"}], "next_page_token": "second"})

        with http_stub(respond) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.snapshot(), stub.uri)

        assert isinstance(found, Unavailable)
        assert len(stub.seen) == 2

    async def test_what_is_no_version_is_left_out_of_a_page(self) -> None:
        odd = [{"alias": "odd", "version": version} for version in ("0", "01", "x", 2**80, -1)]
        page = {"registered_models": [{"name": "churn", "aliases": [*odd, {"alias": "good", "version": 7}]}]}

        with http_stub(always(Answer(page))) as stub:
            async with opened(stub.uri) as registry:
                found = await registry.snapshot()

        assert found == {"churn": {"good": "7"}}

    async def test_pages_that_go_round_end(self) -> None:
        page = Answer({"registered_models": [{"name": "churn"}], "next_page_token": "same"})
        with http_stub(always(page)) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.snapshot(), stub.uri)

        assert isinstance(found, Unavailable)
        assert len(stub.seen) == 2

    @pytest.mark.parametrize(
        "body",
        [
            {"registered_models": {"name": "churn"}},
            {"registered_models": [{"aliases": []}]},
            {"registered_models": [{"name": "churn", "aliases": [{"alias": "champion"}]}]},
            {"registered_models": [{"name": "churn", "aliases": "champion"}]},
            {"next_page_token": 7.5},
            [],
            b"<html>sign in</html>",
        ],
        ids=["no list", "no name", "no version", "no aliases", "no token", "another list", "page"],
    )
    async def test_a_page_that_is_none_is_an_outage(self, body: object) -> None:
        with http_stub(always(Answer(body))) as stub:
            async with opened(stub.uri) as registry:
                found = await failure(registry.snapshot(), stub.uri, "sign in")

        assert isinstance(found, Unavailable)

    async def test_a_page_has_a_thousand_models(self) -> None:
        with http_stub(always(Answer({}))) as stub:
            async with opened(stub.uri) as registry:
                assert await registry.snapshot() == {}

        assert [seen.values["max_results"] for seen in stub.seen] == ["1000"]


class TestClashes:
    """The database's answer to two writes at once, which MLflow passes on as a 400 with SQL in it."""

    async def test_a_write_is_tried_again_after_a_read(self) -> None:
        clashes = [error(400, "BAD_REQUEST", SQL)]

        def respond(seen: Seen) -> Answer:
            if seen.path.endswith("/alias"):
                return clashes.pop() if clashes else Answer({})
            return Answer({"registered_model": {"name": "churn"}})

        with http_stub(respond) as stub:
            async with opened(stub.uri) as registry:
                await registry.set_alias("churn", "champion", "3")

        assert [seen.method for seen in stub.seen] == ["POST", "GET", "POST"]

    async def test_a_write_that_is_done_is_not_made_again(self) -> None:
        def respond(seen: Seen) -> Answer:
            return error(400, "BAD_REQUEST", SQL) if seen.method == "POST" else Answer(MODEL)

        with http_stub(respond) as stub:
            async with opened(stub.uri) as registry:
                await registry.set_alias("churn", "champion", "3")

        assert [seen.method for seen in stub.seen] == ["POST", "GET"]

    @pytest.mark.parametrize("call", ["set_alias", "delete_alias", "tag_version", "untag_version"])
    async def test_the_tries_are_bounded(self, call: str) -> None:
        tags = [{"key": "archived", "value": "champion"}]
        version = {"model_version": {"name": "churn", "version": "4", "status": "READY", "tags": tags}}

        def respond(seen: Seen) -> Answer:
            if seen.method != "GET":
                return error(400, "BAD_REQUEST", SQL)
            return Answer(version if "model-versions" in seen.path else MODEL)

        with http_stub(respond) as stub:
            async with opened(stub.uri) as registry:
                calls = {
                    "set_alias": lambda: registry.set_alias("churn", "champion", "4"),
                    "delete_alias": lambda: registry.delete_alias("churn", "champion"),
                    "tag_version": lambda: registry.tag_version("churn", "4", {"owner": "ml"}),
                    "untag_version": lambda: registry.untag_version("churn", "4", "archived"),
                }

                found = await failure(calls[call](), stub.uri)

        assert isinstance(found, Unavailable)
        assert "churn" in str(found)
        assert len(stub.seen) == 8

    async def test_writes_to_one_model_go_one_after_another(self) -> None:
        with http_stub(slow_write) as stub:
            async with opened(stub.uri) as registry:
                await asyncio.gather(*(registry.set_alias("churn", f"level-{n}", "3") for n in range(4)))

        assert (len(stub.seen), stub.most_at_once) == (4, 1)

    async def test_writes_to_different_models_go_side_by_side_up_to_the_bound(self) -> None:
        with http_stub(slow_write) as stub:
            async with opened(stub.uri, concurrency=3) as registry:
                await asyncio.gather(*(registry.set_alias(f"model-{n}", "champion", "3") for n in range(9)))

        assert (len(stub.seen), stub.most_at_once) == (9, 3)


def slow_write(_: Seen) -> Answer:
    time.sleep(0.05)  # in the server's thread: long enough for others to come
    return Answer({})
