"""Telling a request's user: phase, explanation and conditions out of what was decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from modelalias.api.alias import HistoryEntry, ModelAlias, Outcome
from modelalias.api.conditions import Condition, Reason, Status, condition, find, merged
from modelalias.api.request import Finding, GateResult, Phase, PromotionRequest, PromotionRequestStatus
from modelalias.core.judging import eligibility, evaluation, gates
from modelalias.core.protocol.answers import Ended, Holds, Verdict, Waits
from modelalias.core.status import result

NAMED_PLACES: Final = 10
"""Requests whose place in the queue is told."""

_OF_A_PLAN = frozenset({"AliasUpdated", "RolledOut", "RolledBack", "Stalled"})
_PHASE = {
    Outcome.SUCCEEDED: Phase.SUCCEEDED,
    Outcome.FAILED: Phase.FAILED,
    Outcome.ROLLED_BACK: Phase.ROLLED_BACK,
    Outcome.ABORTED: Phase.ABORTED,
}
_WORD = {
    Outcome.SUCCEEDED: Reason.SUCCEEDED,
    Outcome.FAILED: Reason.ROLLOUT_FAILED,
    Outcome.ROLLED_BACK: Reason.ROLLED_BACK,
    Outcome.ABORTED: Reason.ABORTED,
}


def ended(
    alias: ModelAlias | None, request: PromotionRequest, end: Ended, now: datetime
) -> PromotionRequestStatus:
    """End a request that never had a plan."""
    good = end.phase is Phase.SUCCEEDED
    told = [
        _of(request, "Complete", True, end.reason, end.explanation, now),
        _of(request, "Succeeded", good, end.reason, end.explanation, now),
        _of(request, "Reconciling", False, end.reason, "the request has ended", now),
        _of(request, "Stalled", False, end.reason, "the request has ended", now),
        *_verdict(request, end.verdict, now),
    ]
    approved = find(request.status.conditions, "Approved")
    if end.reason is Reason.DECLINED or (
        approved is not None and approved.reason == Reason.AWAITING_APPROVAL
    ):
        told.append(
            _of(request, "Approved", False, end.reason, end.explanation, now)
        )  # nobody is awaited any more
    status = _with(_afresh(request), end.phase, end.explanation, told, end.verdict)
    return _closed(alias, request, status, end.reason, now)


def waits(request: PromotionRequest, wait: Waits, now: datetime) -> PromotionRequestStatus:
    """Say what a request waits for."""
    told = [
        _of(request, "Complete", False, wait.reason, wait.explanation, now),
        _of(request, "Reconciling", False, wait.reason, wait.explanation, now),
        *_verdict(request, wait.verdict, now),
    ]
    return _with(_afresh(request), Phase.PENDING, wait.explanation, told, wait.verdict)


def holds(request: PromotionRequest, hold: Holds, now: datetime) -> PromotionRequestStatus:
    """Say how a request is being judged, or whom it asks."""
    asks = hold.phase is Phase.AWAITING_APPROVAL
    told = [
        _of(request, "Complete", False, hold.reason, hold.explanation, now),
        _of(request, "Reconciling", not asks, hold.reason, hold.explanation, now),
        *_verdict(request, hold.verdict, now),
    ]
    if asks:
        told.append(_of(request, "Approved", False, hold.reason, hold.explanation, now))
    status = _with(_afresh(request), hold.phase, hold.explanation, told, hold.verdict)
    return status if asks else status.model_copy(update={"approvals": None})


def queued(
    request: PromotionRequest, place: int, first: str, now: datetime, verdict: Verdict | None = None
) -> PromotionRequestStatus:
    """Say a request's place in the queue and who goes first.

    Only the first learn of each step: a long line would else be written anew whenever one has ended.
    """
    explanation = f"number {place} in the queue: {first} goes first"
    if place > NAMED_PLACES:
        explanation = f"in the queue: more than {NAMED_PLACES} requests go first, status.queue of the ModelAlias says which"
    told = [
        _of(request, "Complete", False, Reason.QUEUED, explanation, now),
        _of(request, "Reconciling", True, Reason.QUEUED, explanation, now),
        *(_verdict(request, verdict, now) if verdict else []),
    ]
    return _with(request, Phase.QUEUED, explanation, told, verdict)


def works(
    request: PromotionRequest, phase: Phase, explanation: str, now: datetime, verdict: Verdict | None = None
) -> PromotionRequestStatus:
    """Say how far the request's plan is."""
    told = [
        _of(request, "Complete", False, Reason.PROGRESSING, explanation, now),
        _of(request, "Reconciling", True, Reason.PROGRESSING, explanation, now),
        *(_verdict(request, verdict, now) if verdict else []),
    ]
    if phase in {Phase.ROLLING_OUT, Phase.ROLLING_BACK}:
        told.append(_of(request, "RolledOut", False, Reason.ROLLING_OUT, explanation, now))
    return _with(request, phase, explanation, told, verdict)


def recorded(
    alias: ModelAlias, request: PromotionRequest, entry: HistoryEntry, now: datetime
) -> PromotionRequestStatus:
    """End a request as the history says that its plan, or an earlier copy of it, ended."""
    own = entry.uid == request.metadata.uid
    phase, reason = _PHASE[entry.outcome], _WORD[entry.outcome]
    if entry.failure == Reason.STALE_CHAMPION:
        phase, reason = Phase.FAILED, Reason.STALE_CHAMPION
    if entry.outcome is Outcome.SUCCEEDED and entry.from_ == entry.to:
        reason = Reason.NO_OP
    explanation = _story(alias, entry)
    if not own:
        reason = Reason.ALREADY_PROCESSED
        explanation = f"the same request ended {phase} before: {explanation}"
    good = entry.outcome is Outcome.SUCCEEDED
    told = [
        _of(request, "Complete", True, reason, explanation, now),
        _of(request, "Succeeded", good, reason, explanation, now),
        _of(request, "Reconciling", False, reason, "the request has ended", now),
        _of(request, "Stalled", False, reason, "the request has ended", now),
    ]
    if own:
        back = entry.outcome in {Outcome.ROLLED_BACK, Outcome.ABORTED}
        moved = Reason.ALIAS_MOVED if good else reason
        told.append(_of(request, "AliasUpdated", good, moved, explanation, now))
        told.append(_of(request, "RolledOut", good, Reason.ROLLED_OUT if good else reason, explanation, now))
        if not good:
            told.append(_of(request, "RolledBack", back, reason, explanation, now))
    return _closed(alias, request, _with(request, phase, explanation, told, None), reason, now)


def _story(alias: ModelAlias, entry: HistoryEntry) -> str:
    name = f"{alias.spec.model}@{alias.spec.alias}"
    way = f"from version {entry.from_} to {entry.to}" if entry.from_ else f"to version {entry.to}"
    match entry.outcome:
        case Outcome.SUCCEEDED if entry.from_ == entry.to:
            return f"{name} held version {entry.to} already; its workloads were brought up to date"
        case Outcome.SUCCEEDED:
            return f"{name} moved {way}"
        case Outcome.ROLLED_BACK | Outcome.ABORTED:
            return f"{name} is back at {f'version {entry.from_}' if entry.from_ else 'no version'}: {entry.message}"
        case Outcome.FAILED:
            return f"{name} could not be moved {way}: {entry.message}"


def _afresh(request: PromotionRequest) -> PromotionRequest:
    """Drop what an earlier plan said: there is none now."""
    kept = tuple(item for item in request.status.conditions if item.type not in _OF_A_PLAN)
    return request.model_copy(update={"status": request.status.model_copy(update={"conditions": kept})})


def _with(
    request: PromotionRequest,
    phase: Phase,
    explanation: str,
    told: Sequence[Condition],
    verdict: Verdict | None,
) -> PromotionRequestStatus:
    before = request.status
    update: dict[str, object] = {
        "observed_generation": request.metadata.generation,
        "phase": phase,
        "explanation": explanation[:4096],
        "conditions": merged(before.conditions, told),
    }
    if verdict is not None and verdict.resolved is not None:
        update["resolved"] = verdict.resolved
    whole = False
    if verdict is not None:
        known = {
            "eligibility": verdict.checks,
            "evaluation": verdict.evaluation,
            "approvals": verdict.approvals,
        }
        whole = verdict.resolved is not None and verdict.resolved.evidence is not None
        update |= {name: value for name, value in known.items() if value or whole}
    if verdict is not None and (verdict.findings or whole):
        update["gates"] = same_times(before.gates, verdict.findings)
        update["gates_passed"] = gates.passed(verdict.findings) if verdict.findings else None
    return before.model_copy(update=update)


def same_times(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Keep the time of a finding that says what it said before."""
    known = {item.name: item for item in before}
    kept = []
    for item in after:
        old = known.get(item.name)
        same = old is not None and old.model_copy(update={"evaluated_at": item.evaluated_at}) == item
        kept.append(old if old is not None and same else item)
    return tuple(kept)


def _verdict(request: PromotionRequest, verdict: Verdict, now: datetime) -> list[Condition]:
    told = []
    if verdict.resolved is not None:
        by_number = verdict.resolved.from_ == f"version {verdict.resolved.version}"
        message = (
            verdict.resolved.from_
            if by_number
            else f"{verdict.resolved.from_} is version {verdict.resolved.version}"
        )
        told.append(_of(request, "Resolved", True, Reason.RESOLVED, message, now))
    told += [*_eligible(request, verdict, now), *_approved(request, verdict, now)]
    if not verdict.findings and verdict.resolved is not None and verdict.resolved.evidence is not None:
        if eligibility.refused(verdict.checks):
            told.append(_of(request, "GatesPassed", Status.UNKNOWN, Reason.NOT_ELIGIBLE, "not judged", now))
        else:
            told.append(_of(request, "GatesPassed", True, Reason.GATES_PASSED, "no gates are set", now))
    if verdict.findings:
        refused = [item for item in verdict.findings if gates.blocks(item)]
        skipped = {item.message for item in verdict.findings if item.result is GateResult.SKIPPED}
        if len(skipped) == 1 and all(item.result is GateResult.SKIPPED for item in verdict.findings):
            return [
                *told,
                _of(
                    request,
                    "GatesPassed",
                    Status.UNKNOWN,
                    Reason.SKIPPED,
                    f"not judged: {skipped.pop()}",
                    now,
                ),
            ]
        unclear = bool(refused) and all(item.result is GateResult.INCONCLUSIVE for item in refused)
        reason = Reason.INCONCLUSIVE if unclear else Reason.GATES_FAILED if refused else Reason.GATES_PASSED
        message = (
            "; ".join(gates.sentence(item) for item in refused) or f"{gates.passed(verdict.findings)} passed"
        )
        told.append(_of(request, "GatesPassed", not refused, reason, message, now))
    return told


def _eligible(request: PromotionRequest, verdict: Verdict, now: datetime) -> list[Condition]:
    checks = verdict.checks
    if not checks:
        return []
    refused, unclear = eligibility.refused(checks), eligibility.unclear(checks)
    if refused:
        message = "; ".join(eligibility.sentence(item) for item in refused)
        return [_of(request, "Eligible", False, Reason.NOT_ELIGIBLE, message, now)]
    if unclear:
        message = "; ".join(eligibility.sentence(item) for item in unclear)
        return [_of(request, "Eligible", Status.UNKNOWN, Reason.INCONCLUSIVE, message, now)]
    return [
        _of(request, "Eligible", True, Reason.ELIGIBLE, f"{len(checks)} of {len(checks)} rules are met", now)
    ]


def _approved(request: PromotionRequest, verdict: Verdict, now: datetime) -> list[Condition]:
    given = verdict.approvals
    if given is None:
        return []
    enough = given.valid >= given.required
    told = f"approved by {', '.join(given.by)}" if enough else f"{given.valid} of {given.required} approvals"
    return [
        _of(request, "Approved", enough, Reason.APPROVED if enough else Reason.AWAITING_APPROVAL, told, now)
    ]


def _closed(
    alias: ModelAlias | None,
    request: PromotionRequest,
    status: PromotionRequestStatus,
    reason: Reason,
    now: datetime,
) -> PromotionRequestStatus:
    """Add the end's time and the machine-readable result; what was still measured is not any more."""
    status = status.model_copy(update={"evaluation": evaluation.stopped(status.evaluation)})
    meta = request.metadata
    asked = {"request": meta.name, "namespace": meta.namespace, "operation": request.spec.operation.value}
    told = result.of(alias.spec if alias else None, status, reason, asked)
    return status.model_copy(update={"completed_at": now, "result": result.text(told, status.gates)})


def _of(
    request: PromotionRequest, kind: str, status: Status | bool, reason: Reason, message: str, now: datetime
) -> Condition:
    return condition(kind, status, reason, message, now=now, generation=request.metadata.generation)
