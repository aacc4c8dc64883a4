"""Each example of a shape in which people serve models is applied as it is written, and rolled by a promotion.

The namespace, the model's name and the images are those of the test, and containers run those on real nodes too: without
their commands and probes, init containers as sidecars.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.seeding import Seeding
from tests.support.stage import Stage, condition

SHAPES: Final = Path(__file__).parents[2] / "manifests" / "examples" / "shapes"
ALIAS: Final = "churn-champion"
WRITTEN: Final[Mapping[str, Mapping[tuple[str, str], str]]] = {
    "mlflow-models-serve": {},
    "mlserver": {
        ("mlserver", "MLSERVER_MODEL_URI"): "models:/{model}/1",
        ("mlserver", "MLSERVER_MODEL_VERSION"): "1",
    },
    "init-container": {("fetch", "MODEL_URI"): "models:/{model}/1"},
    "name-and-number": {("api", "MODEL_VERSION"): "1"},
    "config-map": {("api", "MODEL_URI"): "models:/{model}/1"},
}
"""What a promotion of version 1 writes into which containers."""


def _bodies(shape: str, model: str) -> Iterator[Mapping[str, Any]]:
    text = (SHAPES / f"{shape}.yaml").read_text(encoding="utf-8")
    for body in yaml.safe_load_all(text.replace("models:/churn", f"models:/{model}")):
        del body["metadata"]["namespace"]
        if body["kind"] == "ModelAlias":
            body["spec"]["model"] = model
        if body["kind"] == "Deployment":
            pod = body["spec"]["template"]["spec"]
            pod["terminationGracePeriodSeconds"] = 0
            for container in (*pod["containers"], *pod.get("initContainers", ())):
                container |= {"image": IMAGE, "imagePullPolicy": "Never"}
                for field in ("command", "readinessProbe"):  # the image does nothing, and does it for ever
                    container.pop(field, None)
            for container in pod.get("initContainers", ()):
                container["restartPolicy"] = "Always"
        yield body


def _apply(stage: Stage, shape: str, model: str) -> None:
    items = list(_bodies(shape, model))
    stage.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    stage.kubectl("rollout", "status", "deployment/churn-api", "--timeout=180s")


def _template(stage: Stage) -> Mapping[str, Any]:
    template: Mapping[str, Any] = stage.get("deployment", "churn-api")["spec"]["template"]
    return template


def _variables(stage: Stage) -> Mapping[tuple[str, str], str]:
    pod = _template(stage)["spec"]
    return {
        (container["name"], item["name"]): item.get("value", "")
        for container in (*pod["containers"], *pod.get("initContainers", ()))
        for item in container.get("env", ())
    }


def test_there_is_a_test_of_each_shape() -> None:
    elsewhere = {"rollout", "inference-service"}  # test_rollout_kind.py, test_inference_service_kind.py

    assert {path.stem for path in SHAPES.glob("*.yaml")} == set(WRITTEN) | elsewhere


@pytest.mark.needs_simulated_pods
@pytest.mark.usefixtures("shared_operator")
@pytest.mark.parametrize("shape", sorted(WRITTEN))
def test_a_shape_is_promoted(stage: Stage, seeded: Seeding, shape: str) -> None:
    seeded.version(val_auc=0.8)
    _apply(stage, shape, seeded.model)
    before = _variables(stage)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    ended = stage.complete("churn-v1")

    wanted = {place: text.format(model=seeded.model) for place, text in WRITTEN[shape].items()}
    assert ended["phase"] == "Succeeded", ended["explanation"]
    assert condition(ended, "RolledOut")[0] == "True"
    assert _variables(stage) == {**before, **wanted}
    mark = _template(stage)["metadata"]["annotations"][f"modelalias.dev/{ALIAS}"]
    assert mark == ("1" if wanted else "1.1")


@pytest.mark.needs_simulated_pods
@pytest.mark.usefixtures("shared_operator")
@pytest.mark.parametrize("shape", ["init-container", "mlserver"])
def test_a_shape_comes_back_from_a_promotion_that_failed(stage: Stage, seeded: Seeding, shape: str) -> None:
    seeded.version(val_auc=0.8)
    _apply(stage, shape, seeded.model)
    before = _template(stage)
    stage.patch("modelalias", ALIAS, {"rollout": {"deadlineSeconds": 5}})
    stage.fill_quota(1)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    stage.until(
        "deployment", "churn-api", lambda it: it["spec"]["template"] != before, "it is given version 1"
    )
    ended = stage.complete("churn-v1")

    assert ended["phase"] == "RolledBack", ended["explanation"]
    assert _template(stage) == before, "variables that were not there are gone again"
