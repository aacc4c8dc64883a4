"""What is told of bursts: the calls for each promotion, and the times of all sides."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelalias.adapters.mlflow_call_names import call_name
from tests.bench import figures
from tests.support.proxy import Sent


@dataclass(frozen=True)
class Moved:
    """What one burst of the operator took."""

    seconds: float
    cpu_ms_each: float
    longest_probe_ms: float
    ended: Mapping[str, int]
    """Phase to requests."""
    errors: int
    """Calls to MLflow that failed, and looks of the operator that ended early."""


def each_promotion(calls: Sequence[Sent], promotions: int) -> Mapping[str, Any]:
    """Return what was sent for each of so many promotions: registry calls by name, writes to Kubernetes by kind.

    Snapshots, lists, watches and the Lease, which no request causes, are left out or counted apart; so are Events.
    """
    caused = [call for call in calls if not call.is_follow_up]
    registry = Counter(call_name(call.path, call.method) for call in caused if call.to == "mlflow")
    kubernetes = Counter(
        ("writes " if call.is_write else "reads ") + call.resource
        for call in caused
        if call.to == "kubernetes"
    )
    events = kubernetes.pop("writes events", 0)
    snapshots = sum(call.to == "mlflow" and call.is_follow_up for call in calls)

    def each(counted: Counter[str]) -> Mapping[str, float]:
        return {name: round(count / promotions, 3) for name, count in sorted(counted.items())}

    writes = sum(count for name, count in kubernetes.items() if name.startswith("writes "))
    return {
        "registry_calls": round(registry.total() / promotions, 3),
        "registry": each(registry),
        "snapshot_pages_in_all": snapshots,
        "kubernetes_writes": round(writes / promotions, 3),
        "kubernetes": each(kubernetes),
        "events": round(events / promotions, 3),
    }


def in_turns(
    moved: Sequence[Moved], bare: Mapping[str, Sequence[float]], failures: Sequence[str]
) -> Mapping[str, Any]:
    """Return the spreads of all sides, and which share of a script's speed the operator has."""
    seconds = {"operator": [one.seconds for one in moved], **bare}
    return {
        "samples": seconds,
        **{side: figures.spread(samples) for side, samples in seconds.items()},
        "share_of_same": figures.ratios(seconds["same"], seconds["operator"]),
        "share_of_fewest": figures.ratios(seconds["fewest"], seconds["operator"]),
        "cpu_ms_each": figures.spread([one.cpu_ms_each for one in moved]),
        "longest_probe_ms": figures.spread([one.longest_probe_ms for one in moved]),
        "ended": dict(sum((Counter(one.ended) for one in moved), Counter())),
        "errors": {
            "operator": sum(one.errors for one in moved),
            "scripts": len(failures),
            "of_scripts": dict(Counter(failures)),
        },
    }


def table(found: Mapping[str, Any]) -> str:
    """Return the bursts for people."""
    columns = ("min", "median", "max")
    lines = [
        f"\n{found['requests']} requests at once for {found['aliases']} aliases, {found['rounds']} rounds"
    ]
    for workers, one in found["workers"].items():
        rows = [
            ("operator, s", *(one["operator"][key] for key in columns)),
            ("script, the same registry calls, s", *(one["same"][key] for key in columns)),
            ("script, the fewest calls, s", *(one["fewest"][key] for key in columns)),
            ("same calls / operator", *(one["share_of_same"][f"pair_{key}"] for key in columns)),
            ("fewest calls / operator", *(one["share_of_fewest"][f"pair_{key}"] for key in columns)),
            ("processor of the operator for each, ms", *(one["cpu_ms_each"][key] for key in columns)),
            ("longest wait for /healthz, ms", *(one["longest_probe_ms"][key] for key in columns)),
        ]
        lines.append(figures.table((f"MLflow with {workers} worker(s)", *columns), rows))
        lines.append(f"ended: {one['ended']}; errors: {one['errors']}\n")
    each = found["each"]
    counted = [*each["registry"].items(), *each["kubernetes"].items(), ("writes events", each["events"])]
    lines.append(figures.table(("for each promotion", "calls"), counted))
    lines.append(
        f"registry calls: {each['registry_calls']} each; snapshots beside them: {each['snapshot_pages_in_all']} pages in "
        f"all; Kubernetes writes without Events: {each['kubernetes_writes']} each\n"
    )
    return "\n".join(lines)
