"""A hundred thousand ModelAliases in fifty registries: what one operator would remember, and how long a look at all takes.

No machine here holds a cluster of that size, so this is the engine alone, on an API server and registries that are
functions: they keep nothing, answer at once, and hold what the statuses say. It measures the operator's own memory and
processor time, and nothing of any server.
"""

import asyncio
import gc
import json
import resource
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from modelalias.adapters.kubernetes_objects import parse_alias
from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.ports import Aliases, Cluster, Servers, Telemetry
from modelalias.reconcile.engine import Engine
from modelalias.settings import Settings
from tests.bench.site import BenchError
from tests.support import harness
from tests.support.fake_objects import FakeObjects
from tests.support.fake_registry import FakeRegistry

REGISTRIES: Final = 50
ALIASES_OF_A_MODEL: Final = 2
ALIASES_OF_A_NAMESPACE: Final = 100
PATIENCE_SECONDS: Final = 3600.0
"""For the longest of the two runs."""
LOOK_SECONDS: Final = 0.1
QUIET_LOOKS: Final = 10
"""Looks that find nothing to do, one after another, until that counts as rest; their time is part of what is measured."""
SINCE: Final = "2026-01-01T12:00:00Z"


class _Everything(FakeObjects):
    """Lists so many ModelAliases, which it makes anew each time, and counts writes."""

    def __init__(self, count: int, status: str | None) -> None:
        super().__init__()
        self._count, self._status = count, status
        self.written: ModelAliasStatus | None = None
        self.was_written = asyncio.Event()
        self.status_writes = 0

    async def every_alias(self, namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
        del namespaces
        for number in range(self._count):
            yield parse_alias(_body(number, self._status))
            if number % 500 == 0:
                await asyncio.sleep(0)

    async def write_alias_status(self, alias: ModelAlias, status: ModelAliasStatus) -> ModelAlias:
        self.status_writes += 1
        self.written = status
        self.was_written.set()
        version = str(int(alias.metadata.resource_version) + 1)
        metadata = alias.metadata.model_copy(update={"resource_version": version})
        return alias.with_status(status).model_copy(update={"metadata": metadata})


class _Registry(FakeRegistry):
    """Lists its part of so many models, whose aliases all name version 1."""

    def __init__(self, number: int, count: int) -> None:
        super().__init__()
        aliases = {f"champion-{item}": "1" for item in range(ALIASES_OF_A_MODEL)}
        self._listed = {_model(item): aliases for item in range(count) if _registry_of(item) == number}
        self.snapshots = 0

    async def snapshot(self) -> Mapping[str, Aliases]:
        self.snapshots += 1
        return dict(self._listed)


def _model(number: int) -> str:
    return f"a-team-of-many.a-model-with-a-name-{number:06}"


def _registry_of(model: int) -> int:
    return model % REGISTRIES


def _body(number: int, status: str | None) -> Mapping[str, Any]:
    model = number // ALIASES_OF_A_MODEL
    gates = [{"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7}]
    return {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "ModelAlias",
        "metadata": {
            "name": f"an-alias-{number:06}",
            "namespace": f"team-{number // ALIASES_OF_A_NAMESPACE:04}",
            "uid": f"00000000-0000-0000-0000-{number:012}",
            "resourceVersion": str(number + 1),
            "generation": 1,
            "creationTimestamp": SINCE,
        },
        "spec": {
            "registry": f"registry-{_registry_of(model)}",
            "model": _model(model),
            "alias": f"champion-{number % ALIASES_OF_A_MODEL}",
            "policy": {"gates": gates},
        },
        **({} if status is None else {"status": json.loads(_renamed(status, number))}),
    }


async def measure(aliases: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Return memory in MiB, and seconds of the wall and of the processor for a look at all of them."""
    status = await _written_status()
    say(f"fleet: {aliases} ModelAliases in {REGISTRIES} registries, one process, no server")
    gc.collect()
    gc.freeze()
    before = _rss()
    objects = _Everything(aliases, status)
    models = -(-aliases // ALIASES_OF_A_MODEL)
    registries = {f"registry-{number}": _Registry(number, models) for number in range(REGISTRIES)}
    held = _rss()
    queue = _Queue()
    engine = _engine(objects, registries, queue)
    began, spent = time.perf_counter(), time.process_time()
    task = asyncio.create_task(engine.run())
    try:
        await _until_rests(queue, registries, 1)
        looked, processor = time.perf_counter() - began, time.process_time() - spent
        gc.collect()
        settled = _rss()
        began, spent = time.perf_counter(), time.process_time()
        engine.watches_began_anew()
        for name in registries:
            engine.poke(name)
        await _until_rests(queue, registries, 2)
        again, again_processor = time.perf_counter() - began, time.process_time() - spent
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    if objects.status_writes:
        raise BenchError(f"{objects.status_writes} statuses were written where nothing was to be written")
    return {
        "aliases": aliases,
        "registries": REGISTRIES,
        "models": models,
        "start_seconds": round(looked, 1),
        "start_processor_seconds": round(processor, 1),
        "mib_before": before,
        "mib_of_the_registries_themselves": round(held - before, 1),
        "mib_settled": settled,
        "kib_each": round((settled - held) * 1024 / aliases, 2),
        "mib_at_most": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "round_seconds": round(again, 2),
        "round_processor_seconds": round(again_processor, 2),
    }


async def _written_status() -> str:
    """Let the operator see one ModelAlias for the first time, and return the status that it writes."""
    objects, registry = _Everything(1, None), _Registry(0, 1)
    await registry.create_model(_model(0))
    await registry.create_version(_model(0))
    for number in range(ALIASES_OF_A_MODEL):
        await registry.set_alias(_model(0), f"champion-{number}", "1")
    others = {f"registry-{number}": _Registry(number, 1) for number in range(1, REGISTRIES)}
    task = asyncio.create_task(_engine(objects, {"registry-0": registry, **others}, _Queue()).run())
    async with asyncio.timeout(60):
        await objects.was_written.wait()
        await asyncio.sleep(1)  # what follows the first write is in the next ones
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert objects.written is not None
    return json.dumps(objects.written.model_dump(mode="json", by_alias=True, exclude_none=True))


def _renamed(status: str, number: int) -> str:
    """Say of another ModelAlias what was written of the first one."""
    model = number // ALIASES_OF_A_MODEL
    text = status.replace(_model(0), _model(model)).replace("an-alias-000000", f"an-alias-{number:06}")
    return text.replace("champion-0", f"champion-{number % ALIASES_OF_A_MODEL}")


def _engine(objects: FakeObjects, registries: Mapping[str, FakeRegistry], telemetry: Telemetry) -> Engine:
    settings = Settings.model_validate(
        {"registries": {name: {"uri": f"http://{name}", "snapshotInterval": "1h"} for name in registries}}
    )
    fakes = harness.Cluster()
    cluster = Cluster(
        objects, fakes.workloads, fakes.jobs, fakes.admission, fakes.keys, fakes.pods, fakes.routes
    )
    servers = Servers(registries, {}, {})
    return Engine(
        settings, cluster, servers, harness.Leads(), time.monotonic, lambda: datetime.now(UTC), telemetry
    )


async def _until_rests(queue: "_Queue", registries: Mapping[str, "_Registry"], snapshots: int) -> None:
    """Wait until each registry was looked at so often and nothing is left to look at."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        quiet = 0
        while quiet < QUIET_LOOKS:
            await asyncio.sleep(LOOK_SECONDS)
            taken = all(item.snapshots >= snapshots for item in registries.values())
            quiet = quiet + 1 if taken and queue.measure() == 0 else 0


class _Queue(Telemetry):
    """Tells how many keys wait."""

    def queue_measured_by(self, measure: Callable[[], int]) -> None:
        self.measure = measure


def _rss() -> float:
    """Return the memory of this process in MiB."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return round(
        int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:"))) / 1024, 1
    )


def table(report: Mapping[str, Any]) -> str:
    """Write the report as lines."""
    size = "{aliases} ModelAliases of {models} models in {registries} registries".format_map(report)
    return "\n".join(
        (
            f"fleet: {size}",
            "  until nothing is left to do    {start_seconds} s, {start_processor_seconds} s of the processor",
            "  memory settled, and before     {mib_settled} MiB, {mib_before} MiB",
            "  for each ModelAlias            {kib_each} KiB",
            "  everything listed once more    {round_seconds} s, {round_processor_seconds} s of the processor",
        )
    ).format_map(report)
