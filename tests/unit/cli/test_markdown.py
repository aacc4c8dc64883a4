"""Whatever others have written, a document in Markdown shows it as it is: GitHub's own parser reads it here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.cli import markdown
from modelalias.cli.output import printable
from tests.support.rendered import CALLS, Page, as_written

HOSTILE = (
    "|",
    "||",
    "\\|",
    "`",
    "`|`",
    "``a|b``",
    "\n",
    "\r\n| a | b |",
    "<!--",
    "-->",
    "<script>",
    "<a href=x>",
    "</td>",
    "@ana",
    "@org/team",
    "a@b.example.com",
    "#12",
    "org/repo#12",
    "GH-12",
    "!12",
    "[x](https://x.example.com)",
    "![x](y)",
    "[x]: y",
    "https://x.example.com",
    "WWW.example.com",
    "mailto:a@b.example.com",
    "/merge",
    "\N{NO-BREAK SPACE}/approve",
    ":tada:",
    ":+1:",
    "&#64;ana",
    "&#124;",
    "*b*",
    "__b__",
    "~~s~~",
    "$x$",
    "# h",
    "## h",
    "1. a",
    "2) a",
    "- a",
    "+ a",
    "> a",
    "---",
    "===",
    "***",
    "```sh",
    "~~~",
    "    code",
    "[ ] task",
    "[^1]",
    "\u202e",
    "\x00",
    "é",
    "模型",
    "e\u0301",
)
texts = st.lists(
    st.one_of(st.sampled_from(HOSTILE), st.text(max_size=8), st.sampled_from((" ", "a", "_", "0.9"))),
    max_size=6,
).map("".join)


def shown(text: str) -> str:
    """Return what of a text is to be seen."""
    return printable(" ".join(text.split()))


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1)
    )
)
def test_no_cell_breaks_out_of_its_table(rows: list[list[str]]) -> None:
    header = [f"column {number}" for number in range(len(rows[0]))]

    page = Page(markdown.table(header, rows))

    assert [[as_written(cell) for cell in row] for row in page.rows] == [
        header,
        *([shown(cell) or "-" for cell in row] for row in rows),
    ]
    assert page.texts == []
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "span"}


@given(texts)
def test_a_text_formats_nothing_and_calls_nobody(text: str) -> None:
    page = Page(markdown.document([markdown.text(text), markdown.bullets([text]), markdown.heading(text)]))

    assert page.texts == [shown(text)] * (3 if shown(text) else 0)
    assert page.tags <= {"p", "ul", "li", "h3", "span"}
    assert CALLS.findall(page.words) == []


@pytest.mark.parametrize("text", ["/merge", "\N{NO-BREAK SPACE}/merge", "\n /approve now"], ids=repr)
def test_no_line_begins_with_what_gitlab_carries_out(text: str) -> None:
    source = markdown.document([markdown.text(text)], markdown.text(text))

    assert [line for line in source.splitlines() if line.lstrip().startswith("/")] == []
    assert Page(source).texts == [shown(text)] * 2


def test_no_word_between_colons_becomes_a_picture_and_times_stay_as_they_are() -> None:
    assert ":&#8288;tada:" in markdown.text("ship :tada: it")
    assert markdown.text("at 10:00:00") == "at 10:00:00"


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_each_hostile_text_is_shown_alone_and_after_a_word(text: str) -> None:
    page = Page(markdown.table(["a", "b"], [[text, f"word {text} word"]]))

    assert [as_written(cell) for cell in page.rows[1]] == [shown(text) or "-", shown(f"word {text} word")]
    assert CALLS.findall(page.words) == []


def test_numbers_and_names_stay_readable_as_they_are_written() -> None:
    table = markdown.table(
        ["Name", "Rule"], [["beats-champion", ">= 0.852 (champion 0.85 + 0.002)"], ["val_auc", ""]]
    )

    assert table == (
        "| Name | Rule |\n"
        "| --- | --- |\n"
        "| beats-champion | &gt;= 0.852 (champion 0.85 + 0.002) |\n"
        "| val\\_auc | - |"
    )


@given(texts)
def test_a_command_stays_one_line_of_its_block(text: str) -> None:
    page = Page(markdown.document([], markdown.command(f"modelalias {text}")))

    assert page.tags == {"pre", "code"}
    assert page.texts == [shown(f"modelalias {text}")]


@pytest.mark.parametrize("count", [0, 1, 300, 2000])
def test_a_document_fits_into_a_comment_and_says_when_it_was_cut(count: int) -> None:
    rows = [[f"gate {number}", "|@a$" * 8] for number in range(count)]
    whole = markdown.table(["Name", "Message"], rows)

    document = markdown.document([markdown.heading("title"), whole], markdown.command("what to do next"))

    assert len(document.encode()) <= 60 * 1024
    assert ("has all of it" in document) is (whole not in document) is (count > 200)
    seen = Page(document).texts
    assert (seen[0], seen[-1]) == ("title", "what to do next")
