"""Gates: whether a candidate's numbers are good enough, alone or beside the champion's.

With c the candidate's value and b the champion's: HigherIsBetter asks for `c >= threshold`, `c >= b + minImprovement` or
`c >= b - maxRegression`; Relative scales the distance by |b|; LowerIsBetter is the mirror image. Equality passes. A value
that is missing or not finite never passes. Arithmetic is decimal, on the numbers as they were written.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal, localcontext
from typing import Final

from modelalias.api.alias import Direction, Enforcement, Gate, Mode, OnMissing, OnNoChampion, Versus
from modelalias.api.request import Finding, GateResult

LARGEST: Final = Decimal("1.7976931348623157E+308")
"""What MLflow's SQL stores for infinity; a metric of this size counts as infinite."""

_EXACT: Final = Context(prec=700)
"""Wide enough for the exact sum of any two doubles that people gate on, and for a scaled one."""

_ON_MISSING: Final = {OnMissing.FAIL: GateResult.FAILED, OnMissing.INCONCLUSIVE: GateResult.INCONCLUSIVE}
_ON_NO_CHAMPION: Final = {
    OnNoChampion.PASS: GateResult.PASSED,
    OnNoChampion.FAIL: GateResult.FAILED,
    OnNoChampion.INCONCLUSIVE: GateResult.INCONCLUSIVE,
}


def is_usable(value: Decimal | None) -> bool:
    """Say whether a metric's value can be compared: present, finite, and not MLflow's stand-in for infinity."""
    return value is not None and value.is_finite() and abs(value) < LARGEST


def text(value: Decimal | None) -> str | None:
    """Write a number as people do: plain where it is short, with an exponent where it is not."""
    if value is None:
        return None
    if not value.is_finite():
        return "NaN" if value.is_nan() else "Infinity" if value > 0 else "-Infinity"
    if abs(value) >= LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    short = value.normalize() if value else Decimal(0)  # and no negative zero
    return f"{short:f}" if -12 < short.adjusted() < 15 else str(short)  # noqa: PLR2004 - what still reads as a number


def judge(
    gates: Iterable[Gate], candidate: Mapping[str, Decimal], champion: Mapping[str, Decimal] | None, now: datetime
) -> tuple[Finding, ...]:
    """Judge every gate; `champion` is None while the alias names no version."""
    return tuple(
        judge_one(gate, candidate.get(gate.metric), None if champion is None else champion.get(gate.metric), now,
                  has_champion=champion is not None)
        for gate in gates
    )  # fmt: skip


def judge_one(
    gate: Gate, candidate: Decimal | None, champion: Decimal | None, now: datetime, *, has_champion: bool
) -> Finding:
    """Judge one gate on two values."""
    with localcontext(_EXACT):
        result, rule, message = _verdict(gate, candidate, champion, has_champion=has_champion)
    return Finding(
        name=gate.name,
        result=result,
        metric=gate.metric,
        candidate=text(candidate),
        champion=text(champion),
        rule=rule,
        enforcement=gate.enforcement,
        evaluated_at=now,
        message=message,
    )


def blocks(finding: Finding) -> bool:
    """Say whether the finding stops a promotion."""
    return finding.result in {GateResult.FAILED, GateResult.INCONCLUSIVE} and finding.enforcement == Enforcement.BLOCK


def passed(findings: Iterable[Finding]) -> str:
    """Return how many gates passed of all, as the printer column shows it."""
    results = [item.result for item in findings]
    return f"{results.count(GateResult.PASSED)}/{len(results)}"


def sentence(finding: Finding) -> str:
    """Say in words how a gate came out, with its numbers."""
    value = finding.candidate if finding.candidate is not None else "missing"
    if finding.message:
        return f"gate {finding.name}: {finding.metric} is {value}: {finding.message}"
    return f"gate {finding.name}: {finding.metric} {value} is not {finding.rule}"


def _verdict(
    gate: Gate, candidate: Decimal | None, champion: Decimal | None, *, has_champion: bool
) -> tuple[GateResult, str, str]:
    if gate.champion is None:
        bar = gate.threshold if gate.threshold is not None else Decimal("NaN")
        rule = f"{_sign(gate)} {text(bar)}"
    elif not has_champion:
        rule = f"{_sign(gate)} champion {_distance(gate, gate.champion)}"
        if candidate is None or not is_usable(candidate):
            return _ON_MISSING[gate.on_missing], rule, _missing("candidate", candidate)
        return _ON_NO_CHAMPION[gate.on_no_champion], rule, "the alias names no champion yet"
    elif champion is None or not is_usable(champion):
        rule = f"{_sign(gate)} champion {_distance(gate, gate.champion)}"
        return _ON_MISSING[gate.on_missing], rule, _missing("champion", champion)
    else:
        if gate.champion.mode is Mode.RELATIVE and champion == 0:
            rule = f"{_sign(gate)} champion {_distance(gate, gate.champion)}"
            return GateResult.INCONCLUSIVE, rule, "a relative distance to a champion of 0 means nothing"
        bar = _bar(gate, gate.champion, champion)
        rule = f"{_sign(gate)} {text(bar)} (champion {text(champion)} {_distance(gate, gate.champion)})"
    if candidate is None or not is_usable(candidate):
        return _ON_MISSING[gate.on_missing], rule, _missing("candidate", candidate)
    good = candidate >= bar if gate.direction is Direction.HIGHER else candidate <= bar
    return (GateResult.PASSED if good else GateResult.FAILED), rule, ""


def _bar(gate: Gate, versus: Versus, champion: Decimal) -> Decimal:
    scale = abs(champion) if versus.mode is Mode.RELATIVE else Decimal(1)
    distance = (versus.min_improvement if versus.min_improvement is not None else -_regression(versus)) * scale
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
    told = "was not logged" if value is None else f"is {text(value)}, which cannot be compared"
    return f"the metric of the {side} {told}"
