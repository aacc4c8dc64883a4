"""A namespace with ModelAliases, requests that are filed in it, and an operator that is watched meanwhile."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.bench.burst_figures import Moved
from tests.bench.idle import all_ready, cpu_seconds, probe_of
from tests.bench.probe import probing
from tests.bench.site import BenchError, Object, Watched, collection, watching
from tests.support.operator_process import OperatorProcess
from tests.support.raw_api import RawApi
from tests.support.scraped import Page

CREATED_AT_ONCE: Final = 16
DELETED_AT_ONCE: Final = 200
BURST_SECONDS: Final = 3600.0
REST_SECONDS: Final = 600.0
REST_LOOK_SECONDS: Final = 0.5
REST_SHARE: Final = 0.05
"""An operator that uses less of a processor than this rests."""


class Place:
    """A namespace and what a watch tells of the aliases and requests in it."""

    def __init__(self, api: RawApi, inside: str) -> None:
        self._api, self.inside = api, inside
        self.aliases, self.requests = Watched(), Watched()

    async def open(self, stack: AsyncExitStack, aliases: Sequence[Object]) -> None:
        """Create the ModelAliases, and watch them and the requests."""
        await self._create("modelaliases", aliases, CREATED_AT_ONCE)
        self.aliases = await stack.enter_async_context(
            watching(self._api, collection(self.inside, "modelaliases"))
        )
        self.requests = await stack.enter_async_context(
            watching(self._api, collection(self.inside, "promotionrequests"))
        )

    async def all_seen(self) -> None:
        """Wait until an operator has looked at every alias."""
        await all_ready(self.aliases, len(self.aliases.objects))

    async def file(self, bodies: Sequence[Object], *, at_once: int = CREATED_AT_ONCE) -> None:
        """Create requests; one at a time keeps their order."""
        await self._create("promotionrequests", bodies, at_once)

    async def complete(self, names: Collection[str]) -> float:
        """Wait until these requests are complete and return that moment."""
        what = f"{len(names)} requests are complete"
        return await self.requests.until(
            lambda seen: all(is_complete(seen.get(name, {})) for name in names), what, BURST_SECONDS
        )

    def ended(self, names: Collection[str]) -> Counter[str]:
        """Return how many of them are in which phase."""
        return Counter(str(self.requests.objects[name]["status"]["phase"]) for name in names)

    async def remove_requests(self) -> None:
        """Delete them by pages: all at once would take longer than a call may."""
        path = collection(self.inside, "promotionrequests")
        while (await self._api.get(f"{path}?limit=1"))["items"]:
            await self._api.do("DELETE", f"{path}?limit={DELETED_AT_ONCE}")

    async def _create(self, plural: str, bodies: Sequence[Object], at_once: int) -> None:
        slots = asyncio.Semaphore(at_once)

        async def create(body: Object) -> None:
            async with slots:
                await self._api.create(collection(self.inside, plural), body)

        await asyncio.gather(*map(create, bodies))


async def promote(
    place: Place,
    bodies: Sequence[Object],
    process: OperatorProcess,
    folder: Path,
    *,
    at_once: int = CREATED_AT_ONCE,
) -> Moved:
    """File all requests, wait until all have ended and the operator rests, and remove them."""
    names = {body["metadata"]["name"] for body in bodies}
    errors, cpu = await asyncio.to_thread(_errors, process), cpu_seconds(process.pid)
    async with probing(probe_of(folder)) as probe:
        began = time.perf_counter()
        await place.file(bodies, at_once=at_once)
        ended = await place.complete(names)
        await at_rest(process.pid)
    used = cpu_seconds(process.pid) - cpu
    failed = await asyncio.to_thread(_errors, process) - errors
    await place.remove_requests()
    await at_rest(process.pid)
    return Moved(
        round(ended - began, 2),
        round(used / len(names) * 1000, 1),
        probe.longest_ms,
        dict(place.ended(names)),
        round(failed),
    )


async def at_rest(pid: int) -> None:
    """Wait until a process does next to nothing; raise `BenchError` when it does not come to rest."""
    deadline, before = time.perf_counter() + REST_SECONDS, cpu_seconds(pid)
    while time.perf_counter() < deadline:
        await asyncio.sleep(REST_LOOK_SECONDS)
        now = cpu_seconds(pid)
        if now - before < REST_SHARE * REST_LOOK_SECONDS:
            return
        before = now
    raise BenchError(f"the operator is still busy after {REST_SECONDS:g} s")


def is_complete(request: Object) -> bool:
    conditions = request.get("status", {}).get("conditions", ())
    return any(item["type"] == "Complete" and item["status"] == "True" for item in conditions)


def _errors(process: OperatorProcess) -> float:
    """Return what an operator counted so far of calls that failed and looks that ended early."""
    page = Page(process.scrape())
    calls = sum(
        value
        for labels, value in page.series("modelalias_registry_requests_total").items()
        if ("outcome", "ok") not in labels
    )
    return calls + sum(page.series("modelalias_reconcile_errors_total").values())
