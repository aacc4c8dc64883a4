"""The text of a record: one line of JSON in a tag, which anybody may write and registries limit.

Where there is little room, what was found of earlier promotions is given up first, then the findings and what
people wrote; `done` and what the operator decides by stay.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from modelalias.core.ledger import promotions
from modelalias.core.ledger.record_parts import Promotion, Replacement, RolledBack
from modelalias.core.ledger.version_record import VersionRecord

_LONGEST_KEY: Final = 250
_LONGEST_TAG: Final = 100_000
"""Characters that MLflow's own server takes."""
_ROOM: Final = 5_000
"""Characters that other servers take."""
_SHORT_REASON: Final = 200
_LONGEST_FACT: Final = 300

_Parts = Mapping[str, object]


def tag_key(alias: str) -> str:
    """Return the key of the tag; MLflow takes 250 characters."""
    name = f"modelalias.{alias}"
    if len(name) <= _LONGEST_KEY:
        return name
    return f"{name[: _LONGEST_KEY - 17]}.{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def parse_parts(text: str) -> Mapping[str, object] | None:
    """Read JSON that is an object and no longer than any tag; anything else is None, and nothing is raised."""
    if len(text) > _LONGEST_TAG:
        return None
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parts if isinstance(parts, dict) else None


def fit(record: VersionRecord, taken: int = 0) -> str:
    """Write a record on one line, with as much of it as there is room for beside so many characters."""
    for parts in _shortened(record.parts):
        text = line(parts)
        if len(text) + taken < _ROOM:
            return text
    return line(_deciding(record))


def line(parts: _Parts) -> str:
    """Write JSON, with a mark in the place of what is no character."""
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode(errors="replace").decode()


def _shortened(parts: _Parts) -> Iterator[_Parts]:
    """Give up one thing after another: earlier findings, details of findings, the ends of reasons, the findings."""
    for former in promotions.shortened(promotions.earlier(parts)):
        if former:
            parts = {**parts, "earlier": former}
        yield parts
    parts = _throughout(parts, _without_details)
    yield parts
    parts = _throughout(parts, _with_short_reason)
    yield parts
    without_verdict = {name: value for name, value in parts.items() if name != "verdict"}
    yield _throughout(without_verdict, _without_gates)


def _throughout(parts: _Parts, change: Callable[[_Parts], _Parts]) -> _Parts:
    """Change a record and each part of it that may have findings or a reason."""
    inner = _named(parts, ("archived", "refused", "verdict"))
    changed = {name: change(value) for name, value in inner.items() if isinstance(value, dict)}
    return change({**parts, **changed})


def _without_details(part: _Parts) -> _Parts:
    """Leave of each gate its name and its result."""
    gates = part.get("gates")
    rest = {name: value for name, value in part.items() if name != "eligibility"}
    if not isinstance(gates, list):
        return rest
    return {**rest, "gates": [_named(gate, ("name", "result")) for gate in gates if isinstance(gate, dict)]}


def _with_short_reason(part: _Parts) -> _Parts:
    reason = part.get("reason")
    if not isinstance(reason, str) or len(reason) <= _SHORT_REASON:
        return part
    return {**part, "reason": f"{reason[:_SHORT_REASON]}…"}


def _without_gates(part: _Parts) -> _Parts:
    return {name: value for name, value in part.items() if name != "gates"}


def _deciding(record: VersionRecord) -> _Parts:
    """Leave what the operator decides by, and of that nothing that is long or nested except `done`."""
    parts = _facts(record.parts, (*Promotion.facts, "outcome"))
    if "again" in record.parts or any(map(promotions.is_held, promotions.earlier(record.parts))):
        parts["again"] = True
    for name, part in (("archived", Replacement), ("rolledBack", RolledBack)):
        if name in record.parts:
            value = record.parts[name]
            parts[name] = _facts(value, part.facts) if isinstance(value, dict) else True
    if record.replacement.get("held") is True:
        parts["archived"] = {**_facts(record.replacement, Replacement.facts), "held": True}
    return {**parts, "done": record.ended}


def _facts(part: _Parts, names: Iterable[str]) -> dict[str, object]:
    """Return the values of these names, true in the place of one that is long or no text."""
    return {name: value if _is_fact(value) else True for name, value in _named(part, names).items()}


def _is_fact(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_FACT


def _named(part: _Parts, names: Iterable[str]) -> dict[str, object]:
    return {name: part[name] for name in names if name in part}
