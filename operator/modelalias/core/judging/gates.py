"""Gates: whether a candidate's numbers are good enough, alone or beside the champion's.

With c the candidate's value and b the champion's: HigherIsBetter asks for `c >= threshold`, `c >= b +
minImprovement` or `c >= b - maxRegression`; Relative scales the distance by |b|; LowerIsBetter is the mirror
image. Equality passes. A value that is missing or not finite never passes. Arithmetic is decimal, on the
numbers as they were written.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Context, Decimal, localcontext
from typing import Final

from modelalias.api.gates import (
    DatasetRule,
    Direction,
    Enforcement,
    Gate,
    MetricSource,
    Mode,
    OnMissing,
    OnNoChampion,
    Versus,
)
from modelalias.api.request_status import Finding, GateResult
from modelalias.core.judging import metrics, numbers
from modelalias.core.judging.metrics import Pair, Readable, Readings

LARGEST: Final = Decimal("1.7976931348623157E+308")
"""What MLflow's SQL stores for infinity."""

UNBELIEVABLE: Final = Decimal("1E+308")
"""From this size on a metric is a stand-in for infinity, MLflow's or somebody's own, and no measurement."""

_LONGEST_DATA: Final = 1024

_EXACT: Final = Context(prec=700)
"""Wide enough for the exact sum of any two doubles that people gate on, and for a scaled one."""

_ON_MISSING: Final = {OnMissing.FAIL: GateResult.FAILED, OnMissing.INCONCLUSIVE: GateResult.INCONCLUSIVE}
_ON_NO_CHAMPION: Final = {
    OnNoChampion.PASS: GateResult.PASSED,
    OnNoChampion.FAIL: GateResult.FAILED,
    OnNoChampion.INCONCLUSIVE: GateResult.INCONCLUSIVE,
}


def is_usable(value: Decimal | None) -> bool:
    """Return whether a metric's value can be compared: present, finite, and no stand-in for infinity."""
    return value is not None and value.is_finite() and value.copy_abs() < UNBELIEVABLE


def text(value: Decimal | None) -> str | None:
    """Write a number as people do: plain where it is short, with an exponent where it is not."""
    if value is None:
        return None
    if not value.is_finite():
        return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"
    if value.copy_abs() >= LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    return numbers.text(value.normalize())  # as long as the field of a finding may be, outside of `_EXACT`


def judge(
    gates: Iterable[Gate], candidate: Readable, champion: Readable | None, now: datetime
) -> tuple[Finding, ...]:
    """Judge every gate on its readings; `champion` is None while no version was ever accepted."""
    return tuple(
        judge_one(
            gate,
            candidate[gate.name],
            None if champion is None else champion.get(gate.name),
            now,
            has_champion=champion is not None,
        )
        for gate in gates
    )


def judge_one(
    gate: Gate, candidate: Readings, champion: Readings | None, now: datetime, *, has_champion: bool
) -> Finding:
    """Judge one gate; the champion's readings may be left out where the gate does not ask for them."""
    asked = (champion or metrics.missing("")) if has_champion and asks_champion(gate) else None
    compared = metrics.pair(candidate, asked, needed_data(gate))
    with localcontext(_EXACT):
        result, rule, message = _verdict(gate, compared, has_champion=has_champion)
    other = compared.champion if gate.champion is not None else None
    return Finding(
        name=gate.name,
        result=result,
        metric=gate.metric,
        candidate=text(compared.candidate.value),
        champion=None if other is None else text(other.value),
        rule=rule,
        enforcement=gate.enforcement,
        dataset=_data(compared),
        evaluated_at=now,
        compared_with=(other.note or None) if other is not None and is_usable(other.value) else None,
        message=message,
    )


def _data(compared: Pair) -> str | None:
    """Name the data of the candidate, and that of the champion where it is other data."""
    own = metrics.named(compared.candidate.datasets)
    other = own if compared.champion is None else metrics.named(compared.champion.datasets)
    data = own if other == own else f"{own or 'unknown'}; champion: {other or 'unknown'}"
    if len(data) > _LONGEST_DATA:  # the evidence rests on it, so that what is cut off still counts
        data = f"{data[: _LONGEST_DATA - 20]}... {hashlib.sha256(data.encode()).hexdigest()[:16]}"
    return data or None


def skipped(gate: Gate, why: str, now: datetime) -> Finding:
    """Say that a gate was not judged."""
    rule, _ = _rule(gate, None)
    return Finding(
        name=gate.name,
        result=GateResult.SKIPPED,
        metric=gate.metric,
        rule=rule,
        enforcement=gate.enforcement,
        evaluated_at=now,
        message=why,
    )


def asks_champion(gate: Gate) -> bool:
    """Return whether the gate looks at the champion: at its value, or at the data that it was measured on."""
    return gate.champion is not None or gate.dataset is DatasetRule.SAME


def needed_data(gate: Gate) -> DatasetRule:
    """Return the rule on datasets: a comparison of two evaluations is always one on the same data."""
    evaluated = gate.metric_from is MetricSource.EVALUATION and gate.champion is not None
    return DatasetRule.SAME if evaluated else gate.dataset


def blocks(finding: Finding) -> bool:
    """Return whether the finding stops a promotion."""
    return (
        finding.result in {GateResult.FAILED, GateResult.INCONCLUSIVE}
        and finding.enforcement == Enforcement.BLOCK
    )


def passed(findings: Iterable[Finding]) -> str:
    """Return how many gates passed of all, as the printer column shows it; "skipped" where none was judged."""
    results = [item.result for item in findings]
    if results and all(item is GateResult.SKIPPED for item in results):
        return "skipped"
    return f"{results.count(GateResult.PASSED)}/{len(results)}"


def sentence(finding: Finding) -> str:
    """Return in words how a gate came out, with its numbers and by how much it was missed."""
    value = numbers.candidate(finding) or "missing"
    beside = f" ({finding.compared_with})" if finding.compared_with else ""
    if finding.message:
        return f"gate {finding.name}: {finding.metric} is {value}: {finding.message}{beside}"
    missed = numbers.distance(finding)
    verdict = f"gate {finding.name}: {finding.metric} {value} is not {numbers.rule(finding)}{beside}"
    return f"{verdict}, {missed}" if missed else verdict


def _verdict(gate: Gate, compared: Pair, *, has_champion: bool) -> tuple[GateResult, str, str]:
    candidate, champion = compared.candidate, compared.champion
    rule, bar = _rule(gate, None if champion is None else champion.value)
    asked = (("candidate", candidate), ("champion", champion if gate.champion is not None else None))
    for side, reading in asked:
        if reading is not None and (reading.unclear or not is_usable(reading.value)):
            unclear = reading.unclear or side == "champion"  # which the candidate cannot help
            result = GateResult.INCONCLUSIVE if unclear else _ON_MISSING[gate.on_missing]
            return result, rule, reading.note or _missing(side, reading.value)
    if compared.problem:
        return GateResult.INCONCLUSIVE, rule, compared.problem
    if gate.champion is not None and not has_champion:
        return (
            _ON_NO_CHAMPION[gate.on_no_champion],
            rule,
            "no version was accepted yet, so there is no champion",
        )
    if bar is None or candidate.value is None:
        return GateResult.INCONCLUSIVE, rule, "a relative distance to a champion of 0 means nothing"
    good = candidate.value >= bar if gate.direction is Direction.HIGHER else candidate.value <= bar
    return (GateResult.PASSED if good else GateResult.FAILED), rule, ""


def _rule(gate: Gate, champion: Decimal | None) -> tuple[str, Decimal | None]:
    """Return the rule in words, and the bar where the numbers give one."""
    if gate.champion is None:
        return f"{_sign(gate)} {text(gate.threshold)}", gate.threshold
    data = f"{_sign(gate)} champion {_distance(gate, gate.champion)}"
    if champion is None or not is_usable(champion) or (gate.champion.mode is Mode.RELATIVE and champion == 0):
        return data, None
    bar = _bar(gate, gate.champion, champion)
    return f"{_sign(gate)} {text(bar)} (champion {text(champion)} {_distance(gate, gate.champion)})", bar


def _bar(gate: Gate, versus: Versus, champion: Decimal) -> Decimal:
    scale = abs(champion) if versus.mode is Mode.RELATIVE else Decimal(1)
    distance = (
        versus.min_improvement if versus.min_improvement is not None else -_regression(versus)
    ) * scale
    return champion + distance if gate.direction is Direction.HIGHER else champion - distance


def _regression(versus: Versus) -> Decimal:
    return versus.max_regression if versus.max_regression is not None else Decimal("NaN")


def _sign(gate: Gate) -> str:
    return ">=" if gate.direction is Direction.HIGHER else "<="


def _distance(gate: Gate, versus: Versus) -> str:
    up = (versus.min_improvement is not None) == (gate.direction is Direction.HIGHER)
    amount = versus.min_improvement if versus.min_improvement is not None else _regression(versus)
    unit = " of it" if versus.mode is Mode.RELATIVE else ""
    return f"{'+' if up else '-'} {text(amount)}{unit}"


def _missing(side: str, value: Decimal | None) -> str:
    data = "was not logged" if value is None else f"is {text(value)}, which cannot be compared"
    return f"the metric of the {side} {data}"
