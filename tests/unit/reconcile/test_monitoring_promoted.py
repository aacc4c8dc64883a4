"""Monitors of an alias that was promoted: what is counted, written and told, with the whole engine."""

import pytest

from modelalias.api.promotion_policy import ClusterPromotionPolicySpec
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.watched_alias import (
    ALERT,
    BREACHED,
    HOUR,
    RELATIVE,
    SNAPSHOT,
    accepted,
    breach,
    promoted,
    query,
    said,
)
from tests.support.world import ALIAS, alias_spec

NOT_AT_ONCE = 1_200
"""Seconds; within 900, and the interval of the monitor, it is at once."""
FEW_EVENTS = 12
"""As many in an hour are read by somebody."""


@in_virtual_time
async def test_monitors_that_began_to_fail_one_long_after_another_are_no_mass_breach() -> None:
    async with Cluster() as it:
        await promoted(it)
        names = [f"old{number}" for number in range(6)]
        for name in names:
            await it.model(0.7, aliases={ALIAS: "1"}, model=name)
            it.prometheus.numbers[query("1", name)] = 0.01
            it.objects.add_alias(NAMESPACE, name, alias_spec(model=name, monitors=[ALERT]))
        await it.settle(BREACHED)
        for name in names:
            it.prometheus.numbers[query("1", name)] = 0.3
            await it.settle(NOT_AT_ONCE)

        breach(it)
        await it.settle(BREACHED)

        assert accepted(it) == "1", said(it)


@in_virtual_time
@pytest.mark.parametrize("between", [0.01, None], ids=["passing", "no data"])
async def test_a_metric_around_its_bound_is_not_told_each_time(between: float | None) -> None:
    async with Cluster() as it:
        await promoted(it, ALERT)
        breach(it)
        await it.settle(BREACHED)
        before = len(it.objects.events)

        for _ in range(HOUR // 40):
            it.prometheus.numbers[query("2")] = between
            await it.settle(10)
            breach(it)
            await it.settle(30)

        assert len(it.objects.events) - before <= FEW_EVENTS


@in_virtual_time
async def test_a_metric_around_its_bound_is_not_written_at_each_reading() -> None:
    async with Cluster() as it:
        await promoted(it, ALERT)
        before = len(it.objects.writes)

        for _ in range(HOUR // 20):
            breach(it)
            await it.settle(10)
            breach(it, value=0.01)
            await it.settle(10)

        assert len(it.objects.writes) - before <= HOUR // 60 + 2, (
            "at one a minute 1,000 such aliases write 17 a second"
        )


@in_virtual_time
async def test_a_policy_that_is_missing_for_a_moment_takes_no_baseline_of_another_policy_away() -> None:
    async with Cluster() as it:
        rules = {"appliesTo": {}, "monitors": [{**RELATIVE, "name": "platform"}]}
        it.objects.put_policy("base", ClusterPromotionPolicySpec.model_validate(rules))
        await promoted(it, ALERT, watched=BREACHED)
        assert it.alias().status.monitors[0].baseline is not None

        it.edit_alias(policyRef={"name": "nobody"})
        await it.settle(SNAPSHOT)
        it.edit_alias(policyRef=None)
        await it.settle(SNAPSHOT)
        breach(it)
        await it.settle(BREACHED)

        assert accepted(it) == "1", it.alias().status.monitors[0].rule


@in_virtual_time
async def test_a_listing_that_is_older_than_a_watch_event_takes_no_baseline_away() -> None:
    async with Cluster() as it:
        await promoted(it, RELATIVE, watched=BREACHED)
        before = it.alias()
        it.ask("next", "3")
        await it.settle(BREACHED)
        (monitor,) = it.alias().status.monitors
        assert monitor.baseline is not None
        assert monitor.baseline.version == "2"

        assert it.engine is not None
        it.engine.alias_seen(before, listed=True)
        await it.settle(BREACHED)

        (monitor,) = it.alias().status.monitors
        assert monitor.baseline is not None
        assert monitor.baseline.version == "2", monitor.rule


@in_virtual_time
async def test_what_monitors_say_is_true_while_the_rules_are_not_known() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.edit_alias(policyRef={"name": "nobody"})
        await it.settle(SNAPSHOT)

        breach(it)
        await it.settle(HOUR)

        assert not it.is_true("MonitorsPassing"), "every reading of the last hour was beyond the bound"
