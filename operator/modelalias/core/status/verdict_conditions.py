"""The conditions that tell how far a request's verdict is: Resolved, Eligible, GatesPassed, Approved."""

from collections.abc import Iterator

from modelalias.api.conditions import Reason, RequestCondition, Status
from modelalias.api.request import Finding, GateResult
from modelalias.core.judging import eligibility, gates
from modelalias.core.protocol.answers import VerdictSoFar
from modelalias.core.status.new_condition import NewCondition


def of_verdict(so_far: VerdictSoFar) -> Iterator[NewCondition]:
    """Return a condition for each step of the verdict that is known."""
    yield from _resolved(so_far)
    yield from _eligible(so_far)
    yield from _approved(so_far)
    yield from _gates_passed(so_far)


def _resolved(so_far: VerdictSoFar) -> Iterator[NewCondition]:
    resolved = so_far.resolved
    if resolved is None:
        return
    source, version = resolved.from_, f"version {resolved.version}"
    message = source if source == version else f"{source} is {version}"
    yield NewCondition(RequestCondition.RESOLVED, True, Reason.RESOLVED, message)


def _eligible(so_far: VerdictSoFar) -> Iterator[NewCondition]:
    kind, checks = RequestCondition.ELIGIBLE, so_far.checks
    if not checks:
        return
    refused, unclear = eligibility.refused(checks), eligibility.unclear(checks)
    message = "; ".join(eligibility.sentence(item) for item in refused or unclear)
    if refused:
        yield NewCondition(kind, False, Reason.NOT_ELIGIBLE, message)
    elif unclear:
        yield NewCondition(kind, Status.UNKNOWN, Reason.INCONCLUSIVE, message)
    else:
        yield NewCondition(kind, True, Reason.ELIGIBLE, f"{len(checks)} of {len(checks)} rules are met")


def _approved(so_far: VerdictSoFar) -> Iterator[NewCondition]:
    given = so_far.approvals
    if given is None:
        return
    if given.valid >= given.required:
        message = f"approved by {', '.join(given.by)}"
        yield NewCondition(RequestCondition.APPROVED, True, Reason.APPROVED, message)
    else:
        message = f"{given.valid} of {given.required} approvals"
        yield NewCondition(RequestCondition.APPROVED, False, Reason.AWAITING_APPROVAL, message)


def _gates_passed(so_far: VerdictSoFar) -> Iterator[NewCondition]:
    kind = RequestCondition.GATES_PASSED
    if so_far.findings:
        yield _of_findings(so_far.findings)
    elif so_far.resolved is not None and so_far.resolved.evidence is not None:
        if eligibility.refused(so_far.checks):
            yield NewCondition(kind, Status.UNKNOWN, Reason.NOT_ELIGIBLE, "not judged")
        else:
            yield NewCondition(kind, True, Reason.GATES_PASSED, "there are no gates")


def _of_findings(findings: tuple[Finding, ...]) -> NewCondition:
    kind = RequestCondition.GATES_PASSED
    skipped = {item.message for item in findings if item.result is GateResult.SKIPPED}
    if len(skipped) == 1 and all(item.result is GateResult.SKIPPED for item in findings):
        return NewCondition(kind, Status.UNKNOWN, Reason.SKIPPED, f"not judged: {skipped.pop()}")
    refused = [item for item in findings if gates.blocks(item)]
    unclear = bool(refused) and all(item.result is GateResult.INCONCLUSIVE for item in refused)
    reason = Reason.INCONCLUSIVE if unclear else Reason.GATES_FAILED if refused else Reason.GATES_PASSED
    message = "; ".join(gates.sentence(item) for item in refused) or f"{gates.passed(findings)} passed"
    return NewCondition(kind, not refused, reason, message)
