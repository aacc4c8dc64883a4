"""`make bench`: the benchmarks as a table and JSON; `python -m tests.bench WHAT` does one of them, or all."""

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.bench.catalogue import CATALOGUE, Ground, Needs
from tests.bench.product import install
from tests.bench.site import BenchError, refuse_company
from tests.support.databases import Database
from tests.support.installation import install_crds
from tests.support.mlflow_server import OTHER_DATABASE
from tests.support.raw_api import raw_api

KUBECONFIG: Final = Path(__file__).resolve().parents[2] / ".cluster" / "kubeconfig"
MOST: Final = 200_000
QUICK_ROUNDS, FULL_ROUNDS = 2, 5
QUICK_SECONDS, FULL_SECONDS = 10, 60


async def run(arguments: argparse.Namespace, names: Sequence[str], folder: Path) -> Mapping[str, Any]:
    """Run what was asked for, and return everything that was measured."""
    own = asyncio.current_task()
    assert own is not None
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, own.cancel
    )  # so that nothing is left behind
    report: dict[str, Any] = {"machine": machine()}
    async with AsyncExitStack() as stack:
        ground = await _ground(arguments, {CATALOGUE[name].needs for name in names}, folder, stack)
        for name in names:
            one = CATALOGUE[name]
            size = arguments.aliases or (one.full if arguments.full else one.quick)
            say(f"{name}: {size}" if size else name)
            on = machine()
            try:
                report[name] = await one.run(ground, size)
            except Exception as error:  # noqa: BLE001 - the others, which take hours, may still be measured
                say(f"{name} failed: {error!r}")
                continue
            print(one.table(report[name]), flush=True)
            if arguments.into:
                kept = {"machine": {**on, "load_at_end": load()}, name: report[name]}
                _write(arguments.into / f"{name}.json", kept)
    report["machine"]["load_at_end"] = load()
    return report


async def _ground(
    arguments: argparse.Namespace, needs: set[Needs], folder: Path, stack: AsyncExitStack
) -> Ground:
    """Prepare what these benchmarks need, and no more."""
    if not needs - {Needs.NOTHING}:
        return Ground(arguments, folder, say)
    kubeconfig = str(arguments.kubeconfig)
    api = await stack.enter_async_context(raw_api(kubeconfig))
    await asyncio.to_thread(install_crds, kubeconfig)
    if Needs.PRODUCT not in needs:
        return Ground(arguments, folder, say, api)
    await refuse_company(api)
    say("installing the product alone")
    return Ground(arguments, folder, say, api, await asyncio.to_thread(install, folder / "product"))


def machine() -> dict[str, Any]:
    """Return what a reader needs to compare the figures with others."""
    packages = {name: version(name) for name in ("mlflow", "kopf", "kubernetes", "pydantic")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpus": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **packages,
        "load_at_start": load(),
    }


def load() -> list[float]:
    """Return the load averages of 1, 5 and 15 minutes."""
    return [round(item, 2) for item in os.getloadavg()]


def say(text: str) -> None:
    """Tell what is being done, beside the results."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _write(file: Path, report: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    add = parser.add_argument
    add("what", nargs="?", choices=(*CATALOGUE, "all"), default="all")
    add("--full", action="store_true", help="the sizes and rounds of docs/benchmarks.md; quick ones without")
    add("--aliases", type=int, metavar="N", help=f"how many objects instead, 2 to {MOST}")
    add("--rounds", type=int, metavar="N", help="times that each side is measured, 1 to 50")
    add("--seconds", type=int, metavar="N", help="length of a steady state, 5 to 3600")
    add("--database", choices=tuple(Database), help="what MLflow keeps its tables in; by default SQLite")
    add("--kubeconfig", type=Path, default=KUBECONFIG, help="by default that of `make cluster`")
    add("--out", type=Path, metavar="FILE.json", help="write the JSON there instead of to stdout")
    add(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="write a JSON file for each benchmark as soon as it is done",
    )
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (FULL_ROUNDS if arguments.full else QUICK_ROUNDS)
    arguments.seconds = arguments.seconds or (FULL_SECONDS if arguments.full else QUICK_SECONDS)
    for name, least, most in (("aliases", 2, MOST), ("rounds", 1, 50), ("seconds", 5, 3600)):
        given = getattr(arguments, name)
        if given is not None and not least <= given <= most:
            parser.error(f"--{name}: {least} to {most}")
    if arguments.database:
        os.environ[OTHER_DATABASE] = arguments.database
    needs = {one.needs for name, one in CATALOGUE.items() if arguments.what in {name, "all"}}
    if needs != {Needs.NOTHING} and not arguments.kubeconfig.is_file():
        parser.error("no cluster: `make cluster` first, or name one with --kubeconfig")
    return arguments


def main() -> int:
    """Measure, print, and write the JSON; what cannot be measured is one message and status 1."""
    arguments = parsed()
    names = [name for name in CATALOGUE if arguments.what in {name, "all"}]
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            report = asyncio.run(run(arguments, names, Path(folder)))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("bench: interrupted, everything it had started is gone", file=sys.stderr)
        return 130
    if arguments.out:
        _write(arguments.out, report)
    elif not arguments.into:
        print(json.dumps(report, indent=1))
    return 0 if all(name in report for name in names) else 1


if __name__ == "__main__":
    sys.exit(main())
