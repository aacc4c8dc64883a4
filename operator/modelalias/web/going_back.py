"""The versions that an alias can go back to, by what it remembers itself. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from modelalias.api.alias import HistoryEntry, ModelAlias, NamedVersion
from modelalias.core.ledger import accepted, cause
from modelalias.core.requests.former import returns_to
from modelalias.web.view import View

MOST: Final = 20
"""Versions that are offered, the newest first."""


class Target(View):
    """A version that was accepted before."""

    version: str
    at: datetime
    """When it was accepted last."""
    by: str
    reason: str
    is_former: bool
    """Whether it is the version before the current one, to which one goes back without naming any."""
    warning: str
    """What speaks against it."""


def targets(alias: ModelAlias) -> tuple[Target, ...]:
    """Return what can be gone back to, the version before first and what speaks against itself last.

    The current version is one of them only while the alias names another one, or is on its way.
    """
    return tuple(sorted(_targets(alias), key=lambda item: (not item.is_former, bool(item.warning))))[:MOST]


def before(alias: ModelAlias) -> str | None:
    """Return the version to which one goes back without naming any."""
    return returns_to(alias, _named(alias))


def _is_there(alias: ModelAlias) -> bool:
    """Return whether the alias names what was accepted last, and is not on its way to another one."""
    status = alias.status
    current = None if status.current is None else status.current.version
    return status.plan is None and _named(alias) == current


def _named(alias: ModelAlias) -> str | None:
    """Return what the alias names, as far as the operator has seen it."""
    observed, current = alias.status.observed, alias.status.current
    if observed is not None:
        return observed.version
    return None if current is None else current.version


def _targets(alias: ModelAlias) -> Iterator[Target]:
    status = alias.status
    current = None if status.current is None else status.current.version
    is_there, first = _is_there(alias), before(alias)
    bad = {item.version: cause.how_left(status, item) for item in status.rolled_back}
    bad |= {item.version: f"monitor {item.monitor} was breached with it" for item in status.breached}
    for number, item in accepted.newest_first(status).items():
        if number != current or not is_there:
            yield _target(number, item, is_former=number == first, warning=bad.get(number, ""))


def _target(number: str, item: NamedVersion | HistoryEntry, *, is_former: bool, warning: str) -> Target:
    return Target(
        version=number,
        at=item.at if isinstance(item, HistoryEntry) else item.since,
        by=item.actor or "",
        reason=item.reason if isinstance(item, HistoryEntry) else "",
        is_former=is_former,
        warning=warning,
    )
