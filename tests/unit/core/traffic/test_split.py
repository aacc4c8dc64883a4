"""The requests of an HTTPRoute are split while a challenger may get some, and go to the champion otherwise."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from modelalias.core.errors import Refused, Unavailable
from modelalias.ports import RouteRef
from tests.support.fake_objects import OPERATOR
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.watched_alias import BREACHED, ERRORS, SNAPSHOT, breach, query
from tests.support.world import ALIAS, NAME, NAMESPACE

CHALLENGER: Final = "churn-challenger"
OWN: Final = "churn-main"
OTHER: Final = "churn-other"
ROUTE: Final = RouteRef(namespace=NAMESPACE, name="churn")
TRAFFIC: Final[dict[str, Any]] = {
    "httpRoute": "churn",
    "backends": [{"service": OWN, "weight": 90}, {"service": OTHER, "alias": "challenger", "weight": 10}],
}
STEPS: Final[dict[str, Any]] = {
    "httpRoute": "churn",
    "backends": [{"service": OWN}, {"service": OTHER, "alias": "challenger"}],
    "steps": [10, 50, 100],
    "stepDuration": "5m",
}
LOOK: Final = 20
"""Seconds within which the split is looked at again."""
AT_ONCE: Final = 1
STEP: Final = 300
ALL: Final = {OWN: 100, OTHER: 0}
SPLIT: Final = {OWN: 90, OTHER: 10}


@asynccontextmanager
async def two_aliases() -> AsyncIterator[Cluster]:
    """Champion version 1 and challenger version 2, each with a workload, and a route that sends all to one."""
    async with Cluster() as cluster:
        cluster.objects.clock = cluster.wall
        await cluster.model(0.7, 0.8, 0.9, aliases={ALIAS: "1", "challenger": "2"})
        for name in ("api", "api-b"):
            cluster.workloads.add(name)
        cluster.workloads.rolls_at_once = True
        for number in ("1", "2", "3"):
            cluster.prometheus.numbers[query(number)] = 0.01
        cluster.routes.add("churn", ALL)
        for service in (OWN, OTHER):
            cluster.routes.ready[NAMESPACE, service] = 2
        yield cluster


async def begin(it: Cluster, traffic: Mapping[str, Any] = TRAFFIC, **challenger: Any) -> None:
    """Let both aliases be rolled out once, and the traffic be split."""
    it.add_alias(serving=[{"name": "api"}])
    it.add_alias(CHALLENGER, alias="challenger", serving=[{"name": "api-b"}], **challenger)
    await it.settle(SNAPSHOT)
    it.ask("roll-champion", "1")
    it.ask("roll-challenger", "2", of=CHALLENGER)
    await it.settle(SNAPSHOT)
    it.edit_alias(traffic=traffic)
    await it.settle(LOOK)


def carried(it: Cluster) -> Mapping[str, int]:
    """Return the weights of the route's only rule."""
    (rule,) = it.routes.weights(ROUTE)
    return rule


def said(it: Cluster) -> tuple[str, str]:
    found = it.condition("TrafficRouted")
    return str(found.status), found.reason


def message(it: Cluster) -> str:
    return it.condition("TrafficRouted").message


@in_virtual_time
async def test_a_challenger_that_runs_gets_its_share() -> None:
    async with two_aliases() as it:
        await begin(it)

        assert carried(it) == SPLIT
        assert said(it) == ("True", "Split")
        assert message(it) == (
            f"90 % of the requests go to Service {OWN}, 10 % to Service {OTHER} (challenger, version 2)"
        )
        traffic = it.alias().status.traffic
        assert traffic is not None
        assert (traffic.split, traffic.version) == ("90/10", "2")
        assert any("100/0 to 90/10" in event.message for event in it.objects.events)


@in_virtual_time
async def test_the_same_split_is_written_once() -> None:
    async with two_aliases() as it:
        await begin(it)

        await it.settle(600)

        assert it.routes.writes == [("churn", SPLIT)]
        await it.assert_settled()


@in_virtual_time
async def test_without_a_model_alias_nobody_accepted_what_the_challenger_names() -> None:
    async with two_aliases() as it:
        it.add_alias(serving=[{"name": "api"}], traffic=TRAFFIC)

        await it.settle(LOOK)

        assert carried(it) == ALL
        assert said(it) == ("True", "CurrentOnly")
        assert "no ModelAlias of this namespace manages challenger" in message(it)


@in_virtual_time
async def test_a_model_alias_of_another_namespace_is_none_of_this_ones_pods() -> None:
    async with two_aliases() as it:
        it.add_alias(serving=[{"name": "api"}], traffic=TRAFFIC)
        it.add_alias(CHALLENGER, "elsewhere", alias="challenger")

        await it.settle(LOOK)

        assert carried(it) == ALL


async def _hand_move(it: Cluster) -> None:
    await it.registry.set_alias("churn", "challenger", "3")
    await it.settle(SNAPSHOT)


async def _hand_removal(it: Cluster) -> None:
    await it.registry.delete_alias("churn", "challenger")
    await it.settle(SNAPSHOT)


async def _promotion(it: Cluster) -> None:
    it.ask("go", "2")
    await it.settle(SNAPSHOT)


async def _no_pod(it: Cluster) -> None:
    it.routes.ready[NAMESPACE, OTHER] = 0
    await it.settle(LOOK)


async def _broken_pods(it: Cluster) -> None:
    it.workloads.set(it.ref("api-b"), available=0)
    await it.settle(SNAPSHOT + LOOK)


async def _deletion(it: Cluster) -> None:
    it.objects.delete_alias(NAMESPACE, CHALLENGER)
    await it.settle(LOOK)


@pytest.mark.parametrize(
    ("leaves", "why"),
    [
        pytest.param(_hand_move, "somebody moved challenger to 3", id="moved-by-hand"),
        pytest.param(_hand_removal, "somebody moved challenger to nothing", id="removed-by-hand"),
        pytest.param(_promotion, "challenger is version 2 as well", id="promoted"),
        pytest.param(_no_pod, f"Service {OTHER} has no ready pod", id="no-ready-pod"),
        pytest.param(_broken_pods, "it is not known that all workloads", id="workload-not-whole"),
        pytest.param(_deletion, "no ModelAlias of this namespace manages", id="deleted"),
    ],
)
@in_virtual_time
async def test_everything_goes_back_when_the_challenger_leaves(leaves: Any, why: str) -> None:
    async with two_aliases() as it:
        await begin(it)

        await leaves(it)

        assert carried(it) == ALL
        assert said(it) == ("True", "CurrentOnly")
        assert why in message(it)
        assert any("90/10 to 100/0" in event.message and why in event.message for event in it.objects.events)


@pytest.mark.parametrize("on_breach", ["Rollback", "Alert"])
@in_virtual_time
async def test_everything_goes_back_when_a_monitor_of_the_challenger_is_breached(on_breach: str) -> None:
    async with two_aliases() as it:
        await begin(it, monitors=[{**ERRORS, "onBreach": on_breach}])
        await it.settle(SNAPSHOT)
        assert carried(it) == SPLIT

        breach(it)
        await it.settle(BREACHED)

        assert carried(it) == ALL


@in_virtual_time
async def test_a_breached_version_gets_nothing_when_its_readings_are_good_again() -> None:
    async with two_aliases() as it:
        await begin(it, monitors=[{**ERRORS, "onBreach": "Alert"}])
        await it.settle(SNAPSHOT)
        breach(it)
        await it.settle(BREACHED)

        it.prometheus.numbers[query("2")] = 0.01
        await it.settle(BREACHED)

        assert carried(it) == ALL
        assert "monitor error-rate of version 2 was breached" in message(it)


@in_virtual_time
async def test_an_outage_of_the_registry_does_not_keep_requests_at_a_challenger_without_pods() -> None:
    async with two_aliases() as it:
        await begin(it)
        it.registry.go_away()
        await it.settle(SNAPSHOT)

        await _no_pod(it)

        assert carried(it) == ALL


@in_virtual_time
async def test_while_the_champion_has_no_ready_pod_the_weights_stay() -> None:
    async with two_aliases() as it:
        await begin(it)
        it.routes.ready[NAMESPACE, OWN] = 0

        await _no_pod(it)

        assert carried(it) == SPLIT
        assert said(it) == ("False", "NoReadyPod")
        assert f"Service {OWN} has no ready pod" in message(it)


@in_virtual_time
async def test_weights_that_somebody_changed_are_set_again_and_not_for_ever() -> None:
    async with two_aliases() as it:
        await begin(it)

        for _ in range(6):
            it.routes.edit(ROUTE, {OWN: 50, OTHER: 50})
            await it.settle(LOOK)

        assert len(it.routes.writes) == 1 + 3
        assert said(it) == ("False", "Contended")
        await it.settle(3_600)
        assert carried(it) == SPLIT
        assert said(it) == ("True", "Split")


@in_virtual_time
async def test_while_it_is_suspended_nothing_is_written() -> None:
    async with two_aliases() as it:
        await begin(it)
        it.edit_alias(suspend=True)

        await _no_pod(it)

        assert carried(it) == SPLIT
        assert said(it) == ("Unknown", "Suspended")


@in_virtual_time
async def test_every_rule_with_both_services_is_split_and_no_other() -> None:
    async with two_aliases() as it:
        it.routes.edit(ROUTE, ALL, {OWN: 1}, {OTHER: 1}, ALL)

        await begin(it)

        assert it.routes.weights(ROUTE) == [SPLIT, {OWN: 1}, {OTHER: 1}, SPLIT]


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        pytest.param([{OWN: 1}, {OTHER: 1}], "no rule of HTTPRoute churn has both Services", id="apart"),
        pytest.param([{**ALL, "cart": 1}], "has other backends beside the two: cart", id="a-third-one"),
    ],
)
@in_virtual_time
async def test_a_route_that_does_not_fit_is_left_alone_and_told(
    rules: list[dict[str, int]], why: str
) -> None:
    async with two_aliases() as it:
        it.routes.edit(ROUTE, *rules)

        await begin(it)

        assert it.routes.weights(ROUTE) == rules
        assert said(it) == ("False", "Invalid")
        assert why in message(it)


@in_virtual_time
async def test_a_route_that_comes_later_is_split_then() -> None:
    async with two_aliases() as it:
        it.routes.remove(ROUTE)
        await begin(it)
        assert said(it) == ("False", "RouteMissing")

        it.routes.add("churn", ALL)
        await it.settle(LOOK)

        assert carried(it) == SPLIT


@in_virtual_time
async def test_a_route_that_no_gateway_accepts_is_said_to_be_followed_by_nobody() -> None:
    async with two_aliases() as it:
        it.routes.gateway_follows = False
        it.routes.follow(ROUTE, Accepted="False")

        await begin(it)

        assert said(it) == ("False", "RouteNotAccepted")
        assert "Accepted is False" in message(it)


@in_virtual_time
async def test_a_split_that_the_gateway_has_not_taken_yet_is_not_said_to_be_carried() -> None:
    async with two_aliases() as it:
        it.routes.gateway_follows = False

        await begin(it)

        assert carried(it) == SPLIT
        assert said(it) == ("Unknown", "Progressing")
        it.routes.follow(ROUTE)
        await it.settle(LOOK)
        assert said(it) == ("True", "Split")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(Refused("may not patch httproutes"), ("False", "Forbidden"), id="no-permission"),
        pytest.param(Unavailable("too busy"), ("Unknown", "Progressing"), id="too-busy"),
    ],
)
@in_virtual_time
async def test_what_cannot_be_written_is_told_and_tried_again(
    error: Exception, reason: tuple[str, str]
) -> None:
    async with two_aliases() as it:
        it.routes.fail_next(error, "set_weights")
        await begin(it)
        seen = [event.message for event in it.objects.events]

        await it.settle(LOOK)

        assert carried(it) == SPLIT
        assert said(it) == ("True", "Split")
        assert any("cannot be written" in text for text in seen) == (reason[0] == "False")
        traffic = it.alias().status.traffic
        assert traffic is not None
        assert traffic.rewritten == ()


@in_virtual_time
async def test_a_change_that_a_policy_does_not_let_in_is_told() -> None:
    async with two_aliases() as it:
        it.routes.denied = "weights are ours"

        await begin(it)

        assert said(it) == ("False", "Invalid")
        assert "weights are ours" in message(it)


@in_virtual_time
async def test_what_cannot_be_read_is_not_known() -> None:
    async with two_aliases() as it:
        await begin(it)

        it.routes.fail_next(Unavailable("the API server does not serve httproutes now"), "read")
        await it.settle(LOOK)

        assert carried(it) == SPLIT
        await it.settle(LOOK)
        assert said(it) == ("True", "Split")


@in_virtual_time
async def test_without_traffic_in_the_spec_nothing_is_said_of_it() -> None:
    async with two_aliases() as it:
        await begin(it)

        it.edit_alias(traffic=None)
        await it.settle(LOOK)

        assert it.says_nothing_of("TrafficRouted")
        assert it.alias().status.traffic is None
        assert carried(it) == SPLIT


@in_virtual_time
async def test_a_share_stays_while_the_champion_is_moved() -> None:
    async with two_aliases() as it:
        await begin(it)
        it.workloads.rolls_at_once = False
        it.ask("go", "3")
        await it.settle(LOOK)
        assert it.alias().status.plan is not None

        assert carried(it) == SPLIT


@in_virtual_time
async def test_steps_go_on_while_the_monitors_of_the_challenger_pass() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        assert carried(it) == {OWN: 90, OTHER: 10}
        assert "step 1 of 3" in message(it)

        await it.settle(STEP + LOOK)
        assert carried(it) == {OWN: 50, OTHER: 50}

        await it.settle(STEP + LOOK)
        assert carried(it) == {OWN: 0, OTHER: 100}

        await it.settle(STEP + LOOK)
        assert carried(it) == {OWN: 0, OTHER: 100}
        assert message(it).endswith("step 3 of 3")


@in_virtual_time
async def test_a_step_waits_for_monitors_that_pass() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        it.prometheus.numbers.pop(query("2"))

        await it.settle(2 * STEP)

        assert carried(it) == {OWN: 90, OTHER: 10}
        assert (
            f"the next step waits: not every monitor of ModelAlias {CHALLENGER} has passed since"
            in message(it)
        )


@in_virtual_time
async def test_without_a_monitor_there_is_no_next_step() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS)

        await it.settle(2 * STEP)

        assert carried(it) == {OWN: 90, OTHER: 10}
        assert f"the next step waits: ModelAlias {CHALLENGER} has no monitor" in message(it)


@in_virtual_time
async def test_a_step_that_could_not_be_written_does_not_count() -> None:
    async with two_aliases() as it:
        it.routes.denied = "weights are ours"
        await begin(it, STEPS, monitors=[ERRORS])
        await it.settle(2 * STEP)

        it.routes.denied = ""
        await it.settle(3 * LOOK)

        assert carried(it) == {OWN: 90, OTHER: 10}


@in_virtual_time
async def test_another_version_begins_with_the_first_step() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        await it.settle(STEP + LOOK)
        assert carried(it) == {OWN: 50, OTHER: 50}

        it.ask("next", "3", of=CHALLENGER)
        await it.settle(SNAPSHOT)

        assert carried(it) == {OWN: 90, OTHER: 10}


@in_virtual_time
async def test_the_split_follows_at_once_what_the_operator_wrote_of_the_challenger() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        await it.settle(STEP + LOOK)

        it.ask("next", "3", of=CHALLENGER)
        await it.settle(AT_ONCE)

        assert it.phase("next") == "Succeeded"
        assert carried(it) == {OWN: 90, OTHER: 10}


@in_virtual_time
async def test_the_challenger_at_its_last_step_is_promoted_and_the_champions_pods_take_over() -> None:
    async with two_aliases() as it:
        await begin(it, STEPS, monitors=[ERRORS])
        await it.settle(2 * (STEP + LOOK))
        assert carried(it) == {OWN: 0, OTHER: 100}

        it.ask("go", "2")
        await it.settle(SNAPSHOT)

        assert carried(it) == ALL
        current = it.alias(NAME).status.current
        assert current is not None
        assert current.version == "2"
        assert OPERATOR not in {item.spec.requested_by for item in it.objects.requests.values()}
