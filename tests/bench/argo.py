"""The same burst as Rollouts of Argo Rollouts: a change of each, an analysis by a web metric, and the workload is changed.

Ours: a request for each ModelAlias, two gates on MLflow's metrics, the alias, and the Deployment is changed. No side has
pods, so that what is compared is the controllers. Argo's metric is answered from memory, ours by a registry.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from hack.cluster import recipes
from hack.cluster.build import built
from hack.cluster.errors import ClusterError
from tests.bench import figures
from tests.bench.burst import ALIAS, PREVIOUS, SNAPSHOT_INTERVAL
from tests.bench.idle import cpu_seconds, mib
from tests.bench.place import BURST_SECONDS, CREATED_AT_ONCE, Place, at_rest, promote
from tests.bench.product import Product
from tests.bench.registry_rows import RowModel, write
from tests.bench.running import database, entered, operator
from tests.bench.site import (
    BenchError,
    Object,
    Watched,
    alias_body,
    collection,
    deployment_body,
    namespace,
    request_body,
    watching,
)
from tests.support.argo_rollouts import running_controller
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.raw_api import RawApi

WORKERS: Final = 2
"""Of MLflow."""
TUNED: Final = ("--qps=1000", "--burst=2000", "--rollout-threads=32")
WAYS: Final = ("operator", "defaults", "tuned")
ARGO: Final = "/apis/argoproj.io/v1alpha1"
METRIC: Final = "val-auc"

Side = Callable[[int], Awaitable[Mapping[str, float]]]
"""Does the burst of a round, and tells seconds, processor time for each, and memory."""


async def measure(
    api: RawApi, kubeconfig: str, product: Product, size: int, rounds: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Change so many at once on each side, in turns; what cannot be built here is left out."""
    try:
        await asyncio.to_thread(built, recipes.ROLLOUTS)
    except ClusterError as error:
        return {"left_out": f"Argo Rollouts cannot be built on this machine: {error}"}
    found: Mapping[str, list[Mapping[str, float]]] = {way: [] for way in WAYS}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-argo-")))
        address = await stack.enter_async_context(_answered())
        say(f"argo: preparing {size} on each side")
        sides = {
            "operator": await _operator(stack, api, kubeconfig, product, size, rounds, folder),
            "defaults": await _argo(stack, api, kubeconfig, size, address, folder / "defaults", ()),
            "tuned": await _argo(stack, api, kubeconfig, size, address, folder / "tuned", TUNED),
        }
        for number in range(rounds):
            for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                found[way].append(await sides[way](number))
                say(f"argo: {way}: {found[way][-1]}")
    spreads = {
        way: {key: figures.spread([one[key] for one in each]) for key in each[0]}
        for way, each in found.items()
    }
    ours = [one["seconds"] for one in found["operator"]]
    return {
        "requests": size,
        "rounds": rounds,
        "unit": "s from the first change sent to the last one complete and healthy",
        "mlflow": f"{WORKERS} workers, {database()}, loopback; 6 calls at once",
        "argo": f"the module's controller, one web metric on loopback; tuned: {' '.join(TUNED)}",
        "samples": {way: [one["seconds"] for one in each] for way, each in found.items()},
        **spreads,
        "defaults_to_operator": figures.ratios([one["seconds"] for one in found["defaults"]], ours),
        "tuned_to_operator": figures.ratios([one["seconds"] for one in found["tuned"]], ours),
    }


async def _operator(
    stack: AsyncExitStack,
    api: RawApi,
    kubeconfig: str,
    product: Product,
    size: int,
    rounds: int,
    folder: Path,
) -> Side:
    names = [f"model-{number:05d}" for number in range(size)]
    metric = [0.5 + number / 100 for number in range(rounds + 1)]
    registry = (RowModel(name, metric, {ALIAS: 1}) for name in names)
    await asyncio.to_thread(write, folder / "mlflow", registry)
    started = running_mlflow(folder / "mlflow", arguments=("--workers", str(WORKERS)))
    server = await entered(stack, started)
    place = Place(api, await stack.enter_async_context(namespace(api, "ours")))
    await _each(
        [deployment_body(name) for name in names],
        lambda body: api.create(collection(place.inside, "deployments"), body),
    )
    await place.open(stack, [alias_body(name, name, ALIAS, name, PREVIOUS) for name in names])
    signed = await asyncio.to_thread(signed_in, kubeconfig, place.inside, folder)
    config = config_for(place.inside, server.uri, snapshotInterval=SNAPSHOT_INTERVAL)
    process = product.operator(signed, config, folder)
    began = time.perf_counter()
    await stack.enter_async_context(operator(process))
    await place.all_seen()
    first_sight = round(time.perf_counter() - began, 2)
    await at_rest(process.pid)
    user = await api.whoami()

    async def burst(number: int) -> Mapping[str, float]:
        version = number + 2
        bodies = [request_body(f"{name}-to-{version}", name, str(version), user) for name in names]
        moved = await promote(place, bodies, process, folder)
        if set(moved.ended) != {"Succeeded"}:
            raise BenchError(f"not every request succeeded: {dict(moved.ended)}")
        return {
            "seconds": moved.seconds,
            "cpu_ms_each": moved.cpu_ms_each,
            "rss_mib": mib(process.pid, "status", "VmRSS") or 0.0,
            "first_sight_seconds": first_sight,
        }

    return burst


async def _argo(
    stack: AsyncExitStack,
    api: RawApi,
    kubeconfig: str,
    size: int,
    address: str,
    folder: Path,
    arguments: Sequence[str],
) -> Side:
    await asyncio.to_thread(folder.mkdir)
    inside = await stack.enter_async_context(namespace(api, "argo"))
    only = ("--namespaced", f"--namespace={inside}")
    pid = await entered(stack, running_controller(kubeconfig, folder, arguments=(*only, *arguments)))
    path = f"{ARGO}/namespaces/{inside}"
    names = [f"rollout-{number:05d}" for number in range(size)]
    await api.create(f"{path}/analysistemplates", _template(address))
    seen: Watched = await stack.enter_async_context(watching(api, f"{path}/rollouts"))
    began = time.perf_counter()
    await _each([_rollout(name) for name in names], lambda body: api.create(f"{path}/rollouts", body))
    seen_at = await seen.until(
        lambda found: _healthy(found, names, "0"), "all Rollouts are Healthy", BURST_SECONDS
    )
    first_sight = round(seen_at - began, 2)
    await at_rest(pid)

    async def burst(number: int) -> Mapping[str, float]:
        change = {"spec": {"template": {"metadata": {"annotations": {METRIC: str(number + 1)}}}}}
        cpu, began = cpu_seconds(pid), time.perf_counter()
        await _each(names, lambda name: api.merge(f"{path}/rollouts/{name}", change))
        ended = await seen.until(
            lambda found: _healthy(found, names, str(number + 1)), "all are Healthy again", BURST_SECONDS
        )
        await at_rest(pid)
        return {
            "seconds": round(ended - began, 2),
            "cpu_ms_each": round((cpu_seconds(pid) - cpu) / size * 1000, 1),
            "rss_mib": mib(pid, "status", "VmRSS") or 0.0,
            "first_sight_seconds": first_sight,
        }

    return burst


async def _each(items: Sequence[Any], do: Callable[[Any], Awaitable[Any]]) -> None:
    """Do it for each, some at once."""
    slots = asyncio.Semaphore(CREATED_AT_ONCE)

    async def one(item: Any) -> None:
        async with slots:
            await do(item)

    await asyncio.gather(*map(one, items))


def _healthy(found: Mapping[str, Object], names: Sequence[str], change: str) -> bool:
    """Return whether all Rollouts run, as stable, the template with that change."""
    return len(found) >= len(names) and all(_is_healthy(found[name], change) for name in names)


def _is_healthy(rollout: Object, change: str) -> bool:
    annotations = rollout["spec"]["template"]["metadata"].get("annotations") or {}
    status = rollout.get("status", {})
    return (
        annotations.get(METRIC) == change
        and status.get("observedGeneration") == str(rollout["metadata"]["generation"])
        and status.get("phase") == "Healthy"
        and status.get("stableRS") == status.get("currentPodHash")
    )


def _rollout(name: str) -> Object:
    """Build a Rollout without pods, whose only step is an analysis."""
    body = deployment_body(name)
    template = body["spec"]["template"]
    metadata = {**template["metadata"], "annotations": {METRIC: "0"}}
    steps = [{"analysis": {"templates": [{"templateName": METRIC}]}}]
    spec = {
        **body["spec"],
        "template": {**template, "metadata": metadata},
        "strategy": {"canary": {"steps": steps}},
    }
    return {**body, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": spec}


def _template(address: str) -> Object:
    metric = {
        "name": METRIC,
        "successCondition": "result >= 0.1",
        "provider": {"web": {"url": address, "jsonPath": "{$.auc}"}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": METRIC},
        "spec": {"metrics": [metric]},
    }


@asynccontextmanager
async def _answered() -> AsyncIterator[str]:
    """Answer the metric on loopback until the block ends, and give its address."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"auc": 0.9})

    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def table(found: Mapping[str, Any]) -> str:
    """Return the bursts of all three for people."""
    if "left_out" in found:
        return f"\nargo: left out, {found['left_out']}\n"
    columns = ("min", "median", "max")
    names = {"operator": "operator", "defaults": "Argo Rollouts", "tuned": "Argo Rollouts, tuned"}
    what = {
        "seconds": "s",
        "cpu_ms_each": "processor for each, ms",
        "rss_mib": "memory, MiB",
        "first_sight_seconds": "first sight of all, s",
    }
    rows = [
        (f"{name}, {unit}", *(found[way][key][column] for column in columns))
        for key, unit in what.items()
        for way, name in names.items()
    ]
    rows += [
        (f"{names[way]} / operator", *(found[f"{way}_to_operator"][f"pair_{column}"] for column in columns))
        for way in ("defaults", "tuned")
    ]
    head = (f"{found['requests']} at once", *columns)
    return f"\n{figures.table(head, rows)}\n"
