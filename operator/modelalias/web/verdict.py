"""A verdict as pages show it: a row for each gate and each rule, with the numbers that were judged. Pure."""

from collections.abc import Mapping
from typing import Final

from modelalias.api.alias import MetricSource, ModelAlias
from modelalias.api.request_status import Finding, GateResult, PromotionRequestStatus
from modelalias.cli import verdict_rows
from modelalias.cli.verdict_rows import VerdictRow
from modelalias.core.judging import gates, numbers
from modelalias.web import phases
from modelalias.web.phases import Badge, Tone
from modelalias.web.view import View

_SKIPPED: Final = "skipped"
NAMED: Final = 3
"""Gates whose numbers stand in the one line."""
_TONES: Final[Mapping[GateResult, Tone]] = {
    GateResult.PASSED: Tone.GOOD,
    GateResult.FAILED: Tone.BAD,
    GateResult.INCONCLUSIVE: Tone.ASKS,
    GateResult.SKIPPED: Tone.QUIET,
}


class Number(View):
    """A number as people read it, and with every digit that was judged."""

    text: str
    exact: str


class JudgedGate(View):
    """A gate with its numbers."""

    name: str
    metric: str
    candidate: Number | None
    champion: Number | None
    difference: str | None
    rule: str
    exact_rule: str
    dataset: str
    result: Badge
    remarks: tuple[str, ...] = ()


class JudgedRule(View):
    """A rule of eligibility with its result."""

    rule: str
    result: Badge
    message: str


class Verdict(View):
    """What was judged, and on which numbers."""

    version: str | None
    champion: str | None
    named: str | None
    """The version that the registry's alias names, where it is another one."""
    passed: str
    """How many gates passed, in words."""
    gates: tuple[JudgedGate, ...]
    rules: tuple[JudgedRule, ...]
    evidence: str | None


def verdict(status: PromotionRequestStatus, alias: ModelAlias | None = None) -> Verdict:
    """Return the verdict of a request, as far as it has come; `alias` knows on which numbers the champion was accepted."""
    resolved, known = status.resolved, _known(status, alias)
    return Verdict(
        version=resolved.version if resolved else None,
        champion=resolved.champion if resolved else None,
        named=resolved.named if resolved else None,
        passed=_passed(status),
        gates=tuple(_with_known(gate(item), known) for item in status.gates),
        rules=tuple(
            JudgedRule(rule=item.rule, result=result(item.result), message=item.message)
            for item in status.eligibility
        ),
        evidence=resolved.evidence if resolved else None,
    )


def _known(status: PromotionRequestStatus, alias: ModelAlias | None) -> Mapping[str, str]:
    """Return the champion's numbers by the gates that read the run's metrics; none where it is not current any more."""
    current = None if alias is None else alias.status.current
    if (
        alias is None
        or current is None
        or status.resolved is None
        or status.resolved.champion != current.version
    ):
        return {}
    values = {item.metric: item.value for item in current.judged}
    gates_of_run = (item for item in alias.spec.policy.gates if item.metric_from is MetricSource.RUN)
    return {item.name: values[item.metric] for item in gates_of_run if item.metric in values}


def _with_known(row: JudgedGate, known: Mapping[str, str]) -> JudgedGate:
    exact = known.get(row.name)
    if row.champion is not None or exact is None:
        return row
    remarks = (*row.remarks, "champion's value as it was accepted; the gate does not compare")
    return row.changed(champion=Number(text=numbers.short(exact), exact=exact), remarks=remarks)


def result(of: GateResult) -> Badge:
    """Return the badge of a result."""
    return phases.badge(of.value, _TONES[of])


def in_one_line(status: PromotionRequestStatus) -> str:
    """Return the verdict as one line with its first numbers: those that did not pass come first."""
    if not status.gates:
        return "no gates" if status.resolved and status.resolved.evidence else "not judged"
    ordered = sorted(status.gates, key=lambda item: not gates.blocks(item))
    numbers = [_numbers(verdict_rows.of_finding(item)) for item in ordered[:NAMED]]
    more = len(ordered) - len(numbers)
    return f"{_passed(status)}: {', '.join(numbers)}{f', and {more} more' if more else ''}"


def _passed(status: PromotionRequestStatus) -> str:
    if not status.gates:
        return ""
    passed = gates.passed(status.gates)
    return "gates skipped" if passed == _SKIPPED else f"{passed} gates passed"


def _numbers(row: VerdictRow) -> str:
    against = "" if row.champion is None else f" against {row.champion}"
    return f"{row.name} {row.candidate or 'without a value'}{against}"


def gate(finding: Finding) -> JudgedGate:
    """Return a gate with its numbers."""
    row = verdict_rows.of_finding(finding)
    return JudgedGate(
        name=row.name,
        metric=row.metric,
        candidate=_number(row.candidate, finding.candidate),
        champion=_number(row.champion, finding.champion),
        difference=row.difference,
        rule=row.rule,
        exact_rule=finding.rule,
        dataset=row.dataset,
        result=result(row.result),
        remarks=(*row.remarks, *([finding.compared_with] if finding.compared_with else [])),
    )


def _number(text: str | None, exact: str | None) -> Number | None:
    return None if text is None or exact is None else Number(text=text, exact=exact)
