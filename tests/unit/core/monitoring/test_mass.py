"""Mass breach: when it is not the models."""

from datetime import timedelta

import pytest

from modelalias.api.alias import MonitorStatus
from modelalias.core.monitoring import mass
from tests.support.monitored import SINCE, Readings

BAD, GOOD = 0.2, 0.01
MINUTE = timedelta(minutes=1)


def _fails(
    it: Readings, *others: MonitorStatus, after: timedelta = timedelta(), interval: timedelta = MINUTE
) -> bool:
    """Return whether an alias with these monitors counts as failing, so long after the last reading."""
    return mass.is_failing([(item, interval) for item in (*others, it.status)], it.now + after)


@pytest.mark.parametrize(
    ("failing", "monitored", "is_mass"),
    [
        (0, 0, False),
        (5, 5, False),
        (6, 6, True),
        (6, 59, True),
        (6, 60, False),
        (10, 100, False),
        (11, 100, True),
    ],
)
def test_more_than_five_and_more_than_a_tenth(failing: int, monitored: int, is_mass: bool) -> None:
    assert mass.is_mass(failing, monitored) is is_mass


@pytest.mark.parametrize(
    ("values", "fails"),
    [
        ([], False),
        ([GOOD], False),
        ([BAD], True),
        ([BAD, BAD, BAD], True),
        ([BAD, None], True),
        ([GOOD, None], False),
        ([BAD, GOOD], False),
    ],
)
def test_the_last_reading_that_counted_decides(values: list[float | None], fails: bool) -> None:
    it = Readings()
    it.states(*values)

    assert _fails(it, MonitorStatus(name="other")) is fails


def test_what_is_disarmed_fails_too() -> None:
    it = Readings()
    it.states(BAD)

    assert mass.is_failing([(mass.disarmed(it.status), MINUTE)], it.now)


def test_a_failure_without_numbers_since_long_is_none() -> None:
    it = Readings()
    it.states(BAD, None)

    assert _fails(it, after=14 * MINUTE)
    assert not _fails(it, after=15 * MINUTE)


def test_what_began_to_fail_long_ago_is_its_own_trouble() -> None:
    it = Readings()
    it.states(BAD)

    assert _fails(it, after=15 * MINUTE)
    assert not _fails(it, after=16 * MINUTE)
    assert _fails(it, after=74 * MINUTE, interval=60 * MINUTE), (
        "another that is read hourly may follow so late"
    )


def test_what_was_disarmed_counts_until_it_passes() -> None:
    it = Readings()
    it.states(BAD)
    it.status = mass.disarmed(it.status)

    assert _fails(it, after=6 * 60 * MINUTE)
    it.read(GOOD)
    assert not _fails(it)


def test_only_what_fails_is_disarmed() -> None:
    it = Readings()
    it.read(GOOD)
    assert mass.disarmed(it.status) is it.status

    it.read(BAD)
    assert mass.disarmed(it.status).disarmed


def test_it_stays_disarmed_until_it_passes() -> None:
    it = Readings()
    it.read(BAD)
    it.status = mass.disarmed(it.status)

    assert [it.read(value).disarmed for value in (BAD, None, BAD, GOOD, BAD)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert it.now > SINCE
