"""A scrape is answered on both families, packed where that is wished, and waits for nobody."""

import asyncio
import threading

import aiohttp
import pytest

from modelalias import scrapes
from modelalias.adapters.prometheus_telemetry import CONTENT_TYPE, PrometheusTelemetry
from modelalias.ports import CallOutcome
from tests.support.mlflow_server import free_port
from tests.support.scraped import Page


async def _scraped(
    telemetry: PrometheusTelemetry, host: str = "127.0.0.1", **headers: str
) -> tuple[str, str, str]:
    """Return the page, its type and how it came."""
    port = free_port("127.0.0.1")
    async with (
        scrapes.answered(port, lambda: telemetry.page(leads=True), CONTENT_TYPE),
        aiohttp.ClientSession(headers=headers) as client,
        client.get(f"http://{host}:{port}/metrics") as answer,
    ):
        assert answer.status == 200
        found = answer.headers
        return await answer.text(), found["Content-Type"], found.get("Content-Encoding", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_scrape_is_answered(host: str) -> None:
    text, kind, _ = await _scraped(PrometheusTelemetry(), host)

    assert Page(text).value("modelalias_leader") == 1
    assert kind == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate", "gzip"), ("identity", "")])
async def test_a_page_is_packed_for_who_can_unpack_it(accepted: str, encoding: str) -> None:
    text, _, came = await _scraped(PrometheusTelemetry(), **{"Accept-Encoding": accepted})

    assert came == encoding
    assert Page(text).value("modelalias_leader") == 1


async def test_a_thread_that_waits_for_a_registry_keeps_no_scrape_waiting() -> None:
    telemetry, hung = PrometheusTelemetry(), threading.Event()

    def call() -> None:
        hung.wait(30)
        telemetry.registry_called("default", "runs/get", CallOutcome.UNAVAILABLE, 30)

    threads = [threading.Thread(target=call) for _ in range(64)]
    for thread in threads:
        thread.start()
    try:
        async with asyncio.timeout(10):
            text, _, _ = await _scraped(telemetry)
    finally:
        hung.set()
        for thread in threads:
            thread.join()

    assert Page(text).value("modelalias_leader") == 1
    calls = {"registry": "default", "call": "runs/get", "outcome": "unavailable"}
    assert Page.of(telemetry).value("modelalias_registry_requests_total", **calls) == 64
