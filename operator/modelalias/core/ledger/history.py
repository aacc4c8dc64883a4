"""The ledger: what was moved, by whom, from which version to which, why and with which outcome."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from modelalias.api.alias import (
    AliasMove,
    FinishedRequest,
    HistoryEntry,
    ModelAliasSpec,
    NamedVersion,
    Operation,
    Outcome,
    Plan,
)
from modelalias.api.conditions import Reason
from modelalias.api.request import Check, Finding, Phase, PromotionRequest

_LONGEST_FINDINGS: Final = 4_000
"""Characters; MLflow's own server takes tag values of 100,000, others 5,000."""


def finished(history: Iterable[HistoryEntry], request: PromotionRequest) -> HistoryEntry | None:
    """Return how this very request, or the same one applied before, ended; the newest entry first."""
    digest = request.spec_hash
    entries = tuple(history)[::-1]
    own = (item for item in entries if item.uid == request.metadata.uid)
    same = (item for item in entries if item.spec_hash == digest)
    return next(own, None) or next(same, None)


def finished_before(finished: Iterable[FinishedRequest], request: PromotionRequest) -> Phase | None:
    """Return how the same request, applied before, ended without moving anything."""
    digest = request.spec_hash
    others = (item for item in finished if item.uid != request.metadata.uid)
    return next((item.phase for item in others if item.spec_hash == digest), None)


def moved(plan: Plan, alias: str) -> AliasMove:
    """Return the move of the managed alias itself."""
    return next(item for item in plan.aliases if item.name == alias)


def entry(plan: Plan, spec: ModelAliasSpec, outcome: Outcome, now: datetime) -> HistoryEntry:
    """Write down how a plan ended."""
    move = moved(plan, spec.alias)
    return HistoryEntry(
        from_=move.from_,
        to=move.to,
        drifted=move.drifted,
        found=move.found,
        at=now,
        operation=plan.operation,
        outcome=outcome,
        request=plan.request.name if plan.request else None,
        uid=plan.request.uid if plan.request else None,
        spec_hash=plan.spec_hash,
        run_id=plan.run_id,
        registered_at=plan.registered_at,
        judged=plan.judged,
        actor=plan.actor,
        reason=plan.reason,
        failure=plan.failure,
        message=plan.message,
        approvers=plan.approvers,
        evidence=plan.evidence,
    )


def adopted(current: NamedVersion) -> HistoryEntry:
    """Write down the first sight of an alias that the registry already held."""
    return HistoryEntry(
        to=current.version,
        at=current.since,
        operation=Operation.ADOPT,
        outcome=Outcome.SUCCEEDED,
        run_id=current.run_id,
        registered_at=current.registered_at,
    )


def appended(history: Iterable[HistoryEntry], new: HistoryEntry, limit: int) -> tuple[HistoryEntry, ...]:
    """Return the ledger with a new entry at its end, at most `limit` long; the oldest are dropped first.

    Of restores that follow one another, without anything between them, the newest stands for all: a writer that
    insists does not drive what people did out of the ledger.
    """
    entries = tuple(history)
    while entries and _repeats(entries[-1], new):
        entries = entries[:-1]
    return (*entries, new)[-limit:]


def _repeats(before: HistoryEntry, new: HistoryEntry) -> bool:
    restores = before.operation is Operation.RESTORE and new.operation is Operation.RESTORE
    return restores and (before.outcome, before.to) == (new.outcome, new.to)


def forgotten(history: Iterable[HistoryEntry], limit: int) -> tuple[FinishedRequest, ...]:
    """Return the requests of the entries that a new one pushes out of the ledger, so that they stay known."""
    entries = tuple(history)
    return tuple(
        FinishedRequest(spec_hash=item.spec_hash, uid=item.uid, phase=phase_of(item), version=item.to)
        for item in entries[: max(0, len(entries) + 1 - limit)]
        if item.spec_hash is not None and item.uid is not None
    )


def phase_of(entry: HistoryEntry) -> Phase:
    """Return how the request of an entry ended: one that lost a race has failed, whatever was undone."""
    return Phase.FAILED if entry.failure == Reason.STALE_CHAMPION else Phase(str(entry.outcome))


def findings(checks: Iterable[Check], gates: Iterable[Finding]) -> str | None:
    """Return how the rules came out as one JSON text, shortened until it fits; None when there was no rule."""
    checks, gates = tuple(checks), tuple(gates)
    if not checks and not gates:
        return None
    kept: list[object] = [
        {
            "eligibility": [_present(item, {"rule", "result", "message"}) for item in checks],
            "gates": [
                _present(item, {"name", "result", "candidate", "champion", "rule", "dataset", "message"})
                for item in gates
            ],
        },
        {
            "eligibility": [{"rule": item.rule[:60], "result": item.result} for item in checks],
            "gates": [_present(item, {"name", "result", "candidate", "champion"}) for item in gates],
        },
        {"gates": [{"name": item.name[:40], "result": item.result} for item in gates]},
    ]
    texts = [_line(item) for item in kept]
    return next((text for text in texts if len(text) <= _LONGEST_FINDINGS), _line({"gates": len(gates)}))


def _present(item: Check | Finding, names: set[str]) -> Mapping[str, object]:
    fields = item.model_dump(mode="json", by_alias=True, exclude_none=True, include=names)
    return {key: value for key, value in fields.items() if value != ""}


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
