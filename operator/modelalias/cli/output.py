"""The output of a command: results on standard output, progress and errors on standard error."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from modelalias.cli import colour

NOTHING: Final = "-"
CLEAR: Final = "\x1b[H\x1b[2J"
"""What empties a terminal."""
_GAP: Final = "   "


def show(text: str) -> bool:
    """Write a result to standard output at once; return whether anybody reads on."""
    try:
        sys.stdout.write(colour.painted(text) if colour.is_wanted(sys.stdout, os.environ) else text)
        sys.stdout.flush()
    except (
        BrokenPipeError
    ):  # the reader, such as head, has ended; keep the interpreter from writing again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def tell(message: str) -> None:
    """Write a message to standard error, as one line."""
    sys.stderr.write(f"{printable(' '.join(message.split()))}\n")
    sys.stderr.flush()


def aligned(rows: Iterable[Sequence[str]], least: Sequence[int] = ()) -> Iterator[str]:
    """Return rows of equal length as lines with aligned columns, for `lines`; `least` are widths of columns."""
    cells = [[cell or NOTHING for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widths = [max(pair) for pair in zip(widths, least, strict=True)] if least else widths
    for row in cells:
        yield _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def lines(texts: Iterable[str]) -> str:
    """Return these lines as one text; nothing in it can move the terminal's cursor or start another line."""
    return "".join(f"{printable(line)}\n" for line in texts)


def clipped(text: str, most: int) -> str:
    """Return at most so many characters of a text, with a mark at the end where there are more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable(text: str) -> str:
    """Replace characters that are not printable."""
    return "".join(character if character.isprintable() else "?" for character in text)
