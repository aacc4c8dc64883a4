"""The alert rules and dashboards that are shipped, and every PromQL expression in them."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.support.quick_yaml import documents

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = ROOT / "manifests" / "components" / "alerts" / "rules.yaml"
DASHBOARDS: Final = sorted((ROOT / "manifests" / "components" / "grafana-dashboards").glob("*.json"))
METRICS: Final = ROOT / "docs" / "metrics.md"
_FILLED: Final = {"$__rate_interval": "5m", "$__range": "1h", "$job": ".+", "$alias_namespace": ".*"}
_OF_THE_LIBRARY: Final = {
    "process_cpu_seconds_total": frozenset[str](),
    "process_resident_memory_bytes": frozenset[str](),
    "process_start_time_seconds": frozenset[str](),
    "python_gc_collections_total": frozenset({"generation"}),
}


def rules() -> Mapping[str, Mapping[str, Any]]:
    """Return each alert rule by its name."""
    (found,) = documents(RULES.read_text(encoding="utf-8"))
    listed = [rule for group in found["groups"] for rule in group["rules"]]
    named = {rule["alert"]: rule for rule in listed}
    assert len(named) == len(listed), "two rules have one name"
    return named


@cache
def dashboard(path: Path) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def panels(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the panels of a dashboard that show something."""
    yield from (panel for panel in dashboard(path)["panels"] if panel["type"] != "row")


def filled(expression: str) -> str:
    """Return an expression of a dashboard with values for its variables."""
    for variable, value in _FILLED.items():
        expression = expression.replace(variable, value)
    return expression


def of_dashboards() -> Iterator[tuple[str, str]]:
    """Yield each expression of the dashboards as it stands, with where it stands."""
    for path in DASHBOARDS:
        for panel in panels(path):
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']} {target['refId']}", target["expr"]
        for note in dashboard(path)["annotations"]["list"]:
            yield f"{path.stem}: annotation {note['name']}", note["expr"]
        for variable in dashboard(path)["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{path.stem}: variable {variable['name']}", _as_expression(variable["definition"])


def expressions() -> Mapping[str, str]:
    """Return all of them as Prometheus takes them, by where they stand."""
    of_rules = {name: str(rule["expr"]) for name, rule in rules().items()}
    return {**of_rules, **{place: filled(text) for place, text in of_dashboards()}}


def documented() -> Mapping[str, frozenset[str]]:
    """Return the labels of each metric as docs/metrics.md has them."""
    rows = [line.split("|") for line in METRICS.read_text(encoding="utf-8").splitlines()]
    return {
        name: frozenset(re.findall(r"`(\w+)`", cells[3]))
        for cells in rows
        if len(cells) > 3
        for name in re.findall(r"`(modelalias_\w+)`", cells[1])
    }


def known() -> Mapping[str, frozenset[str]]:
    """Return what is documented, with what the library adds."""
    return {**documented(), **_OF_THE_LIBRARY}


def _as_expression(definition: str) -> str:
    """Return `label_values(METRIC, LABEL)`, which is Grafana's, as PromQL."""
    inner = re.fullmatch(r"label_values\((.*),\s*(\w+)\)", definition)
    assert inner is not None, definition
    return f"count by ({inner[2]}) ({inner[1]})"
