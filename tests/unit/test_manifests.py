"""What is shipped in manifests/ and crds/ fits together."""

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.example import place
from modelalias.api.alias import ModelAlias
from modelalias.api.promotion_policy import ClusterPromotionPolicy, PromotionPolicy
from modelalias.api.request import PromotionRequest
from modelalias.api.workload import WorkloadKind
from modelalias.cli.rights import GRANTED_BY, OWNER
from modelalias.kinds import KINDS
from modelalias.kinds.kind import VERBS
from modelalias.settings import load
from modelalias.web import config as dashboard
from modelalias.web.config import Mode
from modelalias.web.deployed import POD_CA
from tests.support.quick_yaml import documents

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
EXAMPLES = sorted((MANIFESTS / "examples").glob("*.yaml")) + sorted(
    (MANIFESTS / "examples" / "platform").glob("*.yaml")
)
TOLD = sorted(path for name in place.names() for path in (place.EXAMPLES / name).glob("*.yaml"))
CONFIGURATIONS = sorted(MANIFESTS.glob("**/config.yaml"))

POLICIES = ("promotionrequests.modelalias.dev", "modelaliases.modelalias.dev", "leases.modelalias.dev")
REBUILD = "kubectl kustomize manifests/base > manifests/install.yaml"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl builds the manifests")


@cache
def _built(folder: str) -> str:
    """Build a folder once: kubectl takes as long as everything else here."""
    return subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS / folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def _pods(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in documents(text):
        if item["kind"] == "Deployment":
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]


@needs_kubectl
def test_install_file_is_what_the_base_builds() -> None:
    stored = (MANIFESTS / "install.yaml").read_text(encoding="utf-8")

    assert [*documents(stored)] == [*documents(_built("base"))], "run: " + REBUILD


@needs_kubectl
@pytest.mark.parametrize(
    "folder",
    [
        "base",
        *(f"overlays/{name}" for name in ("demo", "examples", "mlflow-token")),
        *(f"components/dashboard/{mode}" for mode in Mode),
    ],
)
def test_every_container_keeps_to_the_restricted_profile(folder: str) -> None:
    for name, pod in _pods(_built(folder)):
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["limits"]["memory"], name


@needs_kubectl
def test_demo_runs_local_images_only() -> None:
    images = {
        container["image"] for _, pod in _pods(_built("overlays/demo")) for container in pod["containers"]
    }

    assert images == {"localhost/modelalias/operator:dev", "localhost/modelalias/serving:dev"}


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)
def test_configuration_is_understood(path: Path) -> None:
    settings = load({"MODELALIAS_CONFIG": str(path), "POD_NAME": "pod-1"})

    assert settings.registries["default"].uri.startswith(("http://mlflow.", "https://mlflow."))
    assert settings.identity == "pod-1"


def test_metrics_are_found_where_the_operator_shows_them() -> None:
    base = MANIFESTS / "base"
    (deployment,) = documents((base / "deployment.yaml").read_text(encoding="utf-8"))
    (service,) = documents((base / "metrics-service.yaml").read_text(encoding="utf-8"))
    ports = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    config = load({"MODELALIAS_CONFIG": str(base / "config.yaml"), "POD_NAME": "pod-1"})

    assert {port["name"]: port["containerPort"] for port in ports} == {
        "health": config.liveness_port,
        "metrics": config.metrics.port,
    }
    (port,) = service["spec"]["ports"]
    assert (port["name"], port["targetPort"]) == ("metrics", "metrics")
    selected = service["spec"]["selector"].items()
    assert (
        selected
        <= {
            **deployment["spec"]["template"]["metadata"]["labels"],
            "app.kubernetes.io/part-of": "modelalias",
        }.items()
    )


@needs_kubectl
def test_monitoring_comes_beside_the_base(tmp_path: Path) -> None:
    parts = [MANIFESTS / "components" / name for name in ("alerts", "grafana-dashboards")]
    names = {"resources": [MANIFESTS / "base"], "components": parts}
    relative = {key: [os.path.relpath(path, tmp_path) for path in paths] for key, paths in names.items()}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(relative))

    built = {(item["kind"], item["metadata"]["name"]): item for item in documents(_built(str(tmp_path)))}

    service, monitor = built["Service", "modelalias-metrics"], built["ServiceMonitor", "modelalias"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [item["port"] for item in monitor["spec"]["endpoints"]] == [
        item["name"] for item in service["spec"]["ports"]
    ]
    rules = built["PrometheusRule", "modelalias"]
    (plain,) = documents((MANIFESTS / "components" / "alerts" / "rules.yaml").read_text(encoding="utf-8"))
    assert rules["spec"] == plain
    boards = built["ConfigMap", "modelalias-dashboards"]
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {"modelalias-aliases.json", "modelalias-operator.json"} == set(boards["data"])
    assert {item["metadata"]["namespace"] for item in (monitor, rules, boards)} == {"modelalias-system"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_understood(path: Path) -> None:
    for body in documents(path.read_text(encoding="utf-8")):
        if body["kind"] == "ModelAlias":
            ModelAlias.model_validate(body)
        elif body["kind"] == "CronJob":
            assert body["spec"]["suspend"] is True
        elif body["kind"] == "PromotionPolicy":
            assert PromotionPolicy.model_validate(body).spec.policy.gates
        elif body["kind"] == "ClusterPromotionPolicy":
            assert ClusterPromotionPolicy.model_validate(body).spec.policy.approval
        else:
            assert PromotionRequest.model_validate(body).metadata.name


@pytest.mark.parametrize("path", TOLD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_manifest_of_a_told_example_is_understood_and_runs_under_the_restricted_profile(path: Path) -> None:
    bodies = [*documents(path.read_text(encoding="utf-8"))]

    for body in bodies:
        assert "namespace" not in body["metadata"], "each example has a namespace of its own"
        if body["kind"] == "ModelAlias":
            assert ModelAlias.model_validate(body).spec.registry == "examples"
        elif body["kind"] == "PromotionRequest":
            assert PromotionRequest.model_validate(body).spec.reason
    pods = [body["spec"]["template"]["spec"] for body in bodies if body["kind"] == "Deployment"]
    pods += [
        body["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for body in bodies
        if body["kind"] == "CronJob"
    ]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert {container["image"] for container in pod["containers"]} == {"localhost/modelalias/serving:dev"}
        assert all(container["securityContext"]["readOnlyRootFilesystem"] for container in pod["containers"])


def test_every_told_example_has_a_namespace_that_the_operator_watches() -> None:
    config = load({"MODELALIAS_CONFIG": str(MANIFESTS / "overlays/local/config.yaml"), "POD_NAME": "pod-1"})

    for name in {path.parent.name for path in TOLD}:
        assert f"example-{name}" in config.namespaces
        assert config.registries["examples"].allows(f"example-{name}", name)


def test_the_operator_is_given_this_and_no_more() -> None:
    granted: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for role in documents((MANIFESTS / "base" / "operator-roles.yaml").read_text(encoding="utf-8")):
        for rule in role.get("rules", ()):
            for group, resource, name in product(
                rule["apiGroups"], rule["resources"], rule.get("resourceNames", [""])
            ):
                granted[role["kind"], group, resource, name] |= set(rule["verbs"])

    assert granted == {
        ("ClusterRole", "modelalias.dev", "modelaliases", ""): {"get", "list", "watch"},
        ("ClusterRole", "modelalias.dev", "promotionrequests", ""): {
            "get",
            "list",
            "watch",
            "create",
            "delete",
        },
        ("ClusterRole", "modelalias.dev", "promotionpolicies", ""): {"get", "list", "watch"},
        ("ClusterRole", "modelalias.dev", "clusterpromotionpolicies", ""): {"get", "list", "watch"},
        ("ClusterRole", "modelalias.dev", "modelaliases/status", ""): {"patch"},
        ("ClusterRole", "modelalias.dev", "promotionrequests/status", ""): {"patch"},
        **{("ClusterRole", kind.resource.group, kind.resource.plural, ""): VERBS for kind in KINDS.values()},
        ("ClusterRole", "batch", "cronjobs", ""): {"get"},
        ("ClusterRole", "batch", "jobs", ""): {"get", "list", "watch", "create", "delete"},
        ("ClusterRole", "", "pods", ""): {"list"},
        ("ClusterRole", "", "pods/log", ""): {"get"},
        ("ClusterRole", "gateway.networking.k8s.io", "httproutes", ""): {"get", "patch"},
        ("ClusterRole", "discovery.k8s.io", "endpointslices", ""): {"list"},
        ("ClusterRole", "apps", "replicasets", ""): {"list"},
        **{
            ("ClusterRole", "admissionregistration.k8s.io", f"validatingadmission{plural}", name): {"get"}
            for plural in ("policies", "policybindings")
            for name in POLICIES
        },
        ("ClusterRole", "", "namespaces", "kube-system"): {"get"},
        ("ClusterRole", "coordination.k8s.io", "leases", ""): {"list"},
        ("ClusterRole", "", "events", ""): {"create"},
        ("Role", "coordination.k8s.io", "leases", ""): {"create"},
        ("Role", "coordination.k8s.io", "leases", "modelalias-operator"): {"get", "patch"},
        ("Role", "", "secrets", ""): {"create"},
        ("Role", "", "secrets", "modelalias-signing-key"): {"get"},
        ("Role", "", "configmaps", ""): {"create"},
        ("Role", "", "configmaps", "modelalias-public-keys"): {"get", "patch"},
    }


def test_the_people_are_given_these_verbs_on_aliases_and_no_more() -> None:
    reading, writing = {"get", "list", "watch"}, {"create", "update", "patch", "delete", "deletecollection"}

    granted: dict[str, set[str]] = {}
    for role in documents((MANIFESTS / "base" / "user-roles.yaml").read_text(encoding="utf-8")):
        for rule in role.get("rules", ()):
            if "modelaliases" in rule["resources"]:
                granted.setdefault(role["metadata"]["name"], set()).update(rule["verbs"])

    assert granted == {
        "modelalias-view": reading,
        "modelalias-edit": {"promote", "rollback", "release"},
        "modelalias-approver": {*reading, "approve"},
        "modelalias-alias-owner": {*reading, *writing, "promote", "rollback", "release"},
        "modelalias-restorer": {
            *reading,
            "create",
            "update",
            "patch",
            "promote",
            "rollback",
            "release",
            "restore",
        },
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_of_aliases_asks_about_every_kind_of_workload(kind: str) -> None:
    policy, _ = documents((MANIFESTS / "base" / "alias-policy.yaml").read_text(encoding="utf-8"))
    resource = KINDS[WorkloadKind(kind)].resource
    asked = f"authorizer.group('{resource.group}').resource('{resource.plural}')"
    expressions = [item["expression"] for item in policy["spec"]["validations"]]

    assert [item for item in expressions if f"!('{kind}' in variables.named)" in item and asked in item]


@pytest.mark.parametrize("name", ["policy.yaml", "alias-policy.yaml"])
def test_no_expression_asks_the_authorizer_more_than_twice(name: str) -> None:
    policy, _ = documents((MANIFESTS / "base" / name).read_text(encoding="utf-8"))
    expressions = [item["expression"] for item in policy["spec"]["validations"]]

    assert all(item.count(".check(") <= 2 for item in expressions), "a third denies every write"


@needs_kubectl
def test_nobody_is_bound_to_a_role_but_the_operator() -> None:
    bindings = [item for item in documents(_built("base")) if item["kind"].endswith("RoleBinding")]

    assert {subject["name"] for item in bindings for subject in item["subjects"]} == {
        "modelalias-operator",
        "system:authenticated",
    }, "the latter may read the public keys"


@needs_kubectl
def test_without_a_binding_for_the_cluster_the_operator_changes_nothing_of_anybodys() -> None:
    built = [*documents(_built("overlays/namespaced"))]
    bound = {item["roleRef"]["name"] for item in built if item["kind"] == "ClusterRoleBinding"}
    rules = [rule for item in built if item["kind"] == "ClusterRole" for rule in item["rules"]]
    held = {
        (resource, verb)
        for item in built
        if item["kind"] == "ClusterRole" and item["metadata"]["name"] in bound
        for rule in item["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }

    assert bound == {"modelalias-operator"}
    assert {(resource, verb) for resource, verb in held if verb not in {"get", "list", "watch"}} == {
        ("events", "create"),
        ("promotionrequests", "delete"),
        ("modelaliases/status", "patch"),
        ("promotionrequests/status", "patch"),
    }
    assert not {resource for resource, _ in held if resource.startswith("pods")}
    assert any("pods/log" in rule["resources"] for rule in rules), "the role to bind is there"


@needs_kubectl
def test_the_token_that_the_configuration_names_is_a_key_of_the_mounted_secret() -> None:
    config = MANIFESTS / "overlays" / "mlflow-token" / "config.yaml"
    credentials = (
        load({"MODELALIAS_CONFIG": str(config), "POD_NAME": "pod-1"}).registries["default"].credentials
    )
    built = [*documents(_built("overlays/mlflow-token"))]
    ((_, pod),) = _pods(_built("overlays/mlflow-token"))

    assert credentials is not None
    assert credentials.token_file is not None
    folder = str(credentials.token_file.parent)
    (mount,) = (item for item in pod["containers"][0]["volumeMounts"] if item["mountPath"] == folder)
    (volume,) = (item for item in pod["volumes"] if item["name"] == mount["name"])
    assert volume["secret"]["secretName"] == "mlflow-operator"
    assert "subPath" not in mount
    assert not [item for item in built if item["kind"] == "Secret"], "none is in Git"
    assert config.read_text() in [item.get("data", {}).get("config.yaml") for item in built]


@needs_kubectl
def test_two_teams_have_their_own_models_and_groups_and_the_operator_rights_with_them_only() -> None:
    config = MANIFESTS / "overlays" / "two-teams" / "config.yaml"
    settings = load({"MODELALIAS_CONFIG": str(config), "POD_NAME": "pod-1"})
    registry = settings.registries["default"]
    built = [*documents(_built("overlays/two-teams"))]
    bound: dict[str, dict[str, str]] = {"team-a": {}, "team-b": {}}
    for item in built:
        if item["kind"] == "RoleBinding" and item["metadata"]["namespace"] in bound:
            (subject,) = item["subjects"]
            bound[item["metadata"]["namespace"]][item["roleRef"]["name"]] = subject["name"]

    assert set(settings.namespaces) == bound.keys()
    assert registry.allows("team-a", "churn")
    assert registry.allows("team-b", "fraud")
    assert not registry.allows("team-a", "fraud")
    assert not registry.allows("team-b", "churn")
    assert bound == {
        team: {
            "edit": team,
            "modelalias-alias-owner": f"{team}-leads",
            "modelalias-approver": f"{team}-approvers",
            "modelalias-operator-workloads": "modelalias-operator",
            "modelalias-operator-requests": "modelalias-operator",
        }
        for team in bound
    }
    assert {item["roleRef"]["name"] for item in built if item["kind"] == "ClusterRoleBinding"} == {
        "modelalias-operator"
    }


def _built_with(component: str, folder: str, tmp_path: Path) -> list[Mapping[str, Any]]:
    manifests = Path(os.path.relpath(MANIFESTS, tmp_path))
    text = f"resources: [{manifests}/{folder}]\ncomponents: [{manifests}/components/{component}]\n"
    (tmp_path / "kustomization.yaml").write_text(text, encoding="utf-8")
    return [*documents(_built(str(tmp_path)))]


@needs_kubectl
@pytest.mark.parametrize("folder", ["base", "overlays/namespaced"])
def test_the_deletion_of_pods_is_a_component_that_adds_that_and_nothing_else(
    folder: str, tmp_path: Path
) -> None:
    without = {(item["kind"], item["metadata"]["name"]): item for item in documents(_built(folder))}
    built = _built_with("delete-stuck-pods", folder, tmp_path)

    changed = [item for item in built if item != without.pop((item["kind"], item["metadata"]["name"]))]

    (role,) = changed
    assert (role["kind"], role["metadata"]["name"]) == ("ClusterRole", "modelalias-operator-workloads")
    assert role["rules"][-1] == {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}
    assert not without, "nothing is left out"
    assert not [
        rule for rule in role["rules"][:-1] if "pods" in rule["resources"] and "delete" in rule["verbs"]
    ]


@needs_kubectl
def test_the_secret_of_channels_is_a_component_that_mounts_that_and_nothing_else(tmp_path: Path) -> None:
    whole = {(item["kind"], item["metadata"]["name"]): item for item in documents(_built("base"))}
    built = _built_with("notifications", "base", tmp_path)

    (changed,) = [item for item in built if item != whole[item["kind"], item["metadata"]["name"]]]

    pod = changed["spec"]["template"]["spec"]
    assert pod["volumes"].pop() == {
        "name": "notifications",
        "secret": {"secretName": "modelalias-notifications", "optional": True, "defaultMode": 0o440},
    }
    assert pod["containers"][0]["volumeMounts"].pop() == {
        "name": "notifications",
        "mountPath": "/notify",
        "readOnly": True,
    }
    assert changed == whole["Deployment", "modelalias-operator"]


@needs_kubectl
@pytest.mark.parametrize("folder", ["base", "overlays/namespaced"])
def test_an_operator_that_files_nothing_is_a_component_that_takes_that_away_and_nothing_else(
    folder: str, tmp_path: Path
) -> None:
    whole = {(item["kind"], item["metadata"]["name"]): item for item in documents(_built(folder))}
    without = {
        (item["kind"], item["metadata"]["name"]): item
        for item in _built_with("without-automatic-requests", folder, tmp_path)
    }

    left_out = whole.keys() - without.keys()
    assert ("ClusterRole", "modelalias-operator-requests") in left_out
    assert {name for _, name in left_out} == {"modelalias-operator-requests"}
    assert without == {key: item for key, item in whole.items() if key not in left_out}


@needs_kubectl
def test_what_the_documentation_says_of_another_namespace_leaves_no_name_of_the_first(tmp_path: Path) -> None:
    """The base with the lines of docs/governance.md."""
    page = (ROOT / "docs" / "governance.md").read_text(encoding="utf-8")
    (block,) = (
        item for item in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "namespace: mlops" in item
    )
    base = Path(os.path.relpath(MANIFESTS, tmp_path)) / "base"
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{base}]\n{block}", encoding="utf-8")

    built = [*documents(_built(str(tmp_path)))]

    policies = [yaml.safe_dump(item) for item in built if item["kind"].endswith("Policy")]
    assert not [text for text in policies if "modelalias-system" in text]
    assert sum(text.count("system:serviceaccount:mlops:modelalias-operator") for text in policies) == 7


@needs_kubectl
def test_the_lines_for_webhooks_are_understood_and_fit_the_deployment(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    configured, overlay = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    base = Path(os.path.relpath(MANIFESTS, tmp_path)) / "base"
    resources = "resources: [../../base, webhooks-service.yaml]"
    assert resources in overlay
    (tmp_path / "kustomization.yaml").write_text(
        overlay.replace(resources, f"resources: [{base}]"), encoding="utf-8"
    )
    config = tmp_path / "config.yaml"
    config.write_text((MANIFESTS / "base" / "config.yaml").read_text(encoding="utf-8") + configured)

    settings = load({"MODELALIAS_CONFIG": str(config), "POD_NAME": "pod-1"})
    ((_, pod),) = _pods(_built(str(tmp_path)))

    (container,) = pod["containers"]
    assert settings.webhooks is not None
    assert {"name": "webhooks", "containerPort": settings.webhooks.port} in container["ports"]
    (mount,) = (item for item in container["volumeMounts"] if item["name"] == "webhooks")
    assert settings.webhooks.secret_file.parent == Path(mount["mountPath"])
    assert pod["volumes"][-1]["name"] == "webhooks"


@needs_kubectl
def test_every_policy_exempts_the_operator_by_the_same_first_condition() -> None:
    policies = [item for item in documents(_built("base")) if item["kind"].endswith("Policy")]

    assert len(policies) == 6
    assert {item["spec"]["matchConditions"][0]["expression"] for item in policies} == {
        "request.userInfo.username != 'system:serviceaccount:modelalias-system:modelalias-operator'"
    }


@needs_kubectl
def test_an_older_kubernetes_is_installed_without_what_it_does_not_serve(tmp_path: Path) -> None:
    kinds = {item["kind"] for item in _built_with("without-signing", "base", tmp_path)}

    assert not {kind for kind in kinds if kind.startswith("Mutating")}
    assert {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} <= kinds


def _images(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from [item] if key == "image" and isinstance(item, str) else _images(item)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def test_no_image_name_is_looked_up_at_a_registry_that_nobody_chose() -> None:
    """A name without a host is somebody else's to publish: container runtimes add a public registry to it."""
    files = sorted(MANIFESTS.glob("**/*.yaml"))
    names = {name for file in files for body in documents(file.read_text()) for name in _images(body)}

    assert names
    assert {name.split("/")[0] for name in names} <= {"localhost", "registry.invalid"}


def test_everybody_may_read_the_public_keys_and_the_heartbeat_and_nothing_else_of_the_operators() -> None:
    shipped = documents((MANIFESTS / "base" / "user-roles.yaml").read_text(encoding="utf-8"))
    everybodys = [item for item in shipped if item["kind"] != "ClusterRole"]

    keys, keys_binding, heartbeat, heartbeat_binding = everybodys
    assert [(role["rules"]) for role in (keys, heartbeat)] == [
        [{"apiGroups": [group], "resources": [resource], "resourceNames": [name], "verbs": ["get"]}]
        for group, resource, name in (
            ("", "configmaps", "modelalias-public-keys"),
            ("coordination.k8s.io", "leases", "modelalias-operator"),
        )
    ]
    for role, binding in ((keys, keys_binding), (heartbeat, heartbeat_binding)):
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert [item["name"] for item in binding["subjects"]] == ["system:authenticated"]


def test_nobody_but_the_operator_is_given_a_status_and_it_only_its_own_secret() -> None:
    rules = [
        (role["metadata"]["name"], resource, tuple(rule.get("resourceNames", ())), tuple(rule["verbs"]))
        for path in ("operator-roles.yaml", "user-roles.yaml")
        for role in documents((MANIFESTS / "base" / path).read_text(encoding="utf-8"))
        for rule in role.get("rules", ())
        for resource in rule["resources"]
    ]

    assert {name for name, resource, *_ in rules if resource.endswith("/status")} == {"modelalias-operator"}
    assert [item for item in rules if item[1] in {"secrets", "*"}] == [
        ("modelalias-operator", "secrets", (), ("create",)),
        ("modelalias-operator", "secrets", ("modelalias-signing-key",), ("get",)),
    ]


def _dashboard(mode: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what a mode of the dashboard adds to a cluster, by its kind."""
    return {item["kind"]: item for item in yaml.safe_load_all(_built(f"components/dashboard/{mode}"))}


@needs_kubectl
@pytest.mark.parametrize("mode", Mode)
def test_the_dashboard_runs_the_operators_image_by_a_configuration_that_it_understands(
    mode: Mode, tmp_path: Path
) -> None:
    parts = _dashboard(mode)
    pod = parts["Deployment"]["spec"]["template"]["spec"]
    program = pod["containers"][0]
    (text,) = parts["ConfigMap"]["data"].values()
    path = tmp_path / "dashboard.yaml"
    path.write_text(text)
    settings = dashboard.read(path)

    assert settings.auth.mode is mode
    assert not settings.auth.writes
    assert program["image"] == next(_pods(_built("base")))[1]["containers"][0]["image"]
    assert program["command"][-1] == f"/etc/modelalias/{next(iter(parts['ConfigMap']['data']))}"
    named = {port["name"]: port["containerPort"] for item in pod["containers"] for port in item["ports"]}
    assert named == {"http": 4180 if mode is Mode.IMPERSONATE else settings.listen.port}
    assert settings.listen.ip.is_loopback is (mode is Mode.IMPERSONATE)
    mounted = {item["name"] for item in program["volumeMounts"]}
    assert mounted == {item["name"] for item in pod["volumes"]}
    assert pod["volumes"][0]["configMap"]["name"] == parts["ConfigMap"]["metadata"]["name"]


@needs_kubectl
@pytest.mark.parametrize("mode", Mode)
def test_the_dashboard_is_found_and_reached_at_its_pages_only(mode: Mode) -> None:
    parts = _dashboard(mode)
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"].items()

    assert parts["Service"]["spec"]["selector"].items() <= labels
    assert parts["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels
    assert parts["Service"]["spec"]["type"] == "ClusterIP"
    assert [port["targetPort"] for port in parts["Service"]["spec"]["ports"]] == ["http"]
    (ingress,) = parts["NetworkPolicy"]["spec"]["ingress"]
    assert [port["port"] for port in ingress["ports"]] == ["http"]
    assert ("from" in ingress) is (mode is Mode.BEARER)


@needs_kubectl
@pytest.mark.parametrize(
    ("part", "granted"),
    [
        ("viewer", "modelalias-view"),
        ("bearer", None),
        (
            "impersonate",
            {
                ("authentication.k8s.io", "users"): {"impersonate:user-info"},
                ("authentication.k8s.io", "groups"): {"impersonate:user-info"},
                **{
                    ("modelalias.dev", plural): {
                        f"impersonate-on:user-info:{verb}" for verb in ("get", "list", "watch")
                    }
                    for plural in (
                        "modelaliases",
                        "promotionrequests",
                        "promotionpolicies",
                        "clusterpromotionpolicies",
                    )
                },
                ("authentication.k8s.io", "selfsubjectreviews"): {"impersonate-on:user-info:create"},
                ("authorization.k8s.io", "selfsubjectaccessreviews"): {"impersonate-on:user-info:create"},
            },
        ),
        (
            "impersonate-writes",
            {
                ("modelalias.dev", "promotionrequests"): {
                    "impersonate-on:user-info:create",
                    "impersonate-on:user-info:patch",
                },
                ("modelalias.dev", "modelaliases"): {"impersonate-on:user-info:patch"},
            },
        ),
    ],
)
def test_the_dashboards_account_is_given_this_and_no_more(part: str, granted: object) -> None:
    parts = _dashboard(part)
    rules = [rule for kind in ("Role", "ClusterRole") for rule in parts.get(kind, {}).get("rules", ())]
    own = {
        (group, resource): set(rule["verbs"])
        for rule in rules
        for group, resource in product(rule["apiGroups"], rule["resources"])
    }

    binding = parts.get("ClusterRoleBinding")
    if binding is not None:
        account = {
            "kind": "ServiceAccount",
            "name": "modelalias-dashboard",
            "namespace": "modelalias-system",
        }
        assert binding["subjects"] == [account]
    assert (own or (binding["roleRef"]["name"] if binding else None)) == granted
    assert "RoleBinding" not in parts


@needs_kubectl
def test_a_bearers_pod_has_the_certificate_of_the_api_server_and_no_token() -> None:
    pod = _dashboard("bearer")["Deployment"]["spec"]["template"]["spec"]
    (source,) = [item["projected"]["sources"] for item in pod["volumes"] if "projected" in item]
    (mount,) = [
        item for item in pod["containers"][0]["volumeMounts"] if item["mountPath"] == str(POD_CA.parent)
    ]

    assert pod["automountServiceAccountToken"] is False
    assert mount["name"] == "api-server"
    assert source == [
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": POD_CA.name}]}}
    ]


@needs_kubectl
@pytest.mark.parametrize("mode", [Mode.VIEWER, Mode.IMPERSONATE])
def test_the_other_modes_have_their_own_token(mode: Mode) -> None:
    assert _dashboard(mode)["Deployment"]["spec"]["template"]["spec"]["automountServiceAccountToken"] is True


def _object(version: str, kind: str, name: str, **spec: Any) -> Mapping[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


NAMES = ROOT / "contrib" / "kustomize" / "name-references.yaml"
OURS = "modelalias.dev/v1alpha1"
WORKLOADS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Rollout": "argoproj.io/v1alpha1",
    "InferenceService": "serving.kserve.io/v1beta1",
}


@needs_kubectl
def test_kustomize_changes_references_with_the_names(tmp_path: Path) -> None:
    serving = [{"kind": kind, "name": kind.lower()} for kind in WORKLOADS]
    evaluation = {"evaluation": {"cronJob": "judge"}}
    traffic = {
        "httpRoute": "churn",
        "backends": [{"service": "churn"}, {"service": "churn-next", "alias": "challenger"}],
    }
    alias = {
        "model": "churn",
        "alias": "champion",
        "serving": [*serving, {"kind": "Deployment", "name": "not-here"}],
        "policy": evaluation,
        "policyRef": {"name": "house"},
        "traffic": traffic,
    }
    request = {"aliasRef": {"name": "churn"}, "source": {"version": "1"}}
    route = {"rules": [{"backendRefs": [{"name": "churn", "port": 80}, {"name": "churn-next", "port": 80}]}]}
    objects = [
        *(_object(version, kind, kind.lower()) for kind, version in WORKLOADS.items()),
        _object("batch/v1", "CronJob", "judge"),
        _object("gateway.networking.k8s.io/v1", "HTTPRoute", "churn", **route),
        _object("v1", "Service", "churn"),
        _object("v1", "Service", "churn-next"),
        _object(OURS, "PromotionPolicy", "house", policy=evaluation),
        _object(OURS, "ModelAlias", "churn", **alias),
        _object(OURS, "PromotionRequest", "go", **request),
    ]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects))
    shutil.copy(NAMES, tmp_path / NAMES.name)
    build = {
        "resources": ["all.yaml"],
        "configurations": [NAMES.name],
        "namePrefix": "a-",
        "nameSuffix": "-z",
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(build))

    built = {body["kind"]: body["spec"] for body in documents(_built(str(tmp_path)))}
    named = {item["kind"]: item["name"] for item in built["ModelAlias"]["serving"][: len(WORKLOADS)]}
    assert named == {kind: f"a-{kind.lower()}-z" for kind in WORKLOADS}
    assert built["ModelAlias"]["serving"][-1]["name"] == "not-here"
    assert built["ModelAlias"]["policyRef"] == {"name": "a-house-z"}
    for kind in ("ModelAlias", "PromotionPolicy"):
        assert built[kind]["policy"]["evaluation"]["cronJob"] == "a-judge-z"
    assert built["ModelAlias"]["traffic"]["httpRoute"] == "a-churn-z"
    services = ["a-churn-z", "a-churn-next-z"]
    assert [item["service"] for item in built["ModelAlias"]["traffic"]["backends"]] == services
    assert [item["name"] for item in built["HTTPRoute"]["rules"][0]["backendRefs"]] == services
    assert built["PromotionRequest"]["aliasRef"] == {"name": "a-churn-z"}
    assert (built["ModelAlias"]["model"], built["ModelAlias"]["alias"]) == ("churn", "champion")


def test_refusals_name_roles_that_have_the_verb() -> None:
    roles = documents((MANIFESTS / "base" / "user-roles.yaml").read_text(encoding="utf-8"))
    verbs = {
        it["metadata"]["name"]: {verb for rule in it.get("rules", ()) for verb in rule["verbs"]}
        for it in roles
    }

    assert {verb for verb, role in GRANTED_BY.items() if verb not in verbs[role]} == set()
    assert verbs[OWNER] >= {"patch", "release"}
    for policy in ("policy.yaml", "alias-policy.yaml"):
        text = (MANIFESTS / "base" / policy).read_text(encoding="utf-8")
        assert set() < set(re.findall(r"ClusterRole (modelalias-\w+)", text)) <= {*GRANTED_BY.values()}
