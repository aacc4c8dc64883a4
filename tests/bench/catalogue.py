"""Every benchmark: what it needs, how large it is, and what runs it."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tests.bench import (
    argo,
    asking,
    board,
    burst_figures,
    calls,
    coldstart,
    drift,
    fleet,
    idle,
    latency,
    monitors,
    neighbour,
    policies,
    scrape,
    soak,
    steady,
    tables,
    traffic,
)
from tests.bench.burst import Burst
from tests.bench.product import Product
from tests.bench.sides import Shape
from tests.support.raw_api import RawApi

Report = Mapping[str, Any]
Say = Callable[[str], None]


class Needs(StrEnum):
    """What must be there before a benchmark begins."""

    NOTHING = "nothing"
    CLUSTER = "cluster"
    PRODUCT = "product"
    """A cluster, and the product in an environment of its own."""


@dataclass(frozen=True)
class Ground:
    """What a benchmark stands on; without a cluster there is no `api`, and without the product none of it."""

    arguments: argparse.Namespace
    folder: Path
    say: Say
    cluster: RawApi | None = None
    installed: Product | None = None

    @property
    def kubeconfig(self) -> str:
        return str(self.arguments.kubeconfig)

    @property
    def api(self) -> RawApi:
        assert self.cluster is not None
        return self.cluster

    @property
    def product(self) -> Product:
        assert self.installed is not None
        return self.installed


@dataclass(frozen=True)
class Benchmark:
    """One of them: `quick` and `full` are how many objects it takes, N in the documentation."""

    needs: Needs
    quick: int
    full: int
    run: Callable[[Ground, int], Awaitable[Report]]
    table: Callable[[Report], str]


async def _latency(on: Ground, size: int) -> Report:
    return await latency.measure(on.api, on.kubeconfig, on.product, size)


async def _burst(on: Ground, size: int) -> Report:
    rounds = on.arguments.rounds
    return await Burst(on.api, on.kubeconfig, on.product, Shape(size), rounds, on.say).measure((1, 2))


async def _queued(on: Ground, size: int) -> Report:
    rounds = on.arguments.rounds
    return await Burst(on.api, on.kubeconfig, on.product, Shape(1, size), rounds, on.say).measure((1,))


async def _neighbour(on: Ground, size: int) -> Report:
    return await neighbour.measure(on.api, on.kubeconfig, on.product, size, on.arguments.rounds, on.say)


async def _drift(on: Ground, size: int) -> Report:
    return await drift.passes(size, on.arguments.rounds, on.say)


async def _calls(on: Ground, size: int) -> Report:
    return await calls.measure(size, on.arguments.rounds, on.say)


async def _costs(on: Ground, size: int) -> Report:
    seconds = on.arguments.seconds
    costs = drift.Costs(on.api, on.kubeconfig, on.product, size, seconds, on.say)
    return await costs.measure(on.arguments.rounds)


async def _coldstart(on: Ground, size: int) -> Report:
    return await coldstart.measure(on.api, on.kubeconfig, on.product, size, on.arguments.rounds, on.say)


async def _argo(on: Ground, size: int) -> Report:
    return await argo.measure(on.api, on.kubeconfig, on.product, size, on.arguments.rounds, on.say)


async def _idle(on: Ground, size: int) -> Report:
    return await idle.measure(on.api, on.kubeconfig, on.product, size, on.arguments.seconds, on.say)


async def _steady(on: Ground, size: int) -> Report:
    return await steady.measure(on.api, on.kubeconfig, on.product, size, on.arguments.seconds, on.say)


async def _policies(on: Ground, size: int) -> Report:
    return await policies.measure(on.api, on.kubeconfig, on.product, size, on.say)


async def _asking(on: Ground, _: int) -> Report:
    return await asyncio.to_thread(asking.measure, on.kubeconfig, on.folder / "asking", on.say)


async def _monitors(on: Ground, size: int) -> Report:
    return await monitors.measure(size, on.arguments.seconds, on.say)


async def _scrape(on: Ground, size: int) -> Report:
    return await scrape.measure(size, on.say)


async def _soak(on: Ground, size: int) -> Report:
    seconds = on.arguments.seconds
    return await soak.Soak(on.api, on.kubeconfig, on.product, size, seconds, on.say).measure()


async def _fleet(on: Ground, size: int) -> Report:
    return await fleet.measure(size, on.say)


async def _traffic(on: Ground, size: int) -> Report:
    return await asyncio.to_thread(traffic.measure, on.kubeconfig, size, on.say)


async def _board(on: Ground, size: int) -> Report:
    return await board.measure(on.api, on.kubeconfig, size, on.say)


CATALOGUE: Final[Mapping[str, Benchmark]] = {
    "drift": Benchmark(Needs.NOTHING, 200, 10_000, _drift, drift.passes_table),
    "monitors": Benchmark(Needs.NOTHING, 100, 1000, _monitors, tables.of_monitors),
    "scrape": Benchmark(Needs.NOTHING, 200, 10_000, _scrape, scrape.table),
    "fleet": Benchmark(Needs.NOTHING, 2000, 100_000, _fleet, fleet.table),
    "calls": Benchmark(Needs.NOTHING, 50, 1000, _calls, calls.table),
    "traffic": Benchmark(Needs.CLUSTER, 1000, 10_000, _traffic, traffic.line),
    "board": Benchmark(Needs.CLUSTER, 200, 10_000, _board, board.table),
    "latency": Benchmark(Needs.PRODUCT, 5, 20, _latency, tables.of_latency),
    "burst": Benchmark(Needs.PRODUCT, 50, 1000, _burst, burst_figures.table),
    "queued": Benchmark(Needs.PRODUCT, 15, 100, _queued, burst_figures.table),
    "neighbour": Benchmark(Needs.PRODUCT, 30, 200, _neighbour, neighbour.table),
    "argo": Benchmark(Needs.PRODUCT, 30, 1000, _argo, argo.table),
    "coldstart": Benchmark(Needs.PRODUCT, 100, 10_000, _coldstart, coldstart.table),
    "costs": Benchmark(Needs.PRODUCT, 100, 10_000, _costs, drift.costs_table),
    "idle": Benchmark(Needs.PRODUCT, 100, 1000, _idle, tables.of_idle),
    "steady": Benchmark(Needs.PRODUCT, 100, 1000, _steady, tables.of_steady),
    "policies": Benchmark(Needs.PRODUCT, 50, 300, _policies, tables.of_policies),
    "soak": Benchmark(Needs.PRODUCT, 5, 20, _soak, soak.table),
    "asking": Benchmark(Needs.PRODUCT, 0, 0, _asking, tables.of_asking),
}
"""In the order in which they are run; asking takes the demonstration as it is."""
