"""The version before: where `previous` leads, by what this ModelAlias accepted one after another."""

from collections.abc import Iterable

from modelalias.api.alias import HistoryEntry, ModelAliasStatus, Outcome
from modelalias.core.plan.operations import RULES


def former(status: ModelAliasStatus) -> str | None:
    """Return the version that was accepted before the current one, None when there is none.

    What was gone back from, or was rolled back, is not one of them: nobody brings it back unawares.
    """
    left = {item.version for item in status.rolled_back}
    if status.current is not None:  # also one that failed to roll out, and stays
        left.add(status.current.version)
    return next((item for item in reversed(_path(status.history)) if item not in left), None)


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
