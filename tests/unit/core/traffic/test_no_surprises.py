"""A split says what is so, in odd routes, odd moments and odd edits too."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.core.errors import Refused, Unavailable
from modelalias.ports import Route
from tests.support.virtual_loop import in_virtual_time
from tests.support.watched_alias import BREACHED, ERRORS, SNAPSHOT, breach, query
from tests.support.world import NAMESPACE
from tests.unit.core.traffic.test_split import (
    ALL,
    CHALLENGER,
    LOOK,
    OTHER,
    OWN,
    ROUTE,
    SPLIT,
    STEP,
    STEPS,
    TRAFFIC,
    begin,
    carried,
    message,
    said,
    two_aliases,
)


@in_virtual_time
async def test_a_service_that_stands_twice_in_a_rule_keeps_no_plan_from_moving() -> None:
    async with two_aliases() as it:
        rule = it.routes.bodies[ROUTE]["spec"]["rules"][0]
        rule["backendRefs"] = [
            {"name": OWN, "port": 80, "weight": 100},
            {"name": OWN, "port": 81, "weight": 0},
            {"name": OTHER, "port": 80, "weight": 0},
        ]
        await begin(it)
        it.ask("go", "3")
        await it.settle(10 * LOOK)

        it.take_errors()
        assert len(it.routes.writes) <= 4
        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_plan_that_begins_while_the_champion_has_no_ready_pod_goes_on() -> None:
    async with two_aliases() as it:
        it.routes.ready[NAMESPACE, OWN] = 0
        await begin(it)
        assert said(it) == ("False", "NoReadyPod")

        it.ask("go", "3")
        await it.settle(10 * LOOK)

        assert not it.take_errors()
        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_other_services_in_the_spec_while_a_plan_is_under_way_do_not_stop_it() -> None:
    async with two_aliases() as it:
        await begin(it)
        it.routes.edit(ROUTE, SPLIT, {"new-main": 100, "new-other": 0})
        for service in ("new-main", "new-other"):
            it.routes.ready[NAMESPACE, service] = 2
        it.workloads.rolls_at_once = False
        it.ask("go", "3")
        await it.settle(LOOK)
        backends = [
            {"service": "new-main", "weight": 90},
            {"service": "new-other", "alias": "challenger", "weight": 10},
        ]

        it.edit_alias(traffic={**TRAFFIC, "backends": backends})
        await it.settle(LOOK)
        it.workloads.rolls_at_once = True
        await it.finish_rollout()
        await it.settle(10 * LOOK)

        assert not it.take_errors()
        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_another_version_of_the_challenger_does_not_get_the_share_of_the_one_before() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        await it.settle(2 * (STEP + LOOK))
        assert carried(it) == {OWN: 0, OTHER: 100}
        await it.registry.create_version("churn", (await it.registry.version("churn", "3")).run_id or "")
        it.prometheus.numbers[query("4")] = 0.01
        it.workloads.rolls_at_once = False
        it.ask("go", "3")
        await it.settle(LOOK)
        it.edit_alias(suspend=True)
        it.ask("other", "4", of=CHALLENGER)
        await it.settle(LOOK)
        it.workloads.complete_rollout(it.ref("api-b"))
        await it.settle(SNAPSHOT)
        assert it.end("other") == ("Succeeded", "Succeeded")

        it.edit_alias(suspend=False)
        await it.settle(LOOK)

        assert it.alias().status.plan is not None
        assert "version 2" not in message(it)
        assert carried(it) != {OWN: 0, OTHER: 100}


@pytest.mark.parametrize("how", ["a policy", "no permission"])
@in_virtual_time
async def test_a_write_that_is_refused_for_an_hour_is_told_once(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(route: Route, weights: Mapping[str, int]) -> Route:
        del route, weights
        raise Refused("may not patch httproutes")

    async with two_aliases() as it:
        if how == "a policy":
            it.routes.denied = "weights are ours"
        else:
            monkeypatch.setattr(it.routes, "set_weights", refused)
        await begin(it)
        writes, events = len(it.objects.writes), len(it.objects.events)

        await it.settle(3_600)

        assert len(it.objects.events) - events <= 1
        assert len(it.objects.writes) - writes <= 2


@in_virtual_time
async def test_a_challenger_that_lists_no_workload_gets_nothing() -> None:
    async with two_aliases() as it:
        it.add_alias(serving=[{"name": "api"}])
        it.add_alias(CHALLENGER, alias="challenger")
        await it.settle(SNAPSHOT)

        it.edit_alias(traffic=TRAFFIC)
        await it.settle(LOOK)

        assert carried(it) == ALL


@in_virtual_time
async def test_not_all_requests_are_said_to_go_to_a_service_while_a_rule_sends_some_to_the_other() -> None:
    async with two_aliases() as it:
        it.routes.edit(ROUTE, ALL, {OTHER: 1})
        await begin(it, monitors=[{**ERRORS, "onBreach": "Alert"}])
        breach(it)
        await it.settle(BREACHED)

        assert not message(it).startswith("all requests go to Service")


@in_virtual_time
async def test_a_read_that_fails_now_and_then_does_not_begin_the_step_again() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])

        for _ in range(6):
            await it.settle(STEP - 100)
            it.routes.fail_next(Unavailable("too busy"), "read")

        assert carried(it) != {OWN: 90, OTHER: 10}


@in_virtual_time
async def test_a_step_that_is_not_carried_is_not_the_one_it_is_at() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        it.routes.ready[NAMESPACE, OWN] = 0

        await it.settle(STEP + LOOK)

        traffic = it.alias().status.traffic
        assert traffic is not None
        assert (traffic.split, traffic.step) == ("90/10", 1)


@in_virtual_time
async def test_while_nobody_looks_nothing_is_said_to_be_split() -> None:
    async with two_aliases() as it:
        await begin(it, monitors=[{**ERRORS, "onBreach": "Alert"}])
        await it.settle(SNAPSHOT)
        it.objects.delete_alias_slowly(NAMESPACE, "churn-champion")

        breach(it)
        await it.settle(BREACHED)

        assert carried(it) == SPLIT
        assert said(it)[0] != "True"


def _gateway(status: str, generation: int | None) -> dict[str, Any]:
    condition = {"type": "Accepted", "status": status, "reason": "x"}
    return {
        "parentRef": {"name": "second"},
        "conditions": [condition if generation is None else {**condition, "observedGeneration": generation}],
    }


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_gateway("False", 9), id="one-refuses"),
        pytest.param(_gateway("True", 0), id="one-has-not-seen-it"),
    ],
)
@in_virtual_time
async def test_a_route_that_one_of_two_gateways_has_not_taken_is_not_said_to_be_split(
    other: dict[str, Any],
) -> None:
    async with two_aliases() as it:
        await begin(it)
        it.routes.bodies[ROUTE]["spec"]["parentRefs"].append({"name": "second"})
        it.routes.bodies[ROUTE]["status"]["parents"].append(other)

        await it.settle(LOOK)

        assert said(it)[0] != "True"


@in_virtual_time
async def test_what_carries_no_generation_does_not_say_that_the_last_change_was_taken() -> None:
    async with two_aliases() as it:
        it.routes.gateway_follows = False
        it.routes.bodies[ROUTE]["spec"]["parentRefs"] = [{"name": "second"}]
        it.routes.bodies[ROUTE]["status"] = {"parents": [_gateway("True", None)]}

        await begin(it)

        assert said(it)[0] != "True"


@in_virtual_time
async def test_weights_that_were_never_carried_are_not_counted_as_changed_by_somebody() -> None:
    async with two_aliases() as it:
        it.routes.denied = "weights are ours"
        await begin(it)
        it.routes.fail_next(Unavailable("too busy"), "read")
        await it.settle(LOOK)
        it.routes.fail_next(Unavailable("too busy"), "read")
        await it.settle(LOOK)

        traffic = it.alias().status.traffic
        assert traffic is not None
        assert traffic.rewritten == ()


@in_virtual_time
async def test_a_step_waits_for_readings_that_were_taken_while_it_lasted() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[{**ERRORS, "interval": "1h"}])
        await it.settle(SNAPSHOT)
        read = it.alias(CHALLENGER).status.monitors

        await it.settle(3 * (STEP + LOOK))

        assert it.alias(CHALLENGER).status.monitors == read
        assert carried(it) == {OWN: 90, OTHER: 10}


@in_virtual_time
async def test_a_weight_of_0_takes_the_share_away_also_while_the_champion_is_moved() -> None:
    async with two_aliases() as it:
        await begin(it)
        it.workloads.rolls_at_once = False
        it.ask("go", "3")
        await it.settle(LOOK)
        backends = [{"service": OWN, "weight": 100}, {"service": OTHER, "alias": "challenger", "weight": 0}]

        it.edit_alias(traffic={**TRAFFIC, "backends": backends})
        await it.settle(LOOK)

        assert it.alias().status.plan is not None
        assert carried(it) == ALL


@in_virtual_time
async def test_fewer_steps_do_not_make_the_share_larger_at_once() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        await it.settle(STEP + LOOK)
        assert carried(it) == {OWN: 50, OTHER: 50}

        it.edit_alias(traffic={**STEPS, "steps": [5, 100]})
        await it.settle(LOOK)

        assert carried(it)[OTHER] <= 50


@in_virtual_time
async def test_of_two_model_aliases_that_split_the_same_services_the_younger_one_writes_nothing() -> None:
    async with two_aliases() as it:
        await begin(it)
        backends = [{"service": OTHER, "weight": 50}, {"service": OWN, "alias": "champion", "weight": 50}]

        it.add_alias("churn-later", alias="shadow", traffic={**TRAFFIC, "backends": backends})
        await it.settle(3_600)

        assert it.routes.writes == [("churn", SPLIT)]
        conflict = it.condition("TrafficRouted", "churn-later")
        assert (str(conflict.status), conflict.reason) == ("False", "Conflict")
        assert said(it) == ("True", "Split")


@in_virtual_time
async def test_all_goes_to_the_champion_only_once_its_pods_are_known_to_run_the_promoted_version() -> None:
    async with two_aliases() as it:
        it.add_alias()
        it.add_alias(CHALLENGER, alias="challenger", serving=[{"name": "api-b"}])
        await it.settle(SNAPSHOT)
        it.ask("roll-challenger", "2", of=CHALLENGER)
        await it.settle(SNAPSHOT)
        it.edit_alias(traffic=TRAFFIC)
        await it.settle(LOOK)
        assert carried(it) == SPLIT

        it.ask("go", "2")
        await it.settle(LOOK)

        assert "as well" not in message(it)


@in_virtual_time
async def test_what_somebody_set_in_the_registry_gets_nothing_although_it_was_adopted() -> None:
    async with two_aliases() as it:
        await begin(it, drift="Adopt")

        await it.registry.set_alias("churn", "challenger", "3")
        await it.settle(5 * SNAPSHOT)

        assert carried(it) == ALL


@in_virtual_time
async def test_a_step_that_was_decided_and_not_carried_does_not_come_while_the_champion_is_moved() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        it.routes.denied = "weights are ours"
        await it.settle(STEP + LOOK)
        assert carried(it) == {OWN: 90, OTHER: 10}

        it.workloads.rolls_at_once = False
        it.ask("go", "3")
        await it.settle(2)
        assert it.alias().status.plan is not None
        it.routes.denied = ""
        await it.settle(2 * LOOK)

        assert carried(it) == {OWN: 90, OTHER: 10}
