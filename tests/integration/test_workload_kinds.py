"""Every kind of workload that the reference names is rolled and waited for, wave by wave."""

import json
import secrets

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.mlflow_server import Server
from tests.support.seeding import Seeding
from tests.support.stage import Stage, condition

ALIAS = "churn-champion"
LABELS = {"app": "kinds"}
TEMPLATE = {
    "metadata": {"labels": LABELS},
    "spec": {
        "containers": [{"name": "api", "image": IMAGE, "imagePullPolicy": "Never"}],
        "terminationGracePeriodSeconds": 0,
    },
}


@pytest.mark.usefixtures("shared_operator")
@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_workload_of_another_kind_is_rolled_and_waited_for(
    stage: Stage, seeded: Seeding, kind: str
) -> None:
    seeded.version(val_auc=0.8)
    spec: dict[str, object] = {"selector": {"matchLabels": LABELS}, "template": TEMPLATE}
    if kind == "StatefulSet":
        spec |= {"serviceName": "none", "replicas": 2}
    body = {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "api"}, "spec": spec}
    stage.kubectl("apply", "-f", "-", stdin=json.dumps(body))
    stage.kubectl("rollout", "status", f"{kind}/api", "--timeout=60s")
    serving = [{"kind": kind, "name": "api"}]
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": serving})

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    ended = stage.complete("churn-v1")
    workload = stage.get(kind, "api")

    assert ended["phase"] == "Succeeded"
    assert condition(ended, "RolledOut")[0] == "True"
    assert workload["spec"]["template"]["metadata"]["annotations"] == {f"modelalias.dev/{ALIAS}": "1.1"}
    status = workload["status"]
    updated = status["updatedReplicas"] if kind == "StatefulSet" else status["updatedNumberScheduled"]
    assert updated == (2 if kind == "StatefulSet" else status["desiredNumberScheduled"])


@pytest.mark.usefixtures("shared_operator")
def test_a_model_whose_name_kubernetes_would_expand_is_served_and_gone_back_from(
    stage: Stage, mlflow_server: Server
) -> None:
    model = Seeding(mlflow_server.uri, f"us$(HOME)-{secrets.token_hex(4)}")
    for auc in (0.8, 0.9):
        model.version(val_auc=auc)
    former = "models:/us$(HOME)/old"
    stage.deployment("churn-api", IMAGE, env={"MODEL_URI": former})
    stage.kubectl("rollout", "status", "deployment/churn-api", "--timeout=60s")
    load = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
    serving = [{"name": "churn-api", "load": load}]
    spec = {"model": model.model, "alias": "champion", "serving": serving}
    stage.apply("ModelAlias", ALIAS, {**spec, "rollout": {"deadlineSeconds": 5}})

    stage.fill_quota(1)
    stage.request("undone", ALIAS, source={"version": "1"})
    undone = stage.complete("undone")
    back = _uri(stage)
    stage.free_quota()
    stage.apply("ModelAlias", ALIAS, spec)
    stage.request("churn-v2", ALIAS, source={"version": "2"})
    done = stage.complete("churn-v2")
    written = stage.get("deployment", "churn-api")
    stage.request("again", ALIAS, source={"version": "2"}, reason="once more")
    again = stage.complete("again")

    assert (undone["phase"], back) == ("RolledBack", former)
    assert done["phase"] == "Succeeded"
    assert _uri(stage) == f"models:/{model.model}/2".replace("$", "$$")
    assert again["phase"] == "Succeeded"
    now = stage.get("deployment", "churn-api")
    assert now["metadata"]["generation"] == written["metadata"]["generation"], "it is served already"


def _uri(stage: Stage) -> str:
    (container,) = stage.get("deployment", "churn-api")["spec"]["template"]["spec"]["containers"]
    (value,) = (item["value"] for item in container["env"] if item["name"] == "MODEL_URI")
    return str(value)


@pytest.mark.usefixtures("shared_operator")
def test_a_later_wave_waits_for_the_earlier_one(stage: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.8)
    stage.deployment("canary", IMAGE)
    stage.deployment("rest", IMAGE)
    serving = [{"name": "rest", "wave": 1}, {"name": "canary"}]
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "serving": serving})
    stage.fill_quota(2)

    stage.request("churn-v1", ALIAS, source={"version": "1"})
    stage.reaches("churn-v1", "RollingOut")
    held_back = stage.get("deployment", "rest")["spec"]["template"]["metadata"]
    states = {item["name"]: item["state"] for item in stage.status("modelalias", ALIAS)["serving"]}
    stage.free_quota()
    ended = stage.complete("churn-v1", 120)

    assert "annotations" not in held_back
    assert states == {"rest": "Pending", "canary": "Rolling"}
    assert ended["phase"] == "Succeeded"
    assert "annotations" in stage.get("deployment", "rest")["spec"]["template"]["metadata"]
