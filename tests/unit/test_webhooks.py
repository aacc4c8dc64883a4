"""MLflow's webhooks as the operator hears them: what is answered, and which registry is poked how often."""

import asyncio
import base64
import gzip
import hashlib
import hmac
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from modelalias import webhooks
from modelalias.settings import Settings
from tests.support.mlflow_server import free_port
from tests.support.virtual_loop import in_virtual_time

KEY: Final = "shared with MLflow"
HOST: Final = "127.0.0.1"


class Heard:
    """An operator that hears webhooks of two registries, and one that is configured and not heard."""

    def __init__(self, folder: Path) -> None:
        self.port, self.file, self.poked = free_port(), folder / "secret", list[str]()
        self.file.write_text(f"{KEY}\n")
        self.breaks = False
        self.settings = Settings.model_validate(
            {
                "registries": {name: {"uri": f"http://{name}"} for name in ("eu", "us", "quiet")},
                "webhooks": {
                    "port": self.port,
                    "secretFile": str(self.file),
                    "registries": ["eu", "us"],
                },
            }
        )

    def poke(self, registry: str) -> None:
        if self.breaks:
            raise RuntimeError("a bug")
        self.poked.append(registry)

    async def send(
        self, registry: str = "eu", *, body: Any = b"{}", path: str = "", method: str = "POST", **changes: str
    ) -> tuple[int, str]:
        """Deliver as MLflow does, and return the status and the text of the answer."""
        url = f"http://{HOST}:{self.port}{path or f'/webhooks/{registry}'}"
        headers = {**_signed(body if isinstance(body, bytes) else b"{}"), **changes}
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, url, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.text()


@asynccontextmanager
async def _hearing(folder: Path) -> AsyncIterator[Heard]:
    it = Heard(folder)
    async with webhooks.heard(it.settings, it.poke, lambda: datetime.now(UTC)):
        yield it


def _signed(body: bytes, age: int = 0, delivery_id: str = "") -> Mapping[str, str]:
    at, name = (
        str(int(time.time()) - age),
        delivery_id
        or base64.urlsafe_b64encode(hashlib.sha256(str(time.monotonic_ns()).encode()).digest())
        .decode()
        .rstrip("="),
    )
    digest = hmac.new(KEY.encode(), f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "X-MLflow-Delivery-Id": name,
        "X-MLflow-Timestamp": at,
        "X-MLflow-Signature": f"v1,{base64.b64encode(digest).decode()}",
        "Content-Type": "application/json",
    }


async def test_a_delivery_pokes_the_registry_that_its_address_names(tmp_path: Path) -> None:
    async with _hearing(tmp_path) as it:
        answers = [await it.send("us"), await it.send("eu", body=b"no json at all")]

    assert answers == [(200, ""), (200, "")]
    assert it.poked == ["us", "eu"]


async def test_the_same_delivery_again_does_nothing(tmp_path: Path) -> None:
    again = _signed(b"{}")
    async with _hearing(tmp_path) as it:
        answers = [await it.send("eu", **again), await it.send("us", **again)]

    assert answers == [(200, ""), (200, "")]
    assert it.poked == ["eu"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"X-MLflow-Signature": "v1,AAAA"}, 401),
        ({"X-MLflow-Signature": ""}, 401),
        ({"registry": "quiet", "X-MLflow-Signature": ""}, 401),
        ({"registry": "nobody", "X-MLflow-Signature": ""}, 401),
        (_signed(b"{}", age=400), 400),
        ({"registry": "nobody"}, 404),
        ({"registry": "quiet"}, 404),
        ({"path": "/"}, 404),
        ({"path": "/webhooks/eu/more"}, 404),
        ({"method": "GET"}, 405),
        ({"body": (64 * 1024 + 1) * b"x"}, 413),
        ({"body": gzip.compress((1 << 20) * b"x"), "Content-Encoding": "gzip"}, 200),
    ],
    ids=[
        "wrong-signature",
        "unsigned",
        "unsigned-not-heard",
        "unsigned-unknown",
        "old",
        "unknown",
        "not-heard",
        "no-path",
        "longer-path",
        "reads",
        "too-large",
        "not-unpacked",
    ],
)
async def test_what_does_not_fit_is_answered_and_pokes_nothing(
    tmp_path: Path, sent: dict[str, Any], status: int
) -> None:
    async with _hearing(tmp_path) as it:
        answered, text = await it.send(**sent)

    assert answered == status
    assert it.poked == (["eu"] if status == 200 else [])
    assert not any(name in text for name in ("eu", "us", "quiet"))


async def test_a_body_as_large_as_is_allowed_is_heard(tmp_path: Path) -> None:
    async with _hearing(tmp_path) as it:
        assert (await it.send(body=64 * 1024 * b"x"))[0] == 200


async def test_a_body_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 0.05)
    head = f"POST /webhooks/eu HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\n{{".encode()
    async with _hearing(tmp_path) as it:
        reader, writer = await asyncio.open_connection(HOST, it.port)
        writer.write(head)
        answer = await reader.readline()
        writer.close()

    assert answer.split()[1] == b"408"


async def test_the_secret_is_the_one_that_the_file_has_now(tmp_path: Path) -> None:
    async with _hearing(tmp_path) as it:
        statuses = [(await it.send())[0]]
        for text in ("another", "", KEY):
            it.file.write_text(text)
            statuses.append((await it.send())[0])
        it.file.unlink()
        statuses.append((await it.send())[0])

    assert statuses == [200, 401, 503, 200, 503]


async def test_more_than_the_rate_is_sent_away_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhooks, "BURST", 3.0)
    monkeypatch.setattr(webhooks, "PER_SECOND", 0.0)
    async with _hearing(tmp_path) as it:
        statuses = [(await it.send(**{"X-MLflow-Signature": f"v1,{n}"}))[0] for n in range(3)]
        statuses.append((await it.send())[0])

    assert statuses == [401, 401, 401, 429]
    assert [item.message for item in caplog.records if item.name == "modelalias.webhooks"] == [
        "a webhook was refused: unproved"
    ], "one line, however many"


async def test_a_bug_ends_one_delivery_and_nothing_else(tmp_path: Path) -> None:
    async with _hearing(tmp_path) as it:
        it.breaks = True
        broken = await it.send("eu")
        it.breaks = False
        status, _ = await it.send("us")

    assert broken[0] == 500
    assert "a bug" not in broken[1]
    assert (status, it.poked) == (200, ["us"])


async def test_nothing_listens_where_it_is_left_out(tmp_path: Path) -> None:
    it = Heard(tmp_path)
    silent = it.settings.model_copy(update={"webhooks": None})

    async with webhooks.heard(silent, it.poke, lambda: datetime.now(UTC)):
        with socket.socket() as free:
            free.bind((HOST, it.port))


@in_virtual_time
async def test_a_registry_is_poked_at_most_once_a_second_and_the_last_hint_counts() -> None:
    loop = asyncio.get_running_loop()
    poked, began = list[tuple[float, str]](), loop.time()
    pokes = webhooks.Pokes(lambda name: poked.append((round(loop.time() - began, 3), name)), 1.0, loop)

    for _ in range(25):  # for 2.4 s
        pokes.ask("eu")
        await asyncio.sleep(0.1)
    pokes.ask("us")
    await asyncio.sleep(5)
    pokes.ask("eu")
    await asyncio.sleep(5)

    assert poked == [(0, "eu"), (1, "eu"), (2, "eu"), (2.5, "us"), (3, "eu"), (7.5, "eu")]


@in_virtual_time
async def test_what_waits_is_forgotten_at_the_end() -> None:
    poked = list[str]()
    pokes = webhooks.Pokes(poked.append, 1.0, asyncio.get_running_loop())

    pokes.ask("eu")
    pokes.ask("eu")
    pokes.close()
    await asyncio.sleep(5)

    assert poked == ["eu"]
