"""What the API server makes of the weights of an HTTPRoute, before any gateway acts on it: we rely on it."""

import json

import pytest

from tests.support.stage import Object, Stage

pytestmark = pytest.mark.usefixtures("gateway_api")


def _route(*backends: Object) -> Object:
    return {"parentRefs": [{"name": "gateway"}], "rules": [{"backendRefs": list(backends)}]}


def _backends(stage: Stage) -> dict[str, int]:
    (rule,) = stage.get("httproute", "fraud")["spec"]["rules"]
    return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}


def test_a_backend_without_a_weight_is_given_one(stage: Stage) -> None:
    stage.apply("HTTPRoute", "fraud", _route({"name": "champion", "port": 80}, {"name": "none", "port": 80}))

    assert _backends(stage) == {"champion": 1, "none": 1}


def test_a_weight_is_set_in_its_place_unless_somebody_moved_the_backend(stage: Stage) -> None:
    champion, challenger = ({"name": name, "port": 80, "weight": 1} for name in ("champion", "challenger"))
    stage.apply("HTTPRoute", "fraud", _route(champion, challenger))
    place = "/spec/rules/0/backendRefs/1"
    patch = [
        {"op": "test", "path": f"{place}/name", "value": "challenger"},
        {"op": "replace", "path": f"{place}/weight", "value": 0},
    ]
    words = ("patch", "httproute", "fraud", "--type=json", "-p", json.dumps(patch))

    stage.kubectl(*words)
    written = _backends(stage)
    stage.apply("HTTPRoute", "fraud", _route(challenger, champion))
    told = stage.kubectl(*words, check=False)

    assert written == {"champion": 1, "challenger": 0}
    assert "request is invalid" in told, told
    assert _backends(stage) == {"challenger": 1, "champion": 1}


@pytest.mark.parametrize("weight", [-1, 1_000_001, 0.5])
def test_a_weight_that_is_no_weight_is_refused(stage: Stage, weight: float) -> None:
    backend = {"name": "champion", "port": 80, "weight": weight}
    body = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud"},
        "spec": _route(backend),
    }

    told = stage.kubectl("apply", "-f", "-", stdin=json.dumps(body), check=False)

    assert "weight" in told, told
