"""The ledger: what was moved, by whom, from which version to which, why and with which outcome."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from modelalias.api.alias import (
    AliasMove,
    HistoryEntry,
    ModelAliasSpec,
    Operation,
    Outcome,
    Plan,
)
from modelalias.api.request import Check, Finding, PromotionRequest

_LONGEST_KEY: Final = 250
_LONGEST_RECORD: Final = 20_000
_LONGEST_FINDINGS: Final = 4_000
"""Characters; MLflow's own server takes tag values of 100,000, others 5,000."""


def spec_hash(request: PromotionRequest) -> str:
    """Name a request by what was asked: namespace, name and the fields that were set, without approvals and abort."""
    asked = request.spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"approvals", "abort"})
    text = json.dumps([request.metadata.namespace, request.metadata.name, asked], sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def finished(history: Iterable[HistoryEntry], request: PromotionRequest) -> HistoryEntry | None:
    """Return how this very request, or the same one applied before, ended; the newest entry first."""
    digest = spec_hash(request)
    entries = tuple(history)[::-1]
    own = (item for item in entries if item.uid == request.metadata.uid)
    same = (item for item in entries if item.spec_hash == digest)
    return next(own, None) or next(same, None)


def moved(plan: Plan, alias: str) -> AliasMove:
    """Return the move of the managed alias itself."""
    return next(item for item in plan.aliases if item.name == alias)


def entry(plan: Plan, spec: ModelAliasSpec, outcome: Outcome, now: datetime) -> HistoryEntry:
    """Write down how a plan ended."""
    move = moved(plan, spec.alias)
    return HistoryEntry(
        from_=move.from_,
        to=move.to,
        at=now,
        operation=plan.operation,
        outcome=outcome,
        request=plan.request.name if plan.request else None,
        uid=plan.request.uid if plan.request else None,
        spec_hash=plan.spec_hash,
        run_id=plan.run_id,
        actor=plan.actor,
        reason=plan.reason,
        failure=plan.failure,
        message=plan.message,
        approvers=plan.approvers,
        evidence=plan.evidence,
    )


def adopted(version: str, run_id: str | None, now: datetime) -> HistoryEntry:
    """Write down the first sight of an alias that the registry already held."""
    return HistoryEntry(to=version, at=now, operation=Operation.ADOPT, outcome=Outcome.SUCCEEDED, run_id=run_id)


def appended(history: Iterable[HistoryEntry], new: HistoryEntry, limit: int) -> tuple[HistoryEntry, ...]:
    """Return the ledger with a new entry at its end, at most `limit` long; the oldest are dropped first."""
    return (*history, new)[-limit:]


def record_key(alias: str) -> str:
    """Return the key of the tag that keeps the record of a promotion on the version; MLflow takes 250 characters."""
    key = f"modelalias.{alias}"
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[: _LONGEST_KEY - 17]}.{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def findings(checks: Iterable[Check], gates: Iterable[Finding]) -> str | None:
    """Return how the rules came out as one JSON text, shortened until it fits; None when there was no rule."""
    checks, gates = tuple(checks), tuple(gates)
    if not checks and not gates:
        return None
    kept: list[object] = [
        {
            "eligibility": [_present(item, {"rule", "result", "message"}) for item in checks],
            "gates": [
                _present(item, {"name", "result", "candidate", "champion", "rule", "dataset", "message"}) for item in gates
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
    told = item.model_dump(mode="json", by_alias=True, exclude_none=True, include=names)
    return {key: value for key, value in told.items() if value != ""}


def refused(before: str | None, request: PromotionRequest, reason: str, found: str | None, now: datetime) -> str | None:
    """Return the version's record with a refusal in it; None when the same refusal stands there already."""
    kept = _read(before)
    told = {"request": request.metadata.name, "by": request.spec.requested_by, "reason": str(reason)}
    verdict = {key: value for key, value in told.items() if value is not None} | (json.loads(found) if found else {})
    known = kept.get("refused")
    if isinstance(known, dict) and {key: value for key, value in known.items() if key != "at"} == verdict:
        return None
    return _line({**kept, "refused": {"at": _moment(now), **verdict}})


def _read(record: str | None) -> Mapping[str, object]:
    """Read a record; one that somebody else wrote over is none, and so is one that is longer than any of ours."""
    if record is None or len(record) > _LONGEST_RECORD:
        return {}
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def record(plan: Plan, alias: str) -> str:
    """Return the one-line record that a promotion leaves on the version it promoted; the same plan gives the same text."""
    move = moved(plan, alias)
    told = {
        "at": _moment(plan.started_at),
        "by": plan.actor,
        "evidence": plan.evidence,
        "from": move.from_,
        "operation": plan.operation.value,
        "reason": plan.reason or None,
        "request": plan.request.name if plan.request else None,
        "approvers": list(plan.approvers) or None,
        "verdict": json.loads(plan.verdict) if plan.verdict else None,
        "rolledBack": {"at": _moment(plan.turned_at), "reason": plan.failure} if plan.turned_at else None,
    }
    return _line({key: value for key, value in told.items() if value is not None})


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
