"""GitHub-flavoured Markdown out of texts that others have written.

Names, messages, tags and reasons come from whoever may write to the registry or file a request. What they wrote is
shown as they wrote it and means nothing: it formats nothing, ends no cell, links nowhere, and calls nobody.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from modelalias.cli.output import NOTHING, printable

LONGEST: Final = 60 * 1024
"""Bytes of a document: a comment on GitHub takes 64 KiB."""

_CUT: Final = "*Cut here: there is more than fits. `-o json` has all of it.*"
_JOINER: Final = "&#8288;"
"""A word joiner. GitHub and GitLab look for mentions, references and addresses in what they have rendered, where an
escaped character is the character again; so it is parted from what follows."""
_ESCAPED: Final = {
    **{character: f"\\{character}" for character in "*_[]~"},
    **{
        character: f"&#{ord(character)};" for character in "|\\`"
    },  # not by a backslash: in a cell that is read twice
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "$": "<span>$</span>",  # GitHub's own way to say that no formula begins
}
_SPECIAL: Final = re.compile(
    r'(?P<parted>[@#!%~&](?=\w|")|\bGH-(?=\d)|:(?=//|[a-z+-][\w+-]*:)|\bwww(?=\.))|[*_\[\]~|\\`<>&$]',
    re.IGNORECASE,
)
_BLOCK: Final = re.compile(r"[-+=](?!\w)|/|(?:\d{1,9}[.)]|#{1,6})(?!\S)")
"""What begins a list, a heading, the underline of one or, in GitLab, a command at the start of a line."""


def text(value: str) -> str:
    """Return a text on one line that reads as it is written."""
    line = printable(" ".join(value.split()))
    start = _BLOCK.match(line)
    if start is None:
        return _SPECIAL.sub(_escaped, line)
    before = start.group()
    return f"{before[:-1]}\\{before[-1]}" + _SPECIAL.sub(_escaped, line[start.end() :])


def heading(title: str) -> str:
    """Return a heading that fits into a comment and into the summary of a job."""
    return f"### {text(title)}"


def bullets(items: Iterable[str]) -> str:
    """Return a list with an item for each text."""
    return "\n".join(f"- {text(item)}" for item in items)


def command(line: str) -> str:
    """Return a command as a block that can be copied."""
    return f"```sh\n{printable(' '.join(line.split()))}\n```"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; each row has as many cells as the header, an empty one shows that there is nothing."""
    head, *body = (f"| {' | '.join(text(cell) or NOTHING for cell in line)} |" for line in (header, *rows))
    return "\n".join([head, f"|{' --- |' * len(header)}", *body])


def document(blocks: Iterable[str], last: str = "") -> str:
    """Return the blocks that are not empty as one document.

    Where it is too long, lines before the last block are left out and a sentence says so.
    """
    body = [block for block in blocks if block]
    end = [last] if last else []
    whole = "\n\n".join([*body, *end]) + "\n"
    if _size(whole) <= LONGEST:
        return whole
    end = [_CUT, *end]
    room, kept = LONGEST - _size("\n\n" + "\n\n".join(end) + "\n"), list[str]()
    for line in "\n\n".join(body).split("\n"):
        room -= _size(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n\n".join(["\n".join(kept).rstrip("\n"), *end]) + "\n"


def _escaped(found: re.Match[str]) -> str:
    part = found.group()
    escaped = _ESCAPED.get(part, part)
    return f"{escaped}{_JOINER}" if found.lastgroup == "parted" else escaped


def _size(part: str) -> int:
    return len(part.encode())
