"""GitHub-flavoured Markdown from texts that anybody may have written: none of them is markup, and none calls somebody."""

import re
from collections.abc import Sequence
from typing import Final

from modelalias.cli.output import NOTHING, printable

_MARKUP: Final = re.compile(r"[\\`*\[\]<>&|~$]|(?<!\w)_|_(?!\w)")
_MENTION: Final = re.compile(r"(?<!\w)([@#])(?=\w)|(?<=://)(?=\w)|(?<=\bwww)(?=\.)")
_BREAK: Final = "&#8203;"
"""A character without width, behind which GitHub sees no name, no number of an issue and no address."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; each row is as long as the header."""
    lines = [header, ["---"] * len(header), *rows]
    cells = [[cell if line is lines[1] else escaped(cell or NOTHING) for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def escaped(text: str) -> str:
    """Return a text on one line that reads as it is."""
    line = printable(" ".join(text.split()))
    return _MENTION.sub(rf"\1{_BREAK}", _MARKUP.sub(r"\\\g<0>", line))
