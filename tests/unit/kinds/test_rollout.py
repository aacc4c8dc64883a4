"""How a Rollout is read, patched and judged; the real controller is in tests/integration/test_rollout_kind.py."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from modelalias.api.workload import Serving, WorkloadKind
from modelalias.kinds.rollout import ROLLOUT, ArgoRollout
from modelalias.ports import Variable, WorkloadChange


def pinned(value: str | None, mark: str | None = "4", env: str = "MODEL_URI") -> WorkloadChange:
    variable = Variable(container="api", env=env, value=value)
    return WorkloadChange(alias="churn", mark=mark, variables=(variable,))


PINNED = pinned("models:/churn/4")


def operations(it: ArgoRollout, change: WorkloadChange) -> list[Mapping[str, Any]]:
    patch = ROLLOUT.patch(it, change)
    assert isinstance(patch, list), "the client library takes nothing else for a JSON patch"
    return patch


URI = {"name": "MODEL_URI", "value": "models:/churn/3"}
SECRET = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
STEPS = [{"setWeight": 50}, {"pause": {"duration": "2s"}}, {"pause": {}}]
HEALTHY = {
    "observedGeneration": "3",
    "phase": "Healthy",
    "currentPodHash": "b",
    "stableRS": "b",
    "replicas": 2,
    "updatedReplicas": 2,
    "availableReplicas": 2,
}
SERVING = Serving.model_validate(
    {
        "kind": "Rollout",
        "name": "api",
        "load": {"mode": "Pinned", "container": "api", "env": "MODEL_URI"},
    }
)


def rollout(
    status: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    env: Sequence[Mapping[str, Any]] | None = (SECRET, URI),
    **metadata: Any,
) -> ArgoRollout:
    container = {
        "name": "api",
        "image": "x",
        "readinessProbe": {"httpGet": {}},
        **({} if env is None else {"env": list(env)}),
    }
    return ROLLOUT.parse(
        {
            "metadata": {
                "name": "api",
                "namespace": "ml",
                "uid": "u-1",
                "resourceVersion": "12",
                "generation": 3,
                "labels": {"modelalias.dev/managed": "true"},
                **metadata,
            },
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "api"}},
                "strategy": {"canary": {"steps": STEPS}},
                "template": {
                    "metadata": {"annotations": {"modelalias.dev/churn": "3"}},
                    "spec": {"containers": [{"name": "side"}, container]},
                },
                **(spec or {}),
            },
            "status": {**HEALTHY, **(status or {})},
        }
    )


def test_mark_and_variable_go_in_one_patch_that_tests_what_it_replaces() -> None:
    place = "/spec/template/spec/containers/1"

    assert operations(rollout(), PINNED) == [
        {"op": "replace", "path": "/metadata/uid", "value": "u-1"},
        {"op": "add", "path": "/spec/template/metadata/annotations/modelalias.dev~1churn", "value": "4"},
        {"op": "test", "path": f"{place}/name", "value": "api"},
        {"op": "test", "path": f"{place}/env", "value": [SECRET, URI]},
        {
            "op": "add",
            "path": f"{place}/env",
            "value": [SECRET, {"name": "MODEL_URI", "value": "models:/churn/4"}],
        },
    ]


def test_maps_that_are_not_there_are_made_unless_somebody_made_them_meanwhile() -> None:
    bare = rollout(spec={"template": {"spec": {"containers": [{"name": "api"}]}}}, labels={})

    paths = [(item["op"], item["path"]) for item in operations(bare, PINNED)]

    assert paths[1:] == [
        ("add", "/metadata/labels/modelalias.dev~1managed"),
        ("test", "/spec/template/metadata"),
        ("add", "/spec/template/metadata"),
        ("test", "/spec/template/metadata/annotations"),
        ("add", "/spec/template/metadata/annotations"),
        ("add", "/spec/template/metadata/annotations/modelalias.dev~1churn"),
        ("test", "/spec/template/spec/containers/0/name"),
        ("test", "/spec/template/spec/containers/0/env"),
        ("add", "/spec/template/spec/containers/0/env"),
    ]


def test_none_takes_mark_and_variable_away() -> None:
    patch = operations(rollout(), pinned(None, None))

    assert patch[1] == {
        "op": "remove",
        "path": "/spec/template/metadata/annotations/modelalias.dev~1churn",
    }
    assert patch[-1]["value"] == [SECRET]


def test_what_is_written_is_no_patch() -> None:
    assert operations(rollout(), pinned("models:/churn/3", "3")) == []


def test_a_missing_label_alone_does_not_touch_the_template() -> None:
    patch = operations(rollout(labels={"a": "b"}), pinned("models:/churn/3", "3"))

    assert [item["path"] for item in patch] == [
        "/metadata/uid",
        "/metadata/labels/modelalias.dev~1managed",
    ]


def test_a_variable_taken_from_elsewhere_has_no_patch() -> None:
    assert "takes TOKEN of container api from elsewhere" in ROLLOUT.why_not_patchable(
        rollout(), pinned("models:/churn/4", env="TOKEN")
    )


def test_a_container_that_is_not_there_has_no_patch() -> None:
    change = WorkloadChange(
        alias="churn", mark="4", variables=(Variable(container="apo", env="MODEL_URI", value="x"),)
    )

    assert "no container apo" in ROLLOUT.why_not_patchable(rollout(), change)


def test_several_variables_of_one_container_are_written_together() -> None:
    both = (
        Variable(container="api", env="NAME", value="churn"),
        Variable(container="api", env="VERSION", value="4"),
    )

    patch = operations(rollout(), WorkloadChange(alias="churn", mark="3", variables=both))

    assert [item["op"] for item in patch] == ["replace", "test", "test", "add"]
    assert patch[-1]["value"] == [
        SECRET,
        URI,
        {"name": "NAME", "value": "churn"},
        {"name": "VERSION", "value": "4"},
    ]


@pytest.mark.parametrize(
    ("status", "spec"),
    [
        ({}, {}),
        ({"replicas": 4}, {"strategy": {"blueGreen": {"activeService": "api"}}}),
        ({"replicas": 4}, {"strategy": {"canary": {"trafficRouting": {"nginx": {}}}}}),
    ],
    ids=["canary", "blue-green that keeps the old pods", "canary behind a router that keeps the old pods"],
)
def test_it_has_rolled_when_its_controller_calls_the_newest_template_stable(
    status: Mapping[str, Any], spec: Mapping[str, Any]
) -> None:
    assert rollout(status, spec).is_rolled()


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": "2"},
        {"observedGeneration": "7d9c5f"},
        {"phase": "Progressing"},
        {"phase": "Paused"},
        {"stableRS": "a"},
        {"stableRS": "", "currentPodHash": ""},
        {"availableReplicas": 1},
        {"updatedReplicas": 1},
        {"replicas": 3},
    ],
    ids=str,
)
def test_it_has_not_rolled_before(status: Mapping[str, Any]) -> None:
    assert not rollout(status).is_rolled()


def test_where_a_replica_was_missing_before_it_may_go_on_to_be_progressing() -> None:
    short = rollout({"phase": "Progressing", "availableReplicas": 1})

    assert short.is_rolled(1)
    assert not short.is_rolled()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            {
                "phase": "Degraded",
                "message": 'ProgressDeadlineExceeded: ReplicaSet "api-7d9c5f" has timed out progressing.',
            },
            "its controller gave it up: ProgressDeadlineExceeded: ReplicaSet has timed out progressing.",
        ),
        (
            {
                "phase": "Degraded",
                "abort": True,
                "message": "RolloutAborted: Rollout aborted update to revision 2",
            },
            "its controller gave it up: RolloutAborted: Rollout aborted update to revision 2",
        ),
        ({"phase": "Paused", "abort": True, "message": "CanaryPauseStep"}, ""),
        ({"phase": "Degraded", "observedGeneration": "2"}, ""),
        ({"phase": "Degraded", "abort": True, "observedGeneration": "2"}, ""),
        ({"phase": "Paused", "message": "CanaryPauseStep"}, ""),
        ({}, ""),
    ],
)
def test_a_roll_that_was_given_up_fails_at_once_with_its_controllers_words(
    status: Mapping[str, Any], message: str
) -> None:
    assert rollout(status).why_failed() == message


def paused(reason: str, **status: Any) -> Mapping[str, Any]:
    conditions = [{"reason": reason, "startTime": "2026-01-01T00:00:00Z"}]
    return {"phase": "Paused", "message": reason, "pauseConditions": conditions, "stableRS": "a", **status}


BLUE_GREEN = {"strategy": {"blueGreen": {"activeService": "api", "autoPromotionEnabled": False}}}
TIMED = {"strategy": {"blueGreen": {"activeService": "api", "autoPromotionSeconds": 30}}}


@pytest.mark.parametrize(
    ("status", "spec", "waits"),
    [
        (paused("CanaryPauseStep", currentStepIndex=2), {}, "its canary"),
        (paused("CanaryPauseStep", currentStepIndex=1), {}, ""),
        (paused("BlueGreenPause"), BLUE_GREEN, "its blue-green"),
        (paused("BlueGreenPause"), TIMED, ""),
        (
            paused("InconclusiveAnalysisRun", currentStepIndex=0),
            {},
            "its analysis was inconclusive and",
        ),
    ],
    ids=["pause for a person", "pause of two seconds", "blue-green", "blue-green by time", "inconclusive"],
)
def test_only_a_pause_that_a_person_ends_stops_the_clock(
    status: Mapping[str, Any], spec: Mapping[str, Any], waits: str
) -> None:
    it = rollout(status, spec)

    assert it.is_paused is bool(waits)
    assert ("kubectl argo rollouts promote api" in it.why_not_rolled()) is bool(waits)
    assert waits in it.why_not_rolled()
    assert not rollout({**status, "observedGeneration": "2"}, spec).is_paused, "that was the roll before"


def test_how_far_it_is_names_the_step_and_what_its_controller_says() -> None:
    far = rollout(
        {"phase": "Progressing", "message": "more replicas need to be updated", "currentStepIndex": 0}
    )

    assert far.why_not_rolled().endswith("canary step 1 of 3, Progressing: more replicas need to be updated")
    assert rollout({"observedGeneration": "2"}).why_not_rolled().endswith("has not seen the change")


def test_one_that_takes_its_template_from_elsewhere_is_not_rolled() -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "old"}
    it = rollout(spec={"workloadRef": reference, "template": None})

    assert "from Deployment old (spec.workloadRef)" in it.why_not_rollable(SERVING, "churn")


def test_one_that_is_paused_or_lacks_the_container_is_not_rolled() -> None:
    assert rollout(spec={"paused": True}).why_not_rollable(SERVING, "churn") == "is paused: resume it"
    bare = rollout(spec={"template": {"spec": {"containers": [{"name": "web"}]}}})
    assert "has no container api" in bare.why_not_rollable(SERVING, "churn")


def test_pods_that_resolve_the_alias_and_an_aborted_template_are_warned_of() -> None:
    by_alias = Serving(kind=WorkloadKind.ROLLOUT, name="api")

    assert any("use mode Pinned" in text for text in rollout().warnings(by_alias, "churn"))
    assert any("was aborted" in text for text in rollout({"abort": True}).warnings(SERVING, "churn"))
    assert rollout().warnings(SERVING, "churn") == ()
