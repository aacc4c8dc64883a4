"""What a workload is looked at for before anything moves: what blocks, with the remedy, and what only warns."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.workload import Serving, WorkloadKind
from modelalias.kinds import KINDS
from modelalias.kinds.containers import expanded
from modelalias.ports import Workload

ALIAS: Mapping[str, Any] = {}
PINNED: Mapping[str, Any] = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
APART: Mapping[str, Any] = {
    "mode": "Pinned",
    "variables": [
        {"container": "api", "env": "MODEL_URI"},
        {"container": "fetch", "env": "MODEL_VERSION", "format": "version"},
    ],
}
PROBE: Mapping[str, Any] = {"httpGet": {"port": 8080, "path": "/ready"}}
FROM_A_SECRET: Mapping[str, Any] = {"secretKeyRef": {"name": "s", "key": "k"}}
DEPLOYMENT, STATEFUL_SET, DAEMON_SET, *_ = WorkloadKind


def container(*env: tuple[str, Any], name: str = "api", **fields: Any) -> Mapping[str, Any]:
    """Return a container; a variable's value is its text, or what it is taken from."""
    items = [
        {"name": key, **({"valueFrom": value} if isinstance(value, Mapping) else {"value": value})}
        for key, value in env
    ]
    return {"name": name, "image": "x", "env": items, "readinessProbe": PROBE, **fields}


def workload(
    *containers: Mapping[str, Any],
    kind: WorkloadKind = DEPLOYMENT,
    init: Mapping[str, Any] | None = None,
    owner: Mapping[str, Any] | None = None,
    managers: Any = (),
    status: Mapping[str, Any] | None = None,
    **spec: Any,
) -> Workload:
    pod = {"containers": list(containers or [container()]), "initContainers": [init] if init else None}
    metadata = {"name": "a", "namespace": "ml", "uid": "u-1", "resourceVersion": "1", "generation": 1}
    found: Workload = KINDS[kind].parse(
        {
            "metadata": {
                **metadata,
                "ownerReferences": [owner] if owner else None,
                "managedFields": managers,
            },
            "spec": {"template": {"spec": pod}, **spec},
            "status": {"observedGeneration": 1, **(status or {})},
        }
    )
    return found


def serving(load: Mapping[str, Any]) -> Serving:
    return Serving.model_validate({"name": "a", "load": load})


def owned_by(kind: str, name: str, *, controller: bool = True) -> Mapping[str, Any]:
    return {"apiVersion": "x/v1", "kind": kind, "name": name, "uid": "o-1", "controller": controller}


ELSEWHERE = (
    "takes MODEL_URI of container api from elsewhere (valueFrom): "
    "give it a literal value, or remove it, so that the operator can write it"
)
ELSE_CONTROLLED = (
    ", which writes its template: choose the version there, or name a workload in serving that nothing else "
    "controls"
)


def fixed(place: str, name: str = "api") -> str:
    return (
        f"names models:/churn/3 in {place} of container {name}, which a restart does not change: "
        "write models:/churn@<alias> there, or set load.mode to Pinned"
    )


def partition(number: int) -> Mapping[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": number}}


BY_HAND = (
    "has the updateStrategy OnDelete, which replaces a pod only when somebody deletes it: set RollingUpdate"
)
OBJECTIONS: Mapping[str, tuple[Workload, Mapping[str, Any], str]] = {
    "paused": (workload(paused=True), ALIAS, "is paused: resume it"),
    "OnDelete of a StatefulSet": (
        workload(kind=STATEFUL_SET, updateStrategy={"type": "OnDelete"}),
        ALIAS,
        BY_HAND,
    ),
    "OnDelete of a DaemonSet": (
        workload(kind=DAEMON_SET, updateStrategy={"type": "OnDelete"}),
        PINNED,
        BY_HAND,
    ),
    "a partition": (
        workload(kind=STATEFUL_SET, replicas=3, updateStrategy=partition(2)),
        ALIAS,
        "has a partition of 2 in its updateStrategy, which leaves 2 of 3 pods as they are: set it to 0",
    ),
    "a partition beyond the replicas": (
        workload(kind=STATEFUL_SET, replicas=3, updateStrategy=partition(9)),
        ALIAS,
        "has a partition of 9 in its updateStrategy, which leaves 3 of 3 pods as they are: set it to 0",
    ),
    "another operator's": (
        workload(owner=owned_by("Canary", "churn")),
        ALIAS,
        "is controlled by Canary churn" + ELSE_CONTROLLED,
    ),
    "a Knative revision's": (
        workload(owner=owned_by("Revision", "churn-00001")),
        PINNED,
        "is controlled by Revision churn-00001" + ELSE_CONTROLLED,
    ),
    "another workload's": (
        workload(owner=owned_by("Deployment", "churn")),
        ALIAS,
        "is controlled by Deployment churn, which writes its template: name that one in serving",
    ),
    "no such container": (
        workload(container(name="b"), init=container(name="a")),
        PINNED,
        "has no container api (there are: a, b)",
    ),
    "no such init container": (workload(), APART, "has no container fetch (there are: api)"),
    "a variable twice": (
        workload(container(("MODEL_URI", "1"), ("B", ""), ("MODEL_URI", "2"))),
        PINNED,
        "has MODEL_URI twice in container api: remove all but one",
    ),
    "a variable twice, once from elsewhere": (
        workload(container(("MODEL_URI", FROM_A_SECRET), ("MODEL_URI", "2"))),
        PINNED,
        "has MODEL_URI twice in container api: remove all but one",
    ),
    "a variable from elsewhere": (workload(container(("MODEL_URI", FROM_A_SECRET))), PINNED, ELSEWHERE),
    "a variable of an init container from elsewhere": (
        workload(init=container(("MODEL_VERSION", FROM_A_SECRET), name="fetch")),
        APART,
        ELSEWHERE.replace("MODEL_URI", "MODEL_VERSION").replace("api", "fetch"),
    ),
    "a number in a variable": (
        workload(container(("MODEL_URI", "models:/churn/3"))),
        ALIAS,
        fixed("MODEL_URI"),
    ),
    "a number in args": (
        workload(container(args=["models", "serve", "-m", "models:/churn/3"])),
        ALIAS,
        fixed("args"),
    ),
    "a number in a shell's command": (
        workload(container(command=["sh", "-c", "exec mlflow models serve -m 'models:/churn/3' -p 80"])),
        ALIAS,
        fixed("command"),
    ),
    "a number that Kubernetes puts together": (
        workload(container(("NUMBER", "3"), args=["-m", "models:/churn/$(NUMBER)"])),
        ALIAS,
        fixed("args"),
    ),
    "a number in an init container": (
        workload(init=container(("SOURCE", "models:///churn/3"), name="fetch")),
        ALIAS,
        fixed("SOURCE", "fetch"),
    ),
    "all at once": (
        workload(container(("MODEL_URI", FROM_A_SECRET)), paused=True),
        PINNED,
        "is paused: resume it; " + ELSEWHERE,
    ),
}


@pytest.mark.parametrize(("found", "load", "objection"), OBJECTIONS.values(), ids=OBJECTIONS)
def test_what_cannot_be_rolled_says_what_to_edit(
    found: Workload, load: Mapping[str, Any], objection: str
) -> None:
    assert found.why_not_rollable(serving(load), "churn") == objection


FINE: Mapping[str, tuple[Workload, Mapping[str, Any]]] = {
    "plain": (workload(), ALIAS),
    "a variable that is not there yet": (workload(), PINNED),
    "a name in envFrom": (workload(container(envFrom=[{"configMapRef": {"name": "m"}}])), PINNED),
    "an init container": (workload(init=container(name="fetch")), APART),
    "another variable from elsewhere": (workload(container(("TOKEN", FROM_A_SECRET))), PINNED),
    "another variable twice": (workload(container(("A", "1"), ("A", "2"))), PINNED),
    "a partition of 0": (workload(kind=STATEFUL_SET, updateStrategy=partition(0)), ALIAS),
    "owned, and not controlled": (workload(owner=owned_by("Application", "a", controller=False)), ALIAS),
    "a number of another model": (workload(container(("OTHER", "models:/fraud/3"))), ALIAS),
    "a longer model's name": (workload(container(args=["models:/churn-eu/3", "models:/a churn/3"])), ALIAS),
    "the alias": (workload(container(args=["-m", "models:/churn@champion"])), ALIAS),
    "a name that begins with digits": (workload(container(args=["models:/churn/3rd"])), ALIAS),
    "a number while the number is written": (workload(container(("MODEL_URI", "models:/churn/3"))), PINNED),
    "a number that Kubernetes does not put together": (
        workload(container(("N", "3"), args=["models:/churn/$$(N)"])),
        ALIAS,
    ),
}


@pytest.mark.parametrize(("found", "load"), FINE.values(), ids=FINE)
def test_nothing_is_said_of_what_can_be_rolled(found: Workload, load: Mapping[str, Any]) -> None:
    assert found.why_not_rollable(serving(load), "churn") == ""


def test_a_number_is_found_whatever_the_models_name() -> None:
    odd = workload(container(("MODEL_URI", "models:/us$$(HOME) é/3")))

    assert odd.why_not_rollable(serving(ALIAS), "us$(HOME) é").startswith("names models:/us$(HOME) é/3 in")


def bare(name: str = "api", **fields: Any) -> Mapping[str, Any]:
    return {"name": name, "image": "x", **fields}


def unprobed(names: str) -> str:
    return (
        f"has no readinessProbe on {names}, and minReadySeconds is 0: its pods count as ready before they "
        "have loaded the model; add a probe that succeeds once they have"
    )


def scaled_by(manager: str, **fields: Any) -> list[Mapping[str, Any]]:
    return [
        {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": manager, "fieldsV1": {"f:spec": {"f:replicas": {}}}, **fields},
    ]


SCALED = "has 0 replicas, so that nothing loads the version"
WARNINGS: Mapping[str, tuple[Workload, Mapping[str, Any], tuple[str, ...]]] = {
    "nothing": (workload(), PINNED, ()),
    "no probe on the container that is written": (
        workload(bare(), container(name="side")),
        PINNED,
        (unprobed("container api"),),
    ),
    "no probe on another container": (workload(container(), bare("side")), PINNED, ()),
    "no probe, and minReadySeconds": (workload(bare(), minReadySeconds=5), PINNED, ()),
    "no probe at all": (workload(bare("b"), bare("a")), ALIAS, (unprobed("containers a, b"),)),
    "one probe is enough where any may serve": (workload(bare("b"), container(name="a")), ALIAS, ()),
    "only an init container is written": (
        workload(bare(), init=bare("fetch")),
        {**PINNED, "container": "fetch"},
        (unprobed("container api"),),
    ),
    "an init container that goes on, with a probe": (
        workload(bare(), init=container(name="server", restartPolicy="Always")),
        ALIAS,
        (),
    ),
    "no replicas": (workload(replicas=0), ALIAS, (SCALED,)),
    "no replicas, by a known manager": (
        workload(replicas=0, managers=scaled_by("helm")),
        ALIAS,
        (SCALED + "; helm set them",),
    ),
    "no replicas, by the subresource": (
        workload(replicas=0, managers=scaled_by("keda", subresource="scale")),
        ALIAS,
        (SCALED + "; keda set them",),
    ),
    "an Argo Rollout's": (
        workload(replicas=0, managers=scaled_by("rollouts-controller")),
        ALIAS,
        (SCALED + "; an Argo Rollout that refers to it scales it and runs the pods",),
    ),
    "a Flagger Canary's": (
        workload(replicas=0, managers=scaled_by("flagger")),
        ALIAS,
        (SCALED + "; a Flagger Canary that targets it scales it and runs the pods",),
    ),
    "a DaemonSet without nodes": (
        workload(kind=DAEMON_SET, status={"desiredNumberScheduled": 0}),
        ALIAS,
        ("is wanted on no node, so that nothing loads the version",),
    ),
    "a DaemonSet that nobody has looked at yet": (
        workload(kind=DAEMON_SET, status={"observedGeneration": 0}),
        ALIAS,
        (),
    ),
}


@pytest.mark.parametrize(("found", "load", "warnings"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_likely_a_mistake_is_told(
    found: Workload, load: Mapping[str, Any], warnings: tuple[str, ...]
) -> None:
    assert found.warnings(serving(load), "churn") == warnings
    assert found.why_not_rollable(serving(load), "churn") == "", "a warning blocks nothing"


@pytest.mark.parametrize(
    ("text", "known", "result"),
    [
        ("models:/$(A)/3", {"A": "churn"}, "models:/churn/3"),
        ("$$(A)", {"A": "churn"}, "$(A)"),
        ("$$$(A)", {"A": "churn"}, "$churn"),
        ("$(B)", {"A": "churn"}, "$(B)"),
        ("us$5", {}, "us$5"),
    ],
)
def test_references_are_followed_as_a_kubelet_does(text: str, known: Mapping[str, str], result: str) -> None:
    assert expanded(text, known) == result
