"""`modelalias doctor`: each line says what is there, what is missing, and what to type."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelalias.adapters.mlflow_errors import failure
from modelalias.api import crds
from modelalias.api.alias import ModelAlias
from modelalias.cli import crd_fit, diagnosis, doctor, examination
from modelalias.cli.cluster import Heartbeat, Installation, Who
from modelalias.cli.diagnosis import Hidden, Line, State
from modelalias.cli.object_events import ObjectEvent
from modelalias.core.errors import Refused, Unavailable
from tests.support.cli_cluster import FakeCluster, condition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SYSTEM = "modelalias-system"
HIDDEN = Hidden("may not get it: none of your roles grants it")


def _described() -> dict[str, Any]:
    return {f"dev.modelalias.v1alpha1.{kind.model.__name__}": crds.root_schema(kind) for kind in crds.KINDS}


def _without(schema: Mapping[str, Any], part: str, field: str) -> dict[str, Any]:
    inner = schema["properties"][part]
    fields = {key: value for key, value in inner["properties"].items() if key != field}
    return {**schema, "properties": {**schema["properties"], part: {**inner, "properties": fields}}}


def _states(lines: Any) -> list[tuple[str, State]]:
    return [(line.name, line.state) for line in lines]


def test_crds_of_this_release_fit() -> None:
    assert {state for _, state in _states(diagnosis.definitions(crd_fit.fits(_described())))} == {State.OK}


def test_crds_of_another_release_are_told_by_their_fields() -> None:
    served = _described()
    name = "dev.modelalias.v1alpha1.PromotionRequest"
    ours = served[name]
    older = _without(ours, "spec", "onSuccess")
    status = ours["properties"]["status"]
    newer = {
        **ours,
        "properties": {
            **ours["properties"],
            "status": {**status, "properties": {**status["properties"], "mood": {"type": "string"}}},
        },
    }

    told = {
        key: next(
            line
            for line in diagnosis.definitions(crd_fit.fits({**served, name: schema}))
            if line.name == "CRD PromotionRequest"
        )
        for key, schema in {"older": older, "newer": newer}.items()
    }

    assert {line.state for line in told.values()} == {State.WARNING}
    assert "without spec.onSuccess, spec.onSuccess.deleteSourceAlias" in told["older"].message
    assert told["newer"].message.endswith("newer release than this command, with status.mood")


def test_fields_of_lists_and_maps_are_compared_too() -> None:
    served = json.loads(json.dumps(_described()))
    status = served["dev.modelalias.v1alpha1.ModelAlias"]["properties"]["status"]
    del status["properties"]["conditions"]["items"]["properties"]["reason"]

    found = next(fit for fit in crd_fit.fits(served) if fit.kind == "ModelAlias")

    assert found.lacks == ("status.conditions[].reason",)


@pytest.mark.parametrize("served", [None, {}])
def test_without_crds_everything_is_missing(served: Mapping[str, Any] | None) -> None:
    lines = list(diagnosis.definitions(crd_fit.fits(served)))

    assert {line.state for line in lines} == {State.MISSING}
    assert {line.remedy for line in lines} == {
        "kubectl apply --server-side -k .    # in the folder with your own kustomization"
    }
    assert len(lines) == 4


DENIES: Mapping[str, Any] = {"spec": {"validationActions": ["Deny"]}}


@pytest.mark.parametrize(
    ("policy", "binding", "without", "state"),
    [
        ({}, DENIES, "", State.OK),
        ({}, {"spec": {}}, "it is worse", State.OK),
        (None, None, "", State.MISSING),
        ({}, None, "", State.MISSING),
        (None, None, "it is worse", State.WARNING),
        ({}, {"spec": {"validationActions": ["Audit"]}}, "", State.WARNING),
        (HIDDEN, HIDDEN, "", State.UNKNOWN),
        ({}, HIDDEN, "", State.UNKNOWN),
    ],
)
def test_a_policy_needs_its_binding(policy: Any, binding: Any, without: str, state: State) -> None:
    line = diagnosis.policy("ValidatingAdmissionPolicy", "x", policy, binding, without=without)

    assert line.state is state
    assert bool(line.remedy) is (state in {State.MISSING, State.WARNING})


@pytest.mark.parametrize(
    ("lease", "state", "said"),
    [
        (Heartbeat(holder="pod-1", renewed=NOW - timedelta(seconds=4)), State.OK, "pod-1 leads"),
        (Heartbeat(holder="pod-1", renewed=NOW - timedelta(seconds=38)), State.WARNING, "Lease 38 s ago"),
        (Heartbeat(holder="", renewed=NOW), State.WARNING, "no operator holds the Lease"),
        (Heartbeat(holder="pod-1", renewed=NOW - timedelta(hours=3)), State.MISSING, "(3 h ago)"),
        (Heartbeat(holder="pod-1", renewed=NOW - timedelta(hours=1)), State.MISSING, "has not renewed"),
        (Heartbeat(holder="pod-1", renewed=None), State.MISSING, "never renewed"),
        (None, State.MISSING, "there is no Lease of it in namespace modelalias-system"),
        (HIDDEN, State.UNKNOWN, "may not"),
    ],
)
def test_the_operator_runs_if_it_renews_its_lease(lease: Any, state: State, said: str) -> None:
    line = diagnosis.operator(lease, SYSTEM, NOW)

    assert (line.state, said in line.message) == (state, True), line
    assert ("kubectl -n modelalias-system get" in line.remedy) is (state in {State.MISSING, State.WARNING})


def _deployment(image: str, replicas: int = 1, volumes: Any = None) -> Mapping[str, Any]:
    containers = [{"name": "proxy", "image": "x:9.9"}, {"name": "operator", "image": image}]
    pod = {"containers": containers, "volumes": volumes}
    counts = {"replicas": replicas, "readyReplicas": replicas} if replicas else {}
    return {"spec": {"replicas": replicas, "template": {"spec": pod}}, "status": counts}


@pytest.mark.parametrize(
    ("deployment", "is_served", "state", "said", "remedy"),
    [
        (None, True, State.MISSING, "gone; there is no Deployment modelalias-operator", diagnosis.INSTALL),
        (None, False, State.WARNING, "gone", "look"),
        (
            _deployment("x", 0),
            True,
            State.MISSING,
            "gone; Deployment modelalias-operator has 0 replicas: it was scaled down, or the operator runs elsewhere",
            "kubectl -n modelalias-system scale deployment modelalias-operator --replicas=1    # unless it runs elsewhere",
        ),
        (_deployment("x"), True, State.WARNING, "gone", "look"),
        (HIDDEN, True, State.WARNING, "gone", "look"),
    ],
)
def test_where_nothing_would_start_an_operator_it_is_missing_at_once(
    deployment: Any, is_served: bool, state: State, said: str, remedy: str
) -> None:
    nobody = Line(name="operator", state=State.WARNING, message="gone", remedy="look")

    line = diagnosis.deployed(nobody, deployment, SYSTEM, is_served=is_served)

    assert (line.state, line.message.startswith(said), line.remedy) == (state, True, remedy), line


def test_an_operator_that_runs_needs_no_deployment() -> None:
    runs = Line(name="operator", state=State.OK, message="it leads")

    found = [
        diagnosis.deployed(runs, it, SYSTEM, is_served=True) for it in (None, _deployment("x", 0), HIDDEN)
    ]

    assert found == [runs] * 3


@pytest.mark.parametrize(
    ("deployment", "state"),
    [
        (_deployment("registry.invalid:5000/operator:0.1.0"), State.OK),
        (_deployment("registry.invalid/operator:0.1.0@sha256:0a"), State.OK),
        (_deployment("registry.invalid/operator:0.2.0"), State.WARNING),
        (_deployment("registry.invalid/operator:0.1.0", 0), State.UNKNOWN),
        ({**_deployment("registry.invalid/operator:0.1.0"), "status": {}}, State.UNKNOWN),
        (_deployment("registry.invalid:5000/operator"), State.UNKNOWN),
        (_deployment("registry.invalid/operator:main"), State.UNKNOWN),
        (None, State.UNKNOWN),
        (HIDDEN, State.UNKNOWN),
    ],
)
def test_the_tag_of_the_image_is_the_operators_version(deployment: Any, state: State) -> None:
    assert diagnosis.version(deployment, "0.1.0", SYSTEM).state is state


def test_without_a_deployment_beside_our_kinds_the_operator_is_missing() -> None:
    line = diagnosis.version(None, "0.1.0", SYSTEM, is_needed=True)

    assert (line.state, line.remedy) == (State.MISSING, diagnosis.INSTALL)


def test_an_operator_that_does_not_run_says_why_its_pod_waits() -> None:
    runs = Line(name="operator", state=State.MISSING, message="no Lease")
    told = 'MountVolume.SetUp failed for volume "c": secret "mlflow-operator" not found'
    mount = ObjectEvent(
        at=NOW, reason="FailedMount", message=told, is_warning=True, name="modelalias-operator-6f7-x2"
    )
    scaled_down = _deployment("x", 0)
    others = mount.model_copy(update={"name": "modelalias-dashboard-6f7-x2"})

    line = diagnosis.waiting(runs, _deployment("x"), [others, mount])

    assert line.message == f"no Lease; its pod modelalias-operator-6f7-x2: FailedMount: {told}"
    assert diagnosis.waiting(runs, scaled_down, [mount]) == runs
    assert diagnosis.waiting(runs, None, [mount]) == diagnosis.waiting(runs, _deployment("x"), HIDDEN) == runs
    assert diagnosis.waiting(runs, _deployment("x"), [others]) == runs


def test_who_installed_with_helm_is_told_to_upgrade_with_helm() -> None:
    lines = [
        Line(name="CRD", state=State.MISSING, message="gone", remedy=diagnosis.INSTALL),
        Line(name="operator", state=State.MISSING, message="gone", remedy="kubectl get pods"),
    ]
    marks = {"meta.helm.sh/release-name": "ours", "meta.helm.sh/release-namespace": "mlops"}

    told = diagnosis.as_installed(lines, (HIDDEN, None, {"metadata": {"annotations": marks}}))

    assert [line.remedy for line in told] == [
        "helm upgrade --install ours charts/modelalias -n mlops -f values.yaml",
        "kubectl get pods",
    ]
    assert diagnosis.as_installed(lines, ({"metadata": {}}, HIDDEN)) == lines


def test_the_name_of_a_person_is_quoted_in_what_is_to_be_typed() -> None:
    (line,) = diagnosis.rights({"look": False}, Who(user="Ana; reboot"), "ml")

    assert line.remedy.endswith("--clusterrole=view '--user=Ana; reboot'")


def test_rights_say_what_is_there_and_what_is_not() -> None:
    who = Who(user="ana", groups=("staff",))

    may = [*diagnosis.rights({"look": True, "promote": True, "approve": False}, who, "ml")]
    blind = [*diagnosis.rights({"look": False, "promote": True}, who, "ml")]

    assert _states(may) == [("rights", State.OK)]
    # asked without a name, so nothing is known of what a role grants on single ones
    assert may[0].message == "in namespace ml you may look, promote; not with every ModelAlias: approve"
    assert _states(blind) == [("rights", State.MISSING)]
    assert blind[0].remedy == "kubectl create rolebinding NAME -n ml --clusterrole=view --user=ana"


def _alias(
    registry: str, status: str | None, said: str = "", reason: str = "Unreachable"
) -> Mapping[str, Any]:
    message = said or f"it is {status}"
    conditions = [] if status is None else [condition("RegistryReachable", status, reason, message)]
    return {
        "metadata": {"name": "churn", "namespace": "ml"},
        "spec": {"model": "churn", "alias": "champion", "registry": registry},
        "status": {"conditions": conditions},
    }


@pytest.mark.parametrize(
    ("told", "states"),
    [
        ([("a", "True"), ("b", "False")], [("registry a", State.OK), ("registry b", State.MISSING)]),
        ([("a", "True"), ("a", "False"), ("a", None)], [("registry a", State.MISSING)]),
        ([("a", None), ("a", "True")], [("registry a", State.OK)]),
        ([], [("registry", State.UNKNOWN)]),
    ],
)
def test_a_registry_is_as_the_operator_says(
    told: list[tuple[str, str | None]], states: list[tuple[str, State]]
) -> None:
    aliases = [ModelAlias.model_validate(_alias(*item)) for item in told]

    assert _states(diagnosis.registries(aliases, "look", NOW)) == states
    assert _states(diagnosis.registries(HIDDEN, "look", NOW)) == [("registry", State.UNKNOWN)]


def test_what_an_operator_said_that_does_not_run_any_more_is_not_known() -> None:
    (line,) = diagnosis.registries(
        [ModelAlias.model_validate(_alias("a", "True"))], "look", NOW, is_told=False
    )

    assert (line.name, line.state) == ("registry a", State.UNKNOWN)
    assert line.message == "the operator does not tell it now; it said before: it is True (reads)"


@pytest.mark.parametrize(
    ("reason", "error", "since", "state", "field", "page"),
    [
        ("Unreachable", Unavailable("the registry cannot be reached"), 1, State.MISSING, "uri", "Down"),
        ("Unreachable", failure(503, "", {}, text="", host="h"), 1, State.WARNING, "uri", "Down"),
        ("Unreachable", failure(503, "", {}, text="", host="h"), 9, State.MISSING, "uri", "Down"),
        ("AuthFailed", failure(401, "", {}, text="", host="h"), 1, State.MISSING, "credentials", "Refuses"),
        ("AuthFailed", failure(403, "", {}, text="", host="h"), 1, State.MISSING, "credentials", "Refuses"),
    ],
    ids=["no answer", "busy", "busy for long", "401", "403"],
)
def test_a_registry_that_does_not_answer_is_missing_unless_it_is_busy(
    reason: str, error: Exception, since: int, state: State, field: str, page: str
) -> None:
    alias = ModelAlias.model_validate(_alias("a", "False", str(error), reason))

    (line,) = diagnosis.registries([alias], "look", NOW + timedelta(minutes=since))

    assert (line.state, line.message) == (state, f"ModelAlias churn: {error}")
    assert line.remedy == f"look    # registries.a.{field}; then docs/runbooks/ModelAliasRegistry{page}.md"


def test_a_registry_that_the_operator_does_not_know_is_missing() -> None:
    alias = ModelAlias.model_validate(_alias("a", "Unknown", "no such registry", "RegistryUnknown"))

    (line,) = diagnosis.registries([alias], "look", NOW)

    assert (line.state, line.remedy) == (State.MISSING, "look    # registries.a")
    assert line.message == "ModelAlias churn: no such registry"


def test_the_configuration_is_where_the_deployment_has_it() -> None:
    volumes = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "config", "configMap": {"name": "modelalias-config-8f2"}},
    ]

    told = [diagnosis.configuration(it, SYSTEM) for it in (_deployment("x", 1, volumes), None, HIDDEN)]

    begins = "kubectl -n modelalias-system get configmap modelalias-config"
    ends = " -o jsonpath='{.data.config\\.yaml}'"
    assert told == [f"{begins}-8f2{ends}", f"{begins}{ends}", f"{begins}{ends}"]


@pytest.mark.parametrize("by", ["Helm", "its Lease"])
async def test_an_operator_in_another_namespace_is_looked_at_there(by: str) -> None:
    cluster = FakeCluster(None, {**_alias("default", "True"), "metadata": {"name": "a", "namespace": "ml"}})
    cluster.operators, cluster.time = "mlops", datetime.now(UTC)
    cluster.lease = Heartbeat(holder="pod-1", renewed=cluster.time)
    if by == "Helm":
        marks = {"meta.helm.sh/release-name": "ours", "meta.helm.sh/release-namespace": "mlops"}
        crd = ("customresourcedefinitions", "", "modelaliases.modelalias.dev")
        cluster.objects[crd] = {"metadata": {"annotations": marks}}
    else:
        cluster.others = [Installation(place="mlops/modelalias-operator", namespaces=(), renewed=None)]

    lines = {line.name: line for line in await examination.examine(cluster, SYSTEM, "0.1.0")}

    assert lines["operator"].message.startswith("pod-1 leads")
    assert lines["operator's namespace"].remedy == "modelalias doctor --operator-namespace mlops"


@pytest.mark.parametrize(
    ("lease", "state"),
    [(Heartbeat(holder="pod-1", renewed=NOW - timedelta(hours=3)), State.UNKNOWN), (None, State.OK)],
    ids=["stopped", "elsewhere"],
)
async def test_of_a_registry_nothing_is_known_once_the_operator_has_stopped(
    lease: Heartbeat | None, state: State
) -> None:
    cluster = FakeCluster(None, {**_alias("default", "True"), "metadata": {"name": "a", "namespace": "ml"}})
    cluster.lease = lease

    states = dict(_states(await examination.examine(cluster, SYSTEM, "0.1.0")))

    assert (states["operator"], states["registry default"]) == (State.MISSING, state)


@pytest.mark.parametrize(
    ("seconds", "state", "said"),
    [
        (0, State.OK, "as the API server's"),
        (-5, State.OK, "as the API server's"),
        (90, State.WARNING, "90s behind the API server's"),
        (-7200, State.WARNING, "2h ahead of the API server's"),
    ],
)
def test_clocks_are_compared(seconds: int, state: State, said: str) -> None:
    line = diagnosis.clock(NOW, NOW + timedelta(seconds=seconds))

    assert line.state is state
    assert said in line.message


def test_keys_and_metrics_are_known_by_what_is_published() -> None:
    keys = [diagnosis.signing(item, SYSTEM).state for item in ({"data": {"a": "k"}}, {}, None, HIDDEN)]
    ports = {"spec": {"ports": [{"port": 8000}]}}
    runs, is_down = _deployment("x"), _deployment("x", 0)
    starts = {**runs, "status": {"replicas": 1}}
    worlds: tuple[tuple[Any, Any], ...] = (
        *((ports, item) for item in (runs, starts, is_down, None, HIDDEN)),
        *((item, runs) for item in (None, HIDDEN)),
    )
    metrics = [diagnosis.metrics(*item, SYSTEM).state for item in worlds]

    assert keys == [State.OK, State.WARNING, State.WARNING, State.UNKNOWN]
    assert metrics == [State.OK, *[State.WARNING] * 3, State.UNKNOWN, State.WARNING, State.UNKNOWN]


async def test_what_may_not_be_read_is_not_missing() -> None:
    cluster = FakeCluster(None, {**_alias("default", "True"), "metadata": {"name": "a", "namespace": "ml"}})
    cluster.described, cluster.time = _described(), datetime.now(UTC)
    cluster.lease = Refused("may not get leases")
    for mode in ("validating", "mutating"):
        for name in ("promotionrequests", "modelaliases", "promotionpolicies", "leases"):
            where = (f"{mode}admissionpolicies", "", f"{name}.modelalias.dev")
            cluster.objects[where] = Refused("may not get policies")
    for plural, name in (("deployments", "operator"), ("configmaps", "public-keys"), ("services", "metrics")):
        cluster.objects[plural, SYSTEM, f"modelalias-{name}"] = Refused("may not get")

    lines = await examination.examine(cluster, SYSTEM, "0.1.0")

    assert diagnosis.is_complete(lines)
    assert [line.name for line in lines if line.state is State.OK] == [
        "CRD ModelAlias",
        "CRD PromotionRequest",
        "CRD PromotionPolicy",
        "CRD ClusterPromotionPolicy",
        "you",
        "rights",
        "registry default",
        "clock",
    ]
    assert {line.message for line in lines if "policies" in line.message} == {"may not get policies"}


def test_text_ends_with_what_to_type_and_json_says_whether_all_is_there() -> None:
    lines = [
        Line(name="you", state=State.OK, message="ana"),
        Line(name="operator", state=State.MISSING, message="gone", remedy="kubectl get pods"),
    ]

    assert doctor.text(lines).splitlines() == [
        "CHECK      STATE     MESSAGE",
        "you        ok        ana",
        "operator   missing   gone",
        "",
        "what to do:",
        "  operator:",
        "    kubectl get pods",
    ]
    assert json.loads(doctor.as_json(lines))["complete"] is False
    assert "what to do" not in doctor.text(lines[:1])


async def test_another_installation_is_named_with_what_it_watches() -> None:
    cluster = FakeCluster(None, {**_alias("default", "True"), "metadata": {"name": "a", "namespace": "ml"}})
    cluster.others = [
        Installation(place="b/modelalias-operator", namespaces=(), renewed=cluster.time),
        Installation(place="c/modelalias-operator", namespaces=("ml", "risk"), renewed=None),
    ]

    lines = {line.name: line for line in await examination.examine(cluster, SYSTEM, "0.1.0")}
    cluster.others = Refused("may not list leases")
    hidden = [line.name for line in await examination.examine(cluster, SYSTEM, "0.1.0")]

    assert lines["installation b"].state is lines["installation c"].state is State.WARNING
    assert (
        "watches all namespaces, holds the Lease b/modelalias-operator (renewed 0s ago)"
        in lines["installation b"].message
    )
    assert (
        "watches ml, risk, holds the Lease c/modelalias-operator (never renewed)"
        in lines["installation c"].message
    )
    assert [name for name in hidden if name.startswith("installation")] == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (State.OK, "the one that came later does nothing"),
        (State.UNKNOWN, "the one that came later does nothing"),
        (State.WARNING, "anybody may have written that"),
        (State.MISSING, "anybody may have written that"),
    ],
)
def test_another_installation_that_nobody_proves_is_told_as_such(state: State, said: str) -> None:
    found = [Installation(place="b/x", namespaces=(), renewed=NOW)]
    policy = Line(name="ValidatingAdmissionPolicy leases.modelalias.dev", state=state, message="")

    (line,) = diagnosis.others(found, SYSTEM, NOW, policy)

    assert line.state is State.WARNING
    assert said in line.message
