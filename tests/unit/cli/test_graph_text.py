"""Pictures are what their languages take, whatever stands in them."""

import re
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from modelalias.cli.graph_text import Edge, Graph, dot, mermaid, node

MERMAID_NODE: Final = re.compile(r'  (?P<name>\w+)\["(?P<label>(?:[\w .,\-@/]|#\d+;|<br/>)*)"\]')
MERMAID_EDGE: Final = re.compile(r"  \w+ -->\|[a-z ]+\| \w+")
MERMAID_STYLE: Final = re.compile(r"  classDef (said|proved) [a-z-]+: \d( \d|px)|  class \w+ (said|proved)")
DOT_NODE: Final = re.compile(
    r'  (?P<name>\w+) \[label="(?P<label>(?:[^"\\]|\\.)*)", style=(?P<style>bold|dashed)\]'
)
DOT_EDGE: Final = re.compile(r'  \w+ -> \w+ \[label="[a-z ]+"\]')

HARMFUL: Final = (
    'x"] --> y["<script>alert(1)</script>',
    "`**bold** _it_` [a](http://b) %% note",
    'a\\"; b [label="c\\N"]; <b> &lt; #quot; #35;',
    "line\nclick n0 call evil()\rend\x1b[31m\u202e",
    "lifestyle:#fff; subgraph end",
)
TEXT: Final = st.one_of(st.text(max_size=60), st.sampled_from(HARMFUL))


def picture(*texts: str) -> Graph:
    nodes = [node("a", *texts), node("b", "seen", is_proved=True)]
    return Graph(nodes, [Edge("a", "b", "was read by")])


def seen(text: str) -> str:
    """Return a text as a box shows it."""
    line = "".join(item if item.isprintable() else "?" for item in " ".join(text.split()))
    return line if len(line) <= 80 else f"{line[:79]}…"


@given(first=TEXT, second=TEXT)
@example(first=HARMFUL[0], second=HARMFUL[2])
def test_mermaid_shows_any_text_and_reads_none_of_it(first: str, second: str) -> None:
    lines = mermaid(picture(first, second)).split("\n")

    head, box, other, arrow, *styles, end = lines
    found = MERMAID_NODE.fullmatch(box)
    assert found, box
    shown = [
        re.sub(r"#(\d+);", lambda code: chr(int(code[1])), line) for line in found["label"].split("<br/>")
    ]
    assert shown == [seen(first), seen(second)]
    assert (head, end) == ("flowchart LR", "")
    assert MERMAID_NODE.fullmatch(other)
    assert MERMAID_EDGE.fullmatch(arrow)
    assert all(MERMAID_STYLE.fullmatch(style) for style in styles), styles


@given(first=TEXT, second=TEXT)
@example(first=HARMFUL[0], second=HARMFUL[2])
def test_dot_shows_any_text_and_reads_none_of_it(first: str, second: str) -> None:
    lines = dot(picture(first, second)).split("\n")

    found = DOT_NODE.fullmatch(lines[3])
    assert found, lines[3]
    assert _shown_by_graphviz(found["label"]) == [seen(first), seen(second)]
    assert (lines[:3], lines[-2:]) == (
        ["digraph lineage {", "  rankdir=LR", "  node [shape=box]"],
        ["}", ""],
    )
    assert DOT_NODE.fullmatch(lines[4])
    assert DOT_EDGE.fullmatch(lines[5])


def _shown_by_graphviz(label: str) -> list[str]:
    """Read a label as Graphviz does: `\\n` ends a line, any other escaped character is itself, then HTML's references."""
    marked = re.sub(r"\\(.)", lambda code: "\n" if code[1] == "n" else code[1], label)
    return [line.replace("&amp;", "&") for line in marked.split("\n")]


def test_what_is_proved_is_drawn_apart_from_what_is_said() -> None:
    drawn = picture("data")

    assert "  class a said\n  class b proved\n" in mermaid(drawn)
    assert [found["style"] for found in DOT_NODE.finditer(dot(drawn))] == ["dashed", "bold"]
