"""ModelAliases in a table, one row for each: which version, how it stands, and what goes on."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from modelalias.api.alias import AliasPhase, Bearing, ModelAlias
from modelalias.cli import ages, alias_report
from modelalias.cli.output import clipped
from modelalias.core.ledger import history
from modelalias.core.requests.former import former
from modelalias.core.status.phase_since import phase_since

_COLUMNS: Final = ("NAME", "ALIAS", "VERSION", "VERSION SINCE", "SERVES", "PHASE", "PHASE SINCE", "NOW")
_WIDE: Final = ("PREVIOUS", "BY", "REQUEST")
_LONGEST: Final = 60
"""Characters of the last column, without -o wide."""


def columns(*, is_wide: bool) -> Sequence[str]:
    """Return the names of the columns."""
    return (*_COLUMNS[:-1], *_WIDE, _COLUMNS[-1]) if is_wide else _COLUMNS


def row(alias: ModelAlias, now: datetime, *, is_wide: bool) -> Sequence[str]:
    """Return the cells."""
    status, current = alias.status, alias.status.current
    began = phase_since(status)
    first = (
        alias.metadata.name,
        f"{alias.spec.model}@{alias.spec.alias}",
        "" if current is None else current.version,
        "" if current is None else ages.age(current.since, now),
        status.served or "",
        status.phase or "",
        "" if began is None else ages.age(began, now),
    )
    goes_on = "; ".join(under_way(alias))
    if not is_wide:
        return (*first, clipped(goes_on, _LONGEST))
    by, request = ("", "") if current is None else (current.actor or "", current.request or "")
    return (*first, former(status) or "", by, request, goes_on)


def under_way(alias: ModelAlias) -> Iterator[str]:
    """Return what goes on with an alias, what stops it, and who waits."""
    spec, status = alias.spec, alias.status
    if status.plan is not None:
        to = history.moved(status.plan, spec.alias).to
        request = status.plan.request
        what = f"{status.plan.operation} of version {to}" if to else str(status.plan.operation)
        by = f" ({request.name})" if request is not None else ""
        yield f"{what}{by}{', being undone' if status.plan.bearing is Bearing.BACKWARD else ''}"
    elif status.phase not in {None, AliasPhase.READY} and alias_report.message(alias):
        yield alias_report.message(alias)
    if spec.version is not None:
        yield f"pinned to version {spec.version}"
    if status.hold is not None:
        yield f"held ({status.hold.reason})"
    if spec.suspend:
        yield "suspended"
    if status.queue:
        more = f" and {len(status.queue) - 1} more" if len(status.queue) > 1 else ""
        yield f"next: {status.queue[0]}{more}"
