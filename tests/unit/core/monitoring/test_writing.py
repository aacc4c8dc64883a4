"""When readings are worth a write of the status."""

from datetime import timedelta

import pytest

from modelalias.api.alias import MonitorStatus
from modelalias.core.monitoring.writing import merged, worth_writing
from tests.support.monitored import Readings, monitor

BAD, GOOD = 0.2, 0.01


def _after(it: Readings, value: float | None, *, minutes: float = 1, written: float = 99) -> bool:
    """Read a value so much later, and return whether that is worth a write so many minutes after the last."""
    before = it.status
    it.read(value, after=f"{int(minutes * 60)}s")
    return worth_writing((before,), (it.status,), it.now, it.now - timedelta(minutes=written)).now


def test_new_points_alone_wait() -> None:
    it = Readings()
    it.read(GOOD)

    assert not _after(it, GOOD, minutes=4)
    assert _after(it, GOOD, minutes=5)


def test_nothing_new_is_never_written() -> None:
    it = Readings()
    it.read(GOOD)

    assert worth_writing((it.status,), (it.status,), it.now + timedelta(days=1)) == (False, None)


def test_a_count_a_state_and_a_gap_are_written_once_a_minute() -> None:
    it = Readings()
    it.read(GOOD)

    assert [_after(it, value) for value in (BAD, BAD, BAD)] == [True, True, True]
    assert not _after(it, BAD)
    assert _after(it, None)
    assert not _after(it, None)
    assert _after(it, GOOD)


def test_what_goes_to_and_fro_waits_for_the_minute_to_end() -> None:
    it = Readings()
    it.read(GOOD)

    assert not any(_after(it, value, minutes=0.2, written=0.5) for value in (BAD, GOOD, None, GOOD, BAD))
    before = it.status
    it.read(BAD)
    written = it.now - timedelta(seconds=20)
    later = worth_writing((before,), (it.status,), it.now, written)
    assert later == (False, written + timedelta(minutes=1))


def test_a_breach_and_its_end_are_written_at_once() -> None:
    it = Readings()
    it.states(GOOD, BAD, BAD)

    assert _after(it, BAD, written=0)
    assert not _after(it, None, minutes=0.2, written=0.5), "it ends no breach"
    assert _after(it, BAD, written=0)
    assert _after(it, GOOD, written=0)


@pytest.mark.parametrize(("field", "value"), [("disarmed", True), ("follows", "goes back")])
def test_what_becomes_of_a_breach_is_written_at_once(field: str, value: object) -> None:
    it = Readings()
    it.states(GOOD, BAD, BAD, BAD)
    after = it.status.changed(**{field: value})

    assert worth_writing((it.status,), (after,), it.now, it.now).now


def test_the_first_number_of_a_version_is_written() -> None:
    assert _after(Readings(), GOOD)


def test_other_monitors_are_written() -> None:
    it = Readings()

    assert worth_writing((), (it.status,), it.now).now
    assert worth_writing((it.status,), (it.status.changed(name="latency"),), it.now, it.now).now


def test_they_stand_in_the_order_of_the_spec() -> None:
    first, second, third = (monitor(name=name) for name in ("c", "a", "b"))
    known = {"a": MonitorStatus(name="a", version="4")}
    written = (
        MonitorStatus(name="a", version="3"),
        MonitorStatus(name="c", version="3"),
        MonitorStatus(name="x"),
    )

    assert merged((first, second, third), known, written) == (
        MonitorStatus(name="c", version="3"),
        MonitorStatus(name="a", version="4"),
        MonitorStatus(name="b"),
    )
