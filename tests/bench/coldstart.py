"""From the start of the process to every alias looked at, with nothing to change, beside a script that only reads."""

import asyncio
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import bare_start, figures
from tests.bench.idle import SNAPSHOT_INTERVAL, all_ready, create, probe_of
from tests.bench.looked_at import all_looked_at
from tests.bench.place import at_rest
from tests.bench.probe import probing
from tests.bench.product import Product
from tests.bench.registry_rows import write_pairs
from tests.bench.running import database, entered, operator
from tests.bench.site import BenchError, collection, namespace, watching
from tests.support.mlflow_server import free_port, running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for
from tests.support.raw_api import RawApi
from tests.support.scraped import Page

READS: Final = frozenset({"get", "list", "watch"})


@dataclass(frozen=True)
class Start:
    """What one start of the operator took."""

    seconds: float
    longest_probe_ms: float
    writes: float


async def measure(
    api: RawApi, kubeconfig: str, product: Product, aliases: int, rounds: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Start the operator and the script in turns, once an operator has written every status."""
    starts: list[Start] = []
    bare: list[float] = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-coldstart-")))
        models = await asyncio.to_thread(write_pairs, folder / "mlflow", aliases)
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        inside = await stack.enter_async_context(namespace(api, "cold"))
        say(f"coldstart: creating {aliases} ModelAliases")
        await create(api, inside, models, aliases)
        signed = await asyncio.to_thread(signed_in, kubeconfig, inside, folder)
        metrics = free_port()
        config = {
            **config_for(inside, server.uri, snapshotInterval=SNAPSHOT_INTERVAL),
            "metrics": {"port": metrics, "perAlias": False},  # so that asking costs little
        }
        process = product.operator(signed, config, folder)
        async with (
            watching(api, collection(inside, "modelaliases")) as seen,
            operator(process),
        ):
            await all_ready(seen, aliases)
            await at_rest(process.pid)
        for number in range(rounds):
            for side in ("operator", "bare") if number % 2 == 0 else ("bare", "operator"):
                if side == "operator":
                    starts.append(await _start(process, folder, metrics, aliases))
                    say(f"coldstart: operator: {starts[-1]}")
                else:
                    bare.append(await _bare(product, signed, inside, server.uri, aliases))
                    say(f"coldstart: bare: {bare[-1]:.2f} s")
    seconds = [one.seconds for one in starts]
    return {
        "aliases": aliases,
        "rounds": rounds,
        "unit": "s from the start of the process until every alias was looked at and none waits",
        "mlflow": f"one worker, {database()}, loopback",
        "samples": {"operator": seconds, "bare": bare},
        "operator": figures.spread(seconds),
        "bare": figures.spread(bare),
        "ratio": figures.ratios(seconds, bare),
        "longest_probe_ms": figures.spread([one.longest_probe_ms for one in starts]),
        "kubernetes_writes": figures.spread([one.writes for one in starts]),
    }


async def _start(process: OperatorProcess, folder: Path, metrics: int, aliases: int) -> Start:
    """Start the operator, wait until it has looked at every alias, and end it."""
    began = time.perf_counter()
    async with operator(process), probing(probe_of(folder)) as probe:
        page = await all_looked_at(metrics, aliases, process)
        seconds = time.perf_counter() - began
    return Start(round(seconds, 2), probe.longest_ms, _writes(page))


def _writes(page: Page) -> float:
    """Return the calls that change something, without the Lease and what an account asks about itself."""
    calls = page.series("modelalias_kubernetes_requests_total")
    return sum(
        value
        for labels, value in calls.items()
        if dict(labels)["verb"] not in READS and not re.search("leases|reviews", dict(labels)["resource"])
    )


async def _bare(product: Product, kubeconfig: str, inside: str, uri: str, aliases: int) -> float:
    """Run the script that only reads, and return the seconds until it has ended."""
    began = time.perf_counter()
    script = await asyncio.create_subprocess_exec(
        str(product.python),
        bare_start.__file__,
        inside,
        uri,
        env={**os.environ, "KUBECONFIG": kubeconfig},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await script.communicate()
    seconds = time.perf_counter() - began
    if script.returncode or json.loads(said) != {"same": aliases, "aliases": aliases}:
        raise BenchError(f"the script that only reads: status {script.returncode}, {said.decode()}")
    return round(seconds, 2)


def table(found: Mapping[str, Any]) -> str:
    """Return the starts for people."""
    columns = ("min", "median", "max")
    rows = [
        ("operator, s", *(found["operator"][key] for key in columns)),
        ("script that only reads, s", *(found["bare"][key] for key in columns)),
        ("operator / script", *(found["ratio"][f"pair_{key}"] for key in columns)),
        ("longest wait for /healthz, ms", *(found["longest_probe_ms"][key] for key in columns)),
        ("Kubernetes writes without the Lease", *(found["kubernetes_writes"][key] for key in columns)),
    ]
    head = (f"cold start, {found['aliases']} aliases", *columns)
    return f"\n{figures.table(head, rows)}\n"
