"""Requests in a table, one row for each: what is asked for, by whom, and how far it has come."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from modelalias.api.request import PromotionRequest
from modelalias.cli import ages, report
from modelalias.cli.output import clipped

_COLUMNS: Final = ("NAME", "ALIAS", "OPERATION", "VERSION", "PHASE", "BY", "AGE", "NOW")
_WIDE: Final = ("CHAMPION", "APPROVALS", "REASON")
_LONGEST: Final = 60
"""Characters of the last column, without -o wide."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def columns(*, is_wide: bool) -> Sequence[str]:
    """Return the names of the columns."""
    return (*_COLUMNS[:-1], *_WIDE, _COLUMNS[-1]) if is_wide else _COLUMNS


def row(request: PromotionRequest, now: datetime, *, is_wide: bool) -> Sequence[str]:
    """Return the cells."""
    meta, spec, status = request.metadata, request.spec, request.status
    resolved, asked = status.resolved, status.approvals
    first = (
        meta.name,
        spec.alias_ref.name,
        spec.operation,
        report.source(request) if resolved is None else resolved.version,
        status.phase or "",
        spec.requested_by or "",
        ages.age(meta.creation_timestamp, now),
    )
    if not is_wide:
        return (*first, clipped(status.explanation, _LONGEST))
    champion = "" if resolved is None else resolved.champion or ""
    approvals = "" if asked is None else f"{asked.valid}/{asked.required}"
    return (*first, champion, approvals, spec.reason or "", status.explanation)


def place(request: PromotionRequest) -> tuple[datetime, str, str]:
    """Return where it stands among others: the newest last."""
    meta = request.metadata
    return meta.creation_timestamp or _NEVER, meta.namespace, meta.name
