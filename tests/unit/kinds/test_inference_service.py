"""How an InferenceService is read, patched and judged, by what KServe writes into its status."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.workload import Serving, WorkloadKind
from modelalias.core.errors import InvalidRequest
from modelalias.core.plan import rollout
from modelalias.kinds.inference_service import INFERENCE_SERVICE, WRITTEN, InferenceService
from modelalias.ports import Variable, WorkloadChange

OLD, NEW = "s3://models/churn/3", "s3://models/churn/4"
CHANGE = WorkloadChange(alias="churn", mark="4", variables=(Variable(value=NEW),))
SERVING = Serving(kind=WorkloadKind.INFERENCE_SERVICE, name="api")
READY = [{"type": name, "status": "True"} for name in ("Ready", "PredictorReady", "IngressReady")]
LOADED = {
    "observedGeneration": 7,
    "conditions": READY,
    "components": {"predictor": {"latestReadyRevision": "api-2", "latestCreatedRevision": "api-2"}},
    "modelStatus": {"transitionStatus": "UpToDate", "states": {"activeModelState": "Loaded"}},
}


def service(
    status: Mapping[str, Any] | None = None,
    predictor: Mapping[str, Any] | None = None,
    **annotations: str,
) -> InferenceService:
    return INFERENCE_SERVICE.parse(
        {
            "metadata": {
                "name": "api",
                "namespace": "ml",
                "uid": "u-1",
                "resourceVersion": "12",
                "labels": {"modelalias.dev/managed": "true"},
                "annotations": annotations,
            },
            "spec": {
                "predictor": {
                    "annotations": {"modelalias.dev/churn": "3"},
                    "model": {"modelFormat": {"name": "mlflow"}, "storageUri": OLD},
                    **(predictor or {}),
                }
            },
            "status": {**LOADED, **(status or {})},
        }
    )


def rolled(status: Mapping[str, Any] | None = None, **predictor: Any) -> InferenceService:
    """Return the service as it stands after the patch, with a status of its controller."""
    body = INFERENCE_SERVICE.patch(service(), CHANGE)
    assert isinstance(body, Mapping)
    model = {"storageUri": NEW}
    annotations = {"modelalias.dev/churn": "4"}
    return service(
        status, {"annotations": annotations, "model": model, **predictor}, **body["metadata"]["annotations"]
    )


def test_mark_and_address_go_in_one_patch_that_is_refused_after_any_other_write() -> None:
    body = INFERENCE_SERVICE.patch(service(), CHANGE)

    assert isinstance(body, Mapping)
    assert body["spec"] == {
        "predictor": {"annotations": {"modelalias.dev/churn": "4"}, "model": {"storageUri": NEW}}
    }
    assert (body["metadata"]["uid"], body["metadata"]["resourceVersion"]) == ("u-1", "12")
    assert body["metadata"]["annotations"][WRITTEN].startswith("4 7 ")


def test_the_older_field_of_a_framework_is_written_where_it_is_used() -> None:
    body = INFERENCE_SERVICE.patch(service(predictor={"model": None, "sklearn": {"storageUri": OLD}}), CHANGE)

    assert isinstance(body, Mapping)
    assert body["spec"]["predictor"]["sklearn"] == {"storageUri": NEW}


def test_what_is_written_is_no_patch() -> None:
    assert INFERENCE_SERVICE.patch(rolled(), CHANGE) == {}


def test_the_version_that_it_asks_for_is_known_while_the_address_stands() -> None:
    assert rolled().asks_for(SERVING, "churn") == "4"
    assert rolled(model={"storageUri": OLD}).asks_for(SERVING, "churn") is None
    assert service().asks_for(SERVING, "churn") is None


def test_it_has_rolled_when_kserve_has_seen_it_and_loaded_it() -> None:
    assert rolled({"observedGeneration": 8}).is_rolled()
    assert service().is_rolled(), "nothing was written: its status is of what stands"


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"observedGeneration": 8, "conditions": READY[:2]},
        {"observedGeneration": 8, "conditions": [*READY[:2], {"type": "IngressReady", "status": "Unknown"}]},
        {"observedGeneration": 8, "modelStatus": {"transitionStatus": "InProgress"}},
        {"observedGeneration": 8, "modelStatus": {"transitionStatus": "UpToDate"}},
        {
            "observedGeneration": 8,
            "components": {"predictor": {"latestReadyRevision": "api-2", "latestCreatedRevision": "api-3"}},
        },
        {
            "observedGeneration": 8,
            "components": {
                "predictor": {
                    "latestReadyRevision": "api-2",
                    "latestCreatedRevision": "api-2",
                    "traffic": [{"latestRevision": True, "percent": 10}, {"percent": 90}],
                }
            },
        },
    ],
    ids=[
        "a status of before",
        "no ingress yet",
        "an ingress that is not ready",
        "loading",
        "not loaded",
        "newest revision not ready",
        "a part of the traffic",
    ],
)
def test_it_has_not_rolled_before(status: Mapping[str, Any]) -> None:
    assert not rolled(status).is_rolled()
    assert rolled(status).why_not_rolled()


def test_a_model_that_cannot_be_loaded_fails_at_once() -> None:
    info = {"reason": "ModelLoadFailed", "message": "no such object", "location": "api-predictor-x7f2"}
    failed = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": info}

    assert (
        rolled({"observedGeneration": 8, "modelStatus": failed}).why_failed()
        == "KServe could not load the model: ModelLoadFailed: no such object"
    )
    assert rolled({"modelStatus": failed}).why_failed() == "", "that was the model before"


def test_a_failure_of_before_the_patch_is_not_taken_for_one_of_this_patch() -> None:
    failed = {"modelStatus": {"transitionStatus": "BlockedByFailedLoad"}}
    body = INFERENCE_SERVICE.patch(service(failed), CHANGE)
    assert isinstance(body, Mapping)

    after = service({**failed, "observedGeneration": 8}, None, **body["metadata"]["annotations"])

    assert after.why_failed() == ""


def test_a_part_of_the_traffic_waits_for_a_person() -> None:
    split = {"traffic": [{"latestRevision": True, "percent": 10}, {"percent": 90}]}
    canary = rolled(
        {
            "observedGeneration": 8,
            "components": {"predictor": {"latestReadyRevision": "b", "latestCreatedRevision": "b", **split}},
        },
        canaryTrafficPercent=10,
    )

    assert canary.is_paused
    assert "raise canaryTrafficPercent, which is 10" in canary.how_to_resume()
    assert "10 % of the requests" in canary.why_not_rolled()


@pytest.mark.parametrize(
    ("predictor", "annotations", "words"),
    [
        ({}, {"serving.kserve.io/stop": "true"}, "is stopped"),
        ({"model": {"storage": {"key": "a"}}}, {}, "from spec.predictor.model.storage"),
        ({"model": None, "storageUris": [{"uri": OLD}]}, {}, "from spec.predictor.storageUris"),
        ({"model": None}, {}, "has no spec.predictor.model.storageUri"),
    ],
)
def test_what_keeps_it_from_being_rolled_is_said(
    predictor: Mapping[str, Any], annotations: Mapping[str, str], words: str
) -> None:
    assert words in service(None, predictor, **annotations).why_not_rollable(SERVING, "churn")


@pytest.mark.parametrize(
    "address",
    [
        NEW,
        "gs://models/churn",
        "hdfs://host/churn",
        "wasbs://models@store.blob.core.windows.net/churn",
    ],
)
def test_an_address_that_kserve_can_load_is_planned(address: str) -> None:
    planned = rollout.plan_workload(
        SERVING, service(), alias="churn", model="churn", before="3", to="4", epoch=1, address=address
    )

    (variable,) = planned.variables
    assert (planned.from_, planned.to, planned.mode) == ("3", "4", "Pinned")
    assert variable.from_ == OLD
    assert variable.to == address.replace(
        "wasbs://models@store.blob.core.windows.net/", "https://store.blob.core.windows.net/models/"
    )


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mlflow-artifacts:/1/models/m-1/artifacts", "start MLflow with --no-serve-artifacts"),
        ("models:/m-1", "loads no models: addresses"),
        ("runs:/abc/model", "loads no runs: addresses"),
        ("dbfs:/models/churn", "loads no dbfs: addresses"),
        ("file:///mlruns/1", "loads no file: addresses"),
        ("/mlruns/1", "loads no paths of the registry's own disk"),
        ("https://host/model.tar", "loads no https: addresses"),
        ("abfss://models@store.dfs.core.windows.net/churn", "loads no abfss: addresses"),
        ("wasbs://models@elsewhere.example/churn", "loads no wasbs: addresses"),
        ("s3://key:secret@models/churn", "would show the credentials"),
        ("s3://models/churn?key=secret", "would show the credentials"),
        ("s3://models/$(TOKEN)", "holds $("),
    ],
)
def test_an_address_that_kserve_cannot_load_is_refused_with_what_to_do(address: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rollout.plan_workload(
            SERVING, service(), alias="churn", model="churn", before="3", to="4", epoch=1, address=address
        )

    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_its_way_of_loading_is_not_chosen() -> None:
    with pytest.raises(ValueError, match="load is left out for an InferenceService"):
        Serving.model_validate({"kind": "InferenceService", "name": "api", "load": {"mode": "Alias"}})
