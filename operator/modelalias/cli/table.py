"""A verdict for people: what was judged, a row for each rule, one sentence."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from modelalias.api.gates import Enforcement
from modelalias.api.request_status import Check, Finding
from modelalias.cli.rehearsal import Rehearsal

_COLUMNS: Final = ("NAME", "RESULT", "CANDIDATE", "CHAMPION", "RULE", "DATASET", "MESSAGE")
_NOTHING: Final = "-"
_GAP: Final = "   "


def text(rehearsal: Rehearsal) -> str:
    """Lay out a verdict; nothing in it can move a terminal's cursor or begin a line of its own."""
    spec, status = rehearsal.alias.spec, rehearsal.status
    version, champion = (status.resolved.version, status.resolved.champion) if status.resolved else (None, None)
    rows = [*map(_rule, status.eligibility), *map(_gate, status.gates)]
    lines = [
        f"model {spec.model}, alias {spec.alias}, version {version or _NOTHING}, champion {champion or 'none'}",
        *(_aligned([_COLUMNS, *rows]) if rows else ()),
        status.explanation,
    ]
    return "".join(f"{_printable(line)}\n" for line in lines)


def _rule(check: Check) -> Sequence[str]:
    return ("eligibility", check.result, "", "", check.rule, "", check.message)


def _gate(finding: Finding) -> Sequence[str]:
    advice = ["advises only"] if finding.enforcement == Enforcement.ADVISE else []
    message = "; ".join([*advice, *([finding.message] if finding.message else [])])
    numbers = (finding.candidate or "", finding.champion or "")
    return (finding.name, finding.result, *numbers, finding.rule, finding.dataset or "", message)


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    cells = [[_printable(cell) or _NOTHING for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _printable(words: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in words)
