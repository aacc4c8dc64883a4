"""The record: what a version's tag says of its life under one alias, one line of JSON.

It is what a cluster that was built anew finds: how the version came to hold the alias, what replaced it, why
it was refused, and in `done` the requests that ended on it, so that none is carried out twice. Where a
registry has little room for a tag, people's words and the findings go first; `done` and what decides stay.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from modelalias.api.alias import Bearing, ModelAliasStatus, Plan
from modelalias.api.conditions import Reason
from modelalias.api.fields import Value
from modelalias.api.request import Phase, PromotionRequest
from modelalias.core.ledger import history

_LONGEST_KEY: Final = 250
_LONGEST_READ: Final = 100_000
"""Characters that MLflow's own server takes for a tag."""
_ROOM: Final = 5_000
"""Characters that other servers take."""
_SHORT: Final = 200
"""What is left of a reason where there is no room for all of it."""
_LONGEST_FACT: Final = 300
_LONGEST_END: Final = 30
_MOST_DONE: Final = 50
_UNMOVED: Final = frozenset({Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.SUPERSEDED})
_FACTS: Final = ("at", "operation", "from", "request", "again")
_ARCHIVED: Final = ("at", "operation", "replacedBy", "request")
"""What tells one replacement of a version from another."""
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
    """Return whether the version has held the alias, by its record."""
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

    What only the ModelAlias knew of requests for this version goes into `done`: from now on they would move
    the alias.
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
    done = _with_remembered(_done(kept), status, move.from_)
    if done == _done(kept) and _alike(kept.get("archived"), entry):
        return None
    return _line({**kept, "archived": entry, **({"done": done} if done else {})})


def _with_remembered(
    done: Mapping[str, object], status: ModelAliasStatus, version: str | None
) -> Mapping[str, object]:
    """Add how the ModelAlias says that requests for a version ended."""
    for item in status.finished:
        if item.version == version:
            done = _with(done, item.spec_hash, item.uid, item.phase)
    for entry in status.history:
        if entry.to == version and entry.spec_hash:
            done = _with(done, entry.spec_hash, entry.uid or "", history.phase_of(entry))
    return done


def _alike(before: object, entry: Mapping[str, object]) -> bool:
    """Return whether an entry stands there already, be it shortened."""
    return isinstance(before, dict) and all(before.get(name) == entry.get(name) for name in _ARCHIVED)


def unarchived(plan: Plan, before: str | None) -> str | None:
    """Return the record without what this plan wrote of a replacement that was undone.

    None when it wrote nothing.
    """
    kept = _read(before)
    entry = kept.get("archived")
    if not isinstance(entry, dict) or entry.get("at") != _moment(plan.started_at):
        return None
    return _line({name: value for name, value in kept.items() if name != "archived"})


def ended(
    before: str | None,
    request: PromotionRequest,
    phase: Phase,
    reason: Reason,
    found: str | None,
    now: datetime,
) -> str | None:
    """Return the record with a request that ended without moving the alias.

    None when that stands there already.
    """
    kept = _read(before)
    done = _with(_done(kept), request.spec_hash, request.metadata.uid, phase)
    if done == _done(kept):
        return None
    refused = {"refused": _refusal(request, reason, found, now)} if reason in _REFUSALS else {}
    return _line({**kept, "done": done, **refused})


def _refusal(
    request: PromotionRequest, reason: Reason, found: str | None, now: datetime
) -> Mapping[str, object]:
    told = {
        "at": _moment(now),
        "request": request.metadata.name,
        "by": request.spec.requested_by,
        "reason": str(reason),
    }
    return {name: value for name, value in told.items() if value is not None} | (
        json.loads(found) if found else {}
    )


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
    """Add a request, in its place if it stands there already.

    Beyond the limit go first the oldest that moved nothing.
    """
    made = {**done, spec_hash[_DIGEST]: f"{phase} {uid[:_UID]}".strip()}
    surplus = sorted(made, key=lambda name: _weight(made[name]))[: max(0, len(made) - _MOST_DONE)]
    return {name: end for name, end in made.items() if name not in set(surplus)}


def _weight(end: object) -> int:
    """Rank how an end of a request would be missed: one that succeeded would move the alias once more."""
    phase = str(end).partition(" ")[0]
    return 0 if phase in _UNMOVED else 2 if phase == Phase.SUCCEEDED else 1


def _done(kept: Mapping[str, object]) -> Mapping[str, object]:
    found = kept.get("done")
    if not isinstance(found, dict):
        return {}
    return {
        name: end
        for name, end in found.items()
        if name.isalnum() and len(name) <= _LONGEST_END and _is_end(end)
    }


def _is_end(end: object) -> bool:
    return isinstance(end, str) and end.isprintable() and len(end) <= _LONGEST_END


def _read(record: str | None) -> Mapping[str, object]:
    """Read a record; one that somebody else wrote over is none, and so is one that is longer than any tag."""
    if record is None or len(record) > _LONGEST_READ:
        return {}
    try:
        found = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(made: Mapping[str, object]) -> str:
    """Write a record on one line, with as much of it as there is room for."""
    for shorter in _shorter(made):
        try:
            text = _text(shorter)
        except RecursionError:  # somebody else's, nested deeper than can be written
            continue
        if len(text) < _ROOM:
            return text
    return _text(_bare(made))


def _text(value: object) -> str:
    """Write JSON, with a mark in the place of what is no character."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()


def _shorter(made: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Give up one thing after another: details of findings, the ends of reasons, the findings."""
    yield made
    made = _each(made, _results)
    yield made
    made = _each(made, _clipped)
    yield made
    yield _each({name: value for name, value in made.items() if name != "verdict"}, _without_findings)


def _each(
    made: Mapping[str, object], change: Callable[[Mapping[str, object]], Mapping[str, object]]
) -> Mapping[str, object]:
    """Change a record and the entries in it."""
    inner = {name: made[name] for name in ("archived", "refused", "verdict") if name in made}
    return change(
        {**made, **{name: change(value) for name, value in inner.items() if isinstance(value, dict)}}
    )


def _results(entry: Mapping[str, object]) -> Mapping[str, object]:
    """Leave of each gate its name and its result."""
    found = entry.get("gates")
    left = {name: value for name, value in entry.items() if name != "eligibility"}
    if not isinstance(found, list):
        return left
    short = [_named(item, ("name", "result")) for item in found if isinstance(item, dict)]
    return {**left, "gates": short}


def _clipped(entry: Mapping[str, object]) -> Mapping[str, object]:
    reason = entry.get("reason")
    return (
        {**entry, "reason": f"{reason[:_SHORT]}…"}
        if isinstance(reason, str) and len(reason) > _SHORT
        else entry
    )


def _without_findings(entry: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in entry.items() if name != "gates"}


def _bare(made: Mapping[str, object]) -> Mapping[str, object]:
    """Leave what decides, and of that nothing that is long or nested but `done`."""
    left = {name: _fact(value) for name, value in _named(made, _FACTS).items()}
    for name, names in (("archived", _ARCHIVED), ("rolledBack", ("at", "reason"))):
        entry = made.get(name)
        if isinstance(entry, dict):
            left[name] = {inner: _fact(value) for inner, value in _named(entry, names).items()}
        elif name in made:
            left[name] = True
    return {**left, "done": _done(made)}


def _fact(value: object) -> object:
    return value if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_FACT else True


def _named(entry: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    return {name: entry[name] for name in names if name in entry}


def _moment(at: datetime | None) -> str | None:
    return (
        None if at is None else at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    )
