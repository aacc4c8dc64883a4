"""A Rollout is rolled by its own canary, and what its real controller gives up is undone."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.argo_rollouts import running_controller
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

EXAMPLE = Path(__file__).parents[2] / "manifests" / "examples" / "shapes" / "rollout.yaml"
ALIAS = "churn-champion"
FORMER = "models:/churn/of-before"
LABELS = {"app": "api"}
LOAD = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}

pytestmark = pytest.mark.usefixtures("controller", "shared_operator")


@pytest.fixture(scope="module")
def controller(kubeconfig: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Argo Rollouts, whose kinds are there before the operator starts."""
    with running_controller(kubeconfig, tmp_path_factory.mktemp("argo")):
        yield


def _rollout(stage: Stage, *steps: Mapping[str, Any], **spec: Any) -> None:
    """Apply a Rollout of two pods and wait until it is healthy."""
    container = {
        "name": "api",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "env": [{"name": "KEPT", "value": "yes"}, {"name": "MODEL_URI", "value": FORMER}],
    }
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    whole = {
        "replicas": 2,
        "selector": {"matchLabels": LABELS},
        "strategy": {"canary": {"steps": list(steps)}},
        "template": template,
        **spec,
    }
    stage.apply("Rollout", "api", whole)
    stage.until("rollout", "api", lambda it: _phase(it) == "Healthy", "it is healthy")


def _alias(stage: Stage, seeded: Seeding, **spec: Any) -> None:
    serving = [{"kind": "Rollout", "name": "api", "load": LOAD}]
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": serving, **spec})


def _phase(rollout: Object) -> str:
    """Return the phase, when it is of what is written."""
    status = rollout.get("status", {})
    seen = status.get("observedGeneration") == str(rollout["metadata"]["generation"])
    return str(status.get("phase", "")) if seen else ""


def _environment(rollout: Object) -> Mapping[str, str]:
    (container,) = rollout["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item["value"] for item in container["env"]}


def _waits(stage: Stage, words: str) -> Object:
    return stage.until(
        "modelalias", ALIAS, lambda it: words in json.dumps(it.get("status", {})), f"it says: {words}"
    )


def test_a_canary_of_two_steps_is_waited_for(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    _rollout(stage, {"setWeight": 50}, {"pause": {"duration": "2s"}})
    _alias(stage, seeded)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    ended = stage.complete("churn-v1")
    rollout = stage.get("rollout", "api")

    assert ended["phase"] == "Succeeded"
    assert condition(ended, "RolledOut")[0] == "True"
    assert _environment(rollout) == {"KEPT": "yes", "MODEL_URI": f"models:/{seeded.model}/1"}
    assert rollout["spec"]["template"]["metadata"]["annotations"] == {f"modelalias.dev/{ALIAS}": "1"}
    status = rollout["status"]
    assert (status["phase"], status["stableRS"]) == ("Healthy", status["currentPodHash"])
    assert (status["updatedReplicas"], status["replicas"], status["currentStepIndex"]) == (2, 2, 2)


def test_a_canary_that_its_controller_gives_up_is_undone_at_once(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    _rollout(stage, {"setWeight": 50}, progressDeadlineSeconds=2, progressDeadlineAbort=True)
    before = stage.get("rollout", "api")["status"]["stableRS"]
    _alias(stage, seeded)
    stage.fill_quota(2)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    ended = stage.complete("churn-v1")

    assert ended["phase"] == "RolledBack"
    assert "has timed out progressing" in json.dumps(ended)
    after = stage.until("rollout", "api", lambda it: _phase(it) == "Healthy", "it is healthy again")
    assert _environment(after) == {"KEPT": "yes", "MODEL_URI": FORMER}
    assert after["status"]["stableRS"] == after["status"]["currentPodHash"] == before
    assert not after["status"].get("abort")


def test_one_that_a_person_aborts_is_undone_at_once(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    _rollout(stage, {"setWeight": 50}, {"pause": {}})
    _alias(stage, seeded)
    stage.request("churn-v1", ALIAS, source={"version": "1"})
    stage.until("rollout", "api", lambda it: _phase(it) == "Paused", "its canary is paused")

    _write_status(stage, {"abort": True})
    ended = stage.complete("churn-v1")

    assert ended["phase"] == "RolledBack"
    assert "Rollout aborted update" in json.dumps(ended)
    after = stage.until("rollout", "api", lambda it: _phase(it) == "Healthy", "it is healthy again")
    assert _environment(after)["MODEL_URI"] == FORMER


def test_a_canary_that_waits_for_a_person_says_so_and_goes_on(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    _rollout(stage, {"setWeight": 50}, {"pause": {}})
    _alias(stage, seeded)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    _waits(stage, "its canary waits for `kubectl argo rollouts promote api`")
    _write_status(stage, {"pauseConditions": None, "currentStepIndex": 2})
    ended = stage.complete("churn-v1")

    assert ended["phase"] == "Succeeded"


def test_the_example_is_promoted(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    text = EXAMPLE.read_text(encoding="utf-8").replace("models:/churn", f"models:/{seeded.model}")
    rollout, alias = yaml.safe_load_all(text)
    pod = rollout["spec"]["template"]["spec"]
    pod["containers"][0] |= {"image": IMAGE, "imagePullPolicy": "Never"}
    del pod["containers"][0]["readinessProbe"]  # the image of the test answers nothing
    rollout["spec"]["strategy"]["canary"]["steps"][1]["pause"]["duration"] = "1s"  # not a minute
    alias["spec"]["model"] = seeded.model
    for body in (rollout, alias):
        del body["metadata"]["namespace"]
    pod["containers"][0]["env"][0]["value"] = FORMER
    stage.apply("Rollout", "churn-rollout", rollout["spec"])
    stage.until("rollout", "churn-rollout", lambda it: _phase(it) == "Healthy", "it is healthy")
    stage.apply("ModelAlias", "churn-rollout", alias["spec"])

    stage.request("churn-v1", "churn-rollout", source={"version": "1"})

    assert stage.complete("churn-v1")["phase"] == "Succeeded"
    assert _environment(stage.get("rollout", "churn-rollout"))["MODEL_URI"] == f"models:/{seeded.model}/1"


def _write_status(stage: Stage, status: Mapping[str, Any]) -> None:
    """Write into the status, as `kubectl argo rollouts abort` and `promote` do."""
    body = json.dumps({"status": status})
    stage.kubectl("patch", "rollout", "api", "--subresource=status", "--type=merge", "-p", body)
