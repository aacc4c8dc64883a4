"""docs/mission.md names for each job of the mission a place that exists and a test that exists."""

import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from hack.example.readme import read

ROOT: Final = Path(__file__).resolve().parents[2]
JOBS: Final = {"A": 8, "B": 6, "C": 7, "D": 5, "E": 4}
"""How many jobs each of the five systems has."""
EXAMPLES: Final = {"A": "churn", "B": "matches", "C": "registry", "D": "forecast", "E": "fraud"}


class Row(NamedTuple):
    """A job of the mission as the page has it."""

    id: str
    places: str
    shown_by: str


def _rows() -> list[Row]:
    lines = (ROOT / "docs/mission.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [Row(found[0], found[2], found[3]) for found in cells if re.fullmatch(r"[A-E]\d", found[0])]


ROWS: Final = _rows()


def test_every_job_has_one_row() -> None:
    assert [row.id for row in ROWS] == [
        f"{system}{number}" for system, count in JOBS.items() for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_names_places_that_there_are(row: Row) -> None:
    places = re.findall(r"`([^`]+)`", row.places)

    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_shown_by_tests_that_there_are(row: Row) -> None:
    tests = re.findall(r"`(tests/\S+\.py)::(\w+)`", row.shown_by)
    claims = re.findall(r"\*([^*]+)\*", row.shown_by)
    readme = ROOT / "examples" / EXAMPLES[row.id[0]] / "README.md"
    proved = {block.claim for block in read(readme.read_text(encoding="utf-8"))}

    assert tests or claims
    assert set(claims) <= proved
    for path, name in tests:
        assert re.search(rf"def {name}\b", (ROOT / path).read_text(encoding="utf-8")), (path, name)
