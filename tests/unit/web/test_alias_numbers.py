"""What the charts of a ModelAlias's page say: steps, gates and monitors, and where each number comes from."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.web import gate_chart, monitor_panel, plot, version_steps
from modelalias.web.gate_chart import GateChart
from modelalias.web.phases import Tone
from tests.support import cli_cluster, web_site

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GATE: Mapping[str, Any] = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.002},
}


def at(day: int) -> str:
    return f"2025-12-{day:02}T00:00:00Z"


def alias(spec: Mapping[str, Any] | None = None, **status: Any) -> ModelAlias:
    return ModelAlias.model_validate(web_site.alias(spec=spec, **status))


def move(day: int, to: str | None, outcome: str = "Succeeded", **fields: Any) -> dict[str, Any]:
    told = {"at": at(day), "to": to, "operation": "Promote", "outcome": outcome, **fields}
    return {key: value for key, value in told.items() if value is not None}


def judged(value: str) -> list[dict[str, str]]:
    return [{"metric": "val_auc", "value": value}]


def verdict(
    version: str, day: int, candidate: str | None, champion: str | None = None, over: str = "1", **gate: Any
) -> PromotionRequest:
    finding = {
        "name": "auc",
        "metric": "val_auc",
        "result": "Passed",
        "candidate": candidate,
        "champion": champion,
        "rule": ">= 0.852 (champion 0.85 + 0.002)",
        "evaluatedAt": at(day),
        **gate,
    }
    resolved = {"version": version, "champion": over, "from": f"version {version}"}
    body = cli_cluster.body(
        resolved=resolved, gates=[{key: value for key, value in finding.items() if value is not None}]
    )
    body["metadata"].update(name=f"churn-v{version}", uid=f"u-{version}")
    return PromotionRequest.model_validate(body)


def chart(found: ModelAlias, *requests: PromotionRequest) -> GateChart:
    return gate_chart.of(found, requests).charts[0]


def test_steps_are_what_was_accepted_and_attempts_what_was_not() -> None:
    history = [move(1, "1"), move(5, "2"), move(6, "3", "RolledBack"), move(9, "1"), move(10, "1")]
    steps = version_steps.of(alias(history=history, current={"version": "1", "since": at(9)}), NOW)

    assert [(item.at.day, item.version) for item in steps.steps] == [(1, "1"), (5, "2"), (9, "1")]
    assert [(item.version, item.outcome) for item in steps.attempts] == [("3", "RolledBack")]
    assert steps.sentence == (
        "The version over time: 2025-12-01 00:00 UTC: 1; 2025-12-05 00:00 UTC: 2; 2025-12-09 00:00 UTC: 1."
    )


def test_a_current_version_that_the_history_has_lost_is_a_step() -> None:
    steps = version_steps.of(alias(history=[move(1, "1")], current={"version": "4", "since": at(9)}), NOW)

    assert [(item.at.day, item.version) for item in steps.steps] == [(1, "1"), (9, "4")]


def test_steps_stand_in_the_order_of_times_and_versions() -> None:
    history = [move(1, "9"), move(5, "10"), move(6, "11", "Failed")]
    drawing = version_steps.of(alias(history=history, current={"version": "10", "since": at(5)}), NOW).drawing

    assert drawing is not None
    assert [tick.text for tick in drawing.rows] == ["9", "10", "11"]
    assert drawing.rows[0].at > drawing.rows[1].at > drawing.rows[2].at
    nine, ten, failed = drawing.marks
    assert nine.x < ten.x < failed.x
    assert (nine.y, ten.y, failed.y) == tuple(tick.at for tick in drawing.rows)
    assert (nine.tone, failed.tone) == (Tone.GOOD, Tone.BAD)
    assert drawing.path == f"M{nine.x:g} {nine.y:g} H{ten.x:g} L{ten.x:g} {ten.y:g} H{plot.RIGHT}"


@pytest.mark.parametrize("history", [[], [move(1, "3")]], ids=["none", "one"])
def test_fewer_than_two_steps_are_not_drawn(history: list[dict[str, Any]]) -> None:
    assert version_steps.of(alias(history=history), NOW).drawing is None


def test_a_gates_numbers_come_from_verdicts_and_from_the_ledger() -> None:
    found = alias(
        {"policy": {"gates": [GATE]}},
        history=[move(1, "1", judged=judged("0.81")), move(5, "2", judged=judged("0.83"))],
        current={"version": "2", "since": at(5), "judged": judged("0.83")},
    )

    shown = chart(found, verdict("3", 8, "0.9", result="Passed"), verdict("4", 9, None, result="Failed"))

    assert [(item.version, item.value, item.result, item.said_by) for item in shown.points] == [
        ("1", "0.81", None, "the ledger"),
        ("2", "0.83", None, "the ledger"),
        ("3", "0.9", "Passed", "request churn-v3"),
        ("4", None, "Failed", "request churn-v4"),
    ]
    assert (shown.champion, shown.champion_version) == ("0.83", "2")
    assert (shown.bar, shown.bar_said_by) == ("0.852", "request churn-v4")


def test_the_newest_verdict_on_a_version_counts_and_keeps_its_result() -> None:
    old, new = verdict("3", 2, "0.7", result="Failed"), verdict("3", 4, "0.9")
    over_it, over_another = (
        verdict("5", 6, "0.95", champion="0.6", over="3"),
        verdict("6", 7, "0.96", champion="0.5"),
    )

    shown = chart(alias(), over_another, new, old, over_it)

    assert [(item.version, item.value, item.result) for item in shown.points] == [
        ("1", "0.5", None),
        ("3", "0.9", "Passed"),
        ("5", "0.95", "Passed"),
        ("6", "0.96", "Passed"),
    ]


@pytest.mark.parametrize(
    ("gate", "asked"),
    [
        pytest.param({"threshold": 0.85}, (">= 0.85", "0.85", "the policy"), id="threshold"),
        pytest.param(
            {"threshold": 0.85, "direction": "LowerIsBetter"}, ("<= 0.85", "0.85", "the policy"), id="lower"
        ),
        pytest.param({"champion": {"maxRegression": 0}}, ("", None, ""), id="nothing was judged yet"),
    ],
)
def test_what_a_gate_asks(gate: Mapping[str, Any], asked: tuple[Any, ...]) -> None:
    rule = {key: value for key, value in GATE.items() if key != "champion"} | dict(gate)
    found = alias(
        {"policy": {"gates": [rule]}}, current={"version": "2", "since": at(5), "judged": judged("0.83")}
    )

    shown = chart(found)

    assert (shown.bar_rule, shown.bar, shown.bar_said_by) == asked


@pytest.mark.parametrize("source", ["Evaluation", "LoggedModel"])
def test_numbers_of_the_run_are_none_of_a_gate_that_measures_otherwise(source: str) -> None:
    policy = {"gates": [{**GATE, "metricFrom": source}], "evaluation": {"cronJob": "measure"}}
    found = alias({"policy": policy}, current={"version": "2", "since": at(5), "judged": judged("0.83")})

    assert gate_chart.of(found, ()).charts == ()
    assert [item.version for item in chart(found, verdict("3", 8, "0.9")).points] == ["3"]


def test_a_skipped_gate_and_another_metric_of_its_name_tell_nothing() -> None:
    found = alias({"policy": {"gates": [GATE]}})

    skipped = verdict("3", 8, None, result="Skipped")
    other = verdict("4", 9, "120", metric="p95")

    assert gate_chart.of(found, [skipped, other]).charts == ()


def test_long_lists_are_cut_and_say_so() -> None:
    many = [verdict(str(number), 1, "0.9") for number in range(2, 50)]
    gates = [verdict(str(number), 1, "0.9", name=f"g{number}") for number in range(2, 50)]

    shown = chart(alias(), *many)
    of_gates = gate_chart.of(alias(), gates)

    assert (len(shown.points), shown.left_out) == (gate_chart.MOST_VERSIONS, 18)
    assert (shown.points[0].version, shown.points[-1].version) == ("20", "49")
    assert (len(of_gates.charts), of_gates.left_out) == (gate_chart.MOST_GATES, 36)


def test_a_gate_is_drawn_with_its_lines() -> None:
    found = alias(
        {"policy": {"gates": [GATE]}}, current={"version": "2", "since": at(5), "judged": judged("0.83")}
    )

    drawing = chart(found, verdict("3", 8, "0.9"), verdict("4", 9, "0.84", result="Failed")).drawing

    assert drawing is not None
    two, three, four = drawing.marks
    assert (two.is_now, three.tone, four.tone) == (True, Tone.GOOD, Tone.BAD)
    assert two.x < three.x < four.x
    assert three.y < four.y < two.y
    lines = {rule.name: rule.y for rule in drawing.rules}
    assert lines["champion"] == two.y
    assert three.y < lines["asked"] < four.y
    assert [tick.text for tick in drawing.rows] == ["0.83", "0.9"]
    assert four.text == "version 4: 0.84, Failed (request churn-v4)"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "", "<b>", "1.7976931348623157E+308"])
def test_what_is_no_number_is_told_and_not_drawn(value: str) -> None:
    shown = chart(alias(), verdict("3", 8, value))

    assert shown.points[0].value == value
    assert shown.drawing is None


def monitor(**fields: Any) -> monitor_panel.MonitorRow:
    told = {"name": "error-rate", "version": "3", "state": "Passing", **fields}
    return monitor_panel.rows(alias(monitors=[told]))[0]


@pytest.mark.parametrize(
    ("state", "word", "tone", "since"),
    [
        ("Passing", "Passing", Tone.GOOD, None),
        ("Failing", "Failing", Tone.ASKS, 5),
        ("Breached", "Breached", Tone.BAD, 5),
        ("NoData", "No data", Tone.ASKS, 6),
        ("Grace", "Grace", Tone.QUIET, None),
        ("Waiting", "Waiting", Tone.QUIET, None),
    ],
)
def test_a_monitor_stands_so_since(state: str, word: str, tone: Tone, since: int | None) -> None:
    row = monitor(state=state, failingSince=at(5), noDataSince=at(6))

    assert (row.state.word, row.state.tone) == (word, tone)
    assert (row.since and row.since.day) == since


@pytest.mark.parametrize(
    ("rule", "limits"),
    [
        ("<= 0.03", ("0.03",)),
        (">= 0.9 and >= 0.88 (version 3: 0.9 - 0.02)", ("0.9", "0.88")),
        ("<= -1.5E-7", ("-1.5E-7",)),
        (">= the version before - 0.1 of it (nothing is known of it)", ()),
        (">= version 3 - 0.1 of it (which is 0)", ()),
        (f"{'x' * 249} <= 12", ("12",)),
        (f"{'x' * 249} <= 1234", ()),
        ("", ()),
    ],
)
def test_the_limit_of_a_monitor_is_a_number_that_was_not_cut_off(rule: str, limits: tuple[str, ...]) -> None:
    assert monitor(rule=rule).limits == limits


def test_readings_are_a_line_with_the_limit_in_it() -> None:
    points = [{"at": at(day), "value": value} for day, value in ((1, "0.01"), (2, "NaN"), (3, "0.04"))]

    row = monitor(rule="<= 0.03", points=points, value="0.04")
    drawing = row.drawing

    assert drawing is not None
    assert drawing.path.count("L") == 1
    (limit,) = drawing.rules
    assert drawing.marks[0].y < limit.y < float(drawing.path.split()[1].split("L")[0])
    assert "0.01 at 00:00:00 UTC, NaN at 00:00:00 UTC, 0.04 at 00:00:00 UTC; limit <= 0.03" in row.sentence


def test_a_monitor_that_nobody_has_read_is_there() -> None:
    wanted = {"name": "psi", "prometheus": {"query": "q"}, "direction": "LowerIsBetter", "threshold": 1}
    told = {"name": "psi", "state": "Failing", "failures": 2}

    (unread,) = monitor_panel.rows(alias({"monitors": [wanted]}))
    (failing,) = monitor_panel.rows(alias({"monitors": [wanted]}, monitors=[told]))

    assert (unread.state.word, unread.message, unread.drawing) == ("Waiting", "nothing was read yet", None)
    assert failing.failures == "2 of 3 in a row"


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ([0.0, 1.0, 2.0], [88.0, 50.0, 12.0]),
        ([5.0, 5.0], [50.0, 50.0]),
        ([-1.7e308, 0.0, 1.7e308], [88.0, 50.0, 12.0]),
    ],
)
def test_values_find_their_places(values: list[float], places: list[float]) -> None:
    scale = plot.vertical(values, 0, 100)

    assert [scale(value) for value in values] == places


@pytest.mark.parametrize(
    ("value", "others", "text"),
    [
        (0.9, (0.81,), "0.9"),
        (0.8500001, (0.8500002,), "0.8500001"),
        (123456.0, (), "123456"),
        (1e300, (), "1E+300"),
        (1.23456789e-300, (), "1.23e-300"),
    ],
)
def test_a_number_fits_beside_the_axis(value: float, others: tuple[float, ...], text: str) -> None:
    assert plot.label(value, *others) == text


def test_a_dry_run_is_no_point_of_a_line_and_asks_nothing() -> None:
    asked, dry = verdict("2", 1, "0.9"), verdict("3", 2, "0.8", rule=">= 0.99 (champion 0.9 + 0.09)")
    dry = dry.model_copy(update={"spec": dry.spec.model_copy(update={"dry_run": True})})

    (chart,) = gate_chart.of(alias({"policy": {"gates": [GATE]}}), [asked, dry]).charts

    assert [item.version for item in chart.points] == ["2"]
    assert (chart.bar, chart.bar_request) == ("0.852", "churn-v2")
