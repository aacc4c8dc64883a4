"""The bare side makes the operator's calls: what is cut out of a recording, and how it is renamed."""

import json

import pytest

from tests.bench import figures
from tests.bench.replay import Rename, one_promotion
from tests.support.proxy import Sent

NAMESPACED = "/apis/modelalias.dev/v1alpha1/namespaces/ml"


def _sent(to: str, method: str, path: str, at: float) -> Sent:
    return Sent(to, method, path, "application/json", b"{}", at)


def test_a_promotion_ends_with_the_patch_of_the_deployment_and_leaves_out_what_the_operator_does_anyway() -> (
    None
):
    calls = [
        _sent("mlflow", "GET", "/api/2.0/mlflow/model-versions/get?name=churn&version=1", 1.0),
        _sent("kubernetes", "GET", f"{NAMESPACED}/modelaliases?watch=true", 2.1),
        _sent("mlflow", "GET", "/api/2.0/mlflow/registered-models/search?max_results=1000", 2.2),
        _sent(
            "kubernetes",
            "PATCH",
            "/apis/coordination.k8s.io/v1/namespaces/ml/leases/modelalias-operator",
            2.3,
        ),
        _sent("mlflow", "GET", "/api/2.0/mlflow/runs/get?run_id=a", 2.4),
        _sent("kubernetes", "GET", f"{NAMESPACED}/promotionrequests/churn-v2", 2.5),
        _sent("kubernetes", "PATCH", f"{NAMESPACED}/promotionrequests/churn-v2/status?timeout=5s", 2.6),
        _sent("kubernetes", "PATCH", "/apis/apps/v1/namespaces/ml/deployments/churn-api?timeout=5s", 2.7),
        _sent("kubernetes", "POST", "/api/v1/namespaces/ml/events", 2.8),
    ]

    cut = one_promotion(calls, after=2.0)

    assert [str(call) for call in cut] == [
        "mlflow GET runs/get",
        "kubernetes GET promotionrequests",
        "kubernetes PATCH promotionrequests/status",
        "kubernetes PATCH deployments",
    ]


def test_a_recording_without_a_patch_of_a_deployment_is_no_promotion() -> None:
    with pytest.raises(ValueError, match="no patch of a Deployment"):
        one_promotion([_sent("mlflow", "GET", "/api/2.0/mlflow/runs/get?run_id=a", 1.0)], after=0.0)


def test_versions_are_renamed_where_they_are_whole_values_and_names_everywhere() -> None:
    rename = Rename(texts={"bench-operator": "bench-bare", "run-a": "run-b"}, versions={"2": "7", "3": "8"})
    body = {
        "to": "3",
        "from": "2",
        "mark": "3.12",
        "count": 3,
        "runs": ["run-a"],
        "told": "bench-operator: 2 of 3, 23",
    }

    renamed = rename.value(json.loads(json.dumps(body)))

    assert renamed == {
        "to": "8",
        "from": "7",
        "mark": "8.12",
        "count": 3,
        "runs": ["run-b"],
        "told": "bench-bare: 2 of 3, 23",
    }


def test_the_99th_percentile_of_twenty_is_the_largest() -> None:
    told = figures.spread([float(number) for number in range(1, 21)])

    assert told == {"min": 1.0, "median": 10.5, "p99": 20.0, "max": 20.0}


def test_ratios_are_told_of_the_medians_and_of_the_pairs() -> None:
    told = figures.ratios([2.0, 3.0, 10.0], [1.0, 2.0, 4.0])

    assert (told["of_medians"], told["pair_min"], told["pair_median"], told["pair_max"]) == (
        1.5,
        1.5,
        2.0,
        2.5,
    )
