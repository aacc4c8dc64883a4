"""What comes of each answer that something at a channel's address can give; its secrets are told nobody."""

import asyncio
import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from modelalias.adapters import apprise_channel, notification_channels
from modelalias.channels import ChannelSettings
from modelalias.core.errors import OperatorError, Refused, Unavailable
from modelalias.ports import Channel, Letter, Severity
from tests.support.http_stub import Answer, http_stub
from tests.support.mounted_secret import MountedSecret

CANARY: Final = "c4n4ry"
KEY: Final = f"{CANARY}-key"
TOKEN: Final = f"{CANARY}-token"
LETTER: Final = Letter("title ü", "one\ntwo", Severity.WARNING, {"specversion": "1.0", "data": {"a": "ü"}})
KINDS: Final = ("apprise", "cloudEvents")
SCHEMES: Final = {"apprise": "json", "cloudEvents": "http"}
PATIENCE: Final = 20.0


def secret_address(kind: str, uri: str) -> str:
    """Return the address of a stub as the file of a channel has it, with a secret in it."""
    return f"{SCHEMES[kind]}://{uri.rpartition('/')[2]}/{CANARY}"


@asynccontextmanager
async def channel(kind: str, folder: Path, **files: str) -> AsyncIterator[tuple[Channel, MountedSecret]]:
    """Open a channel whose files are those of a mounted Secret."""
    mounted = MountedSecret(folder / "notify", files)
    settings: dict[str, Any] = {"urlFile": str(mounted.path("url"))}
    if "key" in files:
        settings["hmacKeyFile"] = str(mounted.path("key"))
    if "token" in files:
        settings["credentials"] = {"tokenFile": str(mounted.path("token"))}
    opened = notification_channels.opened({"chat": ChannelSettings.model_validate({kind: settings})})["chat"]
    try:
        yield opened, mounted
    finally:
        await opened.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def tells_no_secret(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fail whatever test logs or prints what only a Secret may hold, at any level but that of urllib3's own."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # as modelalias.logs does
    yield
    logged = [record.getMessage() + str(record.exc_text) for record in caplog.get_records("call")]
    out, err = capfd.readouterr()
    assert CANARY not in "".join(logged) + out + err


async def failure_of(kind: str, folder: Path, error: type[OperatorError], **files: str) -> OperatorError:
    """Return what sending raises: it names neither address nor secret."""
    async with channel(kind, folder, **files) as (opened, _):
        with pytest.raises(error) as caught:
            async with asyncio.timeout(PATIENCE):
                await opened.send(LETTER)
    message = str(caught.value)
    assert type(caught.value) is error
    assert not [text for text in (CANARY, "127.0.0.1", "://", str(folder)) if text in message]
    assert "the channel chat's" in message
    return caught.value


async def failure_with(answer: Answer, kind: str, folder: Path, error: type[OperatorError]) -> OperatorError:
    with http_stub(lambda _: answer) as stub:
        files = {"key": KEY, "token": TOKEN} if kind == "cloudEvents" else {}
        return await failure_of(kind, folder, error, url=secret_address(kind, stub.uri), **files)


async def test_apprise_gets_title_text_and_severity(tmp_path: Path) -> None:
    with http_stub(lambda _: Answer()) as stub:
        async with channel("apprise", tmp_path, url=secret_address("apprise", stub.uri)) as (opened, _):
            await opened.send(LETTER)
            assert opened.is_for_people

    (seen,) = stub.seen
    assert (seen.method, seen.path) == ("POST", f"/{CANARY}")
    sent = {name: seen.values[name] for name in ("title", "message", "type")}
    assert sent == {"title": "title ü", "message": "one\ntwo", "type": "warning"}


async def test_a_cloud_event_is_one_signed_post_of_its_structured_form(tmp_path: Path) -> None:
    with http_stub(lambda _: Answer(status=202)) as stub:
        address = secret_address("cloudEvents", stub.uri)
        async with channel("cloudEvents", tmp_path, url=address, key=KEY, token=TOKEN) as (opened, _):
            await opened.send(LETTER)
            assert not opened.is_for_people

    (seen,) = stub.seen
    body = json.dumps(LETTER.event, separators=(",", ":")).encode()
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    assert (seen.method, seen.path, seen.values) == ("POST", f"/{CANARY}", LETTER.event)
    assert seen.headers["Content-Type"] == "application/cloudevents+json"
    assert seen.headers["X-Signature"] == f"sha256={signature}"
    assert seen.headers["Authorization"] == f"Bearer {TOKEN}"


async def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    with http_stub(lambda _: Answer()) as stub:
        async with channel("cloudEvents", tmp_path, url=stub.uri) as (opened, _):
            await opened.send(LETTER)

    assert not {"X-Signature", "Authorization"} & stub.seen[0].headers.keys()


async def test_another_address_in_the_secret_counts_from_the_next_letter_on(
    kind: str, tmp_path: Path
) -> None:
    with http_stub(lambda _: Answer()) as old, http_stub(lambda _: Answer()) as new:
        async with channel(kind, tmp_path, url=secret_address(kind, old.uri)) as (opened, mounted):
            await opened.send(LETTER)
            mounted.replace({"url": secret_address(kind, new.uri)})
            await opened.send(LETTER)

    assert (len(old.seen), len(new.seen)) == (1, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_time_may_cure(kind: str, status: int, tmp_path: Path) -> None:
    error = await failure_with(
        Answer(status=status, headers={"Retry-After": "7"}), kind, tmp_path, Unavailable
    )

    assert isinstance(error, Unavailable)
    assert error.retry_after == (timedelta(seconds=7) if kind == "cloudEvents" else None)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
async def test_what_a_receiver_refuses(status: int, tmp_path: Path) -> None:
    await failure_with(Answer(status=status), "cloudEvents", tmp_path, Refused)


async def test_no_redirect_is_followed(kind: str, tmp_path: Path) -> None:
    with http_stub(lambda _: Answer()) as other:
        away = Answer(status=307, headers={"Location": f"{other.uri}/{CANARY}"})
        await failure_with(away, kind, tmp_path, Refused if kind == "cloudEvents" else Unavailable)

    assert other.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x\ny",
        f"nosuch://{CANARY}",
        f"http://[{CANARY}",
        f"json://a/{CANARY} json://b/{CANARY}",
        "slack://",
    ],
)
async def test_a_file_that_holds_no_address(kind: str, url: str, tmp_path: Path) -> None:
    await failure_of(kind, tmp_path, Refused, url=url)


async def test_a_file_that_is_not_there(kind: str, tmp_path: Path) -> None:
    missing = {kind: {"urlFile": str(tmp_path / CANARY / "url")}}
    opened = notification_channels.opened({"chat": ChannelSettings.model_validate(missing)})["chat"]
    with pytest.raises(Refused, match=r"^the channel chat's credentials file url cannot be read$"):
        await opened.send(LETTER)
    await opened.close()


async def test_nobody_listens(kind: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    await failure_of(kind, tmp_path, Unavailable, url=f"{SCHEMES[kind]}://127.0.0.1:{port}/{CANARY}")


@contextmanager
def silent() -> Iterator[str]:
    """Take connections and answer none."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - threads set no event of the loop
            await asyncio.sleep(0.01)  # poll


async def test_a_service_that_hangs_holds_up_nobody_and_only_so_many_threads(tmp_path: Path) -> None:
    with silent() as uri:
        url = f"{secret_address('apprise', uri)}?rto=0.5"
        async with channel("apprise", tmp_path, url=url) as (opened, _):
            waiting = [asyncio.create_task(opened.send(LETTER)) for _ in range(apprise_channel.MOST_THREADS)]
            await until(lambda: len(channel_threads()) == apprise_channel.MOST_THREADS)
            with pytest.raises(Unavailable, match="has not let go of earlier letters"):
                await opened.send(LETTER)
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
            assert all(thread.daemon for thread in channel_threads())
        await until(lambda: not channel_threads())


def channel_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "channel chat"]


async def test_an_answer_that_drips_is_not_waited_for(tmp_path: Path) -> None:
    drips = Answer(b"x" * 1_000, gap=0.5)
    with http_stub(lambda _: drips) as stub:
        async with channel("cloudEvents", tmp_path, url=secret_address("cloudEvents", stub.uri)) as (
            opened,
            _,
        ):
            async with asyncio.timeout(PATIENCE):
                await opened.send(LETTER)

    assert len(stub.seen) == 1


async def test_what_apprise_raises_is_told_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr(apprise_channel.AppriseChannel, "_deliver", breaks)
    await failure_of("apprise", tmp_path, Unavailable, url=f"json://127.0.0.1/{CANARY}")


async def test_nothing_comes_from_the_environment_of_a_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http_stub(lambda _: Answer()) as proxy, http_stub(lambda _: Answer()) as stub:
        monkeypatch.setenv("HTTP_PROXY", proxy.uri)
        monkeypatch.setenv("http_proxy", proxy.uri)
        async with channel("cloudEvents", tmp_path, url=stub.uri) as (opened, _):
            await opened.send(LETTER)

    assert (len(proxy.seen), len(stub.seen)) == (0, 1)
