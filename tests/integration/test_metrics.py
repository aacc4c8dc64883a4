"""The metrics of a real operator: what a promotion shows, that all is there which alerts and dashboards read, and that a
registry that hangs keeps no scrape waiting."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hack.cluster import recipes
from tests.support import shipped_monitoring
from tests.support.argo_rollouts import installed
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_process import OperatorProcess, config_for, running_operator
from tests.support.prometheus_server import PrometheusServer, running_prometheus
from tests.support.promql_words import unknown
from tests.support.quick_yaml import documents
from tests.support.scraped import Page
from tests.support.seeding import Seeding
from tests.support.stage import Stage

ALIAS = "churn-champion"
SECONDS = 30.0
MONITOR = {
    "name": "errors",
    "direction": "LowerIsBetter",
    "threshold": 0.1,
    "prometheus": {"query": "vector(0)"},
}
OF_A_READING = {"modelalias_monitor_value", "modelalias_monitor_queries_total"}
"""What has series once a monitor was read, which takes up to a minute and a Prometheus."""
SHOWN_LAST = {
    "modelalias_alias_hold_timestamp_seconds",
    "modelalias_alias_stalled",
    "modelalias_monitor_state",
}
QUIET = {
    "modelalias-aliases: Longest wait for people A",
    "modelalias-aliases: Monitors A",
    "modelalias-aliases: annotation Moves",
    "modelalias-operator: Calls that failed A",
    "modelalias-operator: Queries for monitors A",
}
"""What may have nothing to show in this story: nobody is asked, no monitor is read, nothing moves any more or fails."""
GATE = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}


def _until(operator: OperatorProcess, holds: Callable[[Page], bool]) -> Page:
    """Scrape until it holds."""
    deadline = time.monotonic() + SECONDS
    while not holds(page := Page(operator.scrape())):
        assert time.monotonic() < deadline, page.text[-6000:]
        time.sleep(0.2)  # poll
    return page


def _what_is_missing(page: Page) -> Mapping[str, list[str]]:
    """Return what rules and panels name and the page does not have, by where they stand."""
    there = {name: labels for name, (_, labels) in page.metrics().items()}
    documented = shipped_monitoring.documented()
    unread = {name: documented[name] for name in OF_A_READING}
    assert all(f"# TYPE {name}" in page.text for name in unread)
    expressions = shipped_monitoring.expressions()
    missing = {place: [*unknown(text, {**unread, **there})] for place, text in expressions.items()}
    return {place: names for place, names in missing.items() if names}


def _what_shows_nothing(operator: OperatorProcess, directory: Path) -> set[str]:
    """Let a Prometheus scrape the operator and evaluate everything; return the panels that stay empty."""
    with running_prometheus(directory, [f"127.0.0.1:{operator.metrics_port}"]) as prometheus:
        _until_scraped(prometheus, times=2)
        expressions = shipped_monitoring.expressions()
        answers = {place: prometheus.ask(text) for place, text in expressions.items()}
    return {place for place, series in answers.items() if not series} - shipped_monitoring.rules().keys()


def _until_scraped(prometheus: PrometheusServer, times: int) -> None:
    deadline = time.monotonic() + SECONDS
    while len(prometheus.samples("modelalias_build_info")) < times:
        assert time.monotonic() < deadline, "Prometheus does not scrape the operator"
        time.sleep(0.2)  # poll


def _make_everything_show(stage: Stage, seeded: Seeding) -> None:
    """Leave an alias on hold, with a monitor and a request that waits, and another one that cannot be carried out."""
    spec = {"model": seeded.model, "alias": "champion", "policy": {"gates": [GATE]}, "monitors": [MONITOR]}
    stage.apply("ModelAlias", ALIAS, spec)
    stage.apply("ModelAlias", "misspelt", {"model": seeded.model, "alias": "other", "registry": "nowhere"})
    seeded.version(val_auc=0.9)
    stage.request("churn-v2", ALIAS, source={"version": "2"})
    stage.complete("churn-v2")
    stage.request("back", ALIAS, operation="Rollback", source={"previous": True}, reason="complaints")
    stage.complete("back")
    unfinished = seeded.version_of(seeded.begin(val_auc=0.9))
    stage.request("early", ALIAS, source={"version": unfinished})
    stage.reaches("early", "Pending")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a registry that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.usefixtures("kube_api")
def test_a_promotion_is_counted_and_all_is_there_that_alerts_and_dashboards_read(
    kubeconfig: str, namespace: str, stage: Stage, seeded: Seeding, mlflow_server: Server, tmp_path: Path
) -> None:
    seeded.version(val_auc=0.8)
    stage.apply(
        "ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": {"gates": [GATE]}}
    )
    with running_operator(kubeconfig, config_for(namespace, mlflow_server.uri), tmp_path) as operator:
        stage.request("churn-v1", ALIAS, source={"version": "1"})
        stage.complete("churn-v1")
        name = {"alias_namespace": namespace, "alias_name": ALIAS}
        what = {"registry": "default", "model": seeded.model, "alias": "champion", "version": "1"}
        page = _until(operator, lambda page: page.value("modelalias_alias_info", **name, **what) == 1)

        where = {"alias_namespace": namespace}
        end = {"operation": "Promote", "outcome": "Succeeded", "reason": "Succeeded"}
        assert page.value("modelalias_requests_total", **where, **end) == 1
        assert page.value("modelalias_gates_total", **where, result="Passed", enforcement="Block") == 1
        assert page.value("modelalias_leader") == page.value("modelalias_identity_proved") == 1
        assert page.value("modelalias_registry_up", registry="default") == 1
        calls = {
            dict(labels)["call"]: dict(labels)["outcome"]
            for labels in page.series("modelalias_registry_requests_total")
        }
        assert "registered-models/set-alias" in calls
        assert "other" not in calls
        codes = {dict(labels)["code"] for labels in page.series("modelalias_kubernetes_requests_total")}
        assert codes <= {"200", "201", "404", "409"}
        _until(operator, lambda page: (page.value("modelalias_event_loop_lag_seconds_count") or 0) >= 1)
        assert (page.value("process_resident_memory_bytes") or 0) > 1
        assert not [value for value in page.label_values() if "churn-v1" in value or "http" in value]

        _make_everything_show(stage, seeded)
        page = _until(operator, lambda page: page.ours().keys() >= SHOWN_LAST)
        assert _what_is_missing(page) == {}
        assert _what_shows_nothing(operator, tmp_path / "prometheus") <= QUIET


@pytest.mark.parametrize("file", ["service-monitor.yaml", "prometheus-rule.yaml"])
def test_the_prometheus_operator_would_take_what_is_shipped(
    kubeconfig: str, kube_api: KubeApi, file: str
) -> None:
    installed(kubeconfig, recipes.MONITORING)
    (body,) = documents((shipped_monitoring.RULES.with_name(file)).read_text(encoding="utf-8"))
    place = f"namespaces/{body['metadata']['namespace']}/{body['kind'].lower()}s"

    taken = kube_api.create(f"/apis/{body['apiVersion']}/{place}", body, dry_run=True)

    assert taken.ok, taken.message


@pytest.mark.usefixtures("kube_api")
def test_a_registry_that_hangs_keeps_no_scrape_waiting(
    kubeconfig: str, namespace: str, stage: Stage, silent: str, tmp_path: Path
) -> None:
    for number in range(8):
        stage.apply("ModelAlias", f"alias-{number}", {"model": "churn", "alias": f"alias-{number}"})
    config = config_for(namespace, silent, timeoutSeconds=3, concurrency=2)
    with running_operator(kubeconfig, config, tmp_path) as operator:
        waits = []
        hung = {"registry": "default", "call": "registered-models/search", "outcome": "unavailable"}
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            began = time.monotonic()
            page = Page(operator.scrape())
            waits.append(time.monotonic() - began)
            if page.value("modelalias_registry_up", registry="default") == 0:
                break
            time.sleep(0.1)  # poll

    assert page.value("modelalias_registry_up", registry="default") == 0
    assert (page.value("modelalias_registry_requests_total", **hung) or 0) >= 1
    assert max(waits) < 2, "less than the registry's timeout"
