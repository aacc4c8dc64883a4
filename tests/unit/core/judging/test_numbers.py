"""Numbers in sentences and tables are short, and never say what is not so."""

from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.request_status import Finding
from modelalias.core.judging import gates, numbers

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _finding(candidate: str | None, rule: str, **fields: Any) -> Finding:
    known = {"name": "auc", "metric": "auc", "result": "Failed", "evaluated_at": NOW}
    return Finding.model_validate({**known, "candidate": candidate, "rule": rule, **fields})


@pytest.mark.parametrize(
    ("number", "others", "shown"),
    [
        ("0.7930147061", [], "0.793015"),
        ("0.85", [], "0.85"),
        ("0.8499999", ["0.85"], "0.8499999"),
        ("0.84999994", ["0.85"], "0.8499999"),
        ("0.85", ["0.8499999"], "0.85"),
        ("0.85000000", ["0.85"], "0.85"),
        ("-0.12345678", [], "-0.123457"),
        ("1234567", [], "1234567"),
        ("1234567.89", [], "1234568"),
        ("12.3456789", [], "12.3457"),
        ("0.000000123456789", [], "0.000000123457"),
        ("1.23456789E+20", [], "1.23457E+20"),
        ("1E+9999999", ["0.85"], "1E+9999999"),
        ("-1.23456789E-9999999", ["-1E-9999999"], "-1.23457E-9999999"),
        ("0", [], "0"),
        ("NaN", ["0.85"], "NaN"),
        ("-Infinity", [], "-Infinity"),
    ],
)
def test_a_number_has_six_digits_or_as_many_as_tell_it_from_another(
    number: str, others: list[str], shown: str
) -> None:
    assert numbers.short(number, *others) == shown


_DECIMALS = st.decimals(-(10**16), 10**16, allow_nan=False, places=20)


@given(_DECIMALS, _DECIMALS | st.just(Decimal(0)))
def test_two_numbers_read_as_they_stand_to_one_another(one: Decimal, other: Decimal) -> None:
    left, right = (Decimal(numbers.short(str(a), str(b))) for a, b in ((one, other), (other, one)))

    assert (left < right, left == right) == (one < other, one == other)


@given(_DECIMALS, st.integers(-1000, 1000).map(lambda n: n * Decimal("1E-20")))
def test_so_do_two_that_are_close(one: Decimal, by: Decimal) -> None:
    other = Context(prec=100).add(one, by)
    left, right = (Decimal(numbers.short(str(a), str(b))) for a, b in ((one, other), (other, one)))

    assert (left < right, left == right) == (one < other, one == other)


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (_finding("0.7930147061", ">= 0.85"), "auc 0.793015 is not >= 0.85, short by 0.0569853"),
        (_finding("0.8499999", ">= 0.85"), "auc 0.8499999 is not >= 0.85, short by 0.0000001"),
        (_finding("0.1001", "<= 0.1"), "auc 0.1001 is not <= 0.1, over by 0.0001"),
        (
            _finding("0.8", ">= 0.866123456789 (champion 0.864123456789 + 0.002)", champion="0.864123456789"),
            "auc 0.8 is not >= 0.866123 (champion 0.864123 + 0.002), short by 0.0661235",
        ),
        (
            _finding("0.8660000000001", ">= 0.8660000000002 (champion 0.8640000000002 + 0.002)"),
            "auc 0.8660000000001 is not >= 0.8660000000002 (champion 0.864 + 0.002), short by 1E-13",
        ),
        (
            _finding("0.88", ">= 0.88209 (champion 0.891 - 0.01 of it)", compared_with="another"),
            "auc 0.88 is not >= 0.88209 (champion 0.891 - 0.01 of it) (another), short by 0.00209",
        ),
        (_finding(None, ">= 0.85", message="was not logged"), "auc is missing: was not logged"),
    ],
)
def test_a_sentence_says_by_how_much(finding: Finding, sentence: str) -> None:
    assert gates.sentence(finding) == f"gate auc: {sentence}"


@pytest.mark.parametrize(
    "finding",
    [
        _finding("0.9", ">= 0.85", result="Passed"),
        _finding("0.9", ">= champion + 0.002", result="Inconclusive", message="the champion was not logged"),
        _finding("NaN", ">= 0.85", message="cannot be compared"),
        _finding(None, ">= 0.85", result="Skipped", message="a rollback is not judged"),
    ],
)
def test_what_was_not_missed_by_a_distance_has_none(finding: Finding) -> None:
    assert numbers.distance(finding) == ""


@pytest.mark.parametrize("far", ["1E+400000", "9E+999999999", "-9E-999999999"])
def test_what_no_calculation_reaches_is_shown_as_it_is(far: str) -> None:
    finding = _finding(far, ">= 0.85", champion=far)

    assert (numbers.short(far, "0.85"), numbers.candidate(finding)) == (far, far)
    assert (numbers.difference(finding), numbers.distance(finding)) == (None, "")
    assert numbers.distance(_finding("0.9", f">= {far}")) == ""
