"""A verdict on a page: the numbers that were judged, short enough to read, and with every digit beside."""

from typing import Any

import pytest

from modelalias.web.phases import Tone
from modelalias.web.verdict import in_one_line, verdict
from tests.support.cli_cluster import GATE, request


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
