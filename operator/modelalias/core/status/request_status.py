"""The status of a PromotionRequest: phase, explanation and conditions out of what was decided."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from modelalias.api.alias import HistoryEntry, ModelAlias, Outcome, Plan
from modelalias.api.conditions import Reason, RequestCondition, find, merged
from modelalias.api.request import Finding, Phase, PromotionRequest, PromotionRequestStatus
from modelalias.core.judging import evaluation, gates
from modelalias.core.ledger import history
from modelalias.core.protocol.answers import Ended, KeepsTurn, NotReady, VerdictSoFar
from modelalias.core.protocol.blame import blaming
from modelalias.core.status import result, version_shown
from modelalias.core.status.new_condition import NewCondition, dated
from modelalias.core.status.verdict_conditions import of_verdict

NAMED_PLACES: Final = 3
"""Requests that learn their place in the queue: each end costs a write for each of them."""

_OF_A_PLAN: Final = frozenset(
    {
        RequestCondition.ALIAS_UPDATED,
        RequestCondition.ROLLED_OUT,
        RequestCondition.ROLLED_BACK,
        RequestCondition.VERIFIED,
        RequestCondition.STALLED,
    }
)
_REASONS: Final = {
    Outcome.SUCCEEDED: Reason.SUCCEEDED,
    Outcome.FAILED: Reason.ROLLOUT_FAILED,
    Outcome.ROLLED_BACK: Reason.ROLLED_BACK,
    Outcome.ABORTED: Reason.ABORTED,
}


def ended(
    alias: ModelAlias | None, request: PromotionRequest, end: Ended, now: datetime
) -> PromotionRequestStatus:
    """End a request that never had a plan."""
    new = [*_end(end.phase is Phase.SUCCEEDED, end.reason, end.explanation), *of_verdict(end.so_far)]
    approved = find(request.status.conditions, RequestCondition.APPROVED)
    awaited = approved is not None and approved.reason == Reason.AWAITING_APPROVAL
    if awaited or end.reason is Reason.DECLINED:  # nobody is awaited any more
        new.append(NewCondition(RequestCondition.APPROVED, False, end.reason, end.explanation))
    status = _status(_without_plan(request), end.phase, end.explanation, new, now, end.so_far)
    return _closed(alias, request, status, end.reason, now)


@blaming
def waiting(request: PromotionRequest, wait: NotReady, now: datetime) -> PromotionRequestStatus:
    """Return the status of a request for which something has to happen first."""
    new = [
        NewCondition(RequestCondition.COMPLETE, False, wait.reason, wait.explanation),
        NewCondition(RequestCondition.RECONCILING, False, wait.reason, wait.explanation),
        *of_verdict(wait.so_far),
    ]
    return _status(_without_plan(request), Phase.PENDING, wait.explanation, new, now, wait.so_far)


@blaming
def judging(request: PromotionRequest, answer: KeepsTurn, now: datetime) -> PromotionRequestStatus:
    """Return the status of a request that is being judged, that asks people, or that waits for a window."""
    asks, works = answer.phase is Phase.AWAITING_APPROVAL, answer.phase is Phase.EVALUATING
    new = [
        NewCondition(RequestCondition.COMPLETE, False, answer.reason, answer.explanation),
        NewCondition(RequestCondition.RECONCILING, works, answer.reason, answer.explanation),
        *of_verdict(answer.so_far),
    ]
    if asks:
        new.append(NewCondition(RequestCondition.APPROVED, False, answer.reason, answer.explanation))
    status = _status(_without_plan(request), answer.phase, answer.explanation, new, now, answer.so_far)
    return status if asks or answer.so_far.approvals is not None else status.with_approvals(None)


@blaming
def queued(
    request: PromotionRequest, place: int, first: str, now: datetime, so_far: VerdictSoFar | None = None
) -> PromotionRequestStatus:
    """Return the status of a request in the queue: its place, and who is first.

    Only the first of the queue learn of each step: a long queue would else be written anew whenever one has
    ended.
    """
    explanation = f"number {place} in the queue, behind {first}"
    if place > NAMED_PLACES:
        explanation = (
            f"in the queue behind more than {NAMED_PLACES} requests: see status.queue of the ModelAlias"
        )
    return _status(
        request, Phase.QUEUED, explanation, _working(Reason.QUEUED, explanation, so_far), now, so_far
    )


@blaming
def carried_out(
    request: PromotionRequest,
    phase: Phase,
    explanation: str,
    now: datetime,
    so_far: VerdictSoFar | None = None,
) -> PromotionRequestStatus:
    """Return the status of a request whose plan is being carried out."""
    new = _working(Reason.PROGRESSING, explanation, so_far)
    if phase in {Phase.ROLLING_OUT, Phase.ROLLING_BACK}:
        new.append(NewCondition(RequestCondition.ROLLED_OUT, False, Reason.ROLLING_OUT, explanation))
    if phase is Phase.VERIFYING:
        new.append(NewCondition(RequestCondition.VERIFIED, False, Reason.NOT_VERIFIED, explanation))
    return _status(request, phase, explanation, new, now, so_far)


def moving(
    request: PromotionRequest, alias: ModelAlias, plan: Plan, now: datetime, so_far: VerdictSoFar
) -> PromotionRequestStatus:
    """Return the status of a request whose alias is moved next."""
    return carried_out(request, Phase.PROMOTING, _moves(alias, plan), now, so_far)


def says_that_it_moves(request: PromotionRequest, alias: ModelAlias, plan: Plan) -> bool:
    """Return whether a request says that its alias is moved next, and not for instance why it stood still."""
    status = request.status
    return status.phase is Phase.PROMOTING and status.explanation == _moves(alias, plan)


def _moves(alias: ModelAlias, plan: Plan) -> str:
    return f"moving {alias.spec.alias} to version {history.moved(plan, alias.spec.alias).to}"


def plain_end(
    request: PromotionRequest, phase: Phase, explanation: str, now: datetime
) -> PromotionRequestStatus:
    """End a request that an error of the operator kept from more, on nothing but what its status said before."""
    new = _end(phase is Phase.SUCCEEDED, Reason.UNEXPECTED_ERROR, explanation)
    if phase is Phase.ERRORED:
        new.append(NewCondition(RequestCondition.STALLED, True, Reason.UNEXPECTED_ERROR, explanation))
    generation = request.metadata.generation
    conditions = merged(request.status.conditions, dated(new, now, generation))
    status = request.status.described(generation, phase, explanation, conditions)
    status = status.dated(request.status, now)
    status = status.with_evaluation(evaluation.stopped(status.evaluation))
    return version_shown.with_version(None, request, status).completed(now)


def ended_by_history(
    alias: ModelAlias, request: PromotionRequest, entry: HistoryEntry, now: datetime
) -> PromotionRequestStatus:
    """End a request as the history says that its plan, or an earlier copy of it, ended."""
    own, good = entry.uid == request.metadata.uid, entry.outcome is Outcome.SUCCEEDED
    phase, reason, explanation = history.phase_of(entry), _REASONS[entry.outcome], _story(alias, entry)
    if entry.failure == Reason.STALE_CHAMPION:
        reason = Reason.STALE_CHAMPION
    if good and entry.from_ == entry.to and not entry.drifted:
        reason = Reason.NO_OP
    if not own:
        reason, explanation = (
            Reason.ALREADY_PROCESSED,
            f"the same request ended {phase} before: {explanation}",
        )
    new = _end(good, reason, explanation)
    if own and good and any(item.verified for item in alias.status.serving):
        said = f"every ready pod says version {entry.to}"
        new.append(NewCondition(RequestCondition.VERIFIED, True, Reason.VERIFIED, said))
    if own and entry.failure == Reason.NOT_VERIFIED:
        new.append(NewCondition(RequestCondition.VERIFIED, False, Reason.NOT_VERIFIED, entry.message))
    if own:
        back = entry.outcome in {Outcome.ROLLED_BACK, Outcome.ABORTED}
        moved, rolled = (Reason.ALIAS_MOVED, Reason.ROLLED_OUT) if good else (reason, reason)
        new.append(NewCondition(RequestCondition.ALIAS_UPDATED, good, moved, explanation))
        new.append(NewCondition(RequestCondition.ROLLED_OUT, good, rolled, explanation))
        if not good:
            new.append(NewCondition(RequestCondition.ROLLED_BACK, back, reason, explanation))
    return _closed(alias, request, _status(request, phase, explanation, new, now, None), reason, now)


def same_times(before: tuple[Finding, ...], after: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Keep the time of a finding that says what it said before."""
    known = {item.name: item for item in before}
    kept = []
    for item in after:
        old = known.get(item.name)
        same = old is not None and old.changed(evaluated_at=item.evaluated_at) == item
        kept.append(old if old is not None and same else item)
    return tuple(kept)


def _end(good: bool, reason: Reason, explanation: str) -> list[NewCondition]:
    return [
        NewCondition(RequestCondition.COMPLETE, True, reason, explanation),
        NewCondition(RequestCondition.SUCCEEDED, good, reason, explanation),
        NewCondition(RequestCondition.RECONCILING, False, reason, "the request has ended"),
        NewCondition(RequestCondition.STALLED, False, reason, "the request has ended"),
    ]


def _working(reason: Reason, explanation: str, so_far: VerdictSoFar | None) -> list[NewCondition]:
    return [
        NewCondition(RequestCondition.COMPLETE, False, reason, explanation),
        NewCondition(RequestCondition.RECONCILING, True, reason, explanation),
        *(of_verdict(so_far) if so_far else ()),
    ]


def _story(alias: ModelAlias, entry: HistoryEntry) -> str:
    name = f"{alias.spec.model}@{alias.spec.alias}"
    way = f"from version {entry.from_} to {entry.to}" if entry.from_ else f"to version {entry.to}"
    beside = f"; somebody had moved it to {entry.found or 'nothing'}" if entry.drifted else ""
    match entry.outcome:
        case Outcome.SUCCEEDED if entry.from_ == entry.to and entry.drifted:
            return f"{name} is back at version {entry.to}{beside}"
        case Outcome.SUCCEEDED if entry.from_ == entry.to:
            return f"{name} was version {entry.to} already; its workloads were brought up to date"
        case Outcome.SUCCEEDED:
            return "; ".join(filter(None, [f"{name} moved {way}{beside}", entry.message]))
        case Outcome.ROLLED_BACK | Outcome.ABORTED:
            before = f"version {entry.from_}" if entry.from_ else "no version"
            observed = alias.status.observed
            named = None if observed is None else observed.version
            if entry.drifted and named != entry.from_:
                return (
                    f"version {entry.to} was withdrawn; {name} names {named or 'no version'}: {entry.message}"
                )
            return f"{name} is back at {before}: {entry.message}"
        case Outcome.FAILED if entry.from_ == entry.to:
            return f"{name} was version {entry.to} already; its workloads were not brought up to date: {entry.message}"
        case Outcome.FAILED if alias.status.current is not None and alias.status.current.version == entry.to:
            return f"{name} moved {way}, but its rollout failed: {entry.message}"
        case Outcome.FAILED:
            return f"{name} could not be moved {way}: {entry.message}"


def _without_plan(request: PromotionRequest) -> PromotionRequest:
    """Drop what an earlier plan said: there is none now."""
    kept = tuple(item for item in request.status.conditions if item.type not in _OF_A_PLAN)
    return request.with_status(request.status.with_conditions(kept))


def _status(
    request: PromotionRequest,
    phase: Phase,
    explanation: str,
    new: Iterable[NewCondition],
    now: datetime,
    so_far: VerdictSoFar | None,
) -> PromotionRequestStatus:
    before, generation = request.status, request.metadata.generation
    conditions = merged(before.conditions, dated(new, now, generation))
    status = before.described(generation, phase, explanation, conditions).dated(before, now)
    return status if so_far is None else _with_verdict(status, so_far)


def _with_verdict(status: PromotionRequestStatus, so_far: VerdictSoFar) -> PromotionRequestStatus:
    """Put what is known of the verdict into a status.

    A whole one replaces also what it has nothing to say of.
    """
    whole = so_far.resolved is not None and so_far.resolved.evidence is not None
    findings = same_times(status.gates, so_far.findings)
    status = status.with_resolved(so_far.resolved)
    if so_far.checks or whole:
        status = status.with_eligibility(so_far.checks)
    if so_far.evaluation or whole:
        status = status.with_evaluation(so_far.evaluation)
    if so_far.approvals or whole:
        status = status.with_approvals(so_far.approvals)
    if so_far.tags or whole:
        status = status.with_tags(so_far.tags)
    if so_far.run_unfinished_since or so_far.findings or whole:
        status = status.with_run_unfinished(so_far.run_unfinished_since)
    if findings or whole:
        status = status.with_gates(findings, gates.passed(findings) if findings else None)
    return status


def _closed(
    alias: ModelAlias | None,
    request: PromotionRequest,
    status: PromotionRequestStatus,
    reason: Reason,
    now: datetime,
) -> PromotionRequestStatus:
    """Add the end's time and the machine-readable result; what was still measured is not any more."""
    status = status.with_evaluation(evaluation.stopped(status.evaluation))
    status = version_shown.with_version(alias, request, status)
    meta = request.metadata
    whose = {"request": meta.name, "namespace": meta.namespace, "operation": request.spec.operation.value}
    verdict = result.of(alias.spec if alias else None, status, reason, whose)
    return status.completed(now, result.text(verdict, status.gates))
