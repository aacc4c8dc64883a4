"""The promotions of a version: the last one stands in its record itself, those before it under `earlier`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

_MOST_EARLIER: Final = 4
_SHORT: Final = 100
_SHORT_NAME: Final = 60
_FEW_APPROVERS: Final = 5
_KEPT: Final = (
    "at",
    "operation",
    "from",
    "request",
    "by",
    "evidence",
    "run",
    "reason",
    "approvers",
    "outcome",
    "verdict",
    "rolledBack",
)
_FACTS: Final = ("at", "operation", "from", "request", "by", "evidence", "outcome")

_Parts = Mapping[str, object]


def earlier(parts: _Parts) -> Sequence[_Parts]:
    """Return the promotions before the last one."""
    value = parts.get("earlier")
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def with_last(parts: _Parts) -> Sequence[_Parts]:
    """Return the earlier promotions once another one follows; the oldest are dropped first."""
    last = {name: parts[name] for name in _KEPT if name in parts}
    if "archived" in parts:
        last["replaced"] = parts["archived"]  # under another name: `archived` tells of what is replaced now
    if "operation" not in last and "replaced" not in last:
        return earlier(parts)
    return [*earlier(parts), _with_short_verdict(last)][-_MOST_EARLIER:]


def all_of(parts: _Parts) -> Iterator[_Parts]:
    """Return each promotion, the last one first."""
    yield parts
    yield from reversed(earlier(parts))


def is_held(part: _Parts) -> bool:
    """Return whether the version has held the alias by one promotion."""
    ends = (part.get("archived"), part.get("replaced"))
    replaced = any(isinstance(end, dict) and end.get("held") is True for end in ends)
    return replaced or ("operation" in part and "rolledBack" not in part)


def shortened(items: Iterable[_Parts]) -> Iterator[Sequence[_Parts]]:
    """Give up one thing after another of the earlier promotions."""
    items = list(items)
    yield items
    yield [{name: value for name, value in item.items() if name != "verdict"} for item in items]
    yield [_facts(item) for item in items]


def _with_short_verdict(part: _Parts) -> _Parts:
    verdict = part.get("verdict")
    gates = verdict.get("gates") if isinstance(verdict, dict) else None
    rest = {name: value for name, value in part.items() if name != "verdict"}
    if not isinstance(gates, list):
        return rest
    names = ("name", "result", "candidate", "champion")
    short = [{name: gate[name] for name in names if name in gate} for gate in gates if isinstance(gate, dict)]
    return {**rest, "verdict": {"gates": short}}


def _facts(part: _Parts) -> _Parts:
    facts: dict[str, object] = {
        name: part[name][:_SHORT] if isinstance(part[name], str) else True  # type: ignore[index]  # a text
        for name in _FACTS
        if name in part
    }
    approvers = part.get("approvers")
    if isinstance(approvers, list):
        facts["approvers"] = [str(item)[:_SHORT_NAME] for item in approvers[:_FEW_APPROVERS]]
    if "rolledBack" in part:
        facts["rolledBack"] = True
    replaced = part.get("replaced")
    if isinstance(replaced, dict):
        names = ("at", "replacedBy", "held")
        facts["replaced"] = {name: replaced[name] for name in names if name in replaced}
    return facts
