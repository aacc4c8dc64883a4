"""Pictures of boxes and arrows, as Mermaid and as DOT; the texts in the boxes may be anybody's.

None of them ends its quotes, begins a line, or means anything to the language, to Markdown or to HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelalias.cli.output import clipped, printable

_LONGEST: Final = 80
_PLAIN: Final = frozenset(" .,-_@/")
"""What means nothing in a label of Mermaid's, beside letters and digits."""


@dataclass(frozen=True)
class Node:
    """A box: each of its lines is any text, on one line."""

    name: str
    """Letters and digits alone."""
    lines: Sequence[str]
    is_proved: bool = False


@dataclass(frozen=True)
class Edge:
    """An arrow between two boxes by their names, with our label."""

    start: str
    end: str
    word: str


@dataclass(frozen=True)
class Graph:
    """Boxes and arrows."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]


def node(name: str, *texts: str, is_proved: bool = False) -> Node:
    """Return a box with these texts, each on one line and cut where it is long."""
    return Node(
        name, tuple(clipped(printable(" ".join(text.split())), _LONGEST) for text in texts), is_proved
    )


def mermaid(picture: Graph) -> str:
    """Write a Mermaid flowchart."""
    classes = [f"  class {box.name} {'proved' if box.is_proved else 'said'}" for box in picture.nodes]
    rows = [
        "flowchart LR",
        *map(_mermaid_node, picture.nodes),
        *(f"  {edge.start} -->|{edge.word}| {edge.end}" for edge in picture.edges),
        "  classDef said stroke-dasharray: 4 3",
        "  classDef proved stroke-width: 3px",
        *classes,
    ]
    return "".join(f"{row}\n" for row in rows)


def dot(picture: Graph) -> str:
    """Write a directed graph in Graphviz' language."""
    rows = [
        "digraph lineage {",
        "  rankdir=LR",
        "  node [shape=box]",
        *map(_dot_node, picture.nodes),
        *(f'  {edge.start} -> {edge.end} [label="{edge.word}"]' for edge in picture.edges),
        "}",
    ]
    return "".join(f"{row}\n" for row in rows)


def _mermaid_node(box: Node) -> str:
    label = "<br/>".join(map(_mermaid_text, box.lines))
    return f'  {box.name}["{label}"]'


def _dot_node(box: Node) -> str:
    label = r"\n".join(map(_dot_text, box.lines))
    return f'  {box.name} [label="{label}", style={"bold" if box.is_proved else "dashed"}]'


def _mermaid_text(text: str) -> str:
    """Write each character that means something to Mermaid, Markdown or HTML by its number."""
    return "".join(
        character if character.isalnum() or character in _PLAIN else f"#{ord(character)};"
        for character in text
    )


def _dot_text(text: str) -> str:
    """Quote what ends a text, begins an escape, or begins a character reference."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
