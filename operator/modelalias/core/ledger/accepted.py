"""What a ModelAlias has accepted: what candidates are compared with, and what can be gone back to.

Its own status says that. What the registry's aliases name, or named, proves nothing: anybody may move them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from modelalias.api.alias import HistoryEntry, ModelAliasStatus, NamedVersion, Outcome
from modelalias.api.plan import JudgedMetrics
from modelalias.ports import ModelVersion


def is_same(version: ModelVersion, known: NamedVersion | HistoryEntry) -> bool:
    """Return whether a version of the registry is the one that is known under its number.

    A model that was deleted or renamed and made anew gives the same numbers to other versions.
    """
    return is_version(version, known.run_id, known.registered_at)


def is_version(version: ModelVersion, run_id: str | None, registered_at: datetime | None) -> bool:
    """Return whether a version is the one that was registered then or, where that is not known, by that run."""
    if registered_at is not None and version.registered_at is not None:
        return registered_at.replace(microsecond=0) == version.registered_at.replace(microsecond=0)
    return run_id is None or run_id == version.run_id


def is_current(status: ModelAliasStatus, version: ModelVersion) -> bool:
    """Return whether a version is the one that was accepted last."""
    current = status.current
    return current is not None and current.version == version.version and is_same(version, current)


def is_known(status: ModelAliasStatus, version: ModelVersion) -> bool:
    """Return whether a ModelAlias accepted a version, by what it remembers itself."""
    known = _known(status, version.version)
    return bool(known) and all(is_same(version, item) for item in known)


def is_number_known(status: ModelAliasStatus, number: str | None) -> bool:
    """Return whether a ModelAlias accepted some version of that number."""
    return number is not None and bool(_known(status, number))


def newest_first(status: ModelAliasStatus) -> Mapping[str, NamedVersion | HistoryEntry]:
    """Return what a ModelAlias accepted by its number, each as it was accepted last, the newest first."""
    found: dict[str, NamedVersion | HistoryEntry] = {}
    for entry in _moves(status.history[::-1]):
        if entry.to is not None:
            found.setdefault(entry.to, entry)
    for named in (status.current, status.previous):  # what the history may have forgotten
        if named is not None:
            found.setdefault(named.version, named)
    return found


def _known(status: ModelAliasStatus, number: str) -> list[NamedVersion | HistoryEntry]:
    named = (status.current, status.previous)
    return [
        *(item for item in named if item is not None and item.version == number),
        *(item for item in _moves(status.history) if item.to == number),
    ]


def judged_before(status: ModelAliasStatus, version: str, registered_at: datetime | None) -> JudgedMetrics:
    """Return the metrics on which a version was accepted the last time, empty where that is not known."""
    known: list[NamedVersion | HistoryEntry] = [item for item in _moves(status.history) if item.to == version]
    known += [item for item in (status.current, status.previous) if item and item.version == version]
    judged = (item.judged for item in known[::-1] if item.registered_at == registered_at and item.judged)
    return next(judged, ())


def _moves(entries: Iterable[HistoryEntry]) -> Iterable[HistoryEntry]:
    return (item for item in entries if item.outcome is Outcome.SUCCEEDED)
