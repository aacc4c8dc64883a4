"""The scheduler of monitors with many of them: queries, processor time, and the longest stall of its event loop.

It runs in this process, on sources in memory that take a few milliseconds, with a writer that puts what is worth
a write into the statuses, as the operator does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from modelalias.api.alias import ModelAlias, ModelAliasSpec, ModelAliasStatus, NamedVersion
from modelalias.api.metadata import Metadata
from modelalias.core.monitoring.writing import merged, worth_writing
from modelalias.reconcile.monitoring import Monitoring
from modelalias.reconcile.queue import Key

ANSWER_SECONDS: Final = 0.005
LOOK_SECONDS: Final = 0.01
SHARED: Final = 10
"""Every tenth alias has the same query as the others of them; each of the rest has one of its own."""
BEYOND: Final = 50
"""One in so many monitors is beyond its bound at any time: fewer than a mass breach."""


class Source:
    """Answers every query with a number of its own that moves with time."""

    def __init__(self) -> None:
        self.queries = 0

    async def query(self, query: str) -> float | None:
        self.queries += 1
        await asyncio.sleep(ANSWER_SECONDS)
        return 0.2 if hash((query, self.queries // 1000)) % BEYOND == 0 else 0.01 + self.queries % 7 / 1000

    async def close(self) -> None:
        return


class Site:
    """The scheduler with its source, and statuses that are written when that is worth it."""

    def __init__(self) -> None:
        self.source, self.writes = Source(), 0
        self.monitoring = Monitoring(
            {"default": self.source},
            {},
            lambda _server, _namespace: True,
            self._woken,
            asyncio.get_running_loop().time,
            _wall,
        )
        self._aliases: dict[Key, ModelAlias] = {}

    def add(self, number: int) -> None:
        """Add an alias with one monitor."""
        name = f"model-{number:05d}"
        query = "shared" if number % SHARED == 0 else f'errors{{model="{name}",version="$version"}}'
        monitor = {"name": "errors", "direction": "LowerIsBetter", "threshold": 0.05, "interval": "60s"}
        spec = {"model": name, "alias": "champion", "monitors": [{**monitor, "prometheus": {"query": query}}]}
        alias = ModelAlias(
            metadata=Metadata(name=name, namespace="ml", uid=name),
            spec=ModelAliasSpec.model_validate(spec),
            status=ModelAliasStatus(current=NamedVersion(version="3", since=_wall() - timedelta(hours=1))),
        )
        self._see(alias)

    def _see(self, alias: ModelAlias) -> None:
        self._aliases[Key(alias.metadata.namespace, alias.metadata.name)] = alias
        self.monitoring.see(alias)

    def _woken(self, key: Key) -> None:
        alias = self._aliases[key]
        after = merged(alias.spec.monitors, self.monitoring.view(key).monitors, alias.status.monitors)
        if worth_writing(alias.status.monitors, after, _wall()):
            self.writes += 1
            self._see(alias.with_status(alias.status.with_monitors(after)))


async def measure(monitors: int, seconds: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Run the scheduler without monitors and with so many, and return what each used a minute."""
    told: dict[str, Any] = {"monitors": monitors, "seconds": seconds, "interval": "60s"}
    for name, count in (("none", 0), ("many", monitors)):
        say(f"monitors: {count} of them, {seconds} s")
        told[name] = await _window(count, seconds)
    return told


async def _window(monitors: int, seconds: int) -> Mapping[str, Any]:
    site = Site()
    task = asyncio.create_task(site.monitoring.run())
    try:
        began = time.perf_counter()
        for number in range(monitors):
            site.add(number)
        added = time.perf_counter() - began
        async with _looking() as stalls:
            cpu, queries = time.process_time(), site.source.queries
            await asyncio.sleep(seconds)
            cpu, queries = time.process_time() - cpu, site.source.queries - queries
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return {
        "add_ms_each": round(added * 1000 / monitors, 3) if monitors else None,
        "queries_per_minute": round(queries * 60 / seconds),
        "cpu_seconds_per_minute": round(cpu * 60 / seconds, 2),
        "status_writes_per_minute": round(site.writes * 60 / seconds),
        "longest_stall_ms": round(max(stalls, default=0.0) * 1000, 1),
    }


@asynccontextmanager
async def _looking() -> AsyncIterator[list[float]]:
    """Look at the clock all the time; how late a look comes is how long the loop stood still."""
    late: list[float] = []

    async def look() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK_SECONDS)
            late.append(time.perf_counter() - began - LOOK_SECONDS)

    task = asyncio.create_task(look())
    try:
        yield late
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _wall() -> datetime:
    return datetime.now(UTC)
