"""The main job on a real API server and a real MLflow: requests promote, gates refuse, pins roll back,
restarts go on."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.kube_api import Person
from tests.support.mlflow_server import Server
from tests.support.operator_process import OperatorProcess
from tests.support.seeding import Seeding
from tests.support.stage import Stage, condition
from tests.support.web_visitor import signed_in

GATES: list[dict[str, Any]] = [
    {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7},
    {
        "name": "beats-champion",
        "metric": "val_auc",
        "direction": "HigherIsBetter",
        "champion": {"minImprovement": 0.002},
    },
]
ALIAS = "churn-champion"
EVE = Person("eve")
MARK = f"modelalias.dev/{ALIAS}"


@pytest.fixture(scope="module")
def trained_run(mlflow_server: Server) -> tuple[str, float]:
    """A run as a pipeline leaves it, not registered, and its metric."""
    done = subprocess.run(
        [sys.executable, "-m", "training.train", "--register", "no", "--no-alias"],
        env={**os.environ, "MLFLOW_TRACKING_URI": mlflow_server.uri},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return told["runId"], told["metrics"]["val_auc"]


def _alias(stage: Stage, seeded: Seeding, **spec: object) -> None:
    common = {
        "model": seeded.model,
        "alias": "champion",
        "previousAlias": "prev-champion",
        "serving": [{"name": "churn-api"}],
        "policy": {"gates": GATES, "requestTags": ["ticket"]},
    }
    stage.apply("ModelAlias", ALIAS, {**common, **spec})


def _marks(stage: Stage) -> str | None:
    template = stage.get("deployment", "churn-api")["spec"]["template"]
    mark: str | None = template["metadata"].get("annotations", {}).get(MARK)
    return mark


@pytest.mark.usefixtures("shared_operator")
def test_requests_promote_by_cold_start_and_by_the_gate_and_a_worse_version_is_refused(
    stage: Stage, seeded: Seeding
) -> None:
    for auc in (0.80, 0.85, 0.79):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "challenger", "2")
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded)

    stage.request("churn-v1", ALIAS, source={"version": "1"}, reason="first")
    first = stage.complete("churn-v1")
    first_mark = _marks(stage)
    on_success = {"deleteSourceAlias": True, "tags": {"ticket": "ML-12"}}
    stage.request("churn-v2", ALIAS, source={"alias": "challenger"}, onSuccess=on_success)
    second = stage.complete("churn-v2")
    stage.request("churn-v3", ALIAS, source={"version": "3"})
    third = stage.complete("churn-v3")

    assert (first["phase"], first["gatesPassed"], first_mark) == ("Succeeded", "2/2", "1.1")
    assert second["phase"] == "Succeeded"
    assert second["resolved"]["from"] == "alias challenger"
    assert second["gates"][1]["rule"] == ">= 0.802 (champion 0.8 + 0.002)"
    assert third["phase"] == "Rejected"
    assert condition(third, "Complete") == ("True", "GatesFailed")
    assert "val_auc 0.79 is not >= 0.852 (champion 0.85 + 0.002)" in third["explanation"]
    assert json.loads(third["result"])["reason"] == "GatesFailed"
    assert seeded.aliases() == {"champion": "2", "prev-champion": "1"}
    assert json.loads(seeded.tags("2")["modelalias.champion"])["from"] == "1"
    assert seeded.tags("2")["ticket"] == "ML-12"
    assert _marks(stage) == "2.2"
    alias = stage.status("modelalias", ALIAS)
    assert alias["current"]["version"] == "2"
    assert [(item.get("from"), item["to"], item["request"]) for item in alias["history"]] == [
        (None, "1", "churn-v1"),
        ("1", "2", "churn-v2"),
    ]
    assert condition(alias, "Ready") == ("True", "Succeeded")
    stage.announces(ALIAS, "from 1 to 2")
    stage.announces("churn-api", "from 1 to 2")
    stage.announces("churn-v3", "Rejected: ")


@pytest.mark.usefixtures("shared_operator")
def test_a_run_is_registered_once_however_often_it_is_asked_for(
    stage: Stage, seeded: Seeding, trained_run: tuple[str, float]
) -> None:
    run, _ = trained_run
    stage.deployment("churn-api", IMAGE, replicas=0)
    _alias(stage, seeded)

    stage.request("by-run", ALIAS, source={"runId": run})
    first = stage.complete("by-run")
    stage.request("by-run-again", ALIAS, source={"runId": run})
    again = stage.complete("by-run-again")

    assert (first["phase"], first["resolved"]["version"]) == ("Succeeded", "1")
    assert (again["phase"], condition(again, "Complete")[1]) == ("Succeeded", "NoOp")
    assert len(seeded.client.search_model_versions(f"name = '{seeded.model}'")) == 1


@pytest.mark.usefixtures("shared_operator")
def test_a_pin_moves_the_alias_back_and_closes_the_door_for_requests(stage: Stage, seeded: Seeding) -> None:
    for auc in (0.80, 0.85):
        seeded.version(val_auc=auc)
    env = {"MODEL_URI": f"models:/{seeded.model}/1"}
    stage.deployment("churn-api", IMAGE, env=env)
    pinned = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
    _alias(stage, seeded, serving=[{"name": "churn-api", "load": pinned}])
    for version in ("1", "2"):
        stage.request(f"churn-v{version}", ALIAS, source={"version": version})
        stage.complete(f"churn-v{version}")

    stage.patch("modelalias", ALIAS, {"version": "1"})
    stage.until(
        "modelalias", ALIAS, lambda it: it["status"]["current"]["version"] == "1", "the pin is carried out"
    )
    stage.kubectl("wait", "--for=condition=Ready", f"modelalias/{ALIAS}", "--timeout=60s")
    stage.request("late", ALIAS, source={"version": "2"})
    late = stage.complete("late")

    assert seeded.aliases() == {"champion": "1", "prev-champion": "2"}
    container = stage.get("deployment", "churn-api")["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "MODEL_URI", "value": f"models:/{seeded.model}/1"}]
    assert _marks(stage) == "1"
    assert condition(late, "Complete") == ("True", "AliasPinned")


@pytest.mark.usefixtures("shared_operator")
def test_a_dry_run_gives_the_verdict_and_touches_nothing(
    stage: Stage, seeded: Seeding, trained_run: tuple[str, float]
) -> None:
    seeded.version(val_auc=0.99)
    run, auc = trained_run
    stage.deployment("churn-api", IMAGE, replicas=0)
    _alias(stage, seeded, policy={"gates": [{**GATES[0], "threshold": round(auc + 0.01, 3)}]})
    before = stage.get("deployment", "churn-api")["metadata"]["generation"]

    stage.request("would-pass", ALIAS, source={"version": "1"}, dryRun=True)
    passed = stage.complete("would-pass")
    stage.request("would-fail", ALIAS, source={"runId": run}, dryRun=True)
    failed = stage.complete("would-fail")

    assert condition(passed, "Succeeded") == ("True", "DryRun")
    assert condition(failed, "Succeeded") == ("False", "GatesFailed")
    assert seeded.aliases() == {}
    assert len(seeded.client.search_model_versions(f"name = '{seeded.model}'")) == 1
    assert stage.get("deployment", "churn-api")["metadata"]["generation"] == before
    assert (
        "history" not in stage.status("modelalias", ALIAS) or not stage.status("modelalias", ALIAS)["history"]
    )


def test_a_rollout_that_fails_goes_back_also_when_the_operator_is_killed_meanwhile(
    stage: Stage, seeded: Seeding, operator: OperatorProcess
) -> None:
    for auc in (0.80, 0.85):
        seeded.version(val_auc=auc)
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded, rollout={"deadlineSeconds": 8})
    stage.request("churn-v1", ALIAS, source={"version": "1"})
    stage.complete("churn-v1")
    stage.fill_quota(1)

    stage.request("churn-v2", ALIAS, source={"version": "2"})
    stage.reaches("churn-v2", "RollingOut")
    operator.kill()
    stage.kubectl("delete", "lease", "--all")  # nobody has to wait out the dead one's
    assert seeded.aliases()["champion"] == "2"
    operator.start()
    stage.reaches("churn-v2", "RollingBack")
    stage.free_quota()
    ended = stage.complete("churn-v2")

    assert ended["phase"] == "RolledBack"
    assert condition(ended, "RolledBack")[0] == "True"
    assert "not rolled out within 8 s" in ended["explanation"]
    assert seeded.aliases() == {"champion": "1"}
    assert _marks(stage) == "1.3"
    alias = stage.status("modelalias", ALIAS)
    assert alias["hold"]["request"] == "churn-v2"
    assert [item["version"] for item in alias["rolledBack"]] == ["2"]
    assert json.loads(seeded.tags("2")["modelalias.champion"])["rolledBack"]["reason"] == "DeadlineExceeded"


def test_the_operator_ends_when_it_is_asked_to(operator: OperatorProcess) -> None:
    operator.stop()
    operator.start(anew=True)

    status = operator.stop()

    assert status == 0, operator.tail()


@pytest.mark.usefixtures("shared_operator")
def test_the_page_of_an_alias_shows_the_move_on_its_numbers_and_the_pods(
    stage: Stage, seeded: Seeding
) -> None:
    stage.bind({EVE: "view"})
    for auc in (0.80, 0.85, 0.79):
        seeded.version(val_auc=auc)
    stage.deployment("churn-api", IMAGE)
    _alias(stage, seeded)
    for version in ("1", "2", "3"):
        stage.request(f"churn-v{version}", ALIAS, source={"version": version}, reason=f"try {version}")
        stage.complete(f"churn-v{version}")

    with signed_in(stage.kubeconfig, EVE) as browser:
        path = f"/a/{stage.namespace}/{ALIAS}"
        page = browser.get(path)
        found = browser.get(path, headers={"Accept": "application/json"}).json()

    assert page.status_code == 200
    newest, first = found["ledger"]["entries"]
    assert (newest["left"], newest["to"], newest["request"], newest["reason"]) == (
        "1",
        "2",
        "churn-v2",
        "try 2",
    )
    assert [(item["name"], item["candidate"]["text"], item["rule"]) for item in newest["gates"]] == [
        ("auc-floor", "0.85", ">= 0.7"),
        ("beats-champion", "0.85", ">= 0.802 (champion 0.8 + 0.002)"),
    ]
    assert first["to"] == "1"
    charts = {item["gate"]: item for item in found["gates"]["charts"]}
    beats = charts["beats-champion"]
    assert [(item["version"], item["value"], item.get("result")) for item in beats["points"]] == [
        ("1", "0.8", "Passed"),
        ("2", "0.85", "Passed"),
        ("3", "0.79", "Failed"),
    ]
    assert (beats["champion"], beats["championVersion"], beats["bar"]) == ("0.85", "2", "0.852")
    assert (charts["auc-floor"]["bar"], charts["auc-floor"]["barSaidBy"]) == ("0.7", "the policy")
    assert [item["version"] for item in found["versions"]["steps"]] == ["1", "2"]
    (api,) = found["workloads"]
    assert (api["desired"], api["served"], api["state"]["word"]) == ("2", "2", "Up to date")
    assert [(item["version"], item["readiness"]) for item in api["pods"]] == [("2", "yes")]
    assert {"PromoteSucceeded"} <= {item["reason"] for item in found["events"]["rows"]}
    assert f"model: {seeded.model}" in page.text
    assert "managedFields" not in page.text.partition("apiVersion")[2]
