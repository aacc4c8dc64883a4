"""The API server's clock: what is compared with times in objects is told by the same clock."""

from datetime import UTC, datetime, timedelta

import pytest

from modelalias.adapters.server_clock import ServerClock

OURS = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "now"),
    [
        ("Thu, 01 Jan 2026 12:10:00 GMT", OURS + timedelta(minutes=10)),
        ("Thu, 01 Jan 2026 11:00:00 GMT", OURS - timedelta(hours=1)),
        ("Thu, 01 Jan 2026 12:00:01 GMT", OURS),
        ("Thu, 01 Jan 2026 12:10:00", OURS),
        ("soon", OURS),
        ("", OURS),
        (None, OURS),
    ],
    ids=["ahead", "behind", "the same, but for the seconds", "no zone", "no date", "empty", "missing"],
)
def test_an_answer_tells_the_time(date: str | None, now: datetime) -> None:
    clock = ServerClock(lambda: OURS)

    clock.hear(date)

    assert clock.now() == now


def test_time_goes_on_between_answers() -> None:
    ours = [OURS]
    clock = ServerClock(lambda: ours[0])
    clock.hear("Thu, 01 Jan 2026 12:10:00 GMT")

    ours[0] += timedelta(seconds=30)

    assert clock.now() == OURS + timedelta(minutes=10, seconds=30)
