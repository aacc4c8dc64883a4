"""The one patch of a roll."""

import pytest

from modelalias.adapters.workloads import patch_for
from modelalias.api.workload import WorkloadKind
from modelalias.core.errors import InvalidRequest
from modelalias.ports import Workload, WorkloadChange, WorkloadRef

PINNED = WorkloadChange(alias="churn", mark="4", container="api", env="MODEL_URI", uri="models:/churn/4")


def workload(**changes: object) -> Workload:
    found = Workload(
        ref=WorkloadRef(kind=WorkloadKind.DEPLOYMENT, namespace="ml", name="api"),
        uid="u-1",
        resource_version=1,
        generation=1,
        observed_generation=1,
        paused=False,
        managed=True,
        desired=1,
        updated=1,
        available=1,
        total=1,
        marks={"churn": "3", "fraud": "9"},
        containers={"api": {"MODEL_URI": "models:/churn/3", "KEPT": "yes"}, "side": {}},
    )
    return found.model_copy(update=changes)


ROLLED = {"marks": {"churn": "4"}, "containers": {"api": {"MODEL_URI": "models:/churn/4"}}}


def test_mark_and_variable_go_in_one_patch_that_names_the_uid() -> None:
    assert patch_for(workload(), PINNED) == {
        "metadata": {"uid": "u-1"},
        "spec": {
            "template": {
                "metadata": {"annotations": {"modelalias.dev/churn": "4"}},
                "spec": {
                    "containers": [
                        {"name": "api", "env": [{"name": "MODEL_URI", "value": "models:/churn/4"}]}
                    ]
                },
            }
        },
    }


def test_pods_that_resolve_the_alias_get_only_the_mark() -> None:
    patch = patch_for(workload(), WorkloadChange(alias="churn", mark="4.7"))

    assert patch["spec"] == {"template": {"metadata": {"annotations": {"modelalias.dev/churn": "4.7"}}}}


def test_the_first_patch_labels_the_workload() -> None:
    assert patch_for(workload(managed=False), PINNED)["metadata"] == {
        "uid": "u-1",
        "labels": {"modelalias.dev/managed": "true"},
    }


def test_the_same_values_are_no_patch() -> None:
    assert patch_for(workload(**ROLLED), PINNED) == {}


def test_a_missing_label_alone_does_not_touch_the_template() -> None:
    assert "spec" not in patch_for(workload(managed=False, **ROLLED), PINNED)


def test_only_what_differs_is_written() -> None:
    patch = patch_for(workload(marks={"churn": "4"}), PINNED)

    assert "metadata" not in patch["spec"]["template"]


def test_none_takes_mark_and_variable_away() -> None:
    patch = patch_for(workload(), PINNED.model_copy(update={"mark": None, "uri": None}))

    assert patch["spec"]["template"] == {
        "metadata": {"annotations": {"modelalias.dev/churn": None}},
        "spec": {"containers": [{"name": "api", "env": [{"name": "MODEL_URI", "$patch": "delete"}]}]},
    }


def test_what_is_not_there_is_not_taken_away() -> None:
    assert (
        patch_for(
            workload(marks={}, containers={"api": {}}), PINNED.model_copy(update={"mark": None, "uri": None})
        )
        == {}
    )


def test_an_empty_variable_differs_from_none() -> None:
    patch = patch_for(
        workload(marks={"churn": "4"}, containers={"api": {"MODEL_URI": ""}}),
        PINNED.model_copy(update={"uri": None}),
    )

    assert patch["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "MODEL_URI", "$patch": "delete"}
    ]


def test_a_wrong_container_names_those_there_are() -> None:
    with pytest.raises(
        InvalidRequest, match=r"^Deployment ml/api has no container 'apo', it has: api, side$"
    ):
        patch_for(workload(), PINNED.model_copy(update={"container": "apo"}))


@pytest.mark.parametrize("change", [PINNED, PINNED.model_copy(update={"mark": None, "uri": None})])
def test_no_patch_restarts_by_time_or_is_tied_to_a_resource_version(change: WorkloadChange) -> None:
    text = str(patch_for(workload(managed=False), change))

    assert "restartedAt" not in text
    assert "resourceVersion" not in text
