"""Which breach is told as an event, and which is a part of one that was told."""

from datetime import timedelta

import pytest

from modelalias.api.alias import ModelAliasStatus, NamedVersion
from modelalias.api.conditions import condition
from modelalias.core.monitoring import mass
from modelalias.core.status import monitors
from tests.support.monitored import SINCE, Readings

BAD, GOOD = 0.2, 0.01
BREACH = (BAD, BAD, BAD)


def _status(it: Readings) -> ModelAliasStatus:
    """Return the status with the monitor as it stands, and the condition that sums it up."""
    current = NamedVersion(version=it.status.version or "", since=SINCE)
    status = ModelAliasStatus(current=current, monitors=(it.status,))
    new = condition(*monitors.monitors_passing(status, it.now), now=it.now, generation=1)
    return status.changed(conditions=(new,))


def _told(it: Readings, *values: float | None) -> int:
    """Return how many events tell of these readings."""
    count = 0
    for value in values:
        before = _status(it)
        it.read(value)
        count += monitors.is_news(before, _status(it))
    return count


@pytest.mark.parametrize(
    ("between", "again"),
    [((), 0), ((GOOD,), 0), ((None,) * 3, 0), ((None, GOOD, None), 0), ((GOOD,) * 8, 0), ((GOOD,) * 10, 1)],
)
def test_a_breach_is_told_again_after_ten_minutes_without_one(
    between: tuple[float | None, ...], again: int
) -> None:
    it = Readings()
    assert _told(it, GOOD, *BREACH) == 1

    assert _told(it, *between, *BREACH) == again


def test_one_of_another_version_is_told() -> None:
    it = Readings()
    assert _told(it, GOOD, *BREACH) == 1
    before = _status(it)
    it.status = it.status.changed(version="9")

    assert monitors.is_news(before, _status(it))


def test_that_it_is_not_the_model_after_all_is_told() -> None:
    it = Readings()
    assert _told(it, GOOD, *BREACH) == 1
    before = _status(it)
    it.status = mass.disarmed(it.status)

    assert monitors.is_news(before, _status(it))


def test_the_want_of_numbers_is_told_once() -> None:
    it = Readings()

    assert _told(it, GOOD, *(None,) * 20) == 1
    assert it.now > SINCE + timedelta(minutes=20)
