"""What a command says: results on standard output, what happens meanwhile on standard error."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

NOTHING: Final = "-"
_GAP: Final = "   "


def show(text: str) -> None:
    """Write a result now, not at the end."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough; the interpreter shall not try again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(words: str) -> None:
    """Say on standard error, in one line, how things stand."""
    sys.stderr.write(f"{printable(' '.join(words.split()))}\n")
    sys.stderr.flush()


def aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lay out rows of equal length in columns, for `lines`."""
    cells = [[cell or NOTHING for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def lines(words: Iterable[str]) -> str:
    """Return the text of these lines; nothing in it can move a terminal's cursor or begin a line of its own."""
    return "".join(f"{printable(line)}\n" for line in words)


def printable(words: str) -> str:
    """Replace what is no character of a line of text."""
    return "".join(character if character.isprintable() else "?" for character in words)
