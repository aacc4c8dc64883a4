"""Questions to the person at the terminal."""

import sys
from typing import Final

from modelalias.cli import output

_YES: Final = frozenset({"y", "yes"})


def can_be_asked() -> bool:
    """Return whether somebody sits at a terminal, to read what is shown and to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def is_agreed(text: str) -> bool:
    """Ask on standard error, and return whether the answer is yes; everything else, and no answer, is no."""
    sys.stderr.write(f"{output.printable(text)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES
