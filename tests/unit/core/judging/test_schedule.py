"""When a window is open: by the clock of its zone, also on the nights when clocks are changed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelalias.api.alias import Window
from modelalias.core.judging import schedule

BERLIN, NEW_YORK, KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"
MINUTE = timedelta(minutes=1)


def _window(cron: str, zone: str = "UTC", duration: str = "1h") -> Window:
    return Window.model_validate({"kind": "Deny", "cron": cron, "duration": duration, "timeZone": zone})


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "starts"),
    [
        pytest.param("0 18 * * 5", BERLIN, "2026-01-01", "2026-01-02 17:00", id="winter in Berlin"),
        pytest.param("0 18 * * FRI", BERLIN, "2026-07-01", "2026-07-03 16:00", id="summer in Berlin"),
        pytest.param("30 9 * * 1-5", KOLKATA, "2026-07-04", "2026-07-06 04:00", id="half an hour off"),
        pytest.param(
            "0 9 * * *", NEW_YORK, "2026-03-07 20:00", "2026-03-08 13:00", id="morning after spring"
        ),
        pytest.param("30 2 * * *", BERLIN, "2026-03-29", "2026-03-29 01:00", id="hour that is skipped"),
        pytest.param(
            "30 2 * * *", NEW_YORK, "2026-03-08 06:59", "2026-03-08 07:00", id="skipped in New York"
        ),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25", "2026-10-25 00:30", id="hour that comes twice"),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25 00:30", "2026-10-26 01:30", id="not a second time"),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25 01:10", "2026-10-26 01:30", id="from its second time"),
        pytest.param("30 1 * * *", NEW_YORK, "2026-11-01 05:30", "2026-11-02 06:30", id="twice in New York"),
        pytest.param("0 0 29 2 *", "UTC", "2026-01-01", "2028-02-29 00:00", id="leap day"),
        pytest.param("0 22 LW * *", "UTC", "2026-01-01", "2026-01-30 22:00", id="last working day"),
        pytest.param("0 0 * * MON#1", "UTC", "2026-01-01", "2026-01-05 00:00", id="first Monday"),
        pytest.param("0 0 13 * 5", "UTC", "2026-02-10", "2026-02-13 00:00", id="day or weekday"),
        pytest.param("0 0 * * 7", "UTC", "2026-01-01", "2026-01-04 00:00", id="Sunday is 7 too"),
    ],
)
def test_a_window_opens_by_the_clock_of_its_zone(cron: str, zone: str, after: str, starts: str) -> None:
    opens = schedule.next_start(_window(cron, zone), _utc(after))

    assert opens == _utc(starts)
    assert schedule.last_start(_window(cron, zone), _utc(starts)) == _utc(starts)


@pytest.mark.parametrize(
    ("cron", "zone", "at", "started"),
    [
        pytest.param("30 2 * * *", BERLIN, "2026-03-29 00:59:59", "2026-03-28 01:30", id="before the gap"),
        pytest.param("30 2 * * *", BERLIN, "2026-03-29 12:00", "2026-03-29 01:00", id="after the gap"),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25 00:59:59", "2026-10-25 00:30", id="first 02:59"),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25 01:15", "2026-10-25 00:30", id="second 02:15"),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25 01:45", "2026-10-25 00:30", id="second 02:45"),
        pytest.param("30 2 * * *", BERLIN, "2026-10-25 00:29:59", "2026-10-24 00:30", id="not yet"),
        pytest.param("30 1 * * *", NEW_YORK, "2026-11-01 06:10", "2026-11-01 05:30", id="New York"),
    ],
)
def test_the_last_start_is_found_also_while_clocks_are_changed(
    cron: str, zone: str, at: str, started: str
) -> None:
    assert schedule.last_start(_window(cron, zone), _utc(at)) == _utc(started)


def test_a_duration_is_time_that_passes_also_while_clocks_are_changed() -> None:
    weekend = _window("0 18 * * 5", BERLIN, "60h")

    usual = schedule.open_until(weekend, _utc("2026-10-17 12:00"))
    long_night = schedule.open_until(weekend, _utc("2026-10-24 12:00"))

    assert usual == _utc("2026-10-19 04:00"), "06:00 in summer"
    assert long_night == _utc("2026-10-26 04:00"), "05:00, for the night had an hour more"


def test_a_window_is_closed_again_at_its_very_end() -> None:
    lunch = _window("0 12 * * *")

    assert schedule.open_until(lunch, _utc("2026-01-01 12:00")) == _utc("2026-01-01 13:00")
    assert schedule.open_until(lunch, _utc("2026-01-01 12:59:59")) == _utc("2026-01-01 13:00")
    assert schedule.open_until(lunch, _utc("2026-01-01 13:00")) is None
    assert schedule.open_until(lunch, _utc("2026-01-01 11:59:59")) is None


@pytest.mark.parametrize(
    ("cron", "zone", "expected"),
    [
        ("0 18 * * 5", BERLIN, ""),
        ("0 18 * * 5", "Europe/Berlim", "timeZone: there is no time zone Europe/Berlim"),
        ("0 18 * * 5", "Europe", "timeZone: there is no time zone Europe"),
        ("0 18 * * 5", "localtime", "timeZone: there is no time zone localtime"),
        ("0 18 * * 5", "right/Europe/Berlin", "timeZone: there is no time zone right/Europe/Berlin"),
        (
            "0 0 31 2 *",
            "UTC",
            "cron: 0 0 31 2 * is no cron expression that ever comes true: bad day-of-month",
        ),
        ("61 * * * *", "UTC", "cron: 61 * * * * is no cron expression that ever comes true: bad minute"),
        ("* 24 * * *", "UTC", "ever comes true: bad hour"),
        ("* * * FOO *", "UTC", "ever comes true: bad month"),
        ("5-1 * * * *", "UTC", "ever comes true: bad minute"),
        ("* * */20 * 1L", "UTC", "cron: * * */20 * 1L never comes true: no date matches"),
    ],
)
def test_what_no_schema_can_tell_is_told_in_a_sentence(cron: str, zone: str, expected: str) -> None:
    assert expected in schedule.fault(_window(cron, zone))
    assert bool(schedule.fault(_window(cron, zone))) is bool(expected)


CRONS = st.sampled_from(
    [
        "30 2 * * *",
        "0 3 * * *",
        "59 1 * * *",
        "15,45 1-3 * * *",
        "*/20 * * * *",
        "10 */2 * * *",
        "0 18 * * 5",
        "0 0 L * *",
        "* * * * 0",
    ]
)
ZONES = st.sampled_from(["UTC", BERLIN, NEW_YORK, KOLKATA, "Australia/Lord_Howe", "Africa/Casablanca"])
NIGHTS = st.sampled_from(
    [_utc("2026-03-29"), _utc("2026-10-25"), _utc("2026-03-08"), _utc("2026-11-01"), _utc("2026-04-04 12:00")]
)


@given(cron=CRONS, zone=ZONES, night=NIGHTS, seconds=st.integers(-86_400, 86_400))
@example(cron="30 2 * * *", zone=BERLIN, night=_utc("2026-10-25"), seconds=4_500)
@example(cron="15,45 1-3 * * *", zone=BERLIN, night=_utc("2026-10-25"), seconds=3_599)
@example(cron="10 */2 * * *", zone="Australia/Lord_Howe", night=_utc("2026-04-04 12:00"), seconds=4_200)
def test_looking_back_and_looking_ahead_agree(cron: str, zone: str, night: datetime, seconds: int) -> None:
    window, at = _window(cron, zone), night + timedelta(seconds=seconds)

    last, following = schedule.last_start(window, at), schedule.next_start(window, at)

    assert last is not None
    assert following is not None
    assert last <= at < following
    assert schedule.next_start(window, last) == following, "nothing lies between them"
    assert schedule.last_start(window, following - timedelta(seconds=1)) == last
