"""The one patch of a roll of the kinds that have a pod template, and when such a workload has rolled."""

import pytest

from modelalias.api.workload import WorkloadKind
from modelalias.kinds.containers import Traits
from modelalias.kinds.pod_template import PodWorkload, explain, patch, why_not_patchable, why_not_written
from modelalias.ports import Variable, WorkloadChange, WorkloadRef


def pinned(value: str | None, mark: str | None = "4", container: str = "api") -> WorkloadChange:
    variable = Variable(container=container, env="MODEL_URI", value=value)
    return WorkloadChange(alias="churn", mark=mark, variables=(variable,))


PINNED = pinned("models:/churn/4")


def workload(**changes: object) -> PodWorkload:
    settled = PodWorkload(
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
    return settled.model_copy(update=changes)


ROLLED = {"marks": {"churn": "4"}, "containers": {"api": {"MODEL_URI": "models:/churn/4"}}}


def test_mark_and_variable_go_in_one_patch_that_names_the_uid() -> None:
    assert patch(workload(), PINNED) == {
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
    body = patch(workload(), WorkloadChange(alias="churn", mark="4.7"))

    assert body["spec"] == {"template": {"metadata": {"annotations": {"modelalias.dev/churn": "4.7"}}}}


def test_the_first_patch_labels_the_workload() -> None:
    assert patch(workload(managed=False), PINNED)["metadata"] == {
        "uid": "u-1",
        "labels": {"modelalias.dev/managed": "true"},
    }


def test_the_same_values_are_no_patch() -> None:
    assert patch(workload(**ROLLED), PINNED) == {}


def test_a_missing_label_alone_does_not_touch_the_template() -> None:
    assert "spec" not in patch(workload(managed=False, **ROLLED), PINNED)


def test_only_what_differs_is_written() -> None:
    body = patch(workload(marks={"churn": "4"}), PINNED)

    assert "metadata" not in body["spec"]["template"]


def test_none_takes_mark_and_variable_away() -> None:
    body = patch(workload(), pinned(None, mark=None))

    assert body["spec"]["template"] == {
        "metadata": {"annotations": {"modelalias.dev/churn": None}},
        "spec": {"containers": [{"name": "api", "env": [{"name": "MODEL_URI", "$patch": "delete"}]}]},
    }


def test_what_is_not_there_is_not_taken_away() -> None:
    assert patch(workload(marks={}, containers={"api": {}}), pinned(None, mark=None)) == {}


def test_variables_go_to_the_list_in_which_their_container_stands() -> None:
    places = [("api", "A"), ("fetch", "A"), ("api", "B")]
    variables = tuple(Variable(container=name, env=env, value="4") for name, env in places)
    several = workload(
        marks={"churn": "4"},
        containers={"api": {}, "fetch": {}},
        traits={"fetch": Traits(init=True)},
    )

    body = patch(several, WorkloadChange(alias="churn", mark="4", variables=variables))

    assert body["spec"]["template"]["spec"] == {
        "containers": [{"name": "api", "env": [{"name": "A", "value": "4"}, {"name": "B", "value": "4"}]}],
        "initContainers": [{"name": "fetch", "env": [{"name": "A", "value": "4"}]}],
    }


def test_an_empty_variable_differs_from_none() -> None:
    body = patch(
        workload(marks={"churn": "4"}, containers={"api": {"MODEL_URI": ""}}),
        pinned(None),
    )

    assert body["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "MODEL_URI", "$patch": "delete"}
    ]


def test_a_wrong_container_names_those_there_are() -> None:
    wrong = pinned("models:/churn/4", container="apo")

    objection = why_not_patchable(workload(), wrong)

    assert objection == "Deployment ml/api has no container apo (there are: api, side)"
    assert why_not_patchable(workload(), PINNED) == ""


def test_a_refusal_because_of_a_variable_taken_from_elsewhere_says_what_to_edit() -> None:
    refusal = "spec.template.spec.containers[0].env[0].valueFrom: Invalid value"

    assert explain(workload(), PINNED, refusal) == (
        "Deployment ml/api takes MODEL_URI of container api from elsewhere (valueFrom): "
        "give it a literal value, or remove it, so that the operator can write it"
    )


LACKS = (
    "Deployment ml/api took the patch, but not {}: a mutating webhook or policy of this cluster changes that on "
    "its way in; let the operator's value through"
)
BOTH = "the annotation modelalias.dev/churn and MODEL_URI of container api"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (workload(**ROLLED), ""),
        (workload(**ROLLED, managed=False), ""),
        (workload(**{**ROLLED, "marks": {}}), LACKS.format("the annotation modelalias.dev/churn")),
        (workload(marks={"churn": "4"}), LACKS.format("MODEL_URI of container api")),
        (workload(), LACKS.format(BOTH)),
        (
            workload(marks={"churn": "4"}, traits={"api": Traits(twice=("MODEL_URI",))}),
            "Deployment ml/api has MODEL_URI twice in container api: remove all but one",
        ),
    ],
    ids=["all", "not the label", "not the mark", "not the variable", "neither", "it stands twice"],
)
def test_what_the_answer_to_a_patch_lacks_is_named(answer: PodWorkload, message: str) -> None:
    assert why_not_written(answer, PINNED) == message


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (PINNED, "spec.replicas: Invalid value"),
        (WorkloadChange(alias="churn", mark="4"), "containers[0].env[0].valueFrom: Invalid value"),
    ],
    ids=["something else", "no variable was written"],
)
def test_another_refusal_stays_as_it_is(change: WorkloadChange, refusal: str) -> None:
    assert explain(workload(), change, refusal) == refusal


@pytest.mark.parametrize("change", [PINNED, pinned(None, mark=None)])
def test_no_patch_restarts_by_time_or_is_tied_to_a_resource_version(change: WorkloadChange) -> None:
    text = str(patch(workload(managed=False), change))

    assert "restartedAt" not in text
    assert "resourceVersion" not in text


@pytest.mark.parametrize(
    ("fields", "done"),
    [
        ({}, True),
        ({"observed_generation": 1}, False),
        ({"observed_generation": 3}, True),
        ({"updated": 2}, False),
        ({"available": 2}, False),
        ({"total": 4}, False),
        ({"desired": 0, "updated": 0, "available": 0, "total": 0}, True),
        ({"desired": 0, "updated": 0, "available": 0, "total": 1}, False),
        ({"desired": 2}, True),
    ],
    ids=[
        "all there",
        "generation not seen",
        "seen later",
        "one not updated",
        "one not available",
        "an old one left",
        "scaled to zero",
        "scaling to zero",
        "scaling down",
    ],
)
def test_done_is_what_the_workload_itself_reports(fields: dict[str, int], done: bool) -> None:
    settled = {
        "generation": 2,
        "observed_generation": 2,
        "desired": 3,
        "updated": 3,
        "available": 3,
        "total": 3,
    }

    assert workload(**{**settled, **fields}).is_rolled() is done


def test_what_holds_it_up_is_told_in_numbers() -> None:
    rolling = workload(desired=3, updated=1, available=2, total=4, trouble="ReplicaFailure: quota")

    assert rolling.why_not_rolled() == "1 of 3 updated, 2 available, 3 old left, ReplicaFailure: quota"
