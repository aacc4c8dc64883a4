"""A scrape of /metrics with many ModelAliases: how long it takes, and how long the event loop stands still meanwhile.

Three ways beside each other, on as many samples: as the operator does it; the library's own rendering of an object for each
sample, in the event loop; and the same in a thread. Another process scrapes, as Prometheus does.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge

from modelalias import scrapes
from modelalias.adapters.prometheus_telemetry import CONTENT_TYPE, PrometheusTelemetry
from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from tests.bench import figures
from tests.support.mlflow_server import free_port

SCRAPES: Final = 20
ALIASES_OF_A_NAMESPACE: Final = 100
REQUESTS_IN: Final = 10
"""One alias of so many has a request that waits."""
TICK_SECONDS: Final = 0.001
SINCE: Final = "2026-01-01T12:00:00Z"
WAYS: Final = {
    "ready_made_lines": "ready-made lines",
    "library_in_the_loop": "library, in the loop",
    "library_in_a_thread": "library, in a thread",
}
Page = Callable[[], Awaitable[bytes]]

_CLIENT: Final = """
import json, sys, time, urllib.request
url, times = sys.argv[1], []
for _ in range(int(sys.argv[2])):
    time.sleep(0.1)
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    began = time.perf_counter()
    with urllib.request.urlopen(asked, timeout=60) as answer:
        size = len(answer.read())
    times.append((time.perf_counter() - began) * 1000)
print(json.dumps({"times": times, "size": size}))
"""


async def measure(aliases: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Return times and stalls in milliseconds."""
    say(f"scrape: {aliases} ModelAliases, {SCRAPES} scrapes of each kind")
    telemetry, library = PrometheusTelemetry(), _library(aliases)
    bodies = [_alias(number) for number in range(aliases)]
    began = time.perf_counter()
    for number, alias in enumerate(bodies):
        telemetry.alias_seen(alias)
        if number % REQUESTS_IN == 0:
            telemetry.request_seen(_request(number))
    fed = time.perf_counter() - began

    async def in_the_loop() -> bytes:
        return prometheus_client.generate_latest(library)

    ways: Mapping[str, Page] = {
        "ready_made_lines": lambda: telemetry.page(leads=True),
        "library_in_the_loop": in_the_loop,
        "library_in_a_thread": lambda: asyncio.to_thread(prometheus_client.generate_latest, library),
    }
    return {
        "aliases": aliases,
        "namespaces": -(-aliases // ALIASES_OF_A_NAMESPACE),
        "fed_microseconds_each": round(fed / aliases * 1e6, 1),
        **{name: await _one(page) for name, page in ways.items()},
    }


async def _one(page: Page) -> Mapping[str, Any]:
    """Have it scraped again and again over HTTP, and watch the event loop that answers."""
    port = free_port("127.0.0.1")
    body = await page()
    async with scrapes.answered(port, page, CONTENT_TYPE):
        command = (sys.executable, "-c", _CLIENT, f"http://127.0.0.1:{port}{scrapes.PATH}", str(SCRAPES))
        client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with _watched() as stalls:
            said, _ = await client.communicate()
    told = json.loads(said)
    return {
        "ms": figures.spread(told["times"]),
        "longest_stall_ms": round(max(stalls) * 1000, 1),
        "samples": sum(not line.startswith(b"#") for line in body.splitlines()),
        "bytes": len(body),
        "sent_bytes": told["size"],
    }


@asynccontextmanager
async def _watched() -> AsyncIterator[list[float]]:
    """Keep by how much a timer of a millisecond was late, again and again."""
    late: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            late.append(time.perf_counter() - began - TICK_SECONDS)

    task = asyncio.create_task(watch())
    try:
        yield late
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _names(number: int) -> tuple[str, str]:
    return f"team-{number // ALIASES_OF_A_NAMESPACE:03d}", f"model-{number:05d}-champion"


def _alias(number: int) -> ModelAlias:
    namespace, name = _names(number)
    return ModelAlias.model_validate(
        {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"model": f"model-{number:05d}", "alias": "champion"},
            "status": {"phase": "Ready", "current": {"version": "3", "since": SINCE}},
        }
    )


def _request(number: int) -> PromotionRequest:
    namespace, name = _names(number)
    return PromotionRequest.model_validate(
        {
            "metadata": {"name": f"request-{number}", "namespace": namespace, "creationTimestamp": SINCE},
            "spec": {"aliasRef": {"name": name}, "source": {"version": "4"}},
            "status": {"phase": "AwaitingApproval", "phaseSince": SINCE},
        }
    )


def _library(aliases: int) -> CollectorRegistry:
    """Return the three series of each alias as objects of the library."""
    registry, names = CollectorRegistry(), ("alias_namespace", "alias_name")
    rest = ("registry", "model", "alias", "version")
    info = Gauge("modelalias_alias_info", "x", (*names, *rest), registry=registry)
    phase = Gauge("modelalias_alias_phase", "x", (*names, "phase"), registry=registry)
    since = Gauge("modelalias_alias_promoted_timestamp_seconds", "x", names, registry=registry)
    for number in range(aliases):
        owner = _names(number)
        info.labels(*owner, "default", f"model-{number:05d}", "champion", "3").set(1)
        phase.labels(*owner, "Ready").set(1)
        since.labels(*owner).set(1.7e9)
    return registry


def table(told: Mapping[str, Any]) -> str:
    """Return the scrapes for people."""
    rows = [
        ("scrape, median, ms", *(told[way]["ms"]["median"] for way in WAYS)),
        ("scrape, longest, ms", *(told[way]["ms"]["max"] for way in WAYS)),
        ("longest stall of the event loop, ms", *(told[way]["longest_stall_ms"] for way in WAYS)),
        ("samples", *(told[way]["samples"] for way in WAYS)),
        ("page, bytes", *(told[way]["bytes"] for way in WAYS)),
        ("sent, bytes", *(told[way]["sent_bytes"] for way in WAYS)),
    ]
    shown = figures.table((f"scrape, {told['aliases']} aliases", *WAYS.values()), rows)
    return f"\n{shown}\nto take in one alias: {told['fed_microseconds_each']} us\n"
