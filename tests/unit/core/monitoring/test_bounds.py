"""Bounds of monitors: worked cases, and what holds for all numbers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import Baseline, Direction, Mode, Monitor
from modelalias.core.monitoring import bounds
from tests.support.monitored import monitor

AT = datetime(2026, 3, 1, tzinfo=UTC)

numbers = st.one_of(
    st.integers(-20, 20).map(lambda tenths: Decimal(tenths).scaleb(-1)),
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: Decimal(repr(value))),
)
distances = st.integers(0, 20).map(lambda tenths: Decimal(tenths).scaleb(-1))


def _kept(value: object, version: str = "3") -> Baseline:
    return Baseline(version=version, value=str(value), at=AT)


@st.composite
def rules(draw: st.DrawFn) -> Monitor:
    fields: dict[str, Any] = {"direction": draw(st.sampled_from(Direction))}
    halves = draw(st.sampled_from([("threshold",), ("champion",), ("threshold", "champion")]))
    if "threshold" in halves:
        fields["threshold"] = draw(numbers)
    if "champion" in halves:
        fields["champion"] = {"maxRegression": draw(distances), "mode": draw(st.sampled_from(Mode))}
    return monitor(**fields)


def _mirrored(rule: Monitor) -> Monitor:
    turned = Direction.LOWER if rule.direction is Direction.HIGHER else Direction.HIGHER
    threshold = None if rule.threshold is None else -rule.threshold
    return rule.model_copy(update={"direction": turned, "threshold": threshold})


@pytest.mark.parametrize(
    ("fields", "kept", "value", "beyond", "rule"),
    [
        ({"threshold": 0.05}, None, "0.05", False, "<= 0.05"),
        ({"threshold": 0.05}, None, "0.0500000001", True, "<= 0.05"),
        ({"threshold": 0.9, "direction": "HigherIsBetter"}, None, "0.9", False, ">= 0.9"),
        ({"threshold": 0.9, "direction": "HigherIsBetter"}, None, "0.89", True, ">= 0.9"),
        (
            {"threshold": 0.05, "champion": {"maxRegression": 0.01}},
            "0.021",
            "0.031",
            False,
            "<= 0.05 and <= 0.031 (version 3: 0.021 + 0.01)",
        ),
        (
            {"threshold": 0.05, "champion": {"maxRegression": 0.01}},
            "0.021",
            "0.0311",
            True,
            "<= 0.05 and <= 0.031 (version 3: 0.021 + 0.01)",
        ),
        (
            {"threshold": 0.03, "champion": {"maxRegression": 0.01}},
            "0.021",
            "0.0305",
            True,
            "<= 0.03 and <= 0.031 (version 3: 0.021 + 0.01)",
        ),
        (
            {"champion": {"maxRegression": 0.1, "mode": "Relative"}, "direction": "HigherIsBetter"},
            "-2",
            "-2.2",
            False,
            ">= -2.2 (version 3: -2 - 0.1 of it)",
        ),
        (
            {"champion": {"maxRegression": 0.01}},
            None,
            "1e9",
            False,
            "<= the version before + 0.01 (nothing is known of it)",
        ),
        (
            {"threshold": 0.5, "champion": {"maxRegression": 0.1, "mode": "Relative"}},
            "0",
            "0.6",
            True,
            "<= 0.5 and <= version 3 + 0.1 of it (which is 0)",
        ),
    ],
)
def test_cases(fields: dict[str, Any], kept: str | None, value: str, beyond: bool, rule: str) -> None:
    baseline = None if kept is None else _kept(kept)

    judged = bounds.judge(monitor(**fields), Decimal(value), baseline)

    assert (judged.beyond, judged.rule) == (beyond, rule)
    assert bounds.rule(monitor(**fields), baseline) == rule


def test_a_relative_distance_to_zero_alone_is_no_verdict() -> None:
    rule = monitor(champion={"maxRegression": 0.1, "mode": "Relative"})

    judged = bounds.judge(rule, Decimal(5), _kept(0))

    assert judged.beyond is None
    assert "means nothing" in judged.why


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        float("inf"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("1.7976931348623157E+308"),
        "x",
    ],
)
def test_what_is_no_number(value: float | Decimal | str | None) -> None:
    assert bounds.number(value) is None


def test_a_float_is_the_shortest_decimal_that_names_it() -> None:
    assert bounds.number(0.1) == Decimal("0.1")
    assert bounds.number(0) == Decimal(0)


@given(rules(), numbers, numbers, numbers)
def test_a_better_reading_never_does_worse(
    rule: Monitor, one: Decimal, other: Decimal, kept: Decimal
) -> None:
    worse, better = sorted((one, other), reverse=rule.direction is Direction.LOWER)

    if bounds.judge(rule, better, _kept(kept)).beyond:
        assert bounds.judge(rule, worse, _kept(kept)).beyond


@given(rules(), numbers, numbers)
def test_the_mirror_image_says_the_same(rule: Monitor, value: Decimal, kept: Decimal) -> None:
    mirrored = bounds.judge(_mirrored(rule), -value, _kept(-kept))

    assert mirrored.beyond == bounds.judge(rule, value, _kept(kept)).beyond


@given(rules(), numbers)
def test_equality_passes(rule: Monitor, kept: Decimal) -> None:
    if rule.threshold is not None:
        alone = rule.model_copy(update={"champion": None})
        assert bounds.judge(alone, rule.threshold, None).beyond is False
    assert bounds.judge(rule.model_copy(update={"threshold": None}), kept, None).beyond is False


@given(rules(), numbers, numbers)
def test_both_halves_must_hold(rule: Monitor, value: Decimal, kept: Decimal) -> None:
    alone = [rule.model_copy(update={half: None}) for half in ("threshold", "champion")]
    halves = [item for item in alone if item.threshold is not None or item.champion is not None]

    each = [bounds.judge(item, value, _kept(kept)).beyond for item in halves]

    assert bool(bounds.judge(rule, value, _kept(kept)).beyond) == any(each)


@given(numbers, numbers)
def test_a_value_as_text_is_the_value(value: Decimal, other: Decimal) -> None:
    assert bounds.number(bounds.text(value)) == value
    assert len(bounds.text((value + other) / 2)) <= 64
