"""Series: what counts, what does not, and what becomes of it when the version changes."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import Baseline, MonitorState, MonitorStatus
from modelalias.core.monitoring import series
from tests.support.monitored import SINCE, Readings, monitor, reading

GOOD, BAD = 0.01, 0.2
DRIFT: dict[str, Any] = {"experiment": {"name": "drift", "metric": "psi"}}

values = st.sampled_from([GOOD, BAD, 0.05, None, float("nan")])


class TestCounting:
    def test_so_many_in_a_row_are_a_breach(self) -> None:
        assert Readings().states(GOOD, BAD, BAD, BAD, BAD) == [
            ("Passing", 0),
            ("Failing", 1),
            ("Failing", 2),
            ("Breached", 3),
            ("Breached", 3),
        ]

    def test_one_within_the_bound_ends_the_count(self) -> None:
        assert Readings().states(BAD, BAD, GOOD, BAD) == [
            ("Failing", 1),
            ("Failing", 2),
            ("Passing", 0),
            ("Failing", 1),
        ]

    def test_a_breach_recovers_with_one_reading(self) -> None:
        it = Readings()
        it.states(BAD, BAD, BAD)
        it.status = it.status.changed(disarmed=True)

        status = it.read(GOOD)

        assert (status.state, status.failures, status.failing_since) == (MonitorState.PASSING, 0, None)
        assert not status.disarmed
        assert status.message == ""

    def test_no_data_neither_counts_nor_ends_the_count(self) -> None:
        it = Readings()

        assert it.states(BAD, BAD, None, float("nan"), BAD) == [
            ("Failing", 1),
            ("Failing", 2),
            ("NoData", 2),
            ("NoData", 2),
            ("Breached", 3),
        ]

    def test_no_data_is_told_since_when_and_why(self) -> None:
        it = Readings()
        it.read(GOOD)
        began = it.read(None).no_data_since
        status = it.read(None)

        assert (status.no_data_since, status.message, status.value) == (began, "no series", "0.01")
        assert began == it.now - timedelta(minutes=1)
        assert it.read(GOOD).no_data_since is None

    def test_a_breach_says_its_rule_and_the_same_words_each_time(self) -> None:
        it = Readings()
        it.states(BAD, BAD)
        first, second = it.read(BAD).message, it.read(0.3).message

        assert first == second == "the last 3 readings are not <= 0.05"

    def test_the_last_thirty_points_are_kept(self) -> None:
        it = Readings()
        it.states(*[tenth / 1000 for tenth in range(40)])

        assert [point.value for point in it.status.points][::29] == ["0.01", "0.039"]
        assert (it.status.value, it.status.at) == ("0.039", it.now)

    def test_failing_since_is_the_first_of_them(self) -> None:
        it = Readings()
        began = it.read(BAD).failing_since
        it.states(BAD, None, BAD)

        assert it.status.failing_since == began == SINCE + timedelta(hours=1, minutes=1)


class TestOneFailure:
    def test_the_first_reading_alone_is_no_breach(self) -> None:
        assert Readings(failureLimit=1).states(BAD, BAD) == [("Failing", 1), ("Breached", 1)]

    def test_a_reading_that_comes_too_soon_does_not_confirm_it(self) -> None:
        it = Readings(failureLimit=1)
        it.read(BAD)

        assert it.read(BAD, after="30s").state is MonitorState.FAILING
        assert it.read(BAD, after="30s").state is MonitorState.BREACHED

    def test_a_measurement_is_one_once_it_stood_for_an_interval(self) -> None:
        it = Readings(failureLimit=1, **DRIFT)
        it.read(GOOD, "a")

        assert it.read(BAD, "b").state is MonitorState.FAILING
        assert it.read(BAD, "b", after="10s").state is MonitorState.FAILING
        assert it.read(BAD, "b", after="50s").state is MonitorState.BREACHED

    def test_a_gap_is_no_confirmation(self) -> None:
        assert Readings(failureLimit=1).states(BAD, None, GOOD) == [
            ("Failing", 1),
            ("NoData", 1),
            ("Passing", 0),
        ]


class TestGrace:
    def test_readings_are_shown_and_do_not_count(self) -> None:
        it = Readings()
        it.now = SINCE

        assert it.states(BAD, BAD, None, BAD) == [("Grace", 0)] * 4
        assert len(it.status.points) == 3

    def test_it_ends_to_the_second(self) -> None:
        it = Readings()
        it.now = SINCE

        assert it.read(BAD, after="299s").state is MonitorState.GRACE
        assert it.read(BAD, after="1s").state is MonitorState.FAILING

    def test_a_measurement_of_that_time_does_not_count_later(self) -> None:
        it = Readings(**DRIFT)
        it.now = SINCE
        it.read(None, series.NO_MEASUREMENT)
        it.read(BAD, "a")

        status = it.read(BAD, "a", after="600s")

        assert (status.state, status.failures, status.value) == (MonitorState.WAITING, 0, "0.2")
        assert "next one counts" in status.message


class TestMeasurements:
    def test_one_counts_once(self) -> None:
        it = Readings(**DRIFT)
        it.read(GOOD, "a")
        it.read(BAD, "b")

        status = it.read(BAD, "b")

        assert (status.state, status.failures, len(status.points)) == (MonitorState.FAILING, 1, 2)
        assert status.at == it.now

    def test_the_one_that_was_there_first_is_shown_and_never_counts(self) -> None:
        it = Readings(**DRIFT)
        first = it.read(BAD, "a")
        again = it.read(BAD, "a")

        assert (first.state, first.failures, first.value) == (MonitorState.WAITING, 0, "0.2")
        assert (again.state, again.failures) == (MonitorState.WAITING, 0)
        assert it.read(BAD, "b").failures == 1

    def test_the_first_that_comes_later_counts(self) -> None:
        it = Readings(**DRIFT)
        it.read(None, series.NO_MEASUREMENT)

        assert it.read(BAD, "a").failures == 1

    def test_a_look_that_was_not_answered_is_no_first_look(self) -> None:
        it = Readings(**DRIFT)
        it.read(None)

        assert it.read(BAD, "a").state is MonitorState.WAITING

    def test_a_gap_forgets_no_measurement(self) -> None:
        it = Readings(**DRIFT)
        it.read(GOOD, "a")
        it.read(BAD, "b")
        it.read(None, "c")
        it.read(None)

        assert (it.read(BAD, "b").state, it.status.failures) == (MonitorState.FAILING, 1)
        assert it.status.no_data_since is None

    def test_three_in_a_row_are_a_breach(self) -> None:
        it = Readings(**DRIFT)
        for sample in "aabbccdd":
            it.read(BAD, sample)

        assert (it.status.state, it.status.failures) == (MonitorState.BREACHED, 3)


class TestMoving:
    def test_another_version_begins_anew_beside_the_median_of_the_one_left(self) -> None:
        it = Readings()
        it.states(0.01, 0.03, 0.02, None)

        status = series.moved(it.status, "4", it.now)

        assert status == MonitorStatus(
            name="errors", version="4", baseline=Baseline(version="3", value="0.02", at=it.now)
        )

    def test_the_median_of_an_even_number_is_in_the_middle(self) -> None:
        it = Readings()
        it.states(0.01, 0.02)

        assert _kept(series.moved(it.status, "4", it.now)) == ("3", "0.015")

    def test_what_did_not_count_is_not_in_it(self) -> None:
        it = Readings(threshold=1)
        it.now = SINCE
        it.states(0.9, 0.9, 0.9, 0.9)
        it.states(0.1)

        assert _kept(series.moved(it.status, "4", it.now)) == ("3", "0.1")

    def test_the_readings_of_a_failure_are_not_in_it(self) -> None:
        it = Readings(failureLimit=5)
        it.states(0.01, 0.2, 0.2, 0.2)

        assert _kept(series.moved(it.status, "4", it.now)) == ("3", "0.01")

    def test_without_any_that_counted_nothing_is_known_of_it(self) -> None:
        it = Readings(series.begun(monitor(), "3", Baseline(version="2", value="0.01", at=SINCE)))

        assert series.moved(it.status, "4", it.now).baseline is None

    def test_a_version_that_was_breached_is_no_yardstick(self) -> None:
        """3 -> 4 -> 3: what was kept of 3 stays."""
        it = Readings()
        it.states(0.01)
        it.status = series.moved(it.status, "4", it.now)
        it.states(0.02, BAD, BAD, BAD)

        assert _kept(series.moved(it.status, "3", it.now)) == ("3", "0.01")

    def test_nor_is_one_whose_breach_the_alias_remembers(self) -> None:
        it = Readings()
        it.states(0.01)
        it.status = series.moved(it.status, "4", it.now)
        it.states(BAD, BAD, BAD, None)

        status = series.moved(it.status, "5", it.now, was_breached=True)

        assert _kept(status) == ("3", "0.01")

    def test_back_again_within_the_grace_time_keeps_its_own(self) -> None:
        it = Readings()
        it.states(0.01)
        status = series.moved(it.status, "4", it.now)

        assert _kept(series.moved(status, "3", it.now)) == ("3", "0.01")

    def test_back_from_a_good_one_compares_with_that(self) -> None:
        it = Readings()
        it.states(0.01)
        it.status = series.moved(it.status, "4", it.now)
        it.states(0.02)

        assert _kept(series.moved(it.status, "3", it.now)) == ("4", "0.02")


class TestBesideTheVersionBefore:
    def test_a_regression_counts(self) -> None:
        it = Readings(champion={"maxRegression": 0.01})
        it.states(0.021)
        it.status = series.moved(it.status, "4", it.now)

        assert it.states(0.031, 0.032) == [("Passing", 0), ("Failing", 1)]
        assert it.status.rule == "<= 0.031 (version 3: 0.021 + 0.01)"

    def test_a_relative_distance_to_zero_is_told_and_counts_for_nothing(self) -> None:
        it = Readings(champion={"maxRegression": 0.1, "mode": "Relative"})
        it.states(0.0)
        it.status = series.moved(it.status, "4", it.now)

        status = it.read(5)

        assert (status.state, status.failures, status.value) == (MonitorState.NO_DATA, 0, "5")
        assert "set a threshold" in status.message


@given(st.lists(values, max_size=12), st.integers(1, 4))
def test_failures_are_never_above_the_limit(read: list[float | None], limit: int) -> None:
    it = Readings(failureLimit=limit)

    for state, failures in it.states(*read):
        assert failures <= limit
        assert state != "Breached" or failures == limit
        assert (state in {"Passing", "Waiting"}) <= (failures == 0)


@given(st.lists(values, max_size=12), st.sampled_from([None, float("nan")]))
def test_no_data_never_makes_a_breach(read: list[float | None], nothing: float | None) -> None:
    it = Readings()
    it.states(*read)
    before = it.status

    after = it.read(nothing)

    assert after.state is MonitorState.NO_DATA
    assert (after.failures, after.failing_since, after.disarmed) == (
        before.failures,
        before.failing_since,
        before.disarmed,
    )


@given(st.lists(values, max_size=12), st.integers(1, 4))
def test_a_reading_within_the_bound_ends_everything(read: list[float | None], limit: int) -> None:
    it = Readings(failureLimit=limit)
    it.states(*read)

    status = it.read(GOOD)

    assert (status.state, status.failures, status.failing_since, status.disarmed, status.no_data_since) == (
        MonitorState.PASSING,
        0,
        None,
        False,
        None,
    )


@given(st.lists(st.tuples(values, st.sampled_from(["a", "b", "c", "d"])), max_size=12))
def test_there_are_not_more_failures_than_measurements(read: list[tuple[float | None, str]]) -> None:
    it = Readings(failureLimit=100, **DRIFT)
    last, changes = None, 0
    for value, sample in read:
        changes += sample != last
        last = sample
        it.read(value, sample)

    assert it.status.failures <= changes


@pytest.mark.parametrize("interval", ["1s", "5s"])
def test_nothing_is_read_more_often_than_each_five_seconds(interval: str) -> None:
    assert series.interval(monitor(interval=interval)) == timedelta(seconds=5)


def test_a_status_survives_being_written() -> None:
    it = Readings(**DRIFT)
    it.now += timedelta(microseconds=1234)
    it.read(GOOD, "a")
    it.read(BAD, "b")
    it.status = series.moved(it.status, "4", it.now)
    it.read(BAD, "c")
    it.read(None)

    assert MonitorStatus.model_validate_json(it.status.model_dump_json(by_alias=True)) == it.status


def test_a_reading_is_judged_in_whole_seconds() -> None:
    now = SINCE + timedelta(hours=1, microseconds=7)

    status = series.read(series.begun(monitor(), "3"), monitor(), reading(BAD), now, SINCE)

    assert status.failing_since == now.replace(microsecond=0)


def _kept(status: MonitorStatus) -> tuple[str, str]:
    assert status.baseline is not None
    return status.baseline.version, status.baseline.value
