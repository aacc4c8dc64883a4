"""How the board follows what happens: a row that is on the page is morphed, all else makes the page again. Pure."""

from collections.abc import Iterable, Sequence

from modelalias.cli.changes import Happened
from modelalias.cli.cluster import Kind
from modelalias.web import board
from modelalias.web.board import Board, Row
from modelalias.web.live import Change, Morph, Told, Update
from modelalias.web.view import View


class BoardFollowing:
    """Implements `Following` for the board."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._elsewhere: dict[str, str] = {}
        """The phases of ModelAliases that are not on this page but are counted on it."""
        self._told = Told()

    def start(self, view: View, _: Iterable[Change]) -> None:
        """Begin with the rows of the page."""
        if isinstance(view, Board):
            self._rows = {item.id: item for item in (*view.needs, *view.rows)}

    def update(self, changes: Sequence[Change]) -> Update:
        """Return the rows that are others, and whether counts or places are."""
        again, morphs, shown = False, [], []
        for change in changes:
            if change.kind is not Kind.ALIASES or change.happened is not Happened.MODIFIED:
                again = True  # who is waited for, or a row that comes or goes
                continue
            key = board.key(change.body)
            where = board.identity(key)
            before = self._rows.get(where)
            if before is None:
                again |= self._moved_elsewhere(where, change)
                continue
            row = board.row_of(change.body, {key: before.waits})
            if row == before:
                continue
            again |= (row.phase, row.needs_somebody) != (before.phase, before.needs_somebody)
            if row.phase != before.phase:
                shown.append(change)
            self._rows[where] = row
            morphs.append(Morph(f"row-{row.id}", "board_rows.html", "row", row))
        return Update(tuple(morphs), again, self._told.news(shown))

    def _moved_elsewhere(self, where: str, change: Change) -> bool:
        phase = str((change.body.get("status") or {}).get("phase") or "")
        before, self._elsewhere[where] = self._elsewhere.get(where), phase
        return before != phase
