"""What is counted of a status that was written: the difference to the one before, so that nothing counts twice.

An end that was seen again, after a restart or in a listing, makes no difference, and counts for nothing.
"""

from collections.abc import Iterable

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.conditions import Reason, RequestCondition, find, is_true
from modelalias.api.request import ApprovalDecision, Finding, PromotionRequest, PromotionRequestStatus
from modelalias.ports.telemetry import TIMED, RequestEnd, Telemetry


def of_request(telemetry: Telemetry, request: PromotionRequest, after: PromotionRequestStatus) -> None:
    """Count what a request came to since its status before: a phase, a verdict, approvals, its end."""
    before, namespace = request.status, request.metadata.namespace
    complete = find(after.conditions, RequestCondition.COMPLETE)
    ends = is_true(after.conditions, RequestCondition.COMPLETE) and not is_true(
        before.conditions, RequestCondition.COMPLETE
    )
    reason = "" if complete is None else complete.reason
    if ends and reason == Reason.ALREADY_PROCESSED:
        return
    _phase(telemetry, before, after)
    _gates(telemetry, namespace, before.gates, after.gates)
    known = () if before.approvals is None else before.approvals.by
    for _ in set(() if after.approvals is None else after.approvals.by) - set(known):
        telemetry.approval_counted(namespace, str(ApprovalDecision.APPROVE))
    if not ends:
        return
    if reason == Reason.DECLINED:
        telemetry.approval_counted(namespace, str(ApprovalDecision.REJECT))
    created, at = request.metadata.creation_timestamp, after.completed_at
    seconds = None if created is None or at is None else (at - created).total_seconds()
    # a dry run that is refused has the reason of a refusal, and is no promotion that failed
    counted = Reason.DRY_RUN if request.spec.dry_run else reason
    telemetry.request_ended(
        RequestEnd(namespace, str(request.spec.operation), str(after.phase), str(counted), seconds)
    )


def of_alias(telemetry: Telemetry, alias: ModelAlias, after: ModelAliasStatus) -> None:
    """Count what an alias came to since its status before: a move, and the verdict on a pin."""
    before, namespace = alias.status, alias.metadata.namespace
    if after.history and after.history[-1:] != before.history[-1:]:
        entry = after.history[-1]
        telemetry.moved(namespace, str(entry.operation), str(entry.outcome))
    known = () if before.pin is None or after.pin is None else before.pin.gates
    _gates(telemetry, namespace, known, () if after.pin is None else after.pin.gates)


def _phase(telemetry: Telemetry, before: PromotionRequestStatus, after: PromotionRequestStatus) -> None:
    since, until = before.phase_since, after.phase_since
    if before.phase == after.phase or before.phase not in TIMED or since is None or until is None:
        return
    telemetry.phase_left(str(before.phase), (until - since).total_seconds())


def _gates(telemetry: Telemetry, namespace: str, before: Iterable[Finding], after: Iterable[Finding]) -> None:
    known = {_verdict(item) for item in before}
    for item in after:
        if _verdict(item) not in known:
            telemetry.judged(namespace, str(item.result), item.enforcement)


def _verdict(finding: Finding) -> tuple[object, ...]:
    """Return what makes a finding another one; not when it was judged."""
    return (
        finding.name,
        finding.result,
        finding.enforcement,
        finding.candidate,
        finding.champion,
        finding.rule,
    )
