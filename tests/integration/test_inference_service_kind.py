"""An InferenceService gets the address of a version's files: KServe's real CRD, and a stand-in for its controller."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hack.cluster import recipes
from tests.support.argo_rollouts import installed
from tests.support.kserve_stand_in import running_stand_in
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

EXAMPLE = Path(__file__).parents[2] / "manifests" / "examples" / "shapes" / "inference-service.yaml"
ALIAS = "churn-kserve"
FORMER = "s3://models/churn/1"

pytestmark = pytest.mark.usefixtures("crd", "shared_operator")


@pytest.fixture(scope="module")
def crd(kubeconfig: str) -> None:
    """KServe's kind, which is there before the operator starts."""
    installed(kubeconfig, recipes.KSERVE)


def _example(seeded: Seeding) -> tuple[Object, Object]:
    """Return the specs of the InferenceService and of the ModelAlias that are shipped."""
    service, alias = yaml.safe_load_all(EXAMPLE.read_text(encoding="utf-8"))
    return service["spec"], {**alias["spec"], "model": seeded.model}


@pytest.fixture
def served(stage: Stage, kubeconfig: str, seeded: Seeding) -> Iterator[None]:
    """An InferenceService that has loaded a model, and an alias that names it."""
    with running_stand_in(kubeconfig, stage.namespace):
        service, alias = _example(seeded)
        stage.apply("InferenceService", "churn-kserve", service)
        stage.until(
            "inferenceservice",
            "churn-kserve",
            lambda it: it.get("status", {}).get("modelStatus", {}).get("transitionStatus") == "UpToDate",
            "its model is loaded",
        )
        stage.apply("ModelAlias", ALIAS, alias)
        yield


def _register(seeded: Seeding, source: str) -> None:
    run = seeded.run(val_auc=0.8)
    seeded.client.create_model_version(seeded.model, source=source, run_id=run, await_creation_for=0)


def _address(stage: Stage) -> str:
    return str(stage.get("inferenceservice", "churn-kserve")["spec"]["predictor"]["model"]["storageUri"])


@pytest.mark.usefixtures("served")
def test_the_address_of_a_version_is_written_and_waited_for(stage: Stage, seeded: Seeding) -> None:
    _register(seeded, "s3://models/churn/one")

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    ended = stage.complete("churn-v1")

    assert ended["phase"] == "Succeeded"
    assert condition(ended, "RolledOut")[0] == "True"
    assert _address(stage) == "s3://models/churn/one"
    predictor = stage.get("inferenceservice", "churn-kserve")["spec"]["predictor"]
    assert predictor["annotations"] == {f"modelalias.dev/{ALIAS}": "1"}
    assert predictor["model"]["modelFormat"] == {"name": "mlflow"}
    (status,) = stage.until(
        "modelalias",
        ALIAS,
        lambda it: it["status"]["serving"][0]["state"] == "UpToDate",
        "it serves the version",
    )["status"]["serving"]
    assert status["asked"] == "1"
    assert seeded.aliases() == {"champion": "1"}


@pytest.mark.usefixtures("served")
def test_a_model_that_kserve_cannot_load_is_undone_at_once(stage: Stage, seeded: Seeding) -> None:
    _register(seeded, "s3://models/churn/broken")

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    ended = stage.complete("churn-v1")

    assert ended["phase"] == "RolledBack"
    assert "KServe could not load the model: ModelLoadFailed: no such object" in json.dumps(ended)
    assert _address(stage) == FORMER
    assert seeded.aliases() == {}


@pytest.mark.usefixtures("served")
def test_a_version_that_kserve_cannot_load_waits_with_the_remedy(stage: Stage, seeded: Seeding) -> None:
    seeded.logged_version(val_auc=0.8)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    waits = stage.until(
        "promotionrequest",
        "churn-v1",
        lambda it: "mlflow-artifacts: addresses" in json.dumps(it.get("status", {})),
        "it says what KServe cannot load",
    )

    assert "start MLflow with --no-serve-artifacts" in json.dumps(waits["status"])
    assert _address(stage) == FORMER
