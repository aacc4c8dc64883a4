"""docs/reference.md says what the models and the code say."""

import re
from pathlib import Path

from modelalias.api import reference
from modelalias.api.conditions import Reason

PAGE = Path(__file__).parents[3] / "docs" / "reference.md"


def test_page_is_what_the_models_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.page(), "run: python -m modelalias.api.reference"


def test_check_tells_a_stale_page(tmp_path: Path) -> None:
    path = tmp_path / "reference.md"

    assert reference.main(["--check", "--out", str(path)]) == 1
    assert reference.main(["--out", str(path)]) == 0
    assert reference.main(["--check", "--out", str(path)]) == 0


def test_every_reason_is_a_word_with_a_sentence() -> None:
    for reason in Reason:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", reason), reason
        assert reason.sentence.endswith("."), reason
