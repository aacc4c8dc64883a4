"""`make bench`: the benchmarks as a table and JSON; `python -m tests.bench WHAT` does one of them, or all."""

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench import (
    asking,
    board,
    burst_figures,
    figures,
    idle,
    latency,
    monitors,
    neighbour,
    policies,
    scrape,
    steady,
    traffic,
)
from tests.bench.burst import Burst
from tests.bench.product import install
from tests.bench.sides import Shape
from tests.bench.site import BenchError, refuse_company
from tests.support.installation import install_crds
from tests.support.raw_api import raw_api

WITHOUT_CLUSTER = frozenset({"monitors", "scrape"})
WITHOUT_PRODUCT = WITHOUT_CLUSTER | {"traffic", "board"}
KUBECONFIG = Path(__file__).resolve().parents[2] / ".cluster" / "kubeconfig"


async def run(arguments: argparse.Namespace, folder: Path) -> Mapping[str, Any]:
    """Run what was asked for and return everything that was measured; monitors alone need no cluster."""
    own = asyncio.current_task()
    assert own is not None
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, own.cancel
    )  # so that nothing is left behind
    report: dict[str, Any] = {"machine": machine()}
    if arguments.what in {"monitors", "all"}:
        report["monitors"] = await monitors.measure(arguments.aliases, arguments.seconds, say)
        print(monitors_table(report["monitors"]), flush=True)
    if arguments.what in {"scrape", "all"}:
        report["scrape"] = await scrape.measure(arguments.scraped, say)
        print(scrape.table(report["scrape"]), flush=True)
    if arguments.what in {"traffic", "all"}:
        kubeconfig = str(arguments.kubeconfig)
        report["traffic"] = await asyncio.to_thread(traffic.measure, kubeconfig, arguments.carried, say)
        print(traffic.line(report["traffic"]), flush=True)
    if arguments.what in {"board", "all"}:
        kubeconfig = str(arguments.kubeconfig)
        await asyncio.to_thread(install_crds, kubeconfig)
        async with raw_api(kubeconfig) as api:
            report["board"] = await board.measure(api, kubeconfig, arguments.shown, say)
        print(board.table(report["board"]), flush=True)
    if arguments.what not in WITHOUT_PRODUCT:
        await on_cluster(arguments, folder, report)
    report["machine"]["load_at_end"] = load()
    return report


async def on_cluster(arguments: argparse.Namespace, folder: Path, report: dict[str, Any]) -> None:
    """Run what needs a cluster, and add it to the report."""
    kubeconfig = str(arguments.kubeconfig)
    async with raw_api(kubeconfig) as api:
        await asyncio.to_thread(install_crds, kubeconfig)
        await refuse_company(api)
        say("installing the product alone")
        product = await asyncio.to_thread(install, folder / "product")
        if arguments.what in {"latency", "all"}:
            say(f"latency: {arguments.requests} promotions on each side, in turns")
            report["latency"] = await latency.measure(api, kubeconfig, product, arguments.requests)
            print(latency_table(report["latency"]), flush=True)
        if arguments.what in {"burst", "all"}:
            shape = Shape(arguments.aliases)
            report["burst"] = await Burst(api, kubeconfig, product, shape, arguments.rounds, say).measure(
                (1, 2)
            )
            print(burst_figures.table(report["burst"]), flush=True)
        if arguments.what in {"queued", "all"}:
            shape = Shape(1, arguments.aliases)
            report["queued"] = await Burst(api, kubeconfig, product, shape, arguments.rounds, say).measure(
                (1,)
            )
            print(burst_figures.table(report["queued"]), flush=True)
        if arguments.what in {"neighbour", "all"}:
            report["neighbour"] = await neighbour.measure(
                api, kubeconfig, product, arguments.aliases, arguments.rounds, say
            )
            print(neighbour.table(report["neighbour"]), flush=True)
        if arguments.what in {"idle", "all"}:
            say(f"idle: {arguments.aliases} ModelAliases, {arguments.seconds} s of steady state")
            report["idle"] = await idle.measure(
                api, kubeconfig, product, arguments.aliases, arguments.seconds, say
            )
            print(idle_table(report["idle"]), flush=True)
        if arguments.what in {"steady", "all"}:
            report["steady"] = await steady.measure(
                api, kubeconfig, product, arguments.aliases, arguments.seconds, say
            )
            print(steady_table(report["steady"]), flush=True)
        if arguments.what in {"policies", "all"}:
            report["policies"] = await policies.measure(api, kubeconfig, product, arguments.aliases, say)
            print(policies_table(report["policies"]), flush=True)
        if arguments.what in {"asking", "all"}:
            report["asking"] = await asyncio.to_thread(asking.measure, kubeconfig, folder / "asking", say)
            print(asking_table(report["asking"]), flush=True)


def machine() -> dict[str, Any]:
    """Return what a reader needs to compare the figures with others."""
    packages = {name: version(name) for name in ("mlflow", "kopf", "kubernetes", "pydantic")}
    return {
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **packages,
        "load_at_start": load(),
    }


def load() -> list[float]:
    """Return the load averages of 1, 5 and 15 minutes."""
    return [round(item, 2) for item in os.getloadavg()]


def latency_table(told: Mapping[str, Any]) -> str:
    """Return the latency benchmark for people."""
    columns = ("min", "median", "p99", "max")
    rows = [
        ("operator, ms", *(told["operator"][key] for key in columns)),
        ("bare script, ms", *(told["bare"][key] for key in columns)),
        ("operator / bare, pair by pair", *(told["ratio"][f"pair_{key}"] for key in columns)),
    ]
    counted = ", ".join(f"{count} {what}" for what, count in told["counted"].items())
    shown = figures.table(("request created -> Deployment patched", *columns), rows)
    return (
        f"\n{shown}\nratio of the medians: {told['ratio']['of_medians']}\nboth sides: {counted}\nMLflow: "
        f"{told['mlflow']}\n"
    )


def idle_table(told: Mapping[str, Any]) -> str:
    """Return the idle benchmark for people."""
    none, many = told["without_aliases"], told["with_aliases"]
    rows = [
        (name, none["window"][key], many["window"][key])
        for key, name in (
            ("rss_mib", "memory (VmRSS), MiB"),
            ("pss_mib", "memory (PSS), MiB"),
            ("cpu_seconds", f"CPU in {told['seconds']} s, s"),
            ("kubernetes_writes", f"Kubernetes writes in {told['seconds']} s, without the Lease"),
            ("lease_writes", f"Lease renewals in {told['seconds']} s"),
            ("kubernetes_reads", f"Kubernetes reads in {told['seconds']} s"),
            ("registry_calls", f"registry calls in {told['seconds']} s"),
        )
    ]
    rows += [
        ("start -> first status written, s", "", many["first_write_seconds"]),
        ("start -> all Ready, s", "", many["ready_seconds"]),
        ("longest wait for /healthz until then, ms", none["longest_probe_ms"], many["longest_probe_ms"]),
        ("Kubernetes writes until then", none["writes_until_settled"], many["writes_until_settled"]),
    ]
    shown = figures.table(("idle", "0 aliases", f"{told['aliases']} aliases"), rows)
    return f"\n{shown}\nimports alone: {told['imports_rss_mib']} MiB\nMLflow: {told['mlflow']}\n"


def steady_table(told: Mapping[str, Any]) -> str:
    """Return the benchmark of aliases at rest, and of flapping pods, for people."""
    if "left_out" in told:
        return f"\nsteady: left out, {told['left_out']}\n"
    windows = (told["without_aliases"], told["rest"], told["flap"])
    seconds, flap = told["seconds"], told["flap"]
    rows = [
        (name, *(window[key] for window in windows))
        for key, name in (
            ("rss_mib", "memory (VmRSS), MiB"),
            ("cpu_seconds", f"CPU in {seconds} s, s"),
            ("kubernetes_writes", f"Kubernetes writes in {seconds} s, without the Lease"),
            ("kubernetes_reads", f"Kubernetes reads in {seconds} s"),
            ("registry_calls", f"registry calls in {seconds} s"),
        )
    ]
    rows += [
        ("CPU / baseline", *(_ratio(window, windows[0], "cpu_seconds") for window in windows)),
        ("memory / baseline", *(_ratio(window, windows[0], "rss_mib") for window in windows)),
        ("status writes", "", "", flap["status_writes"]),
        ("most status writes of one alias", "", "", flap["most_status_writes_of_an_alias"]),
        (f"the same a minute, in {seconds} s", "", "", _per_minute(flap, seconds)),
        ("Events", "", "", flap["events"]),
    ]
    columns = ("0 aliases", f"{told['aliases']} at rest", f"{told['flapping']} of them flap")
    flaps = f"{flap['flaps']} times, each time unavailable: {flap['workloads_unavailable_in_each']}"
    shown = figures.table(("steady", *columns), rows)
    return f"\n{shown}\nstates at rest: {told['states']}\nflapped: {flaps}\n"


def policies_table(told: Mapping[str, Any]) -> str:
    """Return what follows an edit of a policy, for people."""
    windows = (told["rest"], told["another_value"], told["another_rule"])
    rows = [
        (name, *("" if window[key] is None else window[key] for window in windows))
        for key, name in (
            ("status_writes", "status writes"),
            ("most_in_a_second", "most of them in one second"),
            ("last_after_seconds", "edit -> last of them, s"),
            ("cpu_seconds", f"CPU in {told['seconds']} s, s"),
            ("kubernetes_reads", f"Kubernetes reads in {told['seconds']} s"),
            ("registry_calls", f"registry calls in {told['seconds']} s"),
            ("longest_probe_ms", "longest wait for /healthz, ms"),
        )
    ]
    head = (f"one policy, {told['aliases']} aliases", "no edit", "another value", "another rule")
    return f"\n{figures.table(head, rows)}\n"


def _ratio(window: Mapping[str, Any], baseline: Mapping[str, Any], key: str) -> float | str:
    return round(window[key] / baseline[key], 2) if baseline[key] else ""


def _per_minute(flap: Mapping[str, Any], seconds: int) -> float:
    most: int = flap["most_status_writes_of_an_alias"]
    return round(most * 60 / seconds, 2)


def asking_table(told: Mapping[str, Any]) -> str:
    """Return what somebody who asks all the time saw of each move, for people."""
    if "left_out" in told:
        return f"\nasking: left out, {told['left_out']}\n"
    keys = ("phase", "answers", "failed", "moved_after", "last_old_after")
    columns = ("ended", "answers", "failed", "request -> alias moved, s", "-> last old answer, s")
    rows = [
        (move["name"], *("" if move[key] is None else move[key] for key in keys)) for move in told["moves"]
    ]
    return f"\n{figures.table(('asking', *columns), rows)}\n"


def monitors_table(told: Mapping[str, Any]) -> str:
    """Return what the scheduler of monitors uses, for people."""
    names = {
        "queries_per_minute": "queries a minute",
        "cpu_seconds_per_minute": "CPU a minute, s",
        "status_writes_per_minute": "status writes a minute",
        "longest_stall_ms": "longest stall of the event loop, ms",
    }
    rows = [(name, told["none"][key], told["many"][key]) for key, name in names.items()]
    rows.append(("taking in an alias, ms", "", told["many"]["add_ms_each"]))
    return f"\n{figures.table(('monitors', '0', str(told['monitors'])), rows)}\n"


def say(text: str) -> None:
    """Tell what is being done, beside the results."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure, print, and write the JSON; what cannot be measured is one message and status 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        choices=(
            "latency",
            "burst",
            "queued",
            "neighbour",
            "idle",
            "steady",
            "asking",
            "policies",
            "monitors",
            "scrape",
            "traffic",
            "board",
            "all",
        ),
        default="all",
    )
    parser.add_argument(
        "--requests", type=int, default=20, metavar="N", help="timed promotions on each side, 5 to 500"
    )
    parser.add_argument("--aliases", type=int, default=1000, metavar="N", help="ModelAliases, 2 to 20000")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="bursts on each side, in turns, 1 to 50"
    )
    parser.add_argument(
        "--scraped", type=int, default=10_000, metavar="N", help="ModelAliases of a scrape, 2 to 20000"
    )
    parser.add_argument(
        "--shown", type=int, default=10_000, metavar="N", help="ModelAliases behind the board, 2 to 20000"
    )
    parser.add_argument(
        "--carried", type=int, default=10_000, metavar="N", help="requests through the gateway, 100 to 20000"
    )
    parser.add_argument(
        "--seconds", type=int, default=60, metavar="N", help="length of the steady state, 5 to 3600"
    )
    parser.add_argument(
        "--kubeconfig", type=Path, default=KUBECONFIG, help="the cluster, by default that of `make cluster`"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.json", help="write the JSON there instead of to stdout"
    )
    arguments = parser.parse_args()
    for name, least, most in (
        ("requests", 5, 500),
        ("aliases", 2, 20_000),
        ("rounds", 1, 50),
        ("scraped", 2, 20_000),
        ("shown", 2, 20_000),
        ("carried", 100, 20_000),
        ("seconds", 5, 3600),
    ):
        if not least <= getattr(arguments, name) <= most:
            parser.error(f"--{name}: {least} to {most}")
    if arguments.what not in WITHOUT_CLUSTER and not arguments.kubeconfig.is_file():
        parser.error("no cluster: `make cluster` first, or name one with --kubeconfig")
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            report = asyncio.run(run(arguments, Path(folder)))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("bench: interrupted, everything it had started is gone", file=sys.stderr)
        return 130
    text = json.dumps(report, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
