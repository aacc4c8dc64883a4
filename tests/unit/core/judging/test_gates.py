"""Gates: what holds for all numbers and all data. Worked cases stand in test_gate_cases.py."""

from datetime import UTC, datetime
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from modelalias.api.gates import DatasetRule, Direction, Gate, MetricSource, Mode, OnMissing, OnNoChampion
from modelalias.api.request import Finding, GateResult
from modelalias.core.judging import gates, metrics
from modelalias.core.judging.metrics import Reading, Readings
from modelalias.ports import Dataset
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
    pytest.param(Decimal("1E+308"), id="a stand-in for infinity"),
    pytest.param(Decimal("-1E+308"), id="a stand-in for minus infinity"),
]
WHEN_MISSING = {OnMissing.FAIL: GateResult.FAILED, OnMissing.INCONCLUSIVE: GateResult.INCONCLUSIVE}

numbers = st.one_of(
    st.integers(-20, 20).map(
        lambda tenths: Decimal(tenths).scaleb(-1)
    ),  # often equal, often beside each other
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: Decimal(repr(value))),
)
distances = st.one_of(
    st.integers(0, 20).map(lambda tenths: Decimal(tenths).scaleb(-1)),
    st.floats(0, 1e6, allow_nan=False).map(lambda value: Decimal(repr(value))),
)
finite = st.floats(-9.9e307, 9.9e307).map(lambda value: Decimal(repr(value)))
finite_distances = st.floats(0, 9.9e307).map(lambda value: Decimal(repr(value)))
unusable = st.sampled_from([None, Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
datasets = st.lists(
    st.builds(Dataset, name=st.sampled_from(["val", "test"]), digest=st.sampled_from(["", "1", "2"])),
    max_size=2,
)
"""Empty: not known; an empty digest: a dataset of which nobody knows what it holds."""
any_reading = st.builds(Reading, value=st.one_of(numbers, unusable), datasets=datasets.map(tuple))
usable_reading = st.builds(Reading, value=numbers, datasets=datasets.map(tuple))
any_readings = st.lists(any_reading, min_size=1, max_size=3).map(tuple)


@st.composite
def rules(draw: st.DrawFn, number: Any = numbers, distance: Any = distances) -> Gate:
    if draw(st.booleans()):
        return _gate(draw(st.sampled_from(Direction)), threshold=draw(number))
    return _versus(draw, draw(st.sampled_from(Mode)), distance)


@st.composite
def relative_rules(draw: st.DrawFn) -> Gate:
    return _versus(draw, Mode.RELATIVE, distances)


@st.composite
def versus_rules(draw: st.DrawFn) -> Gate:
    return _versus(draw, draw(st.sampled_from(Mode)), distances)


def _versus(draw: st.DrawFn, mode: Mode, distance: Any) -> Gate:
    kind = draw(st.sampled_from(["min_improvement", "max_regression"]))
    return _gate(draw(st.sampled_from(Direction)), champion={kind: draw(distance), "mode": mode})


def _gate(direction: Direction, **fields: Any) -> Gate:
    return Gate.model_validate({"name": "auc", "metric": "auc", "direction": direction, **fields})


def _with(rule: Gate, **fields: Any) -> Gate:
    return rule.model_copy(update=fields)


def _judge(rule: Gate, candidate: Decimal | None, champion: Decimal | None) -> Finding:
    return _judge_readings(rule, (Reading(value=candidate),), (Reading(value=champion),))


def _judge_readings(rule: Gate, candidate: Readings, champion: Readings | None) -> Finding:
    return gates.judge_one(rule, candidate, champion, NOW, has_champion=True)


def _mirrored(rule: Gate) -> Gate:
    """Return the gate that asks the same of the negated metric."""
    turned = Direction.LOWER if rule.direction is Direction.HIGHER else Direction.HIGHER
    threshold = None if rule.threshold is None else -rule.threshold
    return _with(rule, direction=turned, threshold=threshold)


def _known(reading: Reading) -> frozenset[tuple[str, str]]:
    """Return the names and digests of a reading's data, none when it leaves one open: said again in the test's
    own words."""
    data = reading.datasets
    return frozenset((item.name, item.digest) for item in data if all(other.digest for other in data))


# Numbers


@given(rules(), numbers, numbers, numbers)
def test_a_better_candidate_never_does_worse(
    rule: Gate, one: Decimal, other: Decimal, champion: Decimal
) -> None:
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

    finding = _judge(
        _gate(direction, champion={"max_regression": regression, "mode": mode}), champion, champion
    )

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


@given(rules(finite, finite_distances), finite, finite)
@example(
    _gate(Direction.HIGHER, champion={"min_improvement": Decimal("5E-324")}),
    Decimal("9.9E+307"),
    Decimal("9.9E+307"),
)
@example(
    _gate(Direction.LOWER, champion={"min_improvement": Decimal("5E-324")}),
    Decimal("9.9E+307"),
    Decimal("9.9E+307"),
)
def test_the_result_is_that_of_exact_fractions(rule: Gate, candidate: Decimal, champion: Decimal) -> None:
    assume(rule.champion is None or rule.champion.mode is Mode.ABSOLUTE or champion != 0)
    sign = 1 if rule.direction is Direction.HIGHER else -1
    c, b = sign * Fraction(candidate), sign * Fraction(champion)
    if rule.champion is None:
        good = c >= sign * Fraction(rule.threshold or 0)
    else:
        scale = abs(b) if rule.champion.mode is Mode.RELATIVE else 1
        good = c >= b + scale * (
            Fraction(rule.champion.min_improvement or 0) - Fraction(rule.champion.max_regression or 0)
        )

    finding = _judge(rule, candidate, champion)

    assert finding.result is (GateResult.PASSED if good else GateResult.FAILED)
    assert finding.message == ""


@pytest.mark.parametrize("value", NOT_NUMBERS)
@given(rule=rules(), other=numbers, missing=st.sampled_from(OnMissing), none=st.sampled_from(OnNoChampion))
def test_what_is_not_a_number_never_passes(
    value: Decimal | None, rule: Gate, other: Decimal, missing: OnMissing, none: OnNoChampion
) -> None:
    rule = _with(rule, on_missing=missing, on_no_champion=none)

    first = gates.judge_one(rule, (Reading(value=value),), None, NOW, has_champion=False)
    as_candidate = _judge(rule, value, other)
    beside_zero = _judge(rule, value, Decimal(0))
    as_both = _judge(rule, value, value)

    assert {item.result for item in (first, as_candidate, beside_zero, as_both)} == {WHEN_MISSING[missing]}
    assert all(
        "the metric of the candidate" in item.message for item in (first, as_candidate, beside_zero, as_both)
    )
    if rule.champion is not None:
        as_champion = _judge(rule, other, value)
        assert as_champion.result is GateResult.INCONCLUSIVE, "the candidate cannot help it"
        assert "the metric of the champion" in as_champion.message


@pytest.mark.parametrize(("direction", "kind"), [*product(Direction, ["min_improvement", "max_regression"])])
def test_a_relative_distance_to_zero_is_inconclusive(direction: Direction, kind: str) -> None:
    rule = _gate(direction, champion={kind: Decimal("0.1"), "mode": Mode.RELATIVE})

    for candidate in ("-1", "0", "1"):
        finding = _judge(rule, Decimal(candidate), Decimal(0))

        assert finding.result is GateResult.INCONCLUSIVE
        assert "champion of 0" in finding.message


# Data


@given(rules(), usable_reading, usable_reading)
def test_same_as_champion_never_passes_on_other_or_unknown_data(
    rule: Gate, candidate: Reading, champion: Reading
) -> None:
    alike = _known(candidate) == _known(champion) != frozenset()

    finding = _judge_readings(_with(rule, dataset=DatasetRule.SAME), (candidate,), (champion,))

    if alike:
        assert finding.result is _judge_readings(rule, (candidate,), (champion,)).result
    else:
        assert finding.result is GateResult.INCONCLUSIVE
        assert "data" in finding.message


@given(versus_rules(), usable_reading, usable_reading, st.sampled_from(DatasetRule))
def test_two_evaluations_are_compared_only_on_equal_digests(
    rule: Gate, candidate: Reading, champion: Reading, dataset: DatasetRule
) -> None:
    alike = _known(candidate) == _known(champion) != frozenset()

    finding = _judge_readings(
        _with(rule, metric_from=MetricSource.EVALUATION, dataset=dataset), (candidate,), (champion,)
    )

    assert finding.result is (
        _judge_readings(rule, (candidate,), (champion,)).result if alike else GateResult.INCONCLUSIVE
    )


@given(numbers, usable_reading, usable_reading)
def test_an_evaluation_gate_with_a_threshold_of_its_own_may_be_judged_on_any_data(
    threshold: Decimal, candidate: Reading, champion: Reading
) -> None:
    rule = _gate(Direction.HIGHER, threshold=threshold, metric_from=MetricSource.EVALUATION)

    finding = _judge_readings(rule, (candidate,), (champion,))

    assert candidate.value is not None
    assert finding.result is (GateResult.PASSED if candidate.value >= threshold else GateResult.FAILED)


@given(
    rules(), any_readings, any_readings, st.sampled_from(DatasetRule), st.sampled_from(OnMissing), st.data()
)
def test_the_order_of_the_readings_does_not_matter(
    rule: Gate,
    candidate: Readings,
    champion: Readings,
    dataset: DatasetRule,
    missing: OnMissing,
    data: st.DataObject,
) -> None:
    rule = _with(rule, dataset=dataset, on_missing=missing)
    shuffled = [tuple(data.draw(st.permutations(side))) for side in (candidate, champion)]

    assert _judge_readings(rule, *shuffled) == _judge_readings(rule, candidate, champion)


@given(
    rules(),
    st.lists(any_reading, min_size=2, max_size=3).map(tuple),
    any_readings,
    st.sampled_from(OnMissing),
)
def test_a_candidate_on_several_datasets_is_inconclusive(
    rule: Gate, candidate: Readings, champion: Readings, missing: OnMissing
) -> None:
    rule = _with(rule, on_missing=missing)

    beside = _judge_readings(rule, candidate, champion)
    alone = gates.judge_one(rule, candidate, None, NOW, has_champion=False)

    assert {beside.result, alone.result} == {GateResult.INCONCLUSIVE}
    assert beside.message.startswith("the candidate was measured on several datasets (")
    assert alone.message == beside.message


@given(
    versus_rules(),
    usable_reading,
    st.lists(any_reading, min_size=2, max_size=3).map(tuple),
    st.sampled_from(OnMissing),
)
def test_a_champion_on_several_datasets_is_inconclusive(
    rule: Gate, candidate: Reading, champion: Readings, missing: OnMissing
) -> None:
    finding = _judge_readings(_with(rule, on_missing=missing), (candidate,), champion)

    assert finding.result is GateResult.INCONCLUSIVE
    assert finding.message.startswith("the champion was measured on several datasets (")


@given(any_readings, any_readings, st.sampled_from(OnMissing), st.sampled_from(MetricSource))
def test_a_gate_that_does_not_ask_for_the_champion_does_not_look_at_it(
    candidate: Readings, champion: Readings, missing: OnMissing, source: MetricSource
) -> None:
    rule = gate(onMissing=missing, metricFrom=source)

    assert not gates.asks_champion(rule)
    assert _judge_readings(rule, candidate, champion) == _judge_readings(rule, candidate, None)


@pytest.mark.parametrize(
    "fields", [{"champion": {"minImprovement": 0}}, {"dataset": "SameAsChampion"}], ids=str
)
def test_a_gate_that_asks_for_the_champion_never_passes_without_its_readings(fields: dict[str, Any]) -> None:
    rule = gate(**fields)

    finding = _judge_readings(
        rule, (Reading(value=Decimal(1), datasets=(Dataset(name="val", digest="1"),)),), None
    )

    assert gates.asks_champion(rule)
    assert finding.result in {GateResult.FAILED, GateResult.INCONCLUSIVE}
    assert "of the champion" in finding.message


@given(rules(), st.sampled_from(OnMissing), st.one_of(st.none(), numbers), numbers)
def test_what_cannot_be_judged_at_all_is_inconclusive_whatever_the_gate_says_of_missing_metrics(
    rule: Gate, missing: OnMissing, value: Decimal | None, other: Decimal
) -> None:
    unclear = (Reading(value=value, note="Job a failed", unclear=True),)

    finding = _judge_readings(_with(rule, on_missing=missing), unclear, (Reading(value=other),))

    assert (finding.result, finding.message) == (GateResult.INCONCLUSIVE, "Job a failed")


# What is told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, None),
        (Decimal("0.10"), "0.1"),
        (Decimal(100), "100"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("-1E-11"), "-0.00000000001"),
        (Decimal("1E-12"), "1E-12"),
        (Decimal("1E-20"), "1E-20"),
        (Decimal("1E+14"), "100000000000000"),
        (Decimal("1E+15"), "1E+15"),
        (Decimal("1E+20"), "1E+20"),
        (Decimal(0), "0"),
        (Decimal("-0.0"), "0"),
        (Decimal("NaN"), "NaN"),
        (Decimal("sNaN"), "NaN"),
        (Decimal("Infinity"), "Infinity"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("1.7976931348623155E+308"), "1.7976931348623155E+308"),
        (Decimal("1.7976931348623157E+308"), "Infinity"),
        (Decimal("-1.7976931348623157E+308"), "-Infinity"),
    ],
    ids=str,
)
def test_numbers_are_written_as_people_do(value: Decimal | None, words: str | None) -> None:
    assert gates.text(value) == words


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    rules(),
)
@example(9.9e307, 5e-324, _gate(Direction.HIGHER, champion={"min_improvement": Decimal("5e-324")}))
@example(
    9.9e307,
    5e-324,
    _gate(Direction.HIGHER, champion={"min_improvement": Decimal("1.7e308"), "mode": Mode.RELATIVE}),
)
def test_every_finding_fits_into_status(candidate: float, champion: float, rule: Gate) -> None:
    finding = _judge(rule, Decimal(repr(candidate)), Decimal(repr(champion)))

    assert Finding.model_validate(finding.model_dump()) == finding


@pytest.mark.parametrize("dataset", ["Any", "SameAsChampion"])
def test_long_words_are_cut_to_what_status_takes(dataset: str) -> None:
    rule = gate(dataset=dataset)
    long = tuple(Dataset(name="n" * 500, digest=str(number) * 36) for number in range(4))
    noted = metrics.missing("x" * 3000)

    told = _judge_readings(rule, (Reading(value=Decimal(1), datasets=long),), (Reading(),))
    failed = _judge_readings(rule, noted, noted)
    skipped = gates.skipped(rule, "y" * 3000, NOW)

    other = tuple(item.model_copy(update={"digest": f"{item.digest}0"}) for item in long)
    told_other = _judge_readings(rule, (Reading(value=Decimal(1), datasets=other),), (Reading(),))
    assert told.dataset is not None
    assert told.dataset[:1000] == metrics.named(long)[:1000]
    assert len(told.dataset) <= 1024
    assert told.dataset != told_other.dataset, "the evidence rests on it"
    assert failed.message == "x" * 1024
    assert skipped.message == "y" * 1024


def test_gates_are_judged_by_their_names() -> None:
    rules = [gate(name="floor"), gate(name="best", champion={"minImprovement": 0.01})]
    sides = [{"floor": Decimal("0.9"), "best": Decimal("0.8")}, {"best": Decimal("0.79")}]
    candidate, champion = ({name: (Reading(value=value),) for name, value in side.items()} for side in sides)

    floor, best = gates.judge(rules, candidate, champion, NOW)
    _, first = gates.judge(rules, candidate, None, NOW)

    assert (floor.name, floor.metric, floor.result, floor.champion) == ("floor", "val_auc", "Passed", None)
    assert (best.name, best.metric, best.result) == ("best", "val_auc", "Passed")
    assert (best.candidate, best.champion, best.evaluated_at) == ("0.8", "0.79", NOW)
    assert (first.result, first.champion, first.message) == (
        "Passed",
        None,
        "no version was accepted yet, so there is no champion",
    )


@pytest.mark.parametrize(
    ("result", "blocking", "advising"),
    [
        ("Passed", False, False),
        ("Failed", True, False),
        ("Inconclusive", True, False),
        ("Skipped", False, False),
    ],
)
def test_an_advisory_gate_never_blocks(result: str, blocking: bool, advising: bool) -> None:
    for enforcement, expected in (("Block", blocking), ("Advise", advising)):
        finding = gates.skipped(gate(enforcement=enforcement), "", NOW).model_copy(
            update={"result": GateResult(result)}
        )

        assert gates.blocks(finding) is expected


def test_the_findings_that_passed_are_counted_of_all() -> None:
    finding = gates.skipped(gate(), "", NOW)
    found = [finding.model_copy(update={"result": result}) for result in GateResult]

    assert gates.passed([]) == "0/0"
    assert gates.passed(found) == "1/4"
    assert gates.passed([*found, found[0]]) == "2/5"
