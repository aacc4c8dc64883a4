"""Markdown as GitHub shows it: read by its own parser, and looked through for what it would link or notify."""

import re
from html.parser import HTMLParser
from typing import Final

import cmarkgfm
from cmarkgfm.cmark import Options

CALLS: Final = re.compile(r"(?<!\w)[@#](?=\w)|\bGH-\d|[:]//|\bwww\.\w", re.IGNORECASE)
"""What GitHub makes a mention, a reference or a link of in a text that it has rendered."""
JOINER: Final = "\u2060"


class Page(HTMLParser):
    """What people see: the tags that were rendered, the rows of its tables, and the texts outside of them."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.rows: list[list[str]] = []
        self._blocks: list[str] = []
        self._in_cell = False
        self.feed(cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - of the parser
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self._in_cell = True
            self.rows[-1].append("")
        elif tag in {"p", "li", "h3", "pre"}:
            self._blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"}:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data
        elif self._blocks:
            self._blocks[-1] += data

    @property
    def texts(self) -> list[str]:
        """Headings, paragraphs, items of lists and blocks of code, as somebody sees them."""
        return [text for text in map(as_written, self._blocks) if text]

    @property
    def words(self) -> str:
        """All of its text, in which nothing may call anybody."""
        return "\n".join([*self._blocks, *(cell for row in self.rows for cell in row)])


def as_written(text: str) -> str:
    """Return what somebody sees of a rendered text."""
    return text.replace(JOINER, "").strip()
