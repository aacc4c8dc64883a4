"""A verdict as a table: what was judged, a row for each rule, and one sentence.

Its numbers are those that people read; `-o json` has every digit.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from modelalias.api.request_status import PromotionRequestStatus
from modelalias.cli import verdict_rows
from modelalias.cli.output import NOTHING, aligned, lines
from modelalias.cli.rehearsed import Rehearsal
from modelalias.cli.verdict_rows import VerdictRow

COLUMNS: Final = ("NAME", "RESULT", "CANDIDATE", "CHAMPION", "RULE", "DATASET", "MESSAGE")


def text(rehearsal: Rehearsal) -> str:
    """Return the verdict on a version."""
    spec, status = rehearsal.alias.spec, rehearsal.status
    head = f"model {spec.model}, alias {spec.alias}, {versions(status)}"
    return lines([head, *rules(status), status.explanation])


def versions(status: PromotionRequestStatus) -> str:
    """Return the version that was asked for and, where it was looked up, the one that it would replace."""
    resolved = status.resolved
    if resolved is None:
        return f"version {NOTHING}"
    if not resolved.was_looked_up:
        return f"version {resolved.version}"
    return f"version {resolved.version}, champion {resolved.champion or 'none'}"


def rules(status: PromotionRequestStatus) -> Iterator[str]:
    """Return the rules with their values, one on each line; nothing if none was judged."""
    judged = rows(status)
    if judged:
        yield from aligned([COLUMNS, *judged])


def rows(status: PromotionRequestStatus) -> Sequence[Sequence[str]]:
    """Return the rules with their values in `COLUMNS`, as people read them."""
    return [_cells(row) for row in verdict_rows.rows(status)]


def _cells(row: VerdictRow) -> Sequence[str]:
    values = (row.candidate or "", row.champion or "")
    return (row.name, row.result, *values, row.rule, row.dataset, row.message)
