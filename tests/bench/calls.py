"""What each registry call of a promotion costs by itself, so that an owner sees what one less would save."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from tests.bench import chains, figures
from tests.bench.registry_rows import RowModel, write
from tests.bench.replay import Rename
from tests.bench.running import database, entered
from tests.bench.site import BenchError
from tests.support.mlflow_server import running_mlflow

KINDS: Final = (
    "read the model's aliases",
    "set the previous alias",
    "set the alias",
    "record on the new version",
    "record on the replaced version",
)
"""In the order of `chains.fewest`."""
AS_IT_IS: Final = Rename({}, {})


async def measure(models: int, rounds: int, say: Callable[[str], None]) -> Mapping[str, Any]:
    """Send one kind of call for every model, then the next kind, with versions of its own in each round."""
    names = [f"model-{number:05d}" for number in range(models)]
    metric = [0.5 + number / 100 for number in range(rounds + 1)]
    promotions = chains.fewest(names, "champion", "previous", rounds)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-calls-")))
        registry = (RowModel(name, metric, {"champion": 1}) for name in names)
        await asyncio.to_thread(write, folder / "mlflow", registry)
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        for number in range(rounds):
            for place, kind in enumerate(KINDS):
                calls = [(chain[number * len(KINDS) + place],) for chain in promotions]
                began = time.perf_counter()
                failures = await asyncio.to_thread(chains.play, server.uri, calls, AS_IT_IS)
                found[kind].append(round((time.perf_counter() - began) / models * 1000, 2))
                if failures:
                    raise BenchError(f"{kind}: {len(failures)} failed, the first: {failures[0]}")
                say(f"calls: {kind}: {found[kind][-1]} ms")
    return {
        "aliases": models,
        "rounds": rounds,
        "unit": f"ms of the server for a call, {chains.AT_ONCE} at once",
        "mlflow": f"one worker, {database()}, loopback",
        "samples": found,
        "each": {kind: figures.spread(samples) for kind, samples in found.items()},
    }


def table(found: Mapping[str, Any]) -> str:
    """Return what each costs for people."""
    columns = ("min", "median", "max")
    rows = [(kind, *(each[key] for key in columns)) for kind, each in found["each"].items()]
    return f"\n{figures.table(('a registry call, ms', *columns), rows)}\n"
