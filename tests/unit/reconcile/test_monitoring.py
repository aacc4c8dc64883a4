"""Monitors of one alias: what is read, what is counted, and who is woken for it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from modelalias.api.alias import (
    BreachedVersion,
    HistoryEntry,
    MonitorState,
    MonitorStatus,
    Operation,
    Outcome,
    RolledBackVersion,
)
from modelalias.core.errors import InvalidRequest
from modelalias.core.monitoring.writing import worth_writing
from modelalias.reconcile.monitoring import MonitorView
from tests.support.monitored import SINCE, monitor_body
from tests.support.monitoring_desk import DRIFT, Desk, Slow, alias
from tests.support.virtual_loop import in_virtual_time

BAD, GOOD = 0.2, 0.01
MINUTE, HOUR = 60, 3600


def _history(*versions: str) -> tuple[HistoryEntry, ...]:
    pairs = zip((None, *versions), versions, strict=False)
    return tuple(
        HistoryEntry(
            from_=before, to=version, at=SINCE, operation=Operation.PROMOTE, outcome=Outcome.SUCCEEDED
        )
        for before, version in pairs
    )


@in_virtual_time
async def test_a_monitor_is_read_once_each_interval() -> None:
    async with Desk() as it:
        it.yields(GOOD)
        it.see(alias())
        await asyncio.sleep(10 * MINUTE)

        assert it.prometheus.queries == ['errors{version="3"}'] * 10
        assert it.stands() == ("Passing", 0)
        assert it.status().value == "0.01"


@in_virtual_time
async def test_readings_beyond_the_bound_add_up_to_a_breach() -> None:
    async with Desk() as it:
        it.yields(BAD)
        it.see(alias())
        stood = []
        for _ in range(4):
            await asyncio.sleep(MINUTE)
            stood.append((it.stands(), it.wakes()))

        assert stood == [(("Failing", 1), 1), (("Failing", 2), 1), (("Breached", 3), 1), (("Breached", 3), 0)]


@in_virtual_time
async def test_an_alias_without_monitors_is_not_known() -> None:
    async with Desk() as it:
        it.see(alias().model_copy(update={"spec": alias().spec.model_copy(update={"monitors": ()})}))
        await asyncio.sleep(HOUR)

        assert it.view() == MonitorView()
        assert (it.prometheus.queries, it.woken) == ([], [])


@in_virtual_time
async def test_monitors_that_are_taken_away_are_read_no_more() -> None:
    async with Desk() as it:
        it.see(alias())
        await asyncio.sleep(MINUTE)
        it.see(alias().model_copy(update={"spec": alias().spec.model_copy(update={"monitors": ()})}))
        await asyncio.sleep(HOUR)

        assert len(it.prometheus.queries) == 1
        assert it.view() == MonitorView()


@in_virtual_time
async def test_an_alias_that_is_gone_is_read_no_more() -> None:
    async with Desk() as it:
        it.see(alias())
        await asyncio.sleep(MINUTE)
        it.monitoring.drop(next(iter(it.woken)))
        await asyncio.sleep(HOUR)

        assert len(it.prometheus.queries) == 1


@in_virtual_time
async def test_one_made_anew_knows_nothing_of_the_one_before() -> None:
    async with Desk() as it:
        it.yields(BAD)
        it.see(alias())
        await asyncio.sleep(2 * MINUTE)
        it.see(alias(uid="2"))

        assert it.stands() == ("Waiting", 0)


@in_virtual_time
async def test_nothing_is_read_without_a_version() -> None:
    async with Desk() as it:
        it.see(alias(version=None))
        await asyncio.sleep(HOUR)

        assert it.prometheus.queries == []
        assert it.view().monitors == {}


@in_virtual_time
async def test_nothing_is_read_while_a_plan_is_under_way() -> None:
    async with Desk() as it:
        it.yields(BAD)
        it.see(alias())
        await asyncio.sleep(MINUTE)
        it.see(alias(plan=_plan()))
        await asyncio.sleep(HOUR)
        assert (len(it.prometheus.queries), it.stands()) == (1, ("Failing", 1))

        it.see(alias())
        await asyncio.sleep(MINUTE)
        assert (len(it.prometheus.queries), it.stands()) == (2, ("Failing", 2))


@in_virtual_time
async def test_an_answer_that_comes_while_a_plan_is_under_way_is_thrown_away() -> None:
    slow = Slow(30, BAD)
    async with Desk({"slow": slow}) as it:
        body = monitor_body(prometheus={"server": "slow", "query": "x"})
        it.see(alias("churn", body))
        await slow.asked.wait()
        it.see(alias("churn", body, plan=_plan()))
        await asyncio.sleep(50)

        assert it.stands() == ("Waiting", 0)


@in_virtual_time
async def test_an_answer_to_what_nobody_asks_any_more_is_thrown_away() -> None:
    slow = Slow(30, BAD)
    async with Desk({"slow": slow}) as it:
        it.see(alias("churn", monitor_body(prometheus={"server": "slow", "query": "x"})))
        await slow.asked.wait()
        it.see(alias("churn", monitor_body(prometheus={"server": "slow", "query": "y"})))
        await asyncio.sleep(29.9)

        assert it.stands() == ("Waiting", 0)
        assert it.view().before == {}


@in_virtual_time
async def test_reading_goes_on_while_suspended_and_pinned() -> None:
    async with Desk() as it:
        still = alias()
        spec = still.spec.model_copy(update={"suspend": True, "version": "3"})
        it.see(still.model_copy(update={"spec": spec}))
        await asyncio.sleep(MINUTE)

        assert len(it.prometheus.queries) == 1


class TestVersions:
    @in_virtual_time
    async def test_another_version_begins_anew_beside_the_one_left(self) -> None:
        async with Desk() as it:
            it.yields(0.02)
            it.see(alias())
            await asyncio.sleep(3 * MINUTE)
            it.yields(BAD, "4")
            it.see(alias(version="4", since=it.wall()))
            status = it.status()
            assert (status.version, status.state, status.points) == ("4", MonitorState.WAITING, ())
            assert status.baseline is not None
            assert (status.baseline.version, status.baseline.value) == ("3", "0.02")

            await asyncio.sleep(4 * MINUTE)
            assert it.stands() == ("Grace", 0)
            await asyncio.sleep(4 * MINUTE)
            assert it.stands() == ("Breached", 3)
            assert it.prometheus.queries[3:] == ['errors{version="4"}'] * 8

    @in_virtual_time
    async def test_back_after_a_breach_compares_with_its_own_past(self) -> None:
        async with Desk() as it:
            it.yields(0.02)
            it.yields(BAD, "4")
            it.see(alias())
            await asyncio.sleep(3 * MINUTE)
            it.see(alias(version="4", since=it.wall()))
            await asyncio.sleep(10 * MINUTE)
            assert it.stands() == ("Breached", 3)
            it.see(alias(version="3", since=it.wall()))

            baseline = it.status().baseline
            assert baseline is not None
            assert (baseline.version, baseline.value) == ("3", "0.02")

    @in_virtual_time
    async def test_a_breach_that_only_the_alias_remembers_is_no_yardstick_either(self) -> None:
        async with Desk() as it:
            for version, value in (("3", 0.02), ("4", 0.03)):
                it.yields(value, version)
            it.see(alias())
            await asyncio.sleep(3 * MINUTE)
            it.see(alias(version="4", since=it.wall()))
            await asyncio.sleep(10 * MINUTE)
            breached = BreachedVersion(version="4", monitor="latency", value="9", at=SINCE)
            it.see(alias(version="5", since=it.wall(), breached=(breached,)))

            baseline = it.status().baseline
            assert baseline is not None
            assert (baseline.version, baseline.value) == ("3", "0.02")

    @in_virtual_time
    async def test_the_same_version_moved_to_again_begins_anew(self) -> None:
        async with Desk() as it:
            it.yields(BAD)
            it.see(alias())
            await asyncio.sleep(2 * MINUTE)
            it.see(alias(since=it.wall()))
            assert it.stands() == ("Waiting", 0)

            await asyncio.sleep(2 * MINUTE)
            assert it.stands() == ("Grace", 0)

    @in_virtual_time
    async def test_a_change_of_something_else_changes_nothing(self) -> None:
        async with Desk() as it:
            it.yields(BAD)
            it.see(alias())
            await asyncio.sleep(2 * MINUTE)
            it.see(alias(statuses=(MonitorStatus(name="errors", version="3", message="as it was"),)))

            assert it.stands() == ("Failing", 2)


class TestEdits:
    @pytest.mark.parametrize(
        "fields",
        [
            {"threshold": 0.04},
            {"direction": "HigherIsBetter"},
            {"champion": {"maxRegression": 1}},
            {"prometheus": {"query": "x"}},
        ],
    )
    @in_virtual_time
    async def test_another_bound_or_question_begins_anew(self, fields: dict[str, Any]) -> None:
        async with Desk() as it:
            it.yields(BAD)
            it.see(alias())
            await asyncio.sleep(2 * MINUTE)
            it.see(alias("churn", monitor_body(**{"threshold": 0.05, **fields})))

            assert it.stands() == ("Waiting", 0)

    @in_virtual_time
    async def test_what_follows_from_a_breach_is_no_other_bound(self) -> None:
        async with Desk() as it:
            it.yields(BAD)
            it.see(alias())
            await asyncio.sleep(2 * MINUTE)
            it.see(alias("churn", monitor_body(onBreach="Alert")))

            assert it.stands() == ("Failing", 2)

    @in_virtual_time
    async def test_a_lower_limit_holds_for_what_was_counted(self) -> None:
        async with Desk() as it:
            it.yields(BAD)
            it.see(alias("churn", monitor_body(failureLimit=9)))
            await asyncio.sleep(5 * MINUTE)
            it.see(alias("churn", monitor_body(failureLimit=2)))

            assert it.stands() == ("Failing", 2)

    @in_virtual_time
    async def test_another_interval_counts_from_then_on(self) -> None:
        async with Desk() as it:
            it.see(alias("churn", monitor_body(interval="10s")))
            await asyncio.sleep(MINUTE)
            it.see(alias("churn", monitor_body(interval="5s")))
            await asyncio.sleep(MINUTE)

            assert len(it.prometheus.queries) == 6 + 12

    @in_virtual_time
    async def test_a_bound_that_was_edited_while_nobody_looked_begins_anew(self) -> None:
        async with Desk() as it:
            written = MonitorStatus(
                name="errors", version="3", state=MonitorState.BREACHED, failures=3, rule="<= 0.01"
            )
            it.see(alias(statuses=(written,)))

            assert it.stands() == ("Waiting", 0)


class TestRestart:
    @in_virtual_time
    async def test_what_the_status_says_is_counted_on(self) -> None:
        first = Desk()
        async with first as it:
            it.yields(BAD)
            it.see(alias())
            await asyncio.sleep(2 * MINUTE)
            written = it.status()

        async with Desk() as it:
            it.yields(BAD)
            it.see(alias(statuses=(written,)))
            assert it.status() == written
            await asyncio.sleep(MINUTE)
            assert it.stands() == ("Breached", 3)

    @in_virtual_time
    async def test_a_move_that_nobody_saw_begins_anew(self) -> None:
        async with Desk() as it:
            written = MonitorStatus(
                name="errors", version="2", state=MonitorState.BREACHED, failures=3, rule="<= 0.05"
            )
            it.see(alias(statuses=(written,)))

            assert (it.status().version, it.stands()) == ("3", ("Waiting", 0))

    @in_virtual_time
    async def test_one_that_waits_for_the_lead_knows_what_the_leader_wrote(self) -> None:
        it = Desk()
        it.see(alias())
        written = MonitorStatus(
            name="errors", version="3", state=MonitorState.FAILING, failures=2, rule="<= 0.05"
        )
        it.see(alias(statuses=(written,)))
        assert it.stands() == ("Failing", 2)

        async with it:
            it.yields(BAD)
            await asyncio.sleep(MINUTE)
            assert it.stands() == ("Breached", 3)

    @in_virtual_time
    async def test_a_move_that_the_leader_saw_is_known_to_who_waits(self) -> None:
        it = Desk()
        it.see(alias())
        written = MonitorStatus(
            name="errors", version="3", state=MonitorState.FAILING, failures=2, rule="<= 0.05"
        )
        it.see(alias(since=SINCE + timedelta(minutes=5), statuses=(written,)))

        assert it.stands() == ("Failing", 2)

    @in_virtual_time
    async def test_who_lost_the_lead_and_has_it_again_goes_by_the_status(self) -> None:
        it = Desk()
        async with it:
            it.yields(BAD)
            it.see(alias())
            await asyncio.sleep(2 * MINUTE)
        await asyncio.sleep(HOUR)
        assert len(it.prometheus.queries) == 2

        it.see(alias(statuses=(MonitorStatus(name="errors", version="3", rule="<= 0.05"),)))
        assert it.stands() == ("Waiting", 0)
        async with it:
            await asyncio.sleep(MINUTE)
            assert len(it.prometheus.queries) == 3


class TestNoData:
    @in_virtual_time
    async def test_no_series_is_told_at_once_and_again_after_five_minutes(self) -> None:
        async with Desk() as it:
            it.see(alias())
            await asyncio.sleep(MINUTE)
            assert (it.stands(), it.status().message) == (("NoData", 0), "the query yields no series")
            assert it.wakes() == 1

            await asyncio.sleep(4 * MINUTE)
            assert it.wakes() == 0
            await asyncio.sleep(MINUTE)
            assert it.wakes() == 1
            await asyncio.sleep(HOUR)
            assert it.wakes() == 0

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1.7976931348623157e308])
    @in_virtual_time
    async def test_what_is_no_number_is_no_breach(self, value: float) -> None:
        async with Desk() as it:
            it.yields(value)
            it.see(alias())
            await asyncio.sleep(HOUR)

            assert it.stands() == ("NoData", 0)
            assert it.status().points == ()

    @in_virtual_time
    async def test_a_wrong_query_says_what_is_wrong(self) -> None:
        async with Desk() as it:
            it.prometheus.fail_next(InvalidRequest("the query yields 2 series"), times=100)
            it.see(alias())
            await asyncio.sleep(10 * MINUTE)

            assert (it.stands(), it.status().message) == (("NoData", 0), "the query yields 2 series")
            assert len(it.prometheus.queries) == 10

    @in_virtual_time
    async def test_a_source_that_nobody_configured_is_named_and_not_asked(self) -> None:
        async with Desk() as it:
            it.see(alias("churn", monitor_body(prometheus={"server": "east", "query": "x"})))
            await asyncio.sleep(HOUR)

            assert it.status().message == "the operator's configuration has no Prometheus named east"
            assert it.prometheus.queries == []
            assert {source for source, _ in it.counted} == {"nobody"}

    @in_virtual_time
    async def test_a_query_is_counted_by_its_source_and_how_it_ended(self) -> None:
        async with Desk() as it:
            it.see(alias("churn"))
            it.see(alias("drift", monitor_body(**DRIFT)))
            await asyncio.sleep(10 * MINUTE)

            assert {source for source, _ in it.counted} == {"Prometheus/default", "registry/default"}

    @in_virtual_time
    async def test_a_namespace_that_may_not_ask_is_told_so(self) -> None:
        async with Desk(forbidden=("ml",)) as it:
            it.see(alias())
            it.see(alias(namespace="open"))
            await asyncio.sleep(MINUTE)

            assert "does not let namespace ml ask the Prometheus named default" in it.status().message
            assert it.status(namespace="open").message == "the query yields no series"
            assert len(it.prometheus.queries) == 1


class TestTheVersionBefore:
    @in_virtual_time
    async def test_it_is_read_beside_one_that_fails(self) -> None:
        async with Desk() as it:
            it.yields(BAD, "4")
            it.yields(0.3, "3")
            it.see(alias(version="4", history=_history("3", "4")))
            await asyncio.sleep(MINUTE)

            assert it.stands() == ("Failing", 1)
            assert it.view().before == {"errors": "0.3"}
            assert it.prometheus.queries == ['errors{version="4"}', 'errors{version="3"}']

    @in_virtual_time
    async def test_it_is_forgotten_when_the_current_one_passes_again(self) -> None:
        async with Desk() as it:
            it.yields(BAD, "4")
            it.yields(GOOD, "3")
            it.see(alias(version="4", history=_history("3", "4")))
            await asyncio.sleep(2 * MINUTE)
            it.yields(GOOD, "4")
            await asyncio.sleep(MINUTE)

            assert it.view().before == {}
            assert len(it.prometheus.queries) == 5

    @in_virtual_time
    async def test_a_number_that_goes_away_is_forgotten(self) -> None:
        async with Desk() as it:
            it.yields(BAD, "4")
            it.yields(GOOD, "3")
            it.see(alias(version="4", history=_history("3", "4")))
            await asyncio.sleep(MINUTE)
            it.yields(None, "3")
            await asyncio.sleep(MINUTE)

            assert it.view().before == {}

    @in_virtual_time
    async def test_another_version_to_go_back_to_has_a_number_of_its_own(self) -> None:
        async with Desk() as it:
            it.yields(BAD, "4")
            it.yields(GOOD, "3")
            it.see(alias(version="4", history=_history("2", "3", "4")))
            await asyncio.sleep(MINUTE)
            gone = (RolledBackVersion(version="3", reason="RolledBack", at=SINCE),)
            it.see(alias(version="4", history=_history("2", "3", "4"), rolled_back=gone))
            assert it.view().before == {}

            await asyncio.sleep(MINUTE)
            assert it.prometheus.queries[-1] == 'errors{version="2"}'

    @in_virtual_time
    async def test_a_query_that_names_no_version_is_not_asked_twice(self) -> None:
        async with Desk() as it:
            it.prometheus.numbers["errors"] = BAD
            everyone = monitor_body(prometheus={"query": "errors"})
            it.see(alias("churn", everyone, version="4", history=_history("3", "4")))
            await asyncio.sleep(3 * MINUTE)

            assert it.stands() == ("Breached", 3)
            assert it.view().before == {}
            assert it.prometheus.queries == ["errors"] * 3


class TestExperiments:
    @in_virtual_time
    async def test_what_was_there_before_is_shown_and_what_comes_counts(self) -> None:
        async with Desk() as it:
            it.measured(BAD)
            it.see(alias("churn", monitor_body(**DRIFT)))
            await asyncio.sleep(5 * MINUTE)
            assert (it.stands(), it.status().value) == (("Waiting", 0), "0.2")

            it.measured(BAD)
            await asyncio.sleep(5 * MINUTE)
            assert (it.stands(), len(it.status().points)) == (("Failing", 1), 2)

    @in_virtual_time
    async def test_the_first_look_comes_soon_however_long_the_interval_is(self) -> None:
        async with Desk() as it:
            it.see(alias("churn", monitor_body(**DRIFT, interval="24h")))
            await asyncio.sleep(MINUTE)
            assert it.status().sample == "none"
            assert "has no run with psi whose tags name version 3" in it.status().message

            it.measured(BAD)
            await asyncio.sleep(25 * HOUR)
            assert it.stands() == ("Failing", 1)
            assert len(it.registry.called("live_metric")) in {2, 3}

    @in_virtual_time
    async def test_a_run_without_a_number_says_so(self) -> None:
        async with Desk() as it:
            it.measured(float("nan"))
            it.see(alias("churn", monitor_body(**DRIFT)))
            await asyncio.sleep(MINUTE)

            assert (it.stands(), it.status().message) == (("NoData", 0), "psi of the newest run is NaN")

    @in_virtual_time
    async def test_the_version_before_is_looked_up_by_its_tags(self) -> None:
        async with Desk() as it:
            it.see(alias("churn", monitor_body(**DRIFT), version="4", history=_history("3", "4")))
            await asyncio.sleep(MINUTE)
            it.measured(GOOD, "3")
            it.measured(BAD, "4")
            await asyncio.sleep(MINUTE)

            assert it.stands() == ("Failing", 1)
            assert it.view().before == {"errors": "0.01"}


class TestFlush:
    @in_virtual_time
    async def test_points_alone_are_told_every_few_minutes(self) -> None:
        async with Desk() as it:
            it.yields(GOOD)
            it.see(alias())
            await asyncio.sleep(MINUTE)
            assert it.wakes() == 1
            written = it.status()
            it.see(alias(statuses=(written,)))

            await asyncio.sleep(4 * MINUTE)
            assert it.wakes() == 0
            await asyncio.sleep(3 * MINUTE)
            assert it.wakes() == 1
            assert worth_writing((written,), (it.status(),), it.wall()).now

    @in_virtual_time
    async def test_nobody_is_woken_more_often_if_it_is_not_written(self) -> None:
        async with Desk() as it:
            it.yields(GOOD)
            it.see(alias())
            await asyncio.sleep(HOUR)

            assert it.wakes() <= 1 + 60 // 5


def _plan() -> dict[str, Any]:
    return {"operation": "Promote", "aliases": (), "startedAt": SINCE}
