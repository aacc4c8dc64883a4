"""What a workload's body says, whatever its kind calls it."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.workload import WorkloadKind
from modelalias.kinds import KINDS
from modelalias.kinds.pod_template import PodWorkload


def parse(kind: WorkloadKind, raw: Mapping[str, Any]) -> PodWorkload:
    workload = KINDS[kind].parse(raw)
    assert isinstance(workload, PodWorkload)
    return workload


def body(
    spec: Mapping[str, Any] | None = None, status: Mapping[str, Any] | None = None, **template: Any
) -> Mapping[str, Any]:
    pod = {"containers": [{"name": "api", "image": "x"}]}
    return {
        "metadata": {
            "name": "api",
            "namespace": "ml",
            "uid": "u-1",
            "resourceVersion": "12",
            "generation": 3,
        },
        "spec": {"template": {"spec": pod, **template}, **(spec or {})},
        "status": {"observedGeneration": 2, **(status or {})},
    }


@pytest.mark.parametrize(
    ("kind", "spec", "status"),
    [
        (
            WorkloadKind.DEPLOYMENT,
            {"replicas": 5},
            {"replicas": 6, "updatedReplicas": 3, "availableReplicas": 4},
        ),
        (
            WorkloadKind.STATEFUL_SET,
            {"replicas": 5},
            {"replicas": 6, "updatedReplicas": 3, "availableReplicas": 4},
        ),
        (
            WorkloadKind.DAEMON_SET,
            {},
            {
                "desiredNumberScheduled": 5,
                "currentNumberScheduled": 6,
                "updatedNumberScheduled": 3,
                "numberAvailable": 4,
            },
        ),
    ],
)
def test_counts_are_read_from_each_kinds_own_fields(
    kind: WorkloadKind, spec: Mapping[str, Any], status: Mapping[str, Any]
) -> None:
    workload = parse(kind, body(spec, status))

    assert (workload.desired, workload.total, workload.updated, workload.available) == (5, 6, 3, 4)
    assert (workload.generation, workload.observed_generation, workload.resource_version) == (3, 2, 12)


def test_counts_that_are_left_out_are_zero_and_replicas_one() -> None:
    workload = parse(WorkloadKind.DEPLOYMENT, body())

    assert (workload.desired, workload.total, workload.updated, workload.available) == (1, 0, 0, 0)


def test_no_replicas_are_wanted_when_it_says_so() -> None:
    assert parse(WorkloadKind.DEPLOYMENT, body({"replicas": 0})).desired == 0


def test_a_workload_that_no_controller_has_seen_yet_is_not_observed() -> None:
    fresh = {key: value for key, value in body().items() if key != "status"}

    assert parse(WorkloadKind.STATEFUL_SET, fresh).observed_generation == 0


def test_only_our_own_annotations_of_the_template_are_marks() -> None:
    annotations = {"modelalias.dev/churn": "4", "modelalias.dev/fraud": "9.1", "other.dev/x": "y"}

    workload = parse(WorkloadKind.DEPLOYMENT, body(metadata={"annotations": annotations}))

    assert workload.marks == {"churn": "4", "fraud": "9.1"}


def test_variables_are_literal_ones_of_each_container() -> None:
    containers = [
        {
            "name": "api",
            "env": [
                {"name": "A", "value": "1"},
                {"name": "B"},
                {"name": "C", "valueFrom": {"secretKeyRef": {}}},
            ],
        },
        {"name": "side", "env": None},
    ]
    spec = {
        "containers": containers,
        "initContainers": [
            {"name": "init", "env": [{"name": "D", "value": "2"}, {"name": "D", "value": "3"}]}
        ],
    }

    workload = parse(WorkloadKind.DEPLOYMENT, body(spec={"template": {"spec": spec}}))

    assert workload.containers == {"api": {"A": "1", "B": ""}, "side": {}, "init": {"D": "3"}}


@pytest.mark.parametrize(
    ("labels", "managed"), [({"modelalias.dev/managed": "true"}, True), ({}, False), (None, False)]
)
def test_the_label_says_whether_it_is_managed(labels: Mapping[str, str] | None, managed: bool) -> None:
    raw = body()
    labelled = {**raw, "metadata": {**raw["metadata"], "labels": labels}}

    assert parse(WorkloadKind.DEPLOYMENT, labelled).managed is managed


def test_a_paused_deployment_is_paused() -> None:
    assert parse(WorkloadKind.DEPLOYMENT, body({"paused": True})).paused


def condition(kind: str, status: str, reason: str, message: str) -> Mapping[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


FINE = condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
FORBIDDEN = 'pods "api-7bc6cf8d9b-x2x4k" is forbidden: exceeded quota: none'
QUOTA = condition("ReplicaFailure", "True", "FailedCreate", FORBIDDEN)
LATE = condition(
    "Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "api-1" has timed out progressing.'
)


@pytest.mark.parametrize(
    ("conditions", "trouble"),
    [
        ([FINE], ""),
        ([FINE, QUOTA], "FailedCreate: pods is forbidden: exceeded quota: none"),
        ([LATE], 'ProgressDeadlineExceeded: ReplicaSet "api-1" has timed out progressing.'),
        ([{**LATE, "status": "True", "reason": "NewReplicaSetAvailable"}], ""),
        ([{**QUOTA, "status": "False"}], ""),
        ([{**LATE, "status": "Unknown", "reason": "DeploymentPaused"}], ""),
    ],
    ids=["none", "quota", "deadline", "progressing", "over", "paused"],
)
def test_trouble_is_what_the_conditions_complain_of(
    conditions: list[Mapping[str, str]], trouble: str
) -> None:
    assert parse(WorkloadKind.DEPLOYMENT, body(status={"conditions": conditions})).trouble == trouble


def test_the_same_complaints_are_the_same_text() -> None:
    texts = {
        parse(WorkloadKind.DEPLOYMENT, body(status={"conditions": conditions})).trouble
        for conditions in (
            [QUOTA, LATE],
            [LATE, QUOTA],
            [LATE, {**QUOTA, "message": FORBIDDEN.replace("x2x4k", "aaaaa")}],
        )
    }

    assert len(texts) == 1


@pytest.mark.parametrize(
    ("strategy", "trouble"),
    [
        ({"type": "OnDelete"}, "OnDelete: its updateStrategy replaces a pod only when somebody deletes it"),
        (
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
            "Partition: its updateStrategy leaves the pods below the partition as they are",
        ),
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, ""),
    ],
    ids=["on delete", "partition", "rolling"],
)
def test_a_strategy_that_leaves_old_pods_alone_is_trouble(strategy: Mapping[str, Any], trouble: str) -> None:
    assert parse(WorkloadKind.STATEFUL_SET, body({"updateStrategy": strategy})).trouble == trouble


def test_a_daemon_set_that_waits_for_somebody_to_delete_pods_is_in_trouble() -> None:
    raw = body({"updateStrategy": {"type": "OnDelete"}})

    assert parse(WorkloadKind.DAEMON_SET, raw).trouble.startswith("OnDelete: ")
