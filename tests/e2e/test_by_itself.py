"""A version that is bad in production is rolled back by itself, on real pods, by numbers of a real Prometheus."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e import by_itself
from tests.e2e.place import PATIENCE, Place, message
from tests.e2e.playing import Seen, Situation, places, playing
from tests.support.foreign_servers import free_ports
from tests.support.mlflow_server import Server
from tests.support.operator_account import HOME, NAME
from tests.support.prometheus_server import PrometheusServer, running_prometheus
from tests.support.scraped_pods import scraped_pods
from tests.support.stage import condition

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]

LIMIT: Final = 5 * PATIENCE
OPERATOR: Final = f"system:serviceaccount:{HOME}:{NAME}"
ERRORS: Final = "test_a_version_that_fails_is_rolled_back"
DRIFT: Final = "test_a_version_whose_drift_is_measured_is_rolled_back"
DEAD: Final = "test_a_dead_prometheus_moves_nothing"


@pytest.fixture(scope="module")
def all_played(
    request: pytest.FixtureRequest,
    kubeconfig: str,
    cluster: Mapping[str, Any],
    images: None,  # noqa: ARG001 - the pods run one of them
    mlflow_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Future[Seen]]]:
    """Play what is asked for at once, with one operator and two Prometheus."""
    if cluster["provider"] != "node":
        pytest.skip("Prometheus runs on this machine, which reaches the pods of the provider node alone")
    items = [item.name for item in request.session.items if item.path == request.path]
    folder = tmp_path_factory.mktemp("by-itself")
    (port,) = free_ports(1)
    with (
        places(kubeconfig, mlflow_server, items) as there,
        running_prometheus(folder / "prometheus") as server,
        scraped_pods(server, kubeconfig, [place.namespace for place in there.values()]),
    ):
        dying = partial(_dying, folder / "dying", port, there.get(DEAD))
        situations: Mapping[str, Situation] = {
            ERRORS: partial(by_itself.errors, prometheus=server),
            DRIFT: by_itself.drift,
            DEAD: partial(by_itself.dead, prometheus=dying),
        }
        config = {"default": {"uri": server.uri}, "dying": {"uri": f"http://127.0.0.1:{port}"}}
        with playing(situations, there, mlflow_server, folder / "operator", prometheus=config) as played:
            yield played


@contextmanager
def _dying(folder: Path, port: int, place: Place | None) -> Iterator[PrometheusServer]:
    """Run the Prometheus that is dead afterwards, and the same when it is run again."""
    assert place is not None
    with (
        running_prometheus(folder, port=port) as server,
        scraped_pods(server, place.kubeconfig, [place.namespace]),
    ):
        yield server


@pytest.fixture
def played(request: pytest.FixtureRequest, all_played: Mapping[str, Future[Seen]]) -> Seen:
    """What was seen in the situation of the test."""
    seen = all_played[request.node.name].result(LIMIT)
    _shown(seen, print)
    return seen


def _shown(seen: Seen, say: Callable[[str], None]) -> None:
    for name, value in seen.items():
        if name not in {"request", "alias"}:
            say(f"{name}: {value}")


def test_a_version_that_fails_is_rolled_back(played: Seen) -> None:
    _gone_back(played, "monitor errors was breached with version 2: ")

    assert played["heard"]["version 2: failed"] > 0
    assert set(played["heard"]) == {"version 1: answered", "version 2: answered", "version 2: failed"}
    assert set(played["heard afterwards"]) == {"version 1: answered"}


def test_a_version_whose_drift_is_measured_is_rolled_back(played: Seen) -> None:
    _gone_back(played, "monitor drift was breached with version 2: 0.7, wanted <= 0.2, 3 times in a row")


def test_a_dead_prometheus_moves_nothing(played: Seen) -> None:
    assert played["quiet"] == {("2", 0)}
    assert "Prometheus cannot be reached" in played["blind"]["message"]
    assert set(played["meanwhile"]) == {"version 2: answered", "version 2: failed"}
    _gone_back(played, "monitor errors was breached with version 2: ")


def _gone_back(played: Seen, reason: str) -> None:
    """Look whether the operator went back in its own name, told why, and holds on."""
    request, alias = played["request"], played["alias"]
    spec, entry = request["spec"], alias["history"][-1]
    assert request["status"]["phase"] == "Succeeded", request["status"]
    assert (spec["operation"], spec["source"], spec["expectedCurrent"]) == ("Rollback", {"version": "1"}, "2")
    assert spec["requestedBy"] == OPERATOR
    assert spec["reason"].startswith(reason)
    assert (entry["operation"], entry["from"], entry["to"], entry["actor"]) == (
        "Rollback",
        "2",
        "1",
        OPERATOR,
    )
    assert [item["version"] for item in alias["breached"]] == ["2"]
    assert condition(alias, "Held")[0] == "True", message(alias, "Held")
    assert played["registry"] == "1"
