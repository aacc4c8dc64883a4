"""What the benchmarks of single promotions, of rest and of monitors tell people."""

from collections.abc import Mapping
from typing import Any

from tests.bench import figures


def of_latency(told: Mapping[str, Any]) -> str:
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


def of_idle(told: Mapping[str, Any]) -> str:
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


def of_steady(told: Mapping[str, Any]) -> str:
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


def of_policies(told: Mapping[str, Any]) -> str:
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


def of_asking(told: Mapping[str, Any]) -> str:
    """Return what somebody who asks all the time saw of each move, for people."""
    if "left_out" in told:
        return f"\nasking: left out, {told['left_out']}\n"
    keys = ("phase", "answers", "failed", "moved_after", "last_old_after")
    columns = ("ended", "answers", "failed", "request -> alias moved, s", "-> last old answer, s")
    rows = [
        (move["name"], *("" if move[key] is None else move[key] for key in keys)) for move in told["moves"]
    ]
    return f"\n{figures.table(('asking', *columns), rows)}\n"


def of_monitors(told: Mapping[str, Any]) -> str:
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
