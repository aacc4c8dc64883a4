"""Evaluation by real Jobs: the test plays what runs in their containers, and logs into the runs that the
operator made."""

import json
from collections.abc import Callable, Mapping

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.operator_process import OperatorProcess
from tests.support.seeding import Data, Seeding
from tests.support.stage import Object, Stage, condition

ALIAS = "churn-champion"
HOLDOUT = Data("holdout", "9f3c")
GATE = {
    "name": "holdout",
    "metric": "holdout_auc",
    "direction": "HigherIsBetter",
    "champion": {"maxRegression": 0},
    "metricFrom": "Evaluation",
}
OWN = {
    "name": "own",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.002},
}


def _alias(
    stage: Stage, seeded: Seeding, name: str = ALIAS, alias: str = "champion", cron_job: str = "churn-holdout"
) -> None:
    policy = {"gates": [OWN, GATE], "evaluation": {"cronJob": cron_job, "timeoutSeconds": 600}}
    stage.apply("ModelAlias", name, {"model": seeded.model, "alias": alias, "policy": policy})


def _versions(seeded: Seeding, *aucs: float) -> None:
    """Register versions whose own metric gets better and better; the first is the champion."""
    for auc in aucs:
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")


def _measuring(stage: Stage, request: str) -> Mapping[str, Object]:
    """Wait until the Jobs of a request are there, and return them by side."""
    stage.until(
        "promotionrequest",
        request,
        lambda it: (
            [side["state"] for side in it.get("status", {}).get("evaluation", ())] == ["Running", "Running"]
        ),
        "both sides are measured",
    )
    names = {side["side"]: side["job"] for side in stage.status("promotionrequest", request)["evaluation"]}
    return {side: stage.get("job", name) for side, name in names.items()}


def _told(job: Object) -> Mapping[str, str]:
    """Return the variables that the Job's container gets."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return {item["name"]: item["value"] for item in container["env"]}


def _let_run(stage: Stage, job: Object) -> None:
    stage.patch("job", job["metadata"]["name"], {"suspend": False})


def _end(stage: Stage, seeded: Seeding, job: Object, data: Data | None, **metrics: float) -> None:
    """Log what the container would, and let it end."""
    seeded.measured(_told(job)["MLFLOW_RUN_ID"], data, **metrics)
    _let_run(stage, job)


def _uids(stage: Stage) -> set[str]:
    return {job["metadata"]["uid"] for job in stage.all("job")}


def _waits(word: str) -> Callable[[Object], bool]:
    def holds(found: Object) -> bool:
        status = found.get("status", {})
        return status.get("phase") == "Pending" and word in status["explanation"]

    return holds


@pytest.mark.needs_real_pods
def test_jobs_measure_both_sides_and_a_killed_operator_goes_on_with_the_same(
    stage: Stage, seeded: Seeding, operator: OperatorProcess
) -> None:
    _versions(seeded, 0.8, 0.86, 0.9)
    stage.cron_job("churn-holdout", IMAGE, "exit", "0")
    _alias(stage, seeded)

    stage.request("better", ALIAS, source={"version": "2"})
    jobs = _measuring(stage, "better")
    before = _uids(stage)
    operator.kill()
    _end(stage, seeded, jobs["Candidate"], HOLDOUT, holdout_auc=0.85)
    stage.kubectl(
        "wait", "--for=condition=Complete", f"job/{jobs['Candidate']['metadata']['name']}", "--timeout=60s"
    )
    stage.kubectl("delete", "lease", "--all")  # nobody has to wait out the dead one's
    operator.start()
    stage.until(
        "promotionrequest",
        "better",
        lambda it: it["status"]["evaluation"][0]["state"] == "Succeeded",
        "one side is known",
    )
    held_by = seeded.aliases()
    _end(stage, seeded, jobs["Champion"], HOLDOUT, holdout_auc=0.85)
    better = stage.complete("better")
    after = _uids(stage)
    stage.request("overfitted", ALIAS, source={"version": "3"})
    again = _measuring(stage, "overfitted")
    for side, auc in (("Candidate", 0.8), ("Champion", 0.85)):
        _end(stage, seeded, again[side], HOLDOUT, holdout_auc=auc)
    overfitted = stage.complete("overfitted")

    request = stage.get("promotionrequest", "better")["metadata"]
    for side, version in (("Candidate", "2"), ("Champion", "1")):
        job, told = jobs[side], _told(jobs[side])
        (owner,) = job["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("PromotionRequest", "better", request["uid"])
        labels = job["metadata"]["labels"]
        assert (labels["team"], labels["modelalias.dev/managed"], labels["modelalias.dev/alias"]) == (
            "risk",
            "true",
            ALIAS,
        )
        assert job["spec"]["activeDeadlineSeconds"] == 600
        assert (told["MODEL_URI"], told["MODELALIAS_SIDE"]) == (f"models:/{seeded.model}/{version}", side)
        run = seeded.client.get_run(told["MLFLOW_RUN_ID"])
        assert run.info.status == "FINISHED"
        tags = {
            key.removeprefix("modelalias."): text
            for key, text in run.data.tags.items()
            if key.startswith("modelalias.")
        }
        assert tags.pop("evaluation")
        assert tags == {
            "alias": f"{stage.namespace}/{ALIAS}",
            "model": seeded.model,
            "request": f"{stage.namespace}/better",
            "side": side,
            "version": version,
        }
    experiment = seeded.client.get_experiment_by_name(f"modelalias/{seeded.model}")
    assert experiment is not None
    assert len(seeded.client.search_runs([experiment.experiment_id])) == 4, (
        "one for each side of each request"
    )
    assert held_by == {"champion": "1"}, "nothing moves on half a measurement"
    assert before == after
    assert better["phase"] == "Succeeded"
    found = better["gates"][1]
    assert (found["candidate"], found["champion"], found["dataset"]) == ("0.85", "0.85", str(HOLDOUT))
    assert found["rule"] == ">= 0.85 (champion 0.85 - 0)"
    assert [(item["result"]) for item in overfitted["gates"]] == ["Passed", "Failed"]
    assert "gate holdout: holdout_auc 0.8 is not >= 0.85 (champion 0.85 - 0)" in overfitted["explanation"]
    assert [item["state"] for item in json.loads(overfitted["result"])["evaluation"]] == [
        "Succeeded",
        "Succeeded",
    ]
    assert seeded.aliases() == {"champion": "2"}


@pytest.mark.needs_real_pods
@pytest.mark.usefixtures("shared_operator")
def test_a_failing_job_is_inconclusive_with_what_it_wrote_last(stage: Stage, seeded: Seeding) -> None:
    _versions(seeded, 0.8, 0.86)
    stage.cron_job(
        "churn-holdout", IMAGE, "exit", "3", "loading holdout", "KeyError: 'tenure'", held_back=False
    )
    _alias(stage, seeded)

    stage.request("broken", ALIAS, source={"version": "2"})
    ended = stage.complete("broken")

    assert condition(ended, "Complete") == ("True", "Inconclusive")
    assert condition(ended, "GatesPassed") == ("False", "Inconclusive")
    assert "BackoffLimitExceeded" in ended["explanation"]
    assert [item["result"] for item in ended["gates"]] == ["Passed", "Inconclusive"]
    assert [item["state"] for item in ended["evaluation"]] == ["Failed", "Failed"]
    assert {item["lastLines"] for item in ended["evaluation"]} == {"loading holdout\nKeyError: 'tenure'"}
    assert "KeyError" not in ended["explanation"] + ended["result"], "nobody knows what a container prints"
    assert {seeded.client.get_run(item["runId"]).info.status for item in ended["evaluation"]} == {"FAILED"}
    assert seeded.aliases() == {"champion": "1"}
    stage.announces("broken", "Rejected: ", "BackoffLimitExceeded")


@pytest.mark.usefixtures("shared_operator")
def test_a_template_that_cannot_be_used_is_waited_for_and_nothing_is_left_of_what_is_stopped(
    stage: Stage, seeded: Seeding
) -> None:
    _versions(seeded, 0.8, 0.86)
    seeded.client.set_registered_model_alias(seeded.model, "staging", "1")
    stage.cron_job("awake", IMAGE, "exit", "0", suspend=False)
    _alias(stage, seeded, cron_job="missing")
    _alias(stage, seeded, "churn-staging", "staging", cron_job="awake")

    stage.request("aborted", ALIAS, source={"version": "2"})
    stage.request("deleted", "churn-staging", source={"version": "2"})
    name = f"CronJob {stage.namespace}/"
    stage.until(
        "promotionrequest",
        "aborted",
        _waits(f"there is no {name}missing: create it"),
        "it waits for the template",
    )
    stage.until(
        "promotionrequest", "deleted", _waits(f"{name}awake would run by itself"), "it waits for the template"
    )
    at_first = stage.all("job")
    stage.cron_job("missing", IMAGE, "exit", "0")
    stage.cron_job("awake", IMAGE, "exit", "0")
    both = {request: _measuring(stage, request) for request in ("aborted", "deleted")}
    told = stage.status("promotionrequest", "aborted")["explanation"]
    stage.patch("promotionrequest", "aborted", {"abort": True})
    aborted = stage.complete("aborted")
    left = {job["metadata"]["ownerReferences"][0]["name"] for job in stage.all("job")}
    stage.kubectl("delete", "promotionrequest", "deleted")
    stage.kubectl("wait", "--for=delete", "job", "--all", "--timeout=60s")

    assert at_first == []
    assert told.startswith("measuring candidate version 2 and champion version 1: Job aborted-candidate-")
    assert (aborted["phase"], [item["state"] for item in aborted["evaluation"]]) == (
        "Aborted",
        ["Stopped", "Stopped"],
    )
    assert left == {"deleted"}
    assert seeded.aliases() == {"champion": "1", "staging": "1"}
    runs = [_told(job)["MLFLOW_RUN_ID"] for job in both["aborted"].values()]
    assert {seeded.client.get_run(run).info.status for run in runs} == {"KILLED"}
