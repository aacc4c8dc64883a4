"""How long one request takes while another namespace's burst is under way, beside the same request alone."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from tests.bench import figures
from tests.bench.burst import ALIAS, PREVIOUS, SNAPSHOT_INTERVAL
from tests.bench.place import Place, at_rest, is_complete
from tests.bench.product import Product
from tests.bench.registry_rows import RowModel, write
from tests.bench.running import database, entered, operator
from tests.bench.site import Object, alias_body, namespace, request_body
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.raw_api import RawApi

ONE: Final = "one"
UNDER_WAY: Final = 0.1
"""The burst is under way once this share of its requests is complete."""


async def measure(
    api: RawApi, kubeconfig: str, product: Product, requests: int, rounds: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Let one namespace file so many requests at once and another one a single request, again and again."""
    crowd = [f"crowd-{number:05d}" for number in range(requests)]
    alone: list[float] = []
    beside: list[float] = []
    bursts: list[float] = []
    user = await api.whoami()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-neighbour-")))
        metric = [0.5 + number / 100 for number in range(2 * rounds + 2)]
        registry = (RowModel(model, metric, {ALIAS: 1}) for model in (ONE, *crowd))
        await asyncio.to_thread(write, folder / "mlflow", registry)
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        many = Place(api, await stack.enter_async_context(namespace(api, "many")))
        one = Place(api, await stack.enter_async_context(namespace(api, ONE)))
        await many.open(stack, [_alias(model) for model in crowd])
        await one.open(stack, [_alias(ONE)])
        config = config_for(many.inside, server.uri, snapshotInterval=SNAPSHOT_INTERVAL)
        config = {**config, "namespaces": [many.inside, one.inside]}
        signed = await asyncio.to_thread(signed_in, kubeconfig, many.inside, folder)
        process = product.operator(signed, config, folder)
        await stack.enter_async_context(operator(process))
        await many.all_seen()
        await one.all_seen()
        for number in range(rounds):
            await at_rest(process.pid)
            alone.append(await _single(one, 2 * number + 2, user))
            await at_rest(process.pid)
            bodies = [_request(model, number + 2, user) for model in crowd]
            names = {body["metadata"]["name"] for body in bodies}
            began = time.perf_counter()
            await many.file(bodies)
            await many.requests.until(_share_of(requests), "the burst is under way", 600.0)
            beside.append(await _single(one, 2 * number + 3, user))
            bursts.append(await many.complete(names) - began)
            say(
                f"neighbour: {alone[-1]:.2f} s alone, {beside[-1]:.2f} s beside {bursts[-1]:.1f} s of {requests}"
            )
            await many.remove_requests()
            many.requests.objects.clear()
    return {
        "requests": requests,
        "rounds": rounds,
        "unit": "s from a request sent to its end",
        "mlflow": f"one worker, {database()}, loopback; a snapshot each {SNAPSHOT_INTERVAL}",
        "samples": {"alone": alone, "beside": beside, "burst": bursts},
        "alone": figures.spread(alone),
        "beside": figures.spread(beside),
        "burst": figures.spread(bursts),
        "ratio": figures.ratios(beside, alone),
    }


async def _single(place: Place, version: int, user: str) -> float:
    """File one request and return the seconds until it is complete."""
    body = _request(ONE, version, user)
    began = time.perf_counter()
    await place.file([body])
    return await place.complete({body["metadata"]["name"]}) - began


def _share_of(requests: int) -> Callable[[Mapping[str, Object]], bool]:
    least = max(1, round(requests * UNDER_WAY))
    return lambda seen: sum(map(is_complete, seen.values())) >= least


def _alias(model: str) -> Object:
    return alias_body(model, model, ALIAS, None, PREVIOUS)


def _request(model: str, version: int, user: str) -> Object:
    return request_body(f"{model}-to-{version:05d}", model, str(version), user)


def table(found: Mapping[str, Any]) -> str:
    """Return the waits for people."""
    columns = ("min", "median", "max")
    rows = [
        ("one request alone, s", *(found["alone"][key] for key in columns)),
        ("beside the burst, s", *(found["beside"][key] for key in columns)),
        ("the whole burst, s", *(found["burst"][key] for key in columns)),
    ]
    head = (f"neighbour of {found['requests']} requests", *columns)
    return f"\n{figures.table(head, rows)}\n"
