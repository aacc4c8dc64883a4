"""The Grafana dashboards: every panel says what it is, asks the chosen Prometheus, and asks it something that there is."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import shipped_monitoring
from tests.support.prometheus_server import program
from tests.support.promql_words import base, groupings, selectors
from tests.support.shipped_monitoring import DASHBOARDS, ROOT, dashboard, panels

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
COUNTERS: Final = re.compile(r"_(?:total|bucket|sum|count)$")
OVER_TIME: Final = re.compile(r"\b(?:rate|increase|changes)\(\s*(\w+)\{[^}]*\}\[([^\]]+)\]\s*\)")
EXPRESSIONS: Final = [*shipped_monitoring.of_dashboards()]
EACH: Final = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def _variables(path: Path) -> Mapping[str, Mapping[str, Any]]:
    return {item["name"]: item for item in dashboard(path)["templating"]["list"]}


def _sources(value: object) -> Iterator[object]:
    """Yield every data source that is named anywhere."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "datasource":
                yield inner
            yield from _sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)


def test_there_are_two_and_the_component_brings_them() -> None:
    component = ROOT / "manifests" / "components" / "grafana-dashboards" / "kustomization.yaml"
    text = component.read_text(encoding="utf-8")

    assert [path.stem for path in DASHBOARDS] == ["modelalias-aliases", "modelalias-operator"]
    assert re.findall(r"^  - (\S+\.json)$", text, re.MULTILINE) == [path.name for path in DASHBOARDS]
    assert 'grafana_dashboard: "1"' in text


@EACH
def test_a_dashboard_is_whole(path: Path) -> None:
    board = dashboard(path)

    assert board["uid"] == path.stem
    assert board["title"].startswith("modelalias / ")
    assert board["description"]
    assert board["editable"] is False
    assert board["schemaVersion"] >= 39
    assert path.read_text(encoding="utf-8") == json.dumps(board, indent=2, ensure_ascii=False) + "\n"


@EACH
def test_data_source_and_job_are_chosen_by_who_looks(path: Path) -> None:
    variables = _variables(path)

    assert variables["datasource"]["query"] == "prometheus"
    assert variables["job"]["multi"] is variables["job"]["includeAll"] is True
    assert variables["job"]["allValue"] == ".+"
    assert all(source == SOURCE for source in _sources(dashboard(path)))


@EACH
def test_each_panel_has_title_description_unit_and_targets(path: Path) -> None:
    shown = [*panels(path)]

    assert len({panel["id"] for panel in dashboard(path)["panels"]}) == len(dashboard(path)["panels"])
    for panel in shown:
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]
        assert all(target["expr"] for target in panel["targets"]), panel["title"]


@EACH
def test_no_panel_covers_another_or_leaves_the_page(path: Path) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard(path)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


@pytest.mark.parametrize(("place", "expression"), EXPRESSIONS, ids=[place for place, _ in EXPRESSIONS])
def test_an_expression_asks_for_the_job_and_takes_counters_over_time(place: str, expression: str) -> None:
    over_time = OVER_TIME.findall(expression)
    counters = [item.metric for item in selectors(expression) if COUNTERS.search(item.metric)]

    assert all(window in {"$__rate_interval", "$__range"} for _, window in over_time), place
    assert counters == [metric for metric, _ in over_time if COUNTERS.search(metric)], place
    asked = [item for item in selectors(expression) if item.metric != "modelalias_build_info"]
    assert all(item.values["job"] == ["$job"] for item in asked), place
    known = shipped_monitoring.known()
    of_namespaces = [item for item in asked if "alias_namespace" in known[base(item.metric, known)]]
    chosen = "variable" in place or all(
        item.values["alias_namespace"] == ["$alias_namespace"] for item in of_namespaces
    )
    assert chosen, place


@pytest.mark.parametrize(
    "expression",
    [text for _, text in EXPRESSIONS if 'outcome="Succeeded"' in text and "requests_total" in text],
)
def test_looks_at_verdicts_are_no_promotions_that_succeeded(expression: str) -> None:
    found = [item for item in selectors(expression) if item.metric == "modelalias_requests_total"]

    assert expression.count('reason!="DryRun"') == len(found) == 2


@EACH
def test_a_legend_names_labels_that_the_expression_keeps(path: Path) -> None:
    known = shipped_monitoring.known()
    for panel in panels(path):
        for target in panel["targets"]:
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            whole = {label for item in selectors(target["expr"]) for label in known[base(item.metric, known)]}
            kept = groupings(target["expr"]) or whole | {"job", "instance"}
            assert named <= kept, panel["title"]


def test_promtool_takes_every_expression(tmp_path: Path) -> None:
    expressions = [shipped_monitoring.filled(text) for _, text in EXPRESSIONS]
    rules = [{"record": f"d:{number}", "expr": text} for number, text in enumerate(expressions)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))

    done = subprocess.run(
        [program("promtool"), "check", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
