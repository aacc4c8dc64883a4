"""What an example needs stands in a file beside its README."""

from pathlib import Path

import pytest

from hack.example import place
from hack.example.needs import Need, NeedsError, read


def test_most_need_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == []


def test_each_line_names_one(tmp_path: Path) -> None:
    (tmp_path / "needs").write_text("gateway\nprometheus\n")

    assert read(tmp_path) == [Need.GATEWAY, Need.PROMETHEUS]


def test_what_there_is_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "needs").write_text("kafka\n")

    with pytest.raises(NeedsError, match="kafka: an example can need gateway and prometheus"):
        read(tmp_path)


@pytest.mark.parametrize("name", place.names())
def test_what_examples_need_can_be_had(name: str) -> None:
    read(place.EXAMPLES / name)
