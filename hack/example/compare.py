"""Whether a command printed what the README shows.

`...` stands for what differs: within a line for any characters, alone in a line for any number of lines, also none.
How many blanks stand between two words does not matter: the columns of a table are as wide as what is in them.
"""

import re
from collections.abc import Sequence
from typing import Final

_ANYTHING: Final = "..."


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Return whether the printed lines are the ones shown."""
    pattern = "".join(_pattern_of(line) for line in _trimmed(shown))
    return re.fullmatch(pattern, "".join(f"{_words(line)}\n" for line in _trimmed(printed))) is not None


def _pattern_of(line: str) -> str:
    words = _words(line)
    if words == _ANYTHING:
        return r"(?:[^\n]*\n)*?"
    return r"[^\n]*?".join(re.escape(part) for part in words.split(_ANYTHING)) + "\n"


def _words(line: str) -> str:
    return " ".join(line.split())


def _trimmed(lines: Sequence[str]) -> Sequence[str]:
    """Leave out empty lines at the end."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]
