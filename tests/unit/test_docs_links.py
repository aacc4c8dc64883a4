"""The pages are read in the repository's own viewer too: links resolve there, and none is left out of the site."""

import ast
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from modelalias.core.status import annotations

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
LINK: Final = re.compile(r"(?<!`)\]\(([^)\s]+)\)")


def _markdown() -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        capture_output=True,
        text=True,
        check=True,
    )
    return (ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists())


def _listed() -> list[str]:
    """Return the patterns of the table of contents, as paths from the top without an ending."""
    blocks = re.findall(
        r"^```\{toctree\}\n(.*?)^```$", (DOCS / "index.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    lines = [line for block in blocks for line in block.splitlines() if line and not line.startswith(":")]
    return [line.removeprefix("/") if line.startswith("/") else f"docs/{line}" for line in lines]


def test_each_page_is_in_the_table_of_contents() -> None:
    pages = [str(path.relative_to(ROOT).with_suffix("")) for path in DOCS.rglob("*.md")]

    assert [
        page for page in pages if page != "docs/index" and not any(fnmatchcase(page, it) for it in _listed())
    ] == []


@pytest.mark.parametrize("path", [*_markdown()], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve_where_the_page_stands(path: Path) -> None:
    prose = re.sub(r"^ *```.*?^ *```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    relative = [link for link in LINK.findall(prose) if not re.match(r"[a-z]+:|#", link)]

    assert [link for link in relative if not (path.parent / link.partition("#")[0]).exists()] == []


def test_the_page_about_events_has_the_annotations_that_they_have() -> None:
    source = ast.parse(Path(annotations.__file__).read_text("utf-8"))
    calls = [
        node for node in ast.walk(source) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    written = {
        f"modelalias.dev/{(keyword.arg or '').rstrip('_')}"
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "_annotations"
        for keyword in call.keywords
    }
    rows = [
        line
        for line in (DOCS / "events.md").read_text("utf-8").splitlines()
        if line.startswith("| `modelalias.dev/")
    ]

    assert {
        name for row in rows for name in re.findall(r"`(modelalias\.dev/\w+)`", row.split("|")[1])
    } == written
