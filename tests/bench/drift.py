"""One look at every alias of a registry, three ways; and what an operator of each kind costs that does it for ever.

Ours reads pages of models. Bare reads the same pages and knows no rule. Naive asks for one alias after another.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import requests
from mlflow import MlflowClient

from modelalias.adapters.mlflow_registry import open_registry
from modelalias.api.fields import duration
from modelalias.reconcile.registry_watch import RegistryWatch
from modelalias.settings import RegistrySettings
from tests.bench import figures, naive
from tests.bench.idle import (
    READY_SECONDS,
    SNAPSHOT_INTERVAL,
    all_ready,
    create,
    settled,
    window,
)
from tests.bench.looked_at import all_looked_at
from tests.bench.product import Product
from tests.bench.registry_rows import ALIASES_OF_A_MODEL, write_pairs
from tests.bench.running import database, entered, operator
from tests.bench.site import BenchError, collection, namespace, watching
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.proxy import recording
from tests.support.raw_api import RawApi

NAIVE_AT_ONCE: Final = 6
"""As many calls as the operator may have under way; MLflow answers no more in the same time."""
PAGE: Final = 1000
WAYS: Final = ("operator", "bare", "naive")


async def passes(aliases: int, rounds: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Look at so many aliases in each of the three ways, in turns; it needs no cluster."""
    with tempfile.TemporaryDirectory(prefix="bench-drift-") as name:
        async with AsyncExitStack() as stack:
            models = await asyncio.to_thread(write_pairs, Path(name) / "mlflow", aliases)
            server = await entered(stack, running_mlflow(Path(name) / "mlflow"))
            ways = await _ways(stack, server.uri, models)
            calls: dict[str, int] = {}
            samples: dict[str, list[float]] = {way: [] for way in WAYS}
            for number in range(rounds + 1):
                for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                    if number == 0 and way == "naive":
                        continue  # the first round opens connections, and this one would take long
                    began = time.perf_counter()
                    calls[way] = await ways[way]()
                    if number:
                        samples[way].append(time.perf_counter() - began)
                        say(f"drift: {way}: {samples[way][-1]:.2f} s, {calls[way]} calls")
    return {
        "aliases": aliases,
        "models": len(models),
        "rounds": rounds,
        "unit": "s for one look at every alias",
        "mlflow": f"one worker, {database()}, loopback; pages one after another, naive {NAIVE_AT_ONCE} calls at once",
        "calls": calls,
        "samples": {way: [round(item, 3) for item in items] for way, items in samples.items()},
        **{way: figures.spread(items) for way, items in samples.items()},
        "ratio_to_bare": figures.ratios(samples["operator"], samples["bare"]),
        "ratio_of_naive": figures.ratios(samples["naive"], samples["operator"]),
    }


async def _ways(
    stack: AsyncExitStack, uri: str, models: Sequence[str]
) -> Mapping[str, Callable[[], Awaitable[int]]]:
    """Return what makes a pass in each way, and returns how many calls it took."""
    counted: list[str] = []
    settings = RegistrySettings(uri=uri)
    registry = open_registry(settings, lambda: None, lambda call, *_: counted.append(call))
    stack.push_async_callback(registry.close)
    watch = RegistryWatch(
        "default", registry, timedelta(seconds=30), lambda *_: None, asyncio.get_running_loop().time
    )
    session = stack.enter_context(requests.Session())
    client = MlflowClient(uri)
    before: dict[str, Mapping[str, str]] = {}

    async def operator_pass() -> int:
        counted.clear()
        await watch.look()
        if watch.problem is not None:
            raise BenchError(f"the pass failed: {watch.problem}")
        return len(counted)

    async def bare_pass() -> int:
        return await asyncio.to_thread(_page, session, uri, before)

    async def naive_pass() -> int:
        return await asyncio.to_thread(_ask_for_each, client, models)

    return {"operator": operator_pass, "bare": bare_pass, "naive": naive_pass}


def _page(session: requests.Session, uri: str, before: dict[str, Mapping[str, str]]) -> int:
    """Read all aliases by pages, and compare them with those before."""
    calls, token = 0, ""
    found: dict[str, Mapping[str, str]] = {}
    while calls == 0 or token:
        answer = session.get(
            f"{uri}/api/2.0/mlflow/registered-models/search",
            params={"max_results": str(PAGE)} | ({"page_token": token} if token else {}),
            timeout=60,
        )
        answer.raise_for_status()
        body, calls = answer.json(), calls + 1
        for model in body.get("registered_models", ()):
            found[model["name"]] = {item["alias"]: item["version"] for item in model.get("aliases", ())}
        token = body.get("next_page_token", "")
    changed = [name for name, aliases in found.items() if before.get(name) != aliases]
    assert not before or not changed
    before.update(found)
    return calls


def _ask_for_each(client: MlflowClient, models: Sequence[str]) -> int:
    wanted = [(model, alias) for model in models for alias in ALIASES_OF_A_MODEL]

    def ask(one: tuple[str, str]) -> None:
        client.get_model_version_by_alias(*one)

    with ThreadPoolExecutor(NAIVE_AT_ONCE) as pool:
        for _ in pool.map(ask, wanted):
            pass
    return len(wanted)


@dataclass(frozen=True)
class Costs:
    """What it takes to compare the two operators at rest, each with a namespace of so many aliases."""

    api: RawApi
    kubeconfig: str
    product: Product
    aliases: int
    seconds: int
    say: Callable[[str], None]

    async def measure(self, rounds: int) -> Mapping[str, Any]:
        """Start one operator after the other, wait until it has seen everything, and measure; in turns.

        Each writes all statuses in a start before: what that takes is over when the others begin.
        """
        windows: Mapping[str, list[Mapping[str, Any]]] = {"operator": [], "naive": []}
        with tempfile.TemporaryDirectory(prefix="bench-costs-") as name:
            async with AsyncExitStack() as stack:
                folder = Path(name)
                models = await asyncio.to_thread(write_pairs, folder / "mlflow", self.aliases)
                server = await entered(stack, running_mlflow(folder / "mlflow"))
                places = {way: await stack.enter_async_context(namespace(self.api, way)) for way in windows}
                stack.push_async_callback(naive.release, self.api, places["naive"])
                self.say(f"drift: creating {self.aliases} ModelAliases for each of the two operators")
                for inside in places.values():
                    await create(self.api, inside, models, self.aliases)
                takes = {"operator": self._ours, "naive": self._naive}
                first = {way: await takes[way](server.uri, places[way], folder, 1) for way in windows}
                self.say(f"drift: after the first start: {first}")
                for number in range(rounds):
                    for way in sorted(takes, reverse=number % 2 == 0):
                        found = await takes[way](server.uri, places[way], folder, self.seconds)
                        windows[way].append(found)
                        self.say(f"drift: {way} in {self.seconds} s: {found}")
        return {
            "aliases": self.aliases,
            "seconds": self.seconds,
            "rounds": rounds,
            "mlflow": f"one worker, {database()}, loopback; a look each {SNAPSHOT_INTERVAL}, if MLflow is fast enough",
            "imports_rss_mib": await asyncio.to_thread(self.product.imports_mib),
            "first_start_rss_mib": {way: found["rss_mib"] for way, found in first.items()},
            **{way: _spreads(found) for way, found in windows.items()},
        }

    async def _ours(self, mlflow_uri: str, inside: str, folder: Path, seconds: int) -> Mapping[str, Any]:
        signed = await asyncio.to_thread(signed_in, self.kubeconfig, inside, folder)
        async with (
            recording(signed, mlflow_uri) as recorder,
            watching(self.api, collection(inside, "modelaliases")) as seen,
        ):
            config = config_for(inside, recorder.mlflow_uri, snapshotInterval=SNAPSHOT_INTERVAL)
            process = self.product.operator(recorder.kubeconfig, config, folder)
            async with operator(process):
                await all_ready(seen, self.aliases)
                await all_looked_at(process.metrics_port, self.aliases, process)
                await settled(recorder)
                return await window(process.pid, recorder, seconds)

    async def _naive(self, mlflow_uri: str, inside: str, folder: Path, seconds: int) -> Mapping[str, Any]:
        every = duration(SNAPSHOT_INTERVAL).total_seconds()
        async with (
            recording(self.kubeconfig, mlflow_uri) as recorder,
            naive.running(self.product, recorder.kubeconfig, mlflow_uri, inside, every, folder) as one,
        ):
            await one.checked(self.aliases, READY_SECONDS)
            await settled(recorder)
            before, _ = await asyncio.to_thread(one.counted)
            found = await window(one.pid, recorder, seconds)
            checked, failed = await asyncio.to_thread(one.counted)
            return {**found, "registry_calls": checked - before, "failed": failed}


COSTS: Final = {
    "rss_mib": "memory (VmRSS), MiB",
    "cpu_seconds": "processor, s",
    "kubernetes_writes": "Kubernetes writes without the Lease",
    "registry_calls": "registry calls",
}


def _spreads(windows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return {key: figures.spread([float(one[key]) for one in windows]) for key in COSTS}


def passes_table(found: Mapping[str, Any]) -> str:
    """Return the passes for people."""
    columns = ("min", "median", "max")
    rows = [(way, found["calls"][way], *(found[way][key] for key in columns)) for way in WAYS]
    head = (f"one look at {found['aliases']} aliases, s", "calls", *columns)
    return f"\n{figures.table(head, rows)}\n"


def costs_table(found: Mapping[str, Any]) -> str:
    """Return what both operators use, for people."""
    columns = ("min", "median", "max")
    rows = [
        (f"{what}, {way}", *(found[way][key][column] for column in columns))
        for key, what in COSTS.items()
        for way in ("operator", "naive")
    ]
    head = (f"{found['aliases']} aliases, {found['seconds']} s at rest", *columns)
    first = ", ".join(f"{way} {mib} MiB" for way, mib in found["first_start_rss_mib"].items())
    return (
        f"\n{figures.table(head, rows)}\nimports alone: {found['imports_rss_mib']} MiB; "
        f"after the start that wrote all statuses: {first}\n"
    )
