"""The generated pages of commands and of the configuration say what the programs take."""

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from hack import diagrams, reference_pages
from modelalias.cli.main import COMMANDS, parser

BAR = re.compile(r"(?<!\\)\|")


def _row(field: str) -> Sequence[str]:
    """Return type, default and meaning of a field."""
    (line,) = [
        line for line in reference_pages.configuration().splitlines() if line.startswith(f"| `{field}` |")
    ]
    return [cell.strip() for cell in BAR.split(line)[2:-1]]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_the_options_of_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser([command]).parse_args([command, "--help"])
    listed = re.findall(r"^  (?:-\w[^,]*, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)

    section = reference_pages.commands().partition(f"\n## {command}\n")[2].partition("\n## ")[0]

    assert set(listed) <= {"--help", *re.findall(r"`(--[a-z-]+)", section)}


def test_what_a_help_says_is_shown_as_it_is() -> None:
    page = reference_pages.commands()

    assert {len(BAR.findall(row)) for row in page.splitlines() if row.startswith("| ")} == {3}
    assert not re.search(r"%\(\w+\)s", page)


@pytest.mark.parametrize(
    ("field", "shape", "default"),
    [
        ("registries", "map", "required"),
        ("registries.<name>.uri", "string", "required"),
        ("registries.<name>.allow[].models", "list of strings", '`["*"]`'),
        ("registries.<name>.credentials.caFile", "path", ""),
        ("registries.<name>.snapshotInterval", "duration", "`30s`"),
        ("prometheus.<name>.concurrency", "integer, 1 to 64", "`4`"),
        ("webhooks.secretFile", "path", "required"),
        ("metrics.perAlias", "boolean", "`true`"),
        ("identity", "string", "the pod's name"),
        ("auth.mode", "viewer \\| bearer \\| impersonate", "required"),
    ],
)
def test_each_field_has_a_row(field: str, shape: str, default: str) -> None:
    assert _row(field)[:2] == [shape, default]


def test_a_field_says_what_it_means() -> None:
    assert _row("metrics.perAlias")[2] == "Whether each ModelAlias has series of its own."
    assert _row("webhooks")[2] == "Where MLflow's webhooks are heard. Left out: nothing listens."


def test_each_arrow_is_straight_and_joins_two_boxes() -> None:
    for diagram in diagrams.DIAGRAMS.values():
        for arrow in diagram.arrows:
            start, end = diagram.boxes[arrow.start], diagram.boxes[arrow.end]
            assert (start.column == end.column) != (start.row == end.row), arrow


@pytest.mark.parametrize("program", [diagrams, reference_pages], ids=lambda program: program.__name__)
def test_check_tells_what_is_stale(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "FOLDER", tmp_path)

    assert program.main(["--check"]) == 1
    assert program.main([]) == 0
    assert program.main(["--check"]) == 0
