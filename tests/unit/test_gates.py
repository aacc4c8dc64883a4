"""Gates: what holds for all numbers, and worked cases that a person can check by hand."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from modelalias.api.gates import Direction, Gate, Mode, OnMissing, OnNoChampion
from modelalias.api.request import Finding, GateResult
from modelalias.core import gates
from tests.support.world import gate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOT_NUMBERS = [
    pytest.param(None, id="missing"),
    pytest.param(Decimal("NaN"), id="NaN"),
    pytest.param(Decimal("sNaN"), id="signalling NaN"),
    pytest.param(Decimal("Infinity"), id="infinity"),
    pytest.param(Decimal("-Infinity"), id="minus infinity"),
    pytest.param(Decimal("1.7976931348623157E+308"), id="what MLflow stores for infinity"),
    pytest.param(Decimal("-1.7976931348623157E+308"), id="what MLflow stores for minus infinity"),
]

numbers = st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: Decimal(repr(value)))
distances = st.floats(0, 1e6, allow_nan=False).map(lambda value: Decimal(repr(value)))


@st.composite
def rules(draw: st.DrawFn) -> Gate:
    if draw(st.booleans()):
        return _gate(draw(st.sampled_from(Direction)), threshold=draw(numbers))
    return _versus(draw, draw(st.sampled_from(Mode)))


@st.composite
def relative_rules(draw: st.DrawFn) -> Gate:
    return _versus(draw, Mode.RELATIVE)


def _versus(draw: st.DrawFn, mode: Mode) -> Gate:
    distance = draw(st.sampled_from(["min_improvement", "max_regression"]))
    return _gate(draw(st.sampled_from(Direction)), champion={distance: draw(distances), "mode": mode})


def _gate(direction: Direction, **fields: Any) -> Gate:
    return Gate.model_validate({"name": "auc", "metric": "auc", "direction": direction, **fields})


def _judge(rule: Gate, candidate: Decimal | None, champion: Decimal | None) -> Finding:
    return gates.judge_one(rule, candidate, champion, NOW, has_champion=True)


def _mirrored(rule: Gate) -> Gate:
    """Return the gate that asks the same of the negated metric."""
    turned = Direction.LOWER if rule.direction is Direction.HIGHER else Direction.HIGHER
    threshold = None if rule.threshold is None else -rule.threshold
    return rule.model_copy(update={"direction": turned, "threshold": threshold})


@given(rules(), numbers, numbers, numbers)
def test_a_better_candidate_never_does_worse(rule: Gate, one: Decimal, other: Decimal, champion: Decimal) -> None:
    worse, better = sorted((one, other), reverse=rule.direction is Direction.LOWER)

    passed = _judge(rule, worse, champion).result is GateResult.PASSED

    assert not passed or _judge(rule, better, champion).result is GateResult.PASSED


@given(rules(), numbers, numbers)
def test_lower_is_better_mirrors_higher_is_better(rule: Gate, candidate: Decimal, champion: Decimal) -> None:
    mirrored = _judge(_mirrored(rule), -candidate, -champion)

    assert mirrored.result is _judge(rule, candidate, champion).result


@given(st.sampled_from(Direction), distances, st.sampled_from(Mode), numbers)
def test_the_champions_own_value_passes_every_max_regression(
    direction: Direction, regression: Decimal, mode: Mode, champion: Decimal
) -> None:
    assume(mode is Mode.ABSOLUTE or champion != 0)

    finding = _judge(_gate(direction, champion={"max_regression": regression, "mode": mode}), champion, champion)

    assert finding.result is GateResult.PASSED


@given(relative_rules(), numbers, numbers, st.integers(-30, 30))
def test_scaling_both_values_leaves_relative_as_it_was(
    rule: Gate, candidate: Decimal, champion: Decimal, exponent: int
) -> None:
    scaled = _judge(rule, candidate.scaleb(exponent), champion.scaleb(exponent))

    assert scaled.result is _judge(rule, candidate, champion).result


@given(rules(), numbers)
@example(_gate(Direction.HIGHER, champion={"min_improvement": Decimal(0)}), Decimal("0.1"))
def test_the_bar_itself_passes_and_the_next_number_beyond_does_not(rule: Gate, champion: Decimal) -> None:
    assume(rule.champion is None or rule.champion.mode is Mode.ABSOLUTE or champion != 0)
    sign = 1 if rule.direction is Direction.HIGHER else -1
    with localcontext(prec=800):
        bar = rule.threshold if rule.threshold is not None else champion
        if rule.champion is not None:
            scale = abs(champion) if rule.champion.mode is Mode.RELATIVE else Decimal(1)
            worse = rule.champion.max_regression
            bar += sign * scale * (rule.champion.min_improvement or Decimal(0) if worse is None else -worse)
        beyond = bar - sign * Decimal("1E-60")

    assert _judge(rule, bar, champion).result is GateResult.PASSED
    assert _judge(rule, beyond, champion).result is GateResult.FAILED


@pytest.mark.parametrize("value", NOT_NUMBERS)
@given(rule=rules(), other=numbers, missing=st.sampled_from(OnMissing), none=st.sampled_from(OnNoChampion))
def test_what_is_not_a_number_never_passes(
    value: Decimal | None, rule: Gate, other: Decimal, missing: OnMissing, none: OnNoChampion
) -> None:
    rule = rule.model_copy(update={"on_missing": missing, "on_no_champion": none})
    wanted = {OnMissing.FAIL: GateResult.FAILED, OnMissing.INCONCLUSIVE: GateResult.INCONCLUSIVE}[missing]
    relative_to_zero = rule.champion is not None and rule.champion.mode is Mode.RELATIVE and other == 0

    first = gates.judge_one(rule, value, None, NOW, has_champion=False)
    as_candidate = _judge(rule, value, other)
    as_both = _judge(rule, value, value)

    assert first.result is wanted
    assert as_both.result is wanted
    assert as_candidate.result is (GateResult.INCONCLUSIVE if relative_to_zero else wanted)
    if rule.champion is not None:
        assert _judge(rule, other, value).result is wanted


@pytest.mark.parametrize(("none", "result"), [("Pass", "Passed"), ("Fail", "Failed"), ("Inconclusive", "Inconclusive")])
def test_without_a_champion_the_gate_says_what_counts(none: str, result: str) -> None:
    rule = gate(champion={"maxRegression": 0}, onNoChampion=none)

    finding = gates.judge_one(rule, Decimal("0.9"), None, NOW, has_champion=False)

    assert finding.result == result
    assert finding.message == "the alias names no champion yet"


@pytest.mark.parametrize(("direction", "kind"), [*product(Direction, ["min_improvement", "max_regression"])])
def test_a_relative_distance_to_zero_is_inconclusive(direction: Direction, kind: str) -> None:
    rule = _gate(direction, champion={kind: Decimal("0.1"), "mode": Mode.RELATIVE})

    for candidate in ("-1", "0", "1"):
        finding = _judge(rule, Decimal(candidate), Decimal(0))

        assert finding.result is GateResult.INCONCLUSIVE
        assert "champion of 0" in finding.message


@dataclass(frozen=True)
class Case:
    """A gate on written numbers, and what is said of them."""

    id: str
    rule: dict[str, Any]
    candidate: str
    champion: str
    result: str
    words: str


HIGHER, LOWER = {"direction": "HigherIsBetter"}, {"direction": "LowerIsBetter"}
CASES = [
    Case("at the threshold", {**HIGHER, "threshold": 0.85}, "0.85", "1", "Passed", ">= 0.85"),
    Case("under the threshold", {**HIGHER, "threshold": 0.85}, "0.8499", "1", "Failed", ">= 0.85"),
    Case("a loss at the threshold", {**LOWER, "threshold": 0.3}, "0.3", "1", "Passed", "<= 0.3"),
    Case("a loss over the threshold", {**LOWER, "threshold": 0.3}, "0.30000000000000004", "1", "Failed", "<= 0.3"),
    Case(
        "0.1 + 0.2 is 0.3",
        {**HIGHER, "champion": {"minImprovement": 0.2}}, "0.3", "0.1", "Passed", ">= 0.3 (champion 0.1 + 0.2)",
    ),
    Case(
        "0.3 - 0.1 is 0.2",
        {**LOWER, "champion": {"minImprovement": 0.1}}, "0.2", "0.3", "Passed", "<= 0.2 (champion 0.3 - 0.1)",
    ),
    Case(
        "improved by just enough",
        {**HIGHER, "champion": {"minImprovement": 0.002}}, "0.866", "0.864", "Passed", ">= 0.866 (champion 0.864 + 0.002)",
    ),
    Case(
        "improved by too little",
        {**HIGHER, "champion": {"minImprovement": 0.002}}, "0.8659", "0.864", "Failed", ">= 0.866 (champion 0.864 + 0.002)",
    ),
    Case(
        "worse within the tolerance",
        {**HIGHER, "champion": {"maxRegression": 0.01}}, "0.854", "0.864", "Passed", ">= 0.854 (champion 0.864 - 0.01)",
    ),
    Case(
        "worse beyond the tolerance",
        {**HIGHER, "champion": {"maxRegression": 0.01}}, "0.8539", "0.864", "Failed", ">= 0.854 (champion 0.864 - 0.01)",
    ),
    Case(
        "a loss worse within the tolerance",
        {**LOWER, "champion": {"maxRegression": 0.01}}, "0.31", "0.3", "Passed", "<= 0.31 (champion 0.3 + 0.01)",
    ),
    Case(
        "two percent better",
        {**HIGHER, "champion": {"minImprovement": 0.02, "mode": "Relative"}},
        "0.816", "0.8", "Passed", ">= 0.816 (champion 0.8 + 0.02 of it)",
    ),
    Case(
        "two percent better than a negative champion",
        {**HIGHER, "champion": {"minImprovement": 0.02, "mode": "Relative"}},
        "-0.784", "-0.8", "Passed", ">= -0.784 (champion -0.8 + 0.02 of it)",
    ),
    Case(
        "no worse than the champion",
        {**HIGHER, "champion": {"maxRegression": 0}}, "0.864", "0.864", "Passed", ">= 0.864 (champion 0.864 - 0)",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_worked_case(case: Case) -> None:
    rule = gate(**case.rule)

    finding = _judge(rule, Decimal(case.candidate), Decimal(case.champion))

    assert (finding.result, finding.rule) == (case.result, case.words)
    assert (finding.candidate, finding.champion) == (case.candidate, case.champion)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, None),
        (Decimal("0.10"), "0.1"),
        (Decimal(100), "100"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("1E-20"), "1E-20"),
        (Decimal("1E+20"), "1E+20"),
        (Decimal(0), "0"),
        (Decimal("-0.0"), "0"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("1.7976931348623157E+308"), "Infinity"),
    ],
    ids=str,
)
def test_numbers_are_written_as_people_do(value: Decimal | None, words: str | None) -> None:
    assert gates.text(value) == words


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False), rules())
@example(1.7e308, 5e-324, _gate(Direction.HIGHER, champion={"min_improvement": Decimal("5e-324")}))
@example(1.7e308, 5e-324, _gate(Direction.HIGHER, champion={"min_improvement": Decimal("1.7e308"), "mode": Mode.RELATIVE}))
def test_every_finding_fits_into_status(candidate: float, champion: float, rule: Gate) -> None:
    finding = _judge(rule, Decimal(repr(candidate)), Decimal(repr(champion)))

    assert Finding.model_validate(finding.model_dump()) == finding


def test_an_advisory_gate_never_blocks() -> None:
    rules = [gate(name=item, enforcement=item) for item in ("Block", "Advise")]

    findings = gates.judge(rules, {"val_auc": Decimal("0.1")}, None, NOW)

    assert [gates.blocks(item) for item in findings] == [True, False]
    assert gates.passed(findings) == "0/2"


def test_a_sentence_names_the_gate_the_metric_and_the_rule() -> None:
    failed, missing = (
        gates.judge([gate()], metrics, None, NOW)[0] for metrics in ({"val_auc": Decimal("0.8")}, {"acc": Decimal(1)})
    )

    assert gates.sentence(failed) == "gate auc: val_auc 0.8 is not >= 0.85"
    assert gates.sentence(missing) == "gate auc: val_auc is missing: the metric of the candidate was not logged"
