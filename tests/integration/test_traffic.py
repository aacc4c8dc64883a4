"""The requests of a real HTTPRoute are split by the operator with the roles that it is shipped with.

No gateway acts on the route here; its pods and endpoints are those of the cluster.
"""

import json

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

pytestmark = pytest.mark.usefixtures("gateway_api", "shared_operator")

CHAMPION, CHALLENGER = "churn-champion", "churn-challenger"
TRAFFIC = {
    "httpRoute": "churn",
    "backends": [
        {"service": CHAMPION, "weight": 90},
        {"service": CHALLENGER, "alias": "challenger", "weight": 10},
    ],
}


def _serve(stage: Stage, name: str) -> None:
    """Run a Deployment behind a Service of the same name."""
    stage.deployment(name, IMAGE)
    service = {"selector": {"app": name}, "ports": [{"port": 80}]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service}
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    stage.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")


def _route(stage: Stage) -> None:
    backends = [{"name": name, "port": 80} for name in (CHAMPION, CHALLENGER)]
    spec = {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": backends}]}
    stage.apply("HTTPRoute", "churn", spec)


def _weights(route: Object) -> list[int]:
    (rule,) = route["spec"]["rules"]
    return [item["weight"] for item in rule["backendRefs"]]


def _begin(stage: Stage, seeded: Seeding) -> None:
    """Let version 1 be champion and version 2 challenger, each with its pods, and the traffic be split."""
    for auc in (0.8, 0.9):
        seeded.version(val_auc=auc)
    for name in (CHAMPION, CHALLENGER):
        _serve(stage, name)
    _route(stage)
    for name, alias in ((CHAMPION, "champion"), (CHALLENGER, "challenger")):
        traffic = {"traffic": TRAFFIC} if alias == "champion" else {}
        spec = {"model": seeded.model, "alias": alias, "serving": [{"name": name}], **traffic}
        stage.apply("ModelAlias", name, spec)
    stage.request("first", CHAMPION, source={"version": "1"})
    stage.request("second", CHALLENGER, source={"version": "2"})
    for name in ("first", "second"):
        assert stage.complete(name)["phase"] == "Succeeded"


def _split(stage: Stage, *weights: int) -> None:
    """Wait until the route has these weights."""
    stage.until("httproute", "churn", lambda it: _weights(it) == [*weights], f"the weights are {weights}")


def test_a_challenger_gets_its_share_and_loses_it_when_it_is_promoted(stage: Stage, seeded: Seeding) -> None:
    _begin(stage, seeded)

    _split(stage, 90, 10)
    stage.until(
        "modelalias",
        CHAMPION,
        lambda it: condition(it["status"], "TrafficRouted") == ("False", "RouteNotAccepted"),
        "nobody is said to follow a route that no gateway has accepted",
    )
    stage.request("go", CHAMPION, source={"version": "2"})
    ended = stage.complete("go")
    _split(stage, 100, 0)

    assert ended["phase"] == "Succeeded"
    stage.until(
        "modelalias",
        CHAMPION,
        lambda it: it["status"]["traffic"].get("split") == "100/0",
        "the status says so",
    )
    stage.announces(CHAMPION, "90/10 to 100/0")


def test_a_challenger_without_pods_gets_nothing(stage: Stage, seeded: Seeding) -> None:
    _begin(stage, seeded)
    _split(stage, 90, 10)

    stage.kubectl("scale", f"deployment/{CHALLENGER}", "--replicas=0")

    _split(stage, 100, 0)
