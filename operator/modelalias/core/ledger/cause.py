"""What made the current version current, and what was gone back from: told from the history, which has it all."""

from modelalias.api.alias import HistoryEntry, ModelAliasStatus, Outcome, RolledBackVersion


def cause(status: ModelAliasStatus) -> HistoryEntry | None:
    """Return the move that made the current version current, as far as the history still has it.

    A later one that only put the alias back to it is not that move.
    """
    current = status.current
    if current is None:
        return None
    came = [
        item
        for item in status.history
        if item.to == current.version and item.outcome in {Outcome.SUCCEEDED, Outcome.FAILED}
    ]
    exact = (item for item in reversed(came) if item.at == current.since)
    asked = (item for item in reversed(came) if current.request and item.request == current.request)
    return next(exact, None) or next(asked, None)


def kept_since(status: ModelAliasStatus) -> HistoryEntry | None:
    """Return the last move that succeeded after that one and left the current version current."""
    current, first = status.current, cause(status)
    if current is None:
        return None
    after = first.at if first is not None else current.since
    moves = (item for item in reversed(status.history) if item.outcome is Outcome.SUCCEEDED)
    return next((item for item in moves if item.to == current.version and item.at > after), None)


def how_left(status: ModelAliasStatus, gone: RolledBackVersion) -> str:
    """Return what became of a version that was gone back from, to follow its name."""
    move = move_at(status, gone)
    by_hand = move is not None and move.drifted and move.found == gone.version != move.from_
    return "was set by hand, which was undone" if by_hand else "was rolled back"


def how_withdrawn(status: ModelAliasStatus, version: str) -> str:
    """Return why nothing goes to a version by itself, to follow its name; "" where something may."""
    gone = next((item for item in reversed(status.rolled_back) if item.version == version), None)
    if gone is not None:
        return how_left(status, gone)
    bad = next((item for item in reversed(status.breached) if item.version == version), None)
    return "" if bad is None else f"breached monitor {bad.monitor} ({bad.value})"


def move_at(status: ModelAliasStatus, gone: RolledBackVersion) -> HistoryEntry | None:
    """Return the move by which a version was gone back from, as far as the history still has it."""
    return next((item for item in reversed(status.history) if item.at == gone.at), None)
