"""One edit of a policy that holds for many aliases: how many writes follow, how fast, and what else stands still."""

import asyncio
import math
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.bench.idle import (
    READY_SECONDS,
    SNAPSHOT_INTERVAL,
    create,
    is_status,
    probe_of,
    settled,
    window,
)
from tests.bench.probe import probing
from tests.bench.product import Product
from tests.bench.registry_rows import write_pairs
from tests.bench.running import entered, operator
from tests.bench.site import GROUP, collection, namespace, watching
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.proxy import recording
from tests.support.raw_api import RawApi

POLICIES: Final = f"{GROUP}/clusterpromotionpolicies"
_AFTER_SECONDS: Final = 10
"""How long is looked on after the last alias was due."""
_A_SECOND: Final = 50


async def measure(
    api: RawApi, kubeconfig: str, product: Product, aliases: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Let a policy hold for so many aliases, and change a value of it and then its rules."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-policies-")))
        models = await asyncio.to_thread(write_pairs, folder / "mlflow", aliases)
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        inside = await stack.enter_async_context(namespace(api, "policies"))
        policy = await stack.enter_async_context(_policy(api, inside))
        say(f"policies: creating {aliases} aliases, starting the operator")
        await create(api, inside, models, aliases)
        as_operator = await asyncio.to_thread(signed_in, kubeconfig, inside, folder / "account")
        recorder = await stack.enter_async_context(recording(as_operator, server.uri))
        seen = await stack.enter_async_context(watching(api, collection(inside, "modelaliases")))
        config = config_for(inside, recorder.mlflow_uri, snapshotInterval=SNAPSHOT_INTERVAL)
        process = product.operator(recorder.kubeconfig, config, folder / "operator")
        await stack.enter_async_context(operator(process))
        await seen.until(lambda found: _looked_at(found) == aliases, "all were looked at", READY_SECONDS)
        await settled(recorder)
        seconds = math.ceil(aliases / _A_SECOND) + _AFTER_SECONDS
        edits = {"rest": None, "another_value": [_gate("base", 0.2)]}
        edits["another_rule"] = [_gate("base", 0.2), _gate("more", 0.1)]
        told = {}
        for name, gates in edits.items():
            say(f"policies: {name}, {seconds} s")
            before, began = len(recorder.calls), time.perf_counter()
            async with probing(probe_of(folder / "operator")) as probe:
                if gates is not None:
                    await api.merge(f"{POLICIES}/{policy}", {"spec": {"policy": {"gates": gates}}})
                used = await window(process.pid, recorder, seconds)
            writes = [call.at - began for call in recorder.calls[before:] if is_status(call)]
            told[name] = {**used, **_speed(writes), "longest_probe_ms": probe.longest_ms}
    return {"aliases": aliases, "seconds": seconds, **told}


@asynccontextmanager
async def _policy(api: RawApi, inside: str) -> AsyncIterator[str]:
    """Make a policy that holds for a namespace, and take it away at the end."""
    spec = {"appliesTo": {"namespaces": [inside]}, "policy": {"gates": [_gate("base", 0.1)]}}
    head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "ClusterPromotionPolicy"}
    await api.create(POLICIES, {**head, "metadata": {"name": inside}, "spec": spec})
    try:
        yield inside
    finally:
        await api.delete(f"{POLICIES}/{inside}")


def _looked_at(found: Mapping[str, Any]) -> int:
    """Return for how many the status says which policies hold; their workloads are not there."""
    return len([item for item in found.values() if "policy" in item.get("status", {})])


def _gate(name: str, threshold: float) -> Mapping[str, Any]:
    return {"name": name, "metric": "val_auc", "direction": "HigherIsBetter", "threshold": threshold}


def _speed(writes: Sequence[float]) -> Mapping[str, Any]:
    """Return how many statuses were written, how many of them in the busiest second, and when the last one was."""
    by_second = Counter(map(int, writes))
    return {
        "status_writes": len(writes),
        "most_in_a_second": max(by_second.values(), default=0),
        "last_after_seconds": round(max(writes), 1) if writes else None,
    }
