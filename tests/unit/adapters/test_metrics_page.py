"""The page that Prometheus reads: its names and labels, what is on it from the start, and its escaping."""

from typing import Any, Final

import pytest

from modelalias.adapters.prometheus_telemetry import PrometheusTelemetry
from modelalias.adapters.sample_lines import Family, MetricType
from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest, RequestOperation
from modelalias.ports import CallOutcome, FailureKind, RequestEnd, Telemetry
from tests.support import shipped_monitoring
from tests.support.scraped import Page

ALIAS: Final = frozenset({"alias_namespace", "alias_name"})
CALL: Final = frozenset({"verb", "resource", "code"})
TABLE: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "modelalias_build_info": ("gauge", frozenset({"version", "python"})),
    "modelalias_leader": ("gauge", frozenset()),
    "modelalias_identity_proved": ("gauge", frozenset()),
    "modelalias_alias_info": ("gauge", ALIAS | {"registry", "model", "alias", "version"}),
    "modelalias_alias_phase": ("gauge", ALIAS | {"phase"}),
    "modelalias_alias_promoted_timestamp_seconds": ("gauge", ALIAS),
    "modelalias_alias_stalled": ("gauge", ALIAS | {"reason"}),
    "modelalias_alias_hold_timestamp_seconds": ("gauge", ALIAS),
    "modelalias_requests": ("gauge", frozenset({"alias_namespace", "phase"})),
    "modelalias_request_oldest_timestamp_seconds": ("gauge", ALIAS | {"phase"}),
    "modelalias_requests_total": (
        "counter",
        frozenset({"alias_namespace", "operation", "outcome", "reason"}),
    ),
    "modelalias_moves_total": ("counter", frozenset({"alias_namespace", "operation", "outcome"})),
    "modelalias_request_duration_seconds": ("histogram", frozenset({"operation", "outcome"})),
    "modelalias_request_phase_duration_seconds": ("histogram", frozenset({"phase"})),
    "modelalias_gates_total": ("counter", frozenset({"alias_namespace", "result", "enforcement"})),
    "modelalias_approvals_total": ("counter", frozenset({"alias_namespace", "decision"})),
    "modelalias_automatic_requests_total": ("counter", frozenset({"alias_namespace", "operation"})),
    "modelalias_registry_up": ("gauge", frozenset({"registry"})),
    "modelalias_registry_snapshot_timestamp_seconds": ("gauge", frozenset({"registry"})),
    "modelalias_registry_snapshot_models": ("gauge", frozenset({"registry"})),
    "modelalias_registry_requests_total": ("counter", frozenset({"registry", "call", "outcome"})),
    "modelalias_registry_request_duration_seconds": ("histogram", frozenset({"registry", "call"})),
    "modelalias_kubernetes_requests_total": ("counter", CALL),
    "modelalias_kubernetes_request_duration_seconds": ("histogram", CALL),
    "modelalias_reconcile_duration_seconds": ("histogram", frozenset()),
    "modelalias_reconcile_errors_total": ("counter", frozenset({"kind"})),
    "modelalias_queue_depth": ("gauge", frozenset()),
    "modelalias_queue_wait_seconds": ("histogram", frozenset()),
    "modelalias_event_loop_lag_seconds": ("histogram", frozenset()),
    "modelalias_monitor_value": ("gauge", ALIAS | {"monitor"}),
    "modelalias_monitor_state": ("gauge", ALIAS | {"monitor", "state"}),
    "modelalias_monitor_breaches_total": ("counter", ALIAS | {"monitor"}),
    "modelalias_monitor_queries_total": ("counter", frozenset({"source", "outcome"})),
    "modelalias_notifications_total": ("counter", frozenset({"channel", "outcome"})),
    "modelalias_notifications_dropped_total": ("counter", frozenset({"channel"})),
}
"""Every metric, with exactly these labels; docs/metrics.md says what they mean."""
SINCE: Final = "2026-01-01T12:00:00Z"
HOLD: Final = {"reason": "RolledBack", "since": SINCE}
MONITOR: Final = {
    "name": "errors",
    "direction": "LowerIsBetter",
    "prometheus": {"query": "up"},
    "threshold": 0.1,
}


def alias(**fields: Any) -> ModelAlias:
    spec = {"model": "churn", "alias": "champion", **fields.pop("spec", {})}
    return ModelAlias.model_validate(
        {"metadata": {"name": "churn-champion", "namespace": "ml"}, "spec": spec, **fields}
    )


def accepted(version: str = "3", **status: Any) -> dict[str, Any]:
    return {"phase": "Ready", "current": {"version": version, "since": SINCE}, **status}


def watched(
    state: str, value: str | None = "0.5", version: str = "3", name: str = "errors", **status: Any
) -> ModelAlias:
    monitor = {"name": name, "state": state, "value": value, "version": version}
    return alias(
        spec={"monitors": [{**MONITOR, "name": name}]}, status=accepted(monitors=[monitor], **status)
    )


def condition(kind: str, status: str, reason: str = "X") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": SINCE}


def request(name: str, phase: str | None, since: str = SINCE, complete: bool = False) -> PromotionRequest:
    conditions = [condition("Complete", str(complete))]
    return PromotionRequest.model_validate(
        {
            "metadata": {"name": name, "namespace": "ml", "creationTimestamp": SINCE},
            "spec": {"aliasRef": {"name": "churn-champion"}, "source": {"version": "3"}},
            "status": {"phase": phase, "phaseSince": since, "conditions": conditions},
        }
    )


def fed() -> PrometheusTelemetry:
    """Return what has heard of one thing of each kind."""
    telemetry = PrometheusTelemetry(wall=lambda: 1_000.0)
    telemetry.alias_seen(watched("Passing", hold=HOLD, conditions=[condition("Stalled", "True")]))
    telemetry.request_seen(request("go", "Queued"))
    telemetry.request_ended(RequestEnd("ml", "Promote", "Succeeded", "Succeeded", 3.0))
    telemetry.phase_left("Queued", 2.0)
    telemetry.registry_called("default", "registered-models/get", CallOutcome.OK, 0.02)
    telemetry.registry_answered("default", 7)
    telemetry.kubernetes_called("get", "leases.coordination.k8s.io", "200", 0.01)
    telemetry.monitor_queried("prometheus", "ok")
    telemetry.channel_opened("chat")
    return telemetry


def test_every_metric_has_its_name_its_type_and_its_labels() -> None:
    assert Page.of(fed()).ours() == TABLE


def test_the_page_about_metrics_names_them_all() -> None:
    assert shipped_monitoring.documented() == {name: labels for name, (_, labels) in TABLE.items()}


def test_the_library_tells_of_the_process() -> None:
    text = Page.of(PrometheusTelemetry()).text

    assert "process_resident_memory_bytes" in text
    assert "python_gc_collections_total" in text
    assert "_created" not in text


def test_counters_of_a_namespace_begin_at_0_when_it_is_seen() -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(alias())

    page = Page.of(telemetry)

    failed = {"operation": "Promote", "outcome": "RolledBack", "reason": "RolledBack"}
    assert page.value("modelalias_requests_total", alias_namespace="ml", **failed) == 0
    rollback = {"operation": "Rollback", "outcome": "Succeeded"}
    assert page.value("modelalias_moves_total", alias_namespace="ml", **rollback) == 0
    for kind in FailureKind:
        assert page.value("modelalias_reconcile_errors_total", kind=str(kind)) == 0
    for name in ("gates", "approvals", "automatic_requests"):
        assert set(page.series(f"modelalias_{name}_total").values()) == {0}


@pytest.mark.parametrize("operation", RequestOperation)
@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("Failed", "RolloutFailed"), ("Failed", "StaleChampion"), ("Errored", "UnexpectedError")],
)
def test_what_the_alert_on_failures_counts_begins_at_0(operation: str, outcome: str, reason: str) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(alias())

    end = {"alias_namespace": "ml", "operation": operation, "outcome": outcome, "reason": reason}
    assert Page.of(telemetry).value("modelalias_requests_total", **end) == 0


def test_seeing_a_namespace_again_resets_nothing() -> None:
    telemetry = fed()
    telemetry.request_seen(request("other", "Queued"))

    end = {"operation": "Promote", "outcome": "Succeeded", "reason": "Succeeded"}
    assert Page.of(telemetry).value("modelalias_requests_total", alias_namespace="ml", **end) == 1


def test_who_does_not_lead_shows_nothing_of_aliases_and_registries() -> None:
    page = Page.of(fed(), leads=False)

    assert page.value("modelalias_leader") == 0
    hidden = {name for name in TABLE if name.startswith(("modelalias_alias_", "modelalias_monitor_"))}
    hidden |= {"modelalias_requests", "modelalias_request_oldest_timestamp_seconds"}
    hidden |= {
        name for name in TABLE if name.startswith(("modelalias_registry_up", "modelalias_registry_snap"))
    }
    hidden -= {"modelalias_monitor_queries_total"}
    assert page.ours().keys() == TABLE.keys() - hidden


def test_series_of_each_alias_can_be_left_out() -> None:
    telemetry = PrometheusTelemetry(per_alias=False)
    telemetry.alias_seen(watched("Passing"))
    telemetry.request_seen(request("go", "Queued"))

    page = Page.of(telemetry)

    assert not [name for name, (_, labels) in page.ours().items() if "alias_name" in labels]
    assert page.value("modelalias_requests", alias_namespace="ml", phase="Queued") == 1


@pytest.mark.parametrize("model", ['churn "eu"', "back\\slash", '\\"', "ends\\", "ümläut 漢字", "{a}=1,b"])
def test_a_model_of_any_name_is_read_back(model: str) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(alias(spec={"model": model}, status=accepted()))

    (labels,) = Page.of(telemetry).series("modelalias_alias_info")

    assert dict(labels)["model"] == model


def test_a_line_break_is_escaped() -> None:
    family = Family("x", MetricType.GAUGE, "one\ntwo \\ three", "label")
    family.put("owner", [(('a\nb\\nc"',), 1.5)])

    page = Page(family.text())

    assert page.series("x") == {(("label", 'a\nb\\nc"'),): 1.5}
    assert len(page.text.splitlines()) == 3


def test_an_alias_shows_its_version_and_its_present_phase_alone() -> None:
    telemetry = PrometheusTelemetry()
    name = {"alias_namespace": "ml", "alias_name": "churn-champion"}
    what = {"registry": "default", "model": "churn", "alias": "champion"}
    telemetry.alias_seen(alias())
    new = Page.of(telemetry)
    telemetry.alias_seen(alias(status=accepted("3")))
    telemetry.alias_seen(alias(status=accepted("4", phase="Drifted")))
    page = Page.of(telemetry)

    assert new.value("modelalias_alias_info", **name, **what, version="") == 1
    assert new.series("modelalias_alias_phase") == {}
    assert len(page.series("modelalias_alias_info")) == len(page.series("modelalias_alias_phase")) == 1
    assert page.value("modelalias_alias_info", **name, **what, version="4") == 1
    assert page.value("modelalias_alias_phase", **name, phase="Drifted") == 1
    since = page.value("modelalias_alias_promoted_timestamp_seconds", **name)
    assert since == accepted_at()


def accepted_at() -> float:
    current = alias(status=accepted()).status.current
    assert current is not None
    return current.since.timestamp()


def test_what_is_gone_has_no_series() -> None:
    telemetry = fed()
    telemetry.alias_gone("ml", "churn-champion")
    telemetry.request_gone("ml", "go")
    telemetry.request_gone("ml", "never-seen")

    page = Page.of(telemetry)

    assert not [name for name, (_, labels) in page.ours().items() if "alias_name" in labels]
    assert page.value("modelalias_requests", alias_namespace="ml", phase="Queued") == 0


def test_the_oldest_request_of_each_phase_is_dated() -> None:
    telemetry = PrometheusTelemetry()
    name = {"alias_namespace": "ml", "alias_name": "churn-champion"}
    telemetry.request_seen(request("new", None))
    telemetry.request_seen(request("late", "Queued", "2026-01-01T12:30:00Z"))
    telemetry.request_seen(request("early", "Queued", "2026-01-01T12:10:00Z"))
    before = Page.of(telemetry)
    telemetry.request_seen(request("early", "Succeeded", complete=True))
    after = Page.of(telemetry)

    oldest = "modelalias_request_oldest_timestamp_seconds"
    assert before.value(oldest, **name, phase="Queued") == accepted_at() + 600
    assert before.value(oldest, **name, phase="Pending") == accepted_at()
    assert after.value(oldest, **name, phase="Queued") == accepted_at() + 1_800
    assert before.value("modelalias_requests", alias_namespace="ml", phase="Queued") == 2
    assert after.value("modelalias_requests", alias_namespace="ml", phase="Queued") == 1
    assert after.value("modelalias_requests", alias_namespace="ml", phase="Succeeded") is None


def test_a_hold_is_dated_while_it_stands() -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(alias(status=accepted(hold=HOLD)))
    held = Page.of(telemetry)
    telemetry.alias_seen(alias(status=accepted()))
    released = Page.of(telemetry)

    since = "modelalias_alias_hold_timestamp_seconds"
    assert held.value(since, alias_namespace="ml", alias_name="churn-champion") == accepted_at()
    assert released.series(since) == {}


def test_what_a_person_has_to_change_stands_with_its_reason() -> None:
    telemetry = PrometheusTelemetry()
    seen = []
    for status, reason in (("True", "Invalid"), ("True", "RolloutFailed"), ("False", "Accepted")):
        telemetry.alias_seen(alias(status=accepted(conditions=[condition("Stalled", status, reason)])))
        seen.append(
            [dict(labels)["reason"] for labels in Page.of(telemetry).series("modelalias_alias_stalled")]
        )

    assert seen == [["Invalid"], ["RolloutFailed"], []]


@pytest.mark.parametrize("state", ["Waiting", "Passing", "Failing", "Breached", "NoData"])
def test_a_monitor_shows_its_present_state_alone(state: str) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(alias(spec={"monitors": [MONITOR]}, status=accepted()))
    unread = Page.of(telemetry)
    telemetry.alias_seen(watched(state))
    page = Page.of(telemetry)

    name = {"alias_namespace": "ml", "alias_name": "churn-champion", "monitor": "errors"}
    assert unread.value("modelalias_monitor_state", **name, state="Waiting") == 1
    assert page.value("modelalias_monitor_state", **name, state=state) == 1
    assert len(page.series("modelalias_monitor_state")) == 1


@pytest.mark.parametrize(
    ("states", "breaches"),
    [
        (["Passing", "Failing", "Breached", "Breached"], 1),
        (["Passing", "Breached", "NoData", "Breached"], 1),
        (["Passing", "Breached", "Passing", "Breached"], 2),
        (["Breached", "Breached"], 0),
        (["Waiting", "Passing", "NoData"], 0),
    ],
)
def test_a_breach_counts_when_it_begins(states: list[str], breaches: int) -> None:
    telemetry = PrometheusTelemetry()
    for state in states:
        telemetry.alias_seen(watched(state))

    assert set(Page.of(telemetry).series("modelalias_monitor_breaches_total").values()) == {breaches}


def test_a_breach_of_the_next_version_is_another_one() -> None:
    telemetry = PrometheusTelemetry()
    for version in ("3", "4"):
        telemetry.alias_seen(watched("Passing", version=version))
        telemetry.alias_seen(watched("Breached", version=version))

    assert set(Page.of(telemetry).series("modelalias_monitor_breaches_total").values()) == {2}


@pytest.mark.parametrize(
    ("state", "value", "shown"),
    [
        ("Passing", "0.25", [0.25]),
        ("Breached", "1e-7", [1e-7]),
        ("NoData", "0.25", []),
        ("Passing", "NaN", []),
        ("Waiting", None, []),
    ],
)
def test_a_monitor_shows_its_last_number(state: str, value: str | None, shown: list[float]) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(watched(state, value))

    assert list(Page.of(telemetry).series("modelalias_monitor_value").values()) == shown


def test_a_monitor_that_was_taken_away_has_no_series() -> None:
    telemetry = PrometheusTelemetry()
    telemetry.alias_seen(watched("Passing"))
    telemetry.alias_seen(watched("Passing", name="latency"))
    renamed = Page.of(telemetry)
    telemetry.alias_seen(alias(status=accepted()))
    none = Page.of(telemetry)

    for name in ("modelalias_monitor_value", "modelalias_monitor_state", "modelalias_monitor_breaches_total"):
        assert {dict(labels)["monitor"] for labels in renamed.series(name)} == {"latency"}
        assert none.series(name) == {}


def test_nothing_that_is_told_is_passed_over() -> None:
    told = {name for name in vars(Telemetry) if not name.startswith("_")}

    assert told - vars(PrometheusTelemetry).keys() == set()


def test_two_operators_of_one_process_count_apart() -> None:
    one, other = PrometheusTelemetry(), PrometheusTelemetry()
    one.failed(FailureKind.REFUSED)

    assert Page.of(one).value("modelalias_reconcile_errors_total", kind="refused") == 1
    assert Page.of(other).value("modelalias_reconcile_errors_total", kind="refused") == 0
