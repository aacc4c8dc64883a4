"""The record: what a version's tag says of its life under one alias, one line of JSON.

It is what a cluster that was built anew finds: how the version came to hold the alias, what replaced it, why it was refused,
and in `done` the requests that ended on it, so that none is carried out twice.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from modelalias.api.alias import Bearing, ModelAliasStatus, Outcome, Plan
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core import history

_LONGEST_KEY: Final = 250
_LONGEST: Final = 20_000
"""Characters; MLflow's own server takes tag values of 100,000, others 5,000."""
_MOST_DONE: Final = 50
_DIGEST: Final = slice(7, 27)
"""Hexadecimal digits of a spec hash, enough to tell requests apart."""
_UID: Final = 8
_REFUSALS: Final = frozenset({Reason.NOT_ELIGIBLE, Reason.GATES_FAILED, Reason.INCONCLUSIVE, Reason.DECLINED})


class Past(Value):
    """How a request ended before."""

    phase: Phase
    own: bool
    """Whether it was this very object, and not the same one applied again."""


def key(alias: str) -> str:
    """Return the key of the tag; MLflow takes 250 characters."""
    name = f"modelalias.{alias}"
    if len(name) <= _LONGEST_KEY:
        return name
    return f"{name[: _LONGEST_KEY - 17]}.{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def digest(request: PromotionRequest) -> str:
    """Return how `done` names a request."""
    return request.spec_hash[_DIGEST]


def past(text: str | None, request: PromotionRequest) -> Past | None:
    """Return how the request, or the same one applied before, ended according to a record."""
    phase, _, uid = str(_done(_read(text)).get(digest(request), "")).partition(" ")
    if phase not in set(Phase):
        return None
    return Past(phase=Phase(phase), own=uid == request.metadata.uid[:_UID])


def was_held(text: str | None) -> bool:
    """Say whether the version has held the alias, by its record."""
    kept = _read(text)
    return "archived" in kept or "again" in kept or ("operation" in kept and "rolledBack" not in kept)


def promoted(plan: Plan, alias: str, before: str | None) -> str:
    """Return the record of the version that a plan moves the alias to; the same plan gives the same text."""
    move, kept = history.moved(plan, alias), _read(before)
    own = {
        "at": _moment(plan.started_at),
        "operation": plan.operation.value,
        "from": move.from_,
        "request": plan.request.name if plan.request else None,
    }
    written = all(kept.get(name) == value for name, value in own.items())
    told = {
        **own,
        "by": plan.actor,
        "evidence": plan.evidence,
        "reason": plan.reason or None,
        "approvers": list(plan.approvers) or None,
        "verdict": json.loads(plan.verdict) if plan.verdict else None,
        "rolledBack": {"at": _moment(plan.turned_at), "reason": plan.failure} if plan.turned_at else None,
        "again": kept.get("again") if written else was_held(before) or None,
        "done": _with_ended(_done(kept), plan) or None,
    }
    return _line({name: value for name, value in told.items() if value is not None})


def archived(plan: Plan, alias: str, status: ModelAliasStatus, before: str | None) -> str | None:
    """Return the record of the version that a plan replaced; None when that stands there already.

    What only the ModelAlias knew of requests for this version goes into `done`: from now on they would move the alias.
    """
    move, kept = history.moved(plan, alias), _read(before)
    told = {
        "at": _moment(plan.started_at),
        "replacedBy": move.to,
        "operation": plan.operation.value,
        "by": plan.actor,
        "request": plan.request.name if plan.request else None,
        "reason": plan.reason or None,
    }
    entry = {name: value for name, value in told.items() if value is not None}
    done = _done(kept)
    for item in status.finished:
        if item.version == move.from_:
            done = _with(done, item.spec_hash, item.uid, item.phase)
    for past_move in status.history:
        if past_move.to == move.from_ and past_move.spec_hash and past_move.outcome is Outcome.SUCCEEDED:
            done = _with(done, past_move.spec_hash, past_move.uid or "", Phase.SUCCEEDED)
    made = {**kept, "archived": entry, **({"done": done} if done else {})}
    return None if made == kept else _line(made)


def ended(
    before: str | None, request: PromotionRequest, phase: Phase, reason: Reason, found: str | None, now: datetime
) -> str | None:
    """Return the record with a request that ended without moving the alias; None when that stands there already."""
    kept = _read(before)
    made: dict[str, object] = {**kept, "done": _with(_done(kept), request.spec_hash, request.metadata.uid, phase)}
    if reason in _REFUSALS:
        made["refused"] = _refusal(kept.get("refused"), request, reason, found, now)
    return None if made == kept else _line(made)


def _refusal(
    before: object, request: PromotionRequest, reason: Reason, found: str | None, now: datetime
) -> Mapping[str, object]:
    told = {"request": request.metadata.name, "by": request.spec.requested_by, "reason": str(reason)}
    verdict = {name: value for name, value in told.items() if value is not None} | (json.loads(found) if found else {})
    if isinstance(before, dict) and {name: value for name, value in before.items() if name != "at"} == verdict:
        return before
    return {"at": _moment(now), **verdict}


def _with_ended(done: Mapping[str, object], plan: Plan) -> Mapping[str, object]:
    if plan.request is None or plan.spec_hash is None:
        return done
    return _with(done, plan.spec_hash, plan.request.uid, _end_of(plan))


def _end_of(plan: Plan) -> Phase:
    """Return how the plan's request ends if the plan goes on as it stands."""
    if plan.failure is None:
        return Phase.SUCCEEDED
    if plan.failure == Reason.ABORTED:
        return Phase.ABORTED
    going_back = plan.bearing is Bearing.BACKWARD and plan.failure != Reason.STALE_CHAMPION
    return Phase.ROLLED_BACK if going_back else Phase.FAILED


def _with(done: Mapping[str, object], spec_hash: str, uid: str, phase: Phase) -> Mapping[str, object]:
    """Add a request, in its place if it stands there already, and drop the oldest beyond the limit."""
    made = {**done, spec_hash[_DIGEST]: f"{phase} {uid[:_UID]}".strip()}
    return dict(list(made.items())[-_MOST_DONE:])


def _done(kept: Mapping[str, object]) -> Mapping[str, object]:
    found = kept.get("done")
    return found if isinstance(found, dict) else {}


def _read(record: str | None) -> Mapping[str, object]:
    """Read a record; one that somebody else wrote over is none, and so is one that is longer than any of ours."""
    if record is None or len(record) > _LONGEST:
        return {}
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
