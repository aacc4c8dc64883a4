"""The operator with many aliases and nothing to do: memory, processor time, and every call that it makes all
the same."""

import asyncio
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from tests.bench.probe import probing
from tests.bench.product import Product
from tests.bench.registry_rows import ALIASES_OF_A_MODEL, write_pairs
from tests.bench.running import database, entered, operator
from tests.bench.site import BenchError, Watched, alias_body, collection, namespace, watching
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.proxy import Recorder, Sent, recording
from tests.support.raw_api import RawApi

CREATED_AT_ONCE: Final = 16
SNAPSHOT_INTERVAL: Final = "30s"
QUIET_SECONDS: Final = 10.0
SETTLE_SECONDS: Final = 900.0
READY_SECONDS: Final = 1200.0
_MIB: Final = 1024.0


async def measure(
    api: RawApi, kubeconfig: str, product: Product, aliases: int, seconds: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Run an operator without aliases and one with so many, and return what each used in so many seconds of
    rest."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-idle-")))
        models = await asyncio.to_thread(write_pairs, folder / "mlflow", aliases)
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        told = {}
        for name, count in (("without_aliases", 0), ("with_aliases", aliases)):
            inside = await stack.enter_async_context(namespace(api, "idle"))
            say(f"{count} aliases: creating them, starting the operator")
            await create(api, inside, models, count)
            told[name] = await _one(
                api, kubeconfig, product, server.uri, inside, count, seconds, folder / name
            )
    return {
        "aliases": aliases,
        "models": len(models),
        "seconds": seconds,
        "mlflow": f"one worker, {database()}, loopback; up to 6 connections; a snapshot each {SNAPSHOT_INTERVAL}",
        "counted": "calls that the operator sent, by recording proxies between it and both servers",
        "imports_rss_mib": await asyncio.to_thread(product.imports_mib),
        **told,
    }


async def _one(
    api: RawApi,
    kubeconfig: str,
    product: Product,
    mlflow_uri: str,
    inside: str,
    count: int,
    seconds: int,
    folder: Path,
) -> Mapping[str, Any]:
    """Start an operator for the namespace, wait until it rests, and measure."""
    as_operator = await asyncio.to_thread(signed_in, kubeconfig, inside, folder)
    async with (
        recording(as_operator, mlflow_uri) as recorder,
        watching(api, collection(inside, "modelaliases")) as seen,
    ):
        config = config_for(inside, recorder.mlflow_uri, snapshotInterval=SNAPSHOT_INTERVAL)
        process = product.operator(recorder.kubeconfig, config, folder)
        began = time.perf_counter()
        async with operator(process):
            async with probing(probe_of(folder)) as probe:
                ready = await all_ready(seen, count) - began
                await settled(recorder)
            before = len(recorder.calls)
            used = await window(process.pid, recorder, seconds)
            return {
                "ready_seconds": round(ready, 1) if count else None,
                "first_write_seconds": next(
                    (round(call.at - began, 1) for call in recorder.calls if is_status(call)), None
                ),
                "longest_probe_ms": probe.longest_ms,
                "writes_until_settled": _writes(recorder.calls[:before])["others"],
                "written_until_settled": told(recorder.calls[:before]),
                "window": used,
            }


async def window(pid: int, recorder: Recorder, seconds: int) -> Mapping[str, Any]:
    """Measure so many seconds of rest; memory is read at the end."""
    before, cpu = len(recorder.calls), cpu_seconds(pid)
    await asyncio.sleep(seconds)
    calls = recorder.calls[before:]
    writes = _writes(calls)
    return {
        "cpu_seconds": round(cpu_seconds(pid) - cpu, 2),
        "rss_mib": mib(pid, "status", "VmRSS"),
        "pss_mib": mib(pid, "smaps_rollup", "Pss"),
        "kubernetes_writes": writes["others"],
        "lease_writes": writes["leases"],
        "kubernetes_reads": sum(call.to == "kubernetes" and not call.is_write for call in calls),
        "registry_calls": sum(call.to == "mlflow" for call in calls),
        "written": told(calls),
    }


async def create(api: RawApi, inside: str, models: Sequence[str], count: int) -> None:
    """Create the ModelAliases, one for each alias of each model."""
    bodies = [
        alias_body(f"{model}-{alias}", model, alias, None, None)
        for model in models
        for alias in ALIASES_OF_A_MODEL
    ][:count]
    slots = asyncio.Semaphore(CREATED_AT_ONCE)

    async def create_one(body: Mapping[str, Any]) -> None:
        async with slots:
            await api.create(collection(inside, "modelaliases"), body)

    await asyncio.gather(*map(create_one, bodies))


_SEEN: Final = frozenset({"Ready", "Unknown"})
"""The phases of an alias that was looked at; what its workloads run is not known before its first move."""


async def all_ready(seen: Watched, count: int) -> float:
    """Wait until the watch has told of as many aliases in the phase Ready, and return the moment."""

    def ready(objects: Mapping[str, Any]) -> bool:
        return (
            len([item for item in objects.values() if item.get("status", {}).get("phase") in _SEEN]) == count
        )

    return await seen.until(ready, f"{count} aliases are Ready", READY_SECONDS)


async def settled(recorder: Recorder) -> None:
    """Wait until nothing but the Lease was written for a while; raise `BenchError` when that does not come."""
    deadline = time.perf_counter() + SETTLE_SECONDS
    began = time.perf_counter()
    while True:
        others = [call.at for call in recorder.calls if call.is_write and call.resource != "leases"]
        rest = max([began, *others[-1:]]) + QUIET_SECONDS - time.perf_counter()
        if rest <= 0:
            return
        if time.perf_counter() > deadline:
            raise BenchError(
                f"the operator still writes after {SETTLE_SECONDS:g} s: {told(recorder.calls[-50:])}"
            )
        await asyncio.sleep(rest)


def probe_of(folder: Path) -> str:
    """Return the address of the probe, from the configuration that the process got."""
    port = json.loads((folder / "operator.json").read_text(encoding="utf-8"))["livenessPort"]
    return f"http://127.0.0.1:{port}/healthz"


def is_status(call: Sent) -> bool:
    return call.is_write and call.resource == "modelaliases/status"


def _writes(calls: Sequence[Sent]) -> Counter[str]:
    return Counter(
        "leases" if call.resource == "leases" else "others"
        for call in calls
        if call.to == "kubernetes" and call.is_write
    )


def told(calls: Sequence[Sent]) -> Mapping[str, int]:
    """Count the writes to both servers by what was written."""
    return dict(sorted(Counter(str(call) for call in calls if call.is_write).items()))


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def mib(pid: int, file: str, name: str) -> float | None:
    """Return a size of a process in MiB; None where the kernel does not tell it."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(
        (round(int(line.split()[1]) / _MIB, 1) for line in lines if line.startswith(f"{name}:")), None
    )
