"""Tables in Markdown show what stands in them, and nothing of it is markup."""

import re

import pytest

from modelalias.cli.markdown import escaped, table


def test_a_row_has_a_cell_for_each_head() -> None:
    assert table(["VERSION", "val_auc"], [["4", "0.87"], ["3", ""]]) == (
        "| VERSION | val_auc |\n| --- | --- |\n| 4 | 0.87 |\n| 3 | - |\n"
    )


def test_no_cell_ends_its_cell_or_its_row() -> None:
    lines = table(["A", "B"], [["x | y\\", "1\n| 2 |\r\nnext"]]).splitlines()

    assert len(lines) == 3
    assert [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines] == [3, 3, 3]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<img src=x>", r"\<img src=x\>"),
        ("[a](http://b.example.com)", r"\[a\](http://&#8203;b.example.com)"),
        ("www.example.com", "www&#8203;.example.com"),
        ("**bold** `code` ~~gone~~ $x$", r"\*\*bold\*\* \`code\` \~\~gone\~\~ \$x\$"),
        ("&lt;", r"\&lt;"),
        ("_it_ val_auc", r"\_it\_ val_auc"),
        ("@team and #12", "@&#8203;team and #&#8203;12"),
        ("churn@champion", "churn@champion"),
        ("a\x1b[31m\u202eb", r"a?\[31m?b"),
    ],
)
def test_markup_is_text(text: str, written: str) -> None:
    assert escaped(text) == written
