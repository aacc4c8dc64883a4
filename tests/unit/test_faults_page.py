"""docs/faults.md has a row for each fault, and each names tests that there are."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
FAULTS: Final = 59
"""As many were thought of before the operator was written; more may follow."""
LINES: Final = (ROOT / "docs/faults.md").read_text(encoding="utf-8").splitlines()
ROWS: Final = {int(row[1]): row[0] for line in LINES if (row := re.match(r"\| (\d+) \|.*", line))}


def test_every_fault_has_one_row() -> None:
    assert [*ROWS] == [*range(1, len(ROWS) + 1)]
    assert len(ROWS) >= FAULTS


@pytest.mark.parametrize("row", ROWS.values(), ids=map(str, ROWS))
def test_a_fault_is_shown_by_tests_that_there_are(row: str) -> None:
    tests = re.findall(r"`(tests/\S+\.py)::(\w+)`", row)

    assert tests
    for path, name in tests:
        assert re.search(rf"def {name}\b", (ROOT / path).read_text(encoding="utf-8")), (path, name)
