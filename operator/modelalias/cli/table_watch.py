"""What changes in a table or a report, drawn anew on a terminal and as lines elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from modelalias.cli import output
from modelalias.cli.following import Key, Objects, version_of

Show = Callable[[str], bool]
"""Writes a text; returns whether anybody reads on."""
GONE: Final = "gone"
"""It was deleted, or the labels that are asked for are not its own any more: a watch does not tell which."""


class Report:
    """Shows a text that changes: all of it on a terminal, elsewhere the lines that are new."""

    def __init__(self, show: Show, *, redraws: bool) -> None:
        """Take where it is shown, and whether that is a terminal."""
        self._show, self._redraws = show, redraws
        self._before: str | None = None

    def look(self, text: str) -> bool:
        """Show what has changed; return whether anybody reads on."""
        before, self._before = self._before, text
        if text == before:
            return True
        if self._redraws:
            return self._show(f"{output.CLEAR}{text}")
        if before is None:
            return self._show(text)
        known = {_words(line) for line in before.splitlines()}
        new = [line for line in text.splitlines() if _words(line) not in known]
        return self._show(output.lines(new)) if new else True


class Drawn(NamedTuple):
    """A table: its columns, and a row for each object in the order in which they are shown."""

    columns: Sequence[str]
    rows: Mapping[Key, Sequence[str]]

    @property
    def text(self) -> str:
        """The table, with its columns if there is a row."""
        return output.lines(output.aligned([self.columns, *self.rows.values()]) if self.rows else ())


class Rows:
    """Shows a table that changes: all of it on a terminal, elsewhere the rows of what has changed."""

    def __init__(self, show: Show, *, redraws: bool, tells_gone: bool = True) -> None:
        """Take where it is shown, whether that is a terminal, and whether what is not there any more is a row."""
        self._show, self._redraws, self._tells_gone = show, redraws, tells_gone
        self._known: dict[Key, str] = {}
        self._widths: Sequence[int] = ()

    def look(self, objects: Objects, drawn: Drawn) -> bool:
        """Show what has changed; return whether anybody reads on."""
        versions = {key: version_of(body) for key, body in objects.items()}
        changed = [key for key in drawn.rows if versions.get(key) != self._known.get(key)]
        gone = [key for key in self._known if key not in versions] if self._tells_gone else []
        self._known = versions
        if not changed and not gone:
            return True
        if self._redraws:
            return self._show(f"{output.CLEAR}{drawn.text}")
        is_first, rows = not self._widths, [drawn.rows[key] for key in changed]
        rows += [_gone(key, drawn.columns) for key in gone]
        table = [drawn.columns, *rows]
        widths = [max(len(row[number]) for row in table) for number in range(len(drawn.columns))]
        self._widths = [max(pair) for pair in zip(widths, self._widths or widths, strict=True)]
        return self._show(output.lines(output.aligned(table if is_first else rows, self._widths)))


def _gone(key: Key, columns: Sequence[str]) -> Sequence[str]:
    """Return the row of what is not there any more; a table has the name behind the namespace, or first."""
    name = [key.namespace, key.name] if columns[0] == "NAMESPACE" else [key.name]
    return [*name, GONE, *[""] * (len(columns) - len(name) - 1)]


def _words(line: str) -> str:
    """Return what a line says, whatever the widths of its columns are."""
    return " ".join(line.split())
