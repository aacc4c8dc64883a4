"""A real gateway carries real requests by the weights of an HTTPRoute, which is all that we rely on."""

import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.kube_api import KubeApi
from tests.support.split import (
    CHALLENGER,
    CHAMPION,
    apply_sides,
    ask,
    bounds,
    hostname,
    route,
    told_of_route,
    until,
    weigh,
)
from tests.support.stage import Stage

pytestmark = [
    pytest.mark.needs_real_pods,
    pytest.mark.timeout(1500),  # who comes first builds the images
    pytest.mark.usefixtures("images"),
]

REQUESTS: Final = 600


class Road:
    """A namespace with both sides, and the gateway that leads there."""

    def __init__(self, stage: Stage, gateway: str) -> None:
        self.stage, self._way = stage, (gateway, hostname(stage))

    def weigh(self, champion: int, challenger: int, *answers: str) -> None:
        """Patch the weights, and wait until these answer and nobody else."""
        weigh(self.stage, champion, challenger)
        self.until(*answers)

    def until(self, *answers: str) -> None:
        until(*self._way, lambda heard: heard.keys() == {*answers}, f"answered by {answers}")

    def ask(self) -> Counter[str]:
        return ask(*self._way, REQUESTS)


@pytest.fixture(scope="module")
def road(kubeconfig: str, namespaces: KubeApi, gateway: str) -> Iterator[Road]:
    name = f"test-{secrets.token_hex(4)}"
    assert namespaces.create("/api/v1/namespaces", {"metadata": {"name": name}}).ok
    stage = Stage(kubeconfig, name, namespaces.who_am_i())
    try:
        apply_sides(stage)
        route(stage, {CHAMPION: 1, CHALLENGER: 0})
        told_of_route(stage, "Accepted", "True", "Accepted")
        told_of_route(stage, "ResolvedRefs", "True", "ResolvedRefs")
        yield Road(stage, gateway)
    finally:
        namespaces.send("DELETE", f"/api/v1/namespaces/{name}")


def test_requests_are_split_by_the_weights_and_by_new_ones(road: Road) -> None:
    road.weigh(1, 0, "1")

    road.weigh(90, 10, "1", "2")
    uneven = road.ask()
    road.weigh(0, 1, "2")
    road.weigh(50, 50, "1", "2")
    even = road.ask()

    assert uneven.keys() == even.keys() == {"1", "2"}, (uneven, even)
    assert uneven["2"] in bounds(REQUESTS, 0.1), uneven
    assert even["2"] in bounds(REQUESTS, 0.5), even
    assert even["2"] not in bounds(REQUESTS, 0.1), "a gateway that ignores weights would pass"


def test_a_backend_of_weight_zero_gets_no_request(road: Road) -> None:
    road.weigh(0, 1, "2")

    assert road.ask().keys() == {"2"}


def test_the_share_of_a_backend_without_ready_pods_is_lost(road: Road) -> None:
    road.weigh(50, 50, "1", "2")

    road.stage.kubectl("scale", "deployment", CHALLENGER, "--replicas=0")
    road.until("1", "status 503")
    heard = road.ask()
    told_of_route(road.stage, "ResolvedRefs", "True", "ResolvedRefs")
    road.weigh(1, 0, "1")

    assert heard["status 503"] in bounds(REQUESTS, 0.5), heard
    assert road.ask().keys() == {"1"}, "its weight of zero has cured it"
