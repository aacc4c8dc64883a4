"""Many promotions at once: the operator, a script with its very registry calls, and one with the fewest that it takes.

Two gates and no workload: what limits this is the registry. Each request is for an alias of its own, or all are for one.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlflow import MlflowClient

from tests.bench import chains
from tests.bench.burst_figures import Moved, each_promotion, in_turns
from tests.bench.chains import Chain
from tests.bench.place import CREATED_AT_ONCE, Place, at_rest, promote
from tests.bench.product import Product
from tests.bench.registry_rows import DATABASE, RowModel, write
from tests.bench.running import database, entered, operator
from tests.bench.sides import OPERATOR, SIDES, Shape, renamed
from tests.bench.site import BenchError, alias_body, namespace, request_body
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for
from tests.support.proxy import Recorder, Sent, recording
from tests.support.raw_api import RawApi

ALIAS: Final = "champion"
PREVIOUS: Final = "previous"
SNAPSHOT_INTERVAL: Final = "30s"


@dataclass(frozen=True)
class Started:
    """An operator that has seen all aliases, and what it works on."""

    uri: str
    """MLflow's."""
    place: Place
    process: OperatorProcess
    folder: Path
    recorder: Recorder | None


@dataclass(frozen=True)
class Burst:
    """What a burst needs, and how often it is repeated."""

    api: RawApi
    kubeconfig: str
    product: Product
    shape: Shape
    rounds: int
    say: Callable[[str], None]

    async def measure(self, workers: Sequence[int]) -> Mapping[str, Any]:
        """Record one burst, then time the sides in turns, for each of these numbers of MLflow's workers."""
        with tempfile.TemporaryDirectory(prefix="bench-burst-") as name:
            folder = Path(name)
            await asyncio.to_thread(_seed, folder / "registry", self.shape, self.rounds)
            calls = await self._record(folder)
            each = each_promotion(calls, self.shape.requests)
            self.say(f"recorded, for each promotion: {each}")
            same = chains.cut(calls, OPERATOR, self.shape.models_of_runs())
            timed = {str(count): await self._timed(folder, count, same) for count in workers}
        return {
            "requests": self.shape.requests,
            "aliases": self.shape.aliases,
            "rounds": self.rounds,
            "unit": "s from the first request sent to the last complete, or from the first call to the last answer",
            "mlflow": f"{database()}, loopback; {chains.AT_ONCE} calls at once; a snapshot each {SNAPSHOT_INTERVAL}",
            "each": each,
            "workers": timed,
        }

    async def _record(self, folder: Path) -> Sequence[Sent]:
        """Let the operator promote once behind proxies, and return what it sent."""
        async with self._started(folder, 1, recorded=True) as started:
            assert started.recorder is not None
            before = len(started.recorder.calls)
            moved = await self._by_operator(started, 0)
            if dict(moved.ended) != {"Succeeded": self.shape.requests}:
                raise BenchError(f"not every request succeeded: {dict(moved.ended)}")
            return tuple(started.recorder.calls[before:])

    async def _timed(self, folder: Path, workers: int, same: Sequence[Chain]) -> Mapping[str, Any]:
        """Time the sides in turns, and compare what they left in the registry."""
        fewest = chains.fewest(self.shape.models("fewest"), ALIAS, PREVIOUS, self.shape.each)
        scripts = {"same": same, "fewest": fewest}
        moved: list[Moved] = []
        bare: Mapping[str, list[float]] = {side: [] for side in scripts}
        failures: list[str] = []
        async with self._started(folder, workers, recorded=False) as started:
            for number in range(self.rounds):
                for side in SIDES[number % len(SIDES) :] + SIDES[: number % len(SIDES)]:
                    if side == OPERATOR:
                        moved.append(await self._by_operator(started, number))
                        self.say(f"MLflow with {workers} workers, operator: {moved[-1]}")
                    else:
                        rename = renamed(side, number, self.shape)
                        began = time.perf_counter()
                        failures += await asyncio.to_thread(chains.play, started.uri, scripts[side], rename)
                        bare[side].append(round(time.perf_counter() - began, 2))
                        self.say(f"MLflow with {workers} workers, {side}: {bare[side][-1]} s")
            if all(set(one.ended) == {"Succeeded"} for one in moved) and not failures:
                await asyncio.to_thread(_compare, started.uri, self.shape)
        return in_turns(moved, bare, failures)

    async def _by_operator(self, started: Started, number: int) -> Moved:
        user = await self.api.whoami()
        bodies = [
            request_body(f"{model}-to-{version:05d}", model, str(version), user)
            for version in self.shape.versions(number)
            for model in self.shape.models(OPERATOR)
        ]
        at_once = 1 if self.shape.each > 1 else CREATED_AT_ONCE
        return await promote(started.place, bodies, started.process, started.folder, at_once=at_once)

    @asynccontextmanager
    async def _started(self, folder: Path, workers: int, *, recorded: bool) -> AsyncIterator[Started]:
        """Run MLflow on a copy of the registry, and an operator for a namespace of its own."""
        own = folder / ("recorded" if recorded else f"workers-{workers}")
        directory = own / "mlflow"
        directory.mkdir(parents=True)
        await asyncio.to_thread(shutil.copy, folder / "registry" / DATABASE, directory / DATABASE)
        async with AsyncExitStack() as stack:
            server = await entered(stack, running_mlflow(directory, arguments=("--workers", str(workers))))
            place = Place(self.api, await stack.enter_async_context(namespace(self.api, "burst")))
            models = self.shape.models(OPERATOR)
            await place.open(stack, [alias_body(model, model, ALIAS, None, PREVIOUS) for model in models])
            kubeconfig = await asyncio.to_thread(signed_in, self.kubeconfig, place.inside, own)
            uri, recorder = server.uri, None
            if recorded:
                recorder = await stack.enter_async_context(recording(kubeconfig, uri))
                kubeconfig, uri = recorder.kubeconfig, recorder.mlflow_uri
            config = config_for(place.inside, uri, snapshotInterval=SNAPSHOT_INTERVAL)
            process = self.product.operator(kubeconfig, config, own)
            await stack.enter_async_context(operator(process))
            await place.all_seen()
            await at_rest(process.pid)
            yield Started(server.uri, place, process, own, recorder)


def _seed(directory: Path, shape: Shape, rounds: int) -> None:
    last = shape.versions(rounds)[0]
    metric = [0.5 + number / 100 for number in range(1, last)]
    write(directory, (RowModel(model, metric, {ALIAS: 1}) for side in SIDES for model in shape.models(side)))


def _compare(uri: str, shape: Shape) -> None:
    """Raise `BenchError` unless all sides left the same aliases."""
    client = MlflowClient(uri)
    for number in (0, -1):
        models = [client.get_registered_model(shape.models(side)[number]) for side in SIDES]
        held = [{alias: str(version) for alias, version in model.aliases.items()} for model in models]
        if held[1:] != held[:-1]:
            raise BenchError(f"the sides do not do the same: {dict(zip(SIDES, held, strict=True))}")
