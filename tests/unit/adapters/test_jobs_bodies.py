"""The Job that is made from a CronJob, and what a Job's body says."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.adapters.jobs import SUSPENDED, job_body, parse_job
from modelalias.core.errors import InvalidRequest
from modelalias.ports import Involved, JobRef, JobState, NewJob

OWNER = Involved(
    api_version="modelalias.dev/v1alpha1", kind="PromotionRequest", namespace="ml", name="churn-v4", uid="u-9"
)
NEW = NewJob(
    ref=JobRef(namespace="ml", name="churn-v4-candidate"),
    cron_job="holdout",
    owner=OWNER,
    alias="churn",
    run_id="a1b2",
    environment=(("MODEL_URI", "models:/churn/4"), ("MLFLOW_RUN_ID", "a1b2")),
    timeout_seconds=600,
)
GIVEN = {
    "batch.kubernetes.io/controller-uid": "u",
    "batch.kubernetes.io/job-name": "j",
    "controller-uid": "u",
    "job-name": "j",
}


def cron_job(
    spec: Mapping[str, Any] | None = None, pod: Mapping[str, Any] | None = None, **metadata: Any
) -> Mapping[str, Any]:
    wanted = {"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "x"}], **(pod or {})}
    job = {
        "backoffLimit": 1,
        "template": {"metadata": {"labels": {"app": "eval", **GIVEN}}, "spec": wanted},
        **(spec or {}),
    }
    return {
        "metadata": {
            "name": "holdout",
            "namespace": "ml",
            "labels": {"of": "the CronJob"},
            "annotations": {"of": "the CronJob"},
            "uid": "u-1",
        },
        "spec": {"schedule": "@daily", "suspend": True, "jobTemplate": {"metadata": metadata, "spec": job}},
    }


def test_name_labels_annotations_and_owner_are_ours_and_the_templates() -> None:
    metadata = {
        "labels": {"team": "risk", "modelalias.dev/managed": "no", **GIVEN},
        "annotations": {"note": "kept"},
    }

    body = job_body(cron_job(**metadata), NEW)

    assert (body["apiVersion"], body["kind"]) == ("batch/v1", "Job")
    assert body["metadata"] == {
        "name": "churn-v4-candidate",
        "namespace": "ml",
        "labels": {"team": "risk", "modelalias.dev/managed": "true", "modelalias.dev/alias": "churn"},
        "annotations": {
            "note": "kept",
            "modelalias.dev/run-id": "a1b2",
            "modelalias.dev/cron-job": "holdout",
        },
        "ownerReferences": [
            {
                "apiVersion": "modelalias.dev/v1alpha1",
                "kind": "PromotionRequest",
                "name": "churn-v4",
                "uid": "u-9",
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def test_what_belongs_to_one_job_alone_is_not_copied() -> None:
    body = job_body(cron_job({"selector": {"matchLabels": GIVEN}, "manualSelector": True}), NEW)

    assert body["spec"].keys() == {
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
        "template",
    }
    assert body["spec"]["template"]["metadata"] == {"labels": {"app": "eval"}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (600, 3600)),
        ({"activeDeadlineSeconds": 60, "ttlSecondsAfterFinished": 5}, (60, 5)),
        ({"activeDeadlineSeconds": 900, "ttlSecondsAfterFinished": 0}, (600, 3600)),
    ],
    ids=["nothing said", "shorter", "longer, and gone at once"],
)
def test_the_shorter_deadline_counts_and_a_finished_job_stays_for_a_while(
    given: Mapping[str, int], expected: tuple[int, int]
) -> None:
    spec = job_body(cron_job(given), NEW)["spec"]

    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == expected


@pytest.mark.parametrize("suspend", [True, False])
def test_the_template_keeps_its_own_suspend_and_restart_policy(suspend: bool) -> None:
    spec = job_body(cron_job({"suspend": suspend}), NEW)["spec"]

    assert (spec["suspend"], spec["template"]["spec"]["restartPolicy"]) == (suspend, "OnFailure")


def test_every_container_gets_our_variables_in_place_of_its_own() -> None:
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    told = {"name": "TOLD", "value": "of $(MODEL_URI)"}
    mine = {"name": "MODEL_URI", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    pod = {
        "containers": [
            {"name": "main", "image": "x", "env": [mine, secret, told]},
            {"name": "side", "image": "y"},
        ],
        "initContainers": [{"name": "first", "image": "z", "env": None}],
    }

    found = job_body(cron_job(pod=pod), NEW)["spec"]["template"]["spec"]

    ours = [{"name": "MODEL_URI", "value": "models:/churn/4"}, {"name": "MLFLOW_RUN_ID", "value": "a1b2"}]
    assert found["containers"] == [
        {"name": "main", "image": "x", "env": [*ours, secret, told]},
        {"name": "side", "image": "y", "env": ours},
    ]
    assert found["initContainers"] == [{"name": "first", "image": "z", "env": ours}]


def test_a_dollar_in_our_variables_is_not_a_reference() -> None:
    body = job_body(cron_job(), NEW.model_copy(update={"environment": (("MODEL_URI", "models:/$(HOME)/4"),)}))

    assert body["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "MODEL_URI", "value": "models:/$$(HOME)/4"}
    ]


def test_the_cron_job_is_left_as_it_was_read() -> None:
    template = cron_job(
        pod={"containers": [{"name": "main", "env": [{"name": "MODEL_URI", "value": "mine"}]}]}
    )
    before = json.dumps(template)

    job_body(template, NEW)

    assert json.dumps(template) == before


@pytest.mark.parametrize("suspend", [False, None])
def test_a_cron_job_that_runs_by_itself_is_no_template(suspend: bool | None) -> None:
    body = cron_job()

    with pytest.raises(
        InvalidRequest, match=r"^CronJob ml/holdout would run by itself, .*: set spec\.suspend: true$"
    ):
        job_body({**body, "spec": {**body["spec"], "suspend": suspend}}, NEW)


def job(*conditions: tuple[str, str, str], suspend: bool = False, **metadata: Any) -> Mapping[str, Any]:
    own = {"labels": {"modelalias.dev/managed": "true"}, "annotations": {"modelalias.dev/run-id": "a1b2"}}
    told = [
        {"type": kind, "status": status, "reason": reason, "message": "so it is"}
        for kind, status, reason in conditions
    ]
    return {
        "metadata": {"namespace": "ml", "name": "j", "uid": "u-2", **own, **metadata},
        "spec": {"suspend": suspend},
        **({"status": {"conditions": told}} if told else {}),
    }


@pytest.mark.parametrize(
    ("body", "state", "message"),
    [
        (job(), JobState.RUNNING, ""),
        (job(suspend=True), JobState.RUNNING, SUSPENDED),
        (job(("Suspended", "True", "JobSuspended"), suspend=True), JobState.RUNNING, SUSPENDED),
        (job(("Suspended", "False", "JobResumed")), JobState.RUNNING, ""),
        (job(("SuccessCriteriaMet", "True", "CompletionsReached")), JobState.RUNNING, ""),
        (
            job(("SuccessCriteriaMet", "True", "x"), ("Complete", "True", "CompletionsReached")),
            JobState.SUCCEEDED,
            "",
        ),
        (job(("FailureTarget", "True", "PodFailurePolicy")), JobState.RUNNING, "PodFailurePolicy: so it is"),
        (
            job(("FailureTarget", "True", "x"), ("Failed", "True", "TooLong")),
            JobState.FAILED,
            "TooLong: so it is",
        ),
        (job(("Failed", "False", "x"), ("Complete", "False", "x")), JobState.RUNNING, ""),
    ],
    ids=[
        "fresh",
        "suspended",
        "seen as suspended",
        "resumed",
        "about to succeed",
        "succeeded",
        "about to fail",
        "failed",
        "neither",
    ],
)
def test_only_the_last_conditions_are_ends(body: Mapping[str, Any], state: JobState, message: str) -> None:
    found = parse_job(body)

    assert found is not None
    assert (found.state, found.message) == (state, message)
    assert (found.ref, found.uid, found.run_id, found.ending) == (
        JobRef(namespace="ml", name="j"),
        "u-2",
        "a1b2",
        False,
    )


def test_a_job_that_is_being_deleted_says_so() -> None:
    found = parse_job(job(deletionTimestamp="2026-01-01T00:00:00Z"))

    assert found is not None
    assert found.ending


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": None},
        {"annotations": None},
        {"labels": {"modelalias.dev/managed": "false"}},
        {"annotations": {"other": "x"}},
    ],
    ids=["no labels", "no annotations", "not managed", "no run"],
)
def test_a_job_without_our_label_and_annotation_is_not_ours(metadata: Mapping[str, Any]) -> None:
    assert parse_job(job(**metadata)) is None


def test_a_long_complaint_is_cut() -> None:
    body = job()
    condition = {"type": "Failed", "status": "True", "reason": "x", "message": "y" * 5000}

    found = parse_job({**body, "status": {"conditions": [condition]}})

    assert found is not None
    assert len(found.message) == 1024
