"""Times and numbers as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from modelalias.web.view import ago, grouped, lasting

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 d ago"),
        (timedelta(days=89, hours=23), "89 d ago"),
        (timedelta(days=90), "2026-03-03"),
        (timedelta(days=-90), "2026-08-30"),
        (timedelta(seconds=-30), "in less than 1 min"),
        (timedelta(hours=-5), "in 5 h"),
    ],
    ids=str,
)
def test_a_time_is_told_as_people_do(past: timedelta, text: str) -> None:
    assert ago(NOW - past, NOW) == text


def test_a_duration_is_told_in_one_unit() -> None:
    assert [lasting(NOW - timedelta(seconds=size), NOW) for size in (5, 60, 7200, 10**7)] == [
        "less than 1 min",
        "1 min",
        "2 h",
        "115 d",
    ]


def test_large_numbers_are_grouped() -> None:
    assert grouped(1234567).split("\N{NARROW NO-BREAK SPACE}") == ["1", "234", "567"]
