"""The rows of a verdict as people read them, for every form in which one is shown: text, Markdown and pages.

Numbers have the digits that people need; what programs read keeps all of them.
"""

from collections.abc import Sequence
from typing import Final

from modelalias.api.fields import Value
from modelalias.api.gates import Enforcement
from modelalias.api.request_status import Check, Finding, GateResult, PromotionRequestStatus
from modelalias.core.judging import numbers

ELIGIBILITY: Final = "eligibility"
"""The name of a row that is a rule of eligibility and no gate."""
_ADVISES: Final = "advises only"


class VerdictRow(Value):
    """One rule with its result, and the values that it was judged on; "" and None where there are none."""

    name: str
    result: GateResult
    rule: str
    metric: str = ""
    candidate: str | None = None
    champion: str | None = None
    difference: str | None = None
    """The candidate's value less the champion's, with its sign."""
    dataset: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The remarks as one text."""
        return "; ".join(self.remarks)


def rows(status: PromotionRequestStatus) -> Sequence[VerdictRow]:
    """Return a row for each rule of eligibility and each gate, in the order in which they were judged."""
    return [*map(of_check, status.eligibility), *map(of_finding, status.gates)]


def of_check(check: Check) -> VerdictRow:
    """Return a rule of eligibility as a row."""
    return VerdictRow(
        name=ELIGIBILITY, result=check.result, rule=check.rule, remarks=_without_empty(check.message)
    )


def of_finding(finding: Finding) -> VerdictRow:
    """Return a gate as a row."""
    advice = _ADVISES if finding.enforcement == Enforcement.ADVISE else ""
    return VerdictRow(
        name=finding.name,
        result=finding.result,
        rule=numbers.rule(finding),
        metric=finding.metric,
        candidate=numbers.candidate(finding),
        champion=numbers.champion(finding),
        difference=numbers.difference(finding),
        dataset=finding.dataset or "",
        remarks=_without_empty(advice, finding.message, numbers.distance(finding)),
    )


def _without_empty(*texts: str) -> tuple[str, ...]:
    return tuple(filter(None, texts))
