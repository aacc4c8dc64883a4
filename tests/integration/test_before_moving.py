"""What is known of a workload before anything moves, and what a cluster's policies make of the patch."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.admission_bodies import Body, denying
from tests.support.seeding import Seeding
from tests.support.stage import WAIT_SECONDS, Stage

ALIAS = "churn-champion"
PINNED = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}


@contextmanager
def _in_force(stage: Stage, bodies: Sequence[Body]) -> Iterator[None]:
    """Install the policy, and wait until it denies."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*bodies]})
    annotated = json.dumps({"spec": {"template": {"metadata": {"annotations": {"try": "it"}}}}})
    stage.kubectl("apply", "-f", "-", stdin=text)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while "denied request" not in (
            answer := stage.kubectl(
                "patch", "deployment", "churn-api", "--dry-run=server", "-p", annotated, check=False
            )
        ):
            assert time.monotonic() < deadline, f"the policy is in force: {answer}"
            time.sleep(0.2)  # poll
        yield
    finally:
        stage.kubectl("delete", "-f", "-", stdin=text)


@pytest.mark.usefixtures("shared_operator")
def test_a_policy_that_forbids_the_patch_ends_the_request(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    stage.deployment("churn-api", IMAGE)
    serving = [{"name": "churn-api", "load": PINNED}]
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": serving})

    with _in_force(stage, denying(stage.namespace, "templates are frozen until Monday")):
        stage.request("churn-v1", ALIAS, source={"version": "1"})
        ended = stage.complete("churn-v1")

    assert ended["phase"] == "RolledBack"
    assert "templates are frozen until Monday" in ended["explanation"]
    assert "plan" not in stage.status("modelalias", ALIAS)
    assert seeded.client.get_registered_model(seeded.model).aliases == {}


@pytest.mark.usefixtures("shared_operator")
def test_a_statefulset_that_keeps_old_pods_is_waited_for(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    labels = {"app": "churn-api"}
    container = {"name": "api", "image": IMAGE, "imagePullPolicy": "Never"}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    spec = {
        "replicas": 2,
        "serviceName": "none",
        "selector": {"matchLabels": labels},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "churn-api"}, "spec": spec}
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    serving = [{"kind": "StatefulSet", "name": "churn-api"}]
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": serving})

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    waiting = stage.until(
        "promotionrequest",
        "churn-v1",
        lambda it: "partition" in it.get("status", {}).get("explanation", ""),
        "it waits for the StatefulSet",
    )["status"]
    stage.patch("statefulset", "churn-api", {"updateStrategy": {"rollingUpdate": {"partition": 0}}})
    ended = stage.complete("churn-v1", 120)

    assert waiting["explanation"] == (
        "waits: StatefulSet churn-api has a partition of 1 in its updateStrategy, which leaves 1 of 2 pods as "
        "they are: set it to 0"
    )
    assert ended["phase"] == "Succeeded"
