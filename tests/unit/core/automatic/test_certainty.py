"""What is not certain, not fresh, or not the operator's own moves nothing, and is not said."""

import pytest

from modelalias.api.metadata import ACKNOWLEDGE_DRIFT
from modelalias.core.errors import Unavailable
from tests.support.harness import NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.watched_alias import (
    BREACHED,
    ERRORS,
    HOUR,
    SNAPSHOT,
    accepted,
    breach,
    own,
    promoted,
    said,
)
from tests.support.world import ALIAS, MODEL, alias_spec

DAY = 24 * HOUR


@in_virtual_time
async def test_after_a_promotion_that_was_aborted_there_is_a_grace_too() -> None:
    async with Cluster() as it:
        whole = 'errors{model="$model"}'
        of_model = f'errors{{model="{MODEL}"}}'
        it.prometheus.numbers[of_model] = 0.01
        await promoted(it, {**ERRORS, "prometheus": {"query": whole}, "grace": "5m"})
        await it.settle(HOUR)
        it.workloads.rolls_at_once = False
        it.ask("next", "3")
        await it.settle()
        assert it.phase("next") == "RollingOut"
        it.prometheus.numbers[of_model] = 0.3  # version 3 fails, and a rate shows that for five minutes

        it.edit_request("next", abort=True)
        await it.finish_rollout()
        await it.finish_rollout()
        assert it.phase("next") == "Aborted"
        it.workloads.rolls_at_once = True
        await it.settle(BREACHED)

        assert own(it) == [], "version 2 came back less than grace ago"
        assert accepted(it) == "2"


@in_virtual_time
async def test_a_breach_that_was_read_before_a_restart_moves_nothing_while_prometheus_is_dead() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.edit_alias(suspend=True)
        breach(it)
        await it.settle(BREACHED)
        assert own(it) == []

        await it.stop()
        it.prometheus.fail_next(Unavailable("the Prometheus does not answer"), times=100_000)
        it.edit_alias(suspend=False)
        await it.settle(BREACHED)

        assert own(it) == [], "its number is of before the restart, and nobody has read one since"


@in_virtual_time
async def test_an_own_request_does_not_pass_a_hold_while_the_own_name_is_not_known() -> None:
    async with Cluster() as it:
        await promoted(it, policy={"autoPromote": {"fromAlias": "challenger", "deleteSourceAlias": False}})
        it.workloads.delete(it.ref("api"))
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(SNAPSHOT)
        await it.registry.set_alias(MODEL, "challenger", "3")
        await it.settle(SNAPSHOT)
        (name,) = own(it)
        it.workloads.add("api")
        await it.settle(SNAPSHOT)
        assert it.phase("back") == "Succeeded"
        assert "automatic steps are on hold" in it.says(name)

        await it.stop()
        it.objects.fail_next(Unavailable("away"), call="account", times=3)
        await it.settle(SNAPSHOT)

        assert accepted(it) == "1"
        assert it.alias().status.hold is not None, it.says(name)


@in_virtual_time
async def test_a_rollback_that_a_person_aborted_is_not_filed_again_once_its_request_was_tidied_away() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.workloads.rolls_at_once = False
        breach(it)
        await it.settle(60)
        (name,) = own(it)
        it.edit_request(name, abort=True)
        it.workloads.rolls_at_once = True
        await it.finish_rollout()
        await it.settle(BREACHED)
        assert it.phase(name) == "Aborted"

        it.edit_alias(requestHistoryLimit=0)
        breach(it, value=0.13)
        await it.settle(2 * BREACHED)

        assert accepted(it) == "2", own(it)


@in_virtual_time
async def test_a_drift_that_was_acknowledged_once_is_not_acknowledged_for_ever() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(SNAPSHOT)
        await it.registry.set_alias(MODEL, ALIAS, "2")
        await it.settle(SNAPSHOT)
        assert accepted(it) == "1"
        observed = it.alias().status.observed
        assert observed is not None
        it.objects.annotate_alias(NAMESPACE, NAME, **{ACKNOWLEDGE_DRIFT: f"{observed.word} ana"})
        await it.settle(SNAPSHOT)
        assert accepted(it) == "2", "a person said so"
        it.ask("back-again", "1", operation="Rollback", reason="bad after all")
        await it.settle(HOUR)
        await it.away(22 * HOUR)
        await it.settle(HOUR)
        assert accepted(it) == "1"

        await it.registry.set_alias(MODEL, ALIAS, "2")
        await it.settle(SNAPSHOT)

        assert accepted(it) == "1", "nobody acknowledged this drift, a day later and on hold"


@in_virtual_time
@pytest.mark.parametrize("way", ["a pin", "by hand"])
async def test_a_version_that_a_person_left_is_not_rolled_back_to(way: str) -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")
        it.ask("next", "3")
        await it.settle(BREACHED)
        if way == "a pin":
            it.pin("2", "ana")
            await it.settle(SNAPSHOT)
            it.pin(None)
        else:
            await it.registry.set_alias(MODEL, ALIAS, "2")
        await it.settle(SNAPSHOT)
        assert accepted(it) == "2"

        breach(it)
        await it.settle(BREACHED)

        assert accepted(it) == "2", "not 3, which a person went back from a minute ago"


@in_virtual_time
async def test_a_request_of_somebody_else_under_its_name_is_not_taken_for_the_rollback() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.edit_alias(policy={"approval": {"required": "Always", "users": ["ana"]}})
        current = it.alias().status.current
        assert current is not None
        it.ask(f"{NAME}-breach-2-{int(current.since.timestamp()):x}", "3", requestedBy="mallory")
        await it.settle()

        breach(it)
        await it.settle(BREACHED)

        assert accepted(it) == "1" or "asks to go back" not in said(it), said(it)


@in_virtual_time
async def test_a_registry_that_is_restored_one_alias_after_another_is_a_mass_drift_too() -> None:
    async with Cluster() as it:
        names = [f"m{number}" for number in range(12)]
        for name in names:
            await it.model(0.7, 0.8, aliases={ALIAS: "2"}, model=name)
            it.objects.add_alias(NAMESPACE, name, alias_spec(model=name, drift="Adopt"))
        await it.settle(BREACHED)

        for name in names:  # all within a minute, and there are no others
            await it.registry.set_alias(name, ALIAS, "1")
            await it.settle(5)
        await it.settle(SNAPSHOT)

        assert "MassDrift" in {it.condition("InSync", name).reason for name in names}


@in_virtual_time
async def test_a_candidate_that_met_a_long_freeze_is_promoted_after_it() -> None:
    async with Cluster() as it:
        it.objects.clock = it.wall
        await it.model(0.7, 0.9, aliases={ALIAS: "1"})
        freeze = {"name": "new-year", "kind": "Deny", "cron": "0 0 1 1 *", "duration": "240h"}
        it.add_alias(policy={"autoPromote": {"fromAlias": "challenger"}, "windows": [freeze]})
        await it.settle(SNAPSHOT)
        await it.registry.set_alias(MODEL, "challenger", "2")
        await it.settle(SNAPSHOT)
        (name,) = own(it)
        assert it.says(name).startswith("waits until 2026-01-11")

        await it.away(6 * DAY + 20 * HOUR)
        await it.settle(8 * HOUR)
        assert it.phase(name) == "Expired", "after 7 days"
        await it.away(2 * DAY)
        await it.settle(12 * HOUR)

        assert accepted(it) == "2", it.says(name)


@in_virtual_time
async def test_a_rollback_that_waited_too_long_follows_once_it_may_go() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.workloads.delete(it.ref("api"))
        breach(it)
        await it.settle(1.1 * HOUR)
        assert it.phase(own(it)[0]) == "Expired"

        it.workloads.add("api")
        await it.settle(BREACHED)

        assert accepted(it) == "1", said(it)
