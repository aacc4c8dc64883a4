"""Many promotions at once: the operator, a script with its very registry calls, and one with the fewest that it takes.

A model and a ModelAlias for each request, two gates, no workload: what limits this is the registry.
"""

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlflow import MlflowClient

from tests.bench import chains
from tests.bench.burst_figures import Moved, each_promotion, in_turns
from tests.bench.chains import Chain
from tests.bench.idle import all_ready, cpu_seconds, probe_of, probing
from tests.bench.product import Product
from tests.bench.proxy import Recorder, Sent, recording
from tests.bench.registry_rows import DATABASE, RowModel, write
from tests.bench.running import entered, operator
from tests.bench.sides import OPERATOR, SIDES, models, models_of_runs, renamed
from tests.bench.site import (
    BenchError,
    Object,
    Watched,
    alias_body,
    collection,
    namespace,
    request_body,
    watching,
)
from tests.support.mlflow_server import Server, running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for
from tests.support.raw_api import RawApi
from tests.support.scraped import Page

ALIAS: Final = "champion"
PREVIOUS: Final = "previous"
WORKERS: Final = (1, 2)
"""Of MLflow."""
FILED_AT_ONCE: Final = 16
SNAPSHOT_INTERVAL: Final = "30s"
BURST_SECONDS: Final = 3600.0
REST_SECONDS: Final = 60.0
REST_LOOK_SECONDS: Final = 0.5
REST_SHARE: Final = 0.05
"""An operator that uses less of a processor than this rests."""


class Place:
    """A namespace with a ModelAlias for each model of a side, and an operator's probe and metrics."""

    def __init__(self, api: RawApi, inside: str, models: Sequence[str], user: str) -> None:
        self._api, self.inside, self._models, self._user = api, inside, models, user
        self.aliases = Watched()
        self._requests = Watched()

    async def open(self, stack: AsyncExitStack) -> None:
        """Create the ModelAliases, and watch them and the requests."""
        await self._create(
            "modelaliases", [alias_body(model, model, ALIAS, None, PREVIOUS) for model in self._models]
        )
        self.aliases = await stack.enter_async_context(
            watching(self._api, collection(self.inside, "modelaliases"))
        )
        self._requests = await stack.enter_async_context(
            watching(self._api, collection(self.inside, "promotionrequests"))
        )

    async def promote(self, version: int, process: OperatorProcess, probe: Path) -> Moved:
        """File all requests at once, wait until all have ended, and remove them."""
        bodies = [
            request_body(f"{model}-to-{version}", model, str(version), self._user) for model in self._models
        ]
        names = {body["metadata"]["name"] for body in bodies}
        errors, cpu = await asyncio.to_thread(_errors, process), cpu_seconds(process.pid)
        async with probing(probe_of(probe)) as waits:
            began = time.perf_counter()
            await self._create("promotionrequests", bodies)
            what = f"{len(names)} requests are complete"
            ended = await self._requests.until(
                lambda seen: all(is_complete(seen.get(name, {})) for name in names), what, BURST_SECONDS
            )
            await at_rest(process.pid)
        phases = Counter(str(self._requests.objects[name]["status"]["phase"]) for name in names)
        used = cpu_seconds(process.pid) - cpu
        failed = await asyncio.to_thread(_errors, process) - errors
        await self._api.do("DELETE", collection(self.inside, "promotionrequests"))
        await at_rest(process.pid)
        return Moved(
            round(ended - began, 2),
            round(used / len(names) * 1000, 1),
            round(max(waits, default=0.0) * 1000, 1),
            dict(phases),
            round(failed),
        )

    async def _create(self, plural: str, bodies: Sequence[Object]) -> None:
        slots = asyncio.Semaphore(FILED_AT_ONCE)

        async def create(body: Object) -> None:
            async with slots:
                await self._api.create(collection(self.inside, plural), body)

        await asyncio.gather(*map(create, bodies))


async def measure(
    api: RawApi, kubeconfig: str, product: Product, requests: int, rounds: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Let so many requests come at once, again and again, with MLflow of one worker and of two."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-burst-")))
        say(f"burst: {requests} requests at once, {rounds} rounds; seeding the registry")
        await asyncio.to_thread(_seed, folder / "registry", requests, rounds + 1)
        run = _Run(api, kubeconfig, product, folder, requests, rounds, await api.whoami(), say)
        calls = await run.record()
        recorded = each_promotion(calls, requests)
        say(f"burst: recorded, for each promotion: {recorded}")
        timed = {
            str(workers): await run.timed(workers, chains.cut(calls, OPERATOR, models_of_runs(requests)))
            for workers in WORKERS
        }
    return {
        "requests": requests,
        "rounds": rounds,
        "unit": "s from the first request sent to the last one complete, or from the first call to the last answer",
        "mlflow": f"sqlite, loopback; {chains.AT_ONCE} calls at once on all sides; a snapshot each {SNAPSHOT_INTERVAL}",
        "each": recorded,
        "workers": timed,
    }


@dataclass(frozen=True)
class _Run:
    api: RawApi
    kubeconfig: str
    product: Product
    folder: Path
    requests: int
    rounds: int
    user: str
    say: Callable[[str], None]

    async def record(self) -> Sequence[Sent]:
        """Let the operator promote from version 1 to 2 behind proxies, and return what it sent."""
        async with AsyncExitStack() as stack:
            server, place = await self._prepared(stack, 1, "recorded")
            folder = self.folder / "recorded"
            as_operator = await asyncio.to_thread(signed_in, self.kubeconfig, place.inside, folder)
            recorder: Recorder = await stack.enter_async_context(recording(as_operator, server.uri))
            config = config_for(place.inside, recorder.mlflow_uri, snapshotInterval=SNAPSHOT_INTERVAL)
            process = self.product.operator(recorder.kubeconfig, config, folder)
            await stack.enter_async_context(operator(process))
            await all_ready(place.aliases, self.requests)
            await at_rest(process.pid)
            before = len(recorder.calls)
            moved = await place.promote(2, process, folder)
            _require_success(moved, self.requests)
            return tuple(recorder.calls[before:])

    async def timed(self, workers: int, same: Sequence[Chain]) -> Mapping[str, Any]:
        """Time the three sides in turns, and compare what they left in the registry."""
        async with AsyncExitStack() as stack:
            server, place = await self._prepared(stack, workers, f"workers-{workers}")
            folder = self.folder / f"workers-{workers}"
            as_operator = await asyncio.to_thread(signed_in, self.kubeconfig, place.inside, folder)
            config = config_for(place.inside, server.uri, snapshotInterval=SNAPSHOT_INTERVAL)
            process = self.product.operator(as_operator, config, folder)
            await stack.enter_async_context(operator(process))
            await all_ready(place.aliases, self.requests)
            await at_rest(process.pid)
            fewest = chains.fewest(models("fewest", self.requests), ALIAS, PREVIOUS)
            moved: list[Moved] = []
            bare: Mapping[str, list[float]] = {"same": [], "fewest": []}
            failures: list[str] = []
            for number in range(self.rounds):
                turns = SIDES[number % len(SIDES) :] + SIDES[: number % len(SIDES)]
                for side in turns:
                    if side == "operator":
                        moved.append(await place.promote(number + 2, process, folder))
                        self.say(f"burst: MLflow's workers: {workers}, operator: {moved[-1]}")
                    else:
                        calls = same if side == "same" else fewest
                        rename = renamed(side, number, self.requests)
                        began = time.perf_counter()
                        failures += await asyncio.to_thread(chains.play, server.uri, calls, rename)
                        bare[side].append(round(time.perf_counter() - began, 2))
                        self.say(f"burst: MLflow's workers: {workers}, {side}: {bare[side][-1]} s")
            if all(set(one.ended) == {"Succeeded"} for one in moved) and not failures:
                await asyncio.to_thread(_compare, server.uri, self.requests)
            return in_turns(moved, bare, failures)

    async def _prepared(self, stack: AsyncExitStack, workers: int, name: str) -> tuple[Server, Place]:
        """Start MLflow on a copy of the registry, and create the ModelAliases in a namespace of their own."""
        directory = self.folder / name / "mlflow"
        directory.mkdir(parents=True)
        await asyncio.to_thread(shutil.copy, self.folder / "registry" / DATABASE, directory / DATABASE)
        server = await entered(stack, running_mlflow(directory, arguments=("--workers", str(workers))))
        inside = await stack.enter_async_context(namespace(self.api, "burst"))
        place = Place(self.api, inside, models(OPERATOR, self.requests), self.user)
        await place.open(stack)
        return server, place


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


def _seed(directory: Path, requests: int, versions: int) -> None:
    metric = [0.5 + number / 100 for number in range(1, versions + 1)]
    names = (model for side in SIDES for model in models(side, requests))
    write(directory, (RowModel(model, metric, {ALIAS: 1}) for model in names))


def _require_success(moved: Moved, requests: int) -> None:
    if dict(moved.ended) != {"Succeeded": requests}:
        raise BenchError(f"not every request succeeded: {dict(moved.ended)}")


def _compare(uri: str, requests: int) -> None:
    """Raise `BenchError` unless all sides left the same aliases."""
    client = MlflowClient(uri)
    for number in (0, requests - 1):
        held = [
            {
                name: str(to)
                for name, to in client.get_registered_model(models(side, requests)[number]).aliases.items()
            }
            for side in SIDES
        ]
        if held[1:] != held[:-1]:
            raise BenchError(f"the sides do not do the same: {dict(zip(SIDES, held, strict=True))}")


def _errors(process: OperatorProcess) -> float:
    """Return what an operator counted so far of calls that failed and looks that ended early."""
    page = Page(process.scrape())
    calls = sum(
        value
        for labels, value in page.series("modelalias_registry_requests_total").items()
        if ("outcome", "ok") not in labels
    )
    return calls + sum(page.series("modelalias_reconcile_errors_total").values())
