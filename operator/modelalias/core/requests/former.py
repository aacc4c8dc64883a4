"""The version before: where `previous` leads, by what this ModelAlias accepted one after another."""

from collections.abc import Iterable

from modelalias.api.alias import HistoryEntry, ModelAlias, ModelAliasStatus, Outcome, RolledBackVersion
from modelalias.core.ledger import cause, history
from modelalias.core.plan.operations import RULES


def former(status: ModelAliasStatus) -> str | None:
    """Return the version that was accepted before the current one, None when there is none.

    What was gone back from, or was rolled back, is not one of them: nobody brings it back unawares.
    """
    left = {item.version for item in status.rolled_back}
    if status.current is not None:  # also one that failed to roll out, and stays
        left.add(status.current.version)
    return next((item for item in reversed(_path(status.history)) if item not in left), None)


def returns_to(alias: ModelAlias, named: str | None) -> str | None:
    """Return the version to which one goes back now without naming any, while the registry names another one.

    That is what a plan under way replaces; else, where somebody moved the alias by hand, what was accepted
    last; else what was accepted before that. While people go back already it is the version that they go
    back to.
    """
    plan, current = alias.status.plan, alias.status.current
    if plan is not None:
        move = history.moved(plan, alias.spec.alias)
        return move.to if RULES[plan.operation].has_priority else move.from_
    if current is not None and named != current.version:
        return current.version
    return former(alias.status)


def gone_back_from(status: ModelAliasStatus) -> RolledBackVersion | None:
    """Return the version that was left for the current one, where it was gone back from."""
    previous = None if status.previous is None else status.previous.version
    return next((item for item in reversed(status.rolled_back) if item.version == previous), None)


def was_gone_back_to(status: ModelAliasStatus) -> bool:
    """Return whether a rollback or a swap made the current version current."""
    move = cause.cause(status)
    return move is not None and RULES[move.operation].has_priority


def is_return(status: ModelAliasStatus) -> bool:
    """Return whether the current version is one that somebody came back to, by whatever kind of move."""
    current, entries = status.current, status.history
    for place, entry in reversed(tuple(enumerate(entries))):
        moved = entry.outcome is Outcome.SUCCEEDED and entry.from_ != entry.to
        if current is not None and moved and entry.to == current.version:
            return RULES[entry.operation].has_priority or entry.to in _path(entries[:place])
    return False


def _path(entries: Iterable[HistoryEntry]) -> tuple[str, ...]:
    """Return the versions that led to the current one; a move back takes its way back."""
    path: tuple[str, ...] = ()
    for entry in entries:
        if entry.from_ is not None and path[-1:] != (entry.from_,):
            path = (*path, entry.from_)
        if entry.outcome is not Outcome.SUCCEEDED or entry.to is None or path[-1:] == (entry.to,):
            continue
        path = _cut(path, entry.to) if RULES[entry.operation].has_priority else path
        path = (*path, entry.to)
    return path


def _cut(path: tuple[str, ...], version: str) -> tuple[str, ...]:
    """Return what led to a version; nothing is known of it where that is not on the path."""
    places = [place for place, item in enumerate(path) if item == version]
    return path[: places[-1]] if places else ()
