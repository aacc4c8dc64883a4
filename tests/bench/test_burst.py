"""What is counted of a burst, and what its bare sides send."""

import json

import pytest

from tests.bench import chains
from tests.bench.burst_figures import each_promotion
from tests.bench.replay import Rename
from tests.bench.sides import run_id
from tests.support.proxy import Sent

OURS = "/apis/modelalias.dev/v1alpha1/namespaces/ml"
MLFLOW = "/api/2.0/mlflow"


def _sent(to: str, method: str, path: str, body: object = None) -> Sent:
    text = b"" if body is None else json.dumps(body).encode()
    return Sent(to, method, path, "application/json", text, 0.0)


SNAPSHOT = _sent("mlflow", "GET", f"{MLFLOW}/registered-models/search?max_results=1000")
GET = _sent("mlflow", "GET", f"{MLFLOW}/registered-models/get?name=operator-00001")
SET = _sent(
    "mlflow",
    "POST",
    f"{MLFLOW}/registered-models/alias",
    {"name": "operator-00001", "alias": "champion", "version": "2"},
)
SOME = _sent(
    "mlflow",
    "GET",
    f"{MLFLOW}/registered-models/search?filter=name+IN+%28%27operator-00001%27%29&max_results=9",
)


def test_calls_are_counted_for_each_promotion_without_what_no_request_causes() -> None:
    calls = [
        SNAPSHOT,
        GET,
        SET,
        SOME,
        _sent("kubernetes", "GET", f"{OURS}/modelaliases?watch=true"),
        _sent("kubernetes", "PATCH", "/apis/coordination.k8s.io/v1/namespaces/ml/leases/operator"),
        _sent("kubernetes", "PATCH", f"{OURS}/modelaliases/a/status"),
        _sent("kubernetes", "PATCH", f"{OURS}/modelaliases/b/status"),
        _sent("kubernetes", "POST", "/api/v1/namespaces/ml/events"),
    ]

    told = each_promotion(calls, promotions=2)

    assert told == {
        "registry_calls": 1.5,
        "registry": {
            "registered-models/get": 0.5,
            "registered-models/search": 0.5,
            "registered-models/set-alias": 0.5,
        },
        "snapshot_pages_in_all": 1,
        "kubernetes_writes": 1.0,
        "kubernetes": {"writes modelaliases/status": 1.0},
        "events": 0.5,
    }


def test_the_calls_of_a_model_follow_one_another_and_a_call_for_several_stands_alone() -> None:
    run = run_id("operator-00002", 1)
    of_run = _sent("mlflow", "GET", f"{MLFLOW}/runs/get?run_id={run}")
    of_both = _sent(
        "mlflow", "POST", f"{MLFLOW}/runs/search", {"filter": f"'{run}'", "models": ["operator-00001"]}
    )
    other = _sent("mlflow", "GET", f"{MLFLOW}/registered-models/get?name=operator-00002")
    kubernetes = _sent("kubernetes", "PATCH", f"{OURS}/modelaliases/operator-00001/status", [])

    cut = chains.cut(
        [GET, other, SNAPSHOT, of_both, of_run, kubernetes, SOME, SET], "operator", {run: "operator-00002"}
    )

    assert cut == ((GET, SOME, SET), (other, of_run), (of_both,))


def test_the_fewest_calls_are_a_read_and_four_writes() -> None:
    (chain,) = chains.fewest(["m"], "champion", "previous", 1)

    assert [(call.method, call.resource) for call in chain] == [
        ("GET", "registered-models/get"),
        ("POST", "registered-models/alias"),
        ("POST", "registered-models/alias"),
        ("POST", "model-versions/set-tag"),
        ("POST", "model-versions/set-tag"),
    ]


@pytest.mark.parametrize("text", ["{run}", "run_id='{run}' and x", "runs:/{run}/model"])
def test_run_ids_are_renamed_wherever_they_stand(text: str) -> None:
    old, new = run_id("operator-00001", 1), run_id("same-00001", 3)

    renamed = Rename({}, {}, {old: new}).value(text.format(run=old))

    assert renamed == text.format(run=new)
