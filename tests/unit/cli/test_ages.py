"""Ages are as short as kubectl's."""

from datetime import UTC, datetime, timedelta

import pytest

from modelalias.cli import ages

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=-3), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=119), "119m"),
        (timedelta(hours=2), "2h"),
        (timedelta(hours=47), "47h"),
        (timedelta(days=2), "2d"),
        (timedelta(days=400), "400d"),
    ],
    ids=str,
)
def test_an_age_has_one_unit(ago: timedelta, shown: str) -> None:
    assert ages.age(NOW - ago, NOW) == shown


def test_what_nobody_knows_has_no_age() -> None:
    assert ages.age(None, NOW) == ""
