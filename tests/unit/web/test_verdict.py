"""A verdict on a page: the numbers that were judged, short enough to read, and with every digit beside."""

from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.web.phases import Tone
from modelalias.web.verdict import in_one_line, verdict
from tests.support.cli_cluster import GATE, request
from tests.support.web_site import alias


def _gate(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in {**GATE, **fields}.items() if value is not None}


def test_a_gate_has_its_numbers_its_rule_and_its_dataset() -> None:
    gate = _gate(
        candidate="0.912349871",
        champion="0.8971",
        dataset="holdout@9f3c",
        comparedWith="the registry names 5",
    )

    (row,) = verdict(request(gates=[gate]).status).gates

    assert row.candidate is not None
    assert (row.candidate.text, row.candidate.exact) == ("0.91235", "0.912349871")
    assert (row.champion and row.champion.text, row.difference) == ("0.8971", "+0.0152499")
    assert (row.rule, row.dataset, row.metric) == (">= 0.81 (champion 0.8 + 0.01)", "holdout@9f3c", "val_auc")
    assert row.remarks == ("the registry names 5",)


@pytest.mark.parametrize(
    ("candidate", "champion", "difference"),
    [
        ("0.9", "0.8", "+0.1"),
        ("0.8", "0.9", "-0.1"),
        ("0.9", "0.90", "0"),
        ("0.9", None, None),
        (None, "0.9", None),
        ("NaN", "0.9", None),
        ("9E+999999999", "-9E+999999999", None),
    ],
)
def test_a_difference_has_a_sign_and_needs_two_numbers(
    candidate: str | None, champion: str | None, difference: str | None
) -> None:
    (row,) = verdict(request(gates=[_gate(candidate=candidate, champion=champion)]).status).gates

    assert row.difference == difference


@pytest.mark.parametrize(
    ("result", "tone"),
    [("Passed", Tone.GOOD), ("Failed", Tone.BAD), ("Inconclusive", Tone.ASKS), ("Skipped", Tone.QUIET)],
)
def test_a_result_is_a_word_with_a_tone(result: str, tone: Tone) -> None:
    shown = verdict(
        request(gates=[_gate(result=result)], eligibility=[{"rule": "r", "result": result}]).status
    )

    assert [(item.word, item.tone) for item in (shown.gates[0].result, shown.rules[0].result)] == 2 * [
        (result, tone)
    ]


@pytest.mark.parametrize(
    ("gates", "line"),
    [
        ([], "no gates"),
        ([_gate()], "1/1 gates passed: auc 0.9 against 0.8"),
        ([_gate(result="Skipped", candidate=None, champion=None)], "gates skipped: auc without a value"),
        (
            [_gate(), _gate(name="b", champion=None), _gate(name="c", result="Failed"), _gate(name="d")],
            "3/4 gates passed: c 0.9 against 0.8, auc 0.9 against 0.8, b 0.9, and 1 more",
        ),
    ],
)
def test_one_line_has_the_numbers_of_what_failed_first(gates: list[Any], line: str) -> None:
    assert in_one_line(request(gates=gates).status) == line


def test_what_was_not_judged_says_so() -> None:
    assert in_one_line(request(gates=[], resolved=None).status) == "not judged"


@pytest.mark.parametrize(
    ("of", "version", "shown"),
    [
        pytest.param("Run", "3", "0.88", id="champion"),
        pytest.param("Run", "2", None, id="not-the-champion-any-more"),
        pytest.param("LoggedModel", "3", None, id="another-number"),
    ],
)
def test_the_champions_value_is_shown_where_it_is_known_without_a_rule_for_it(
    of: str, version: str, shown: str | None
) -> None:
    gate = {
        "name": "auc",
        "metric": "val_auc",
        "direction": "HigherIsBetter",
        "threshold": 0.8,
        "metricFrom": of,
    }
    judged = [{"metric": "val_auc", "value": "0.88"}]
    current = {"version": version, "since": "2026-01-01T00:00:00Z", "judged": judged}
    known = ModelAlias.model_validate(alias(spec={"policy": {"gates": [gate]}}, current=current))

    (row,) = verdict(request(gates=[_gate(champion=None)]).status, known).gates

    assert (row.champion and row.champion.text) == shown
    assert any("does not compare" in text for text in row.remarks) is (shown is not None)
