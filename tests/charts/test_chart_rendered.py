"""The chart makes what the kustomize base makes, and refuses in sentences what does not go together."""

import re
import subprocess
from collections.abc import Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.release.version import declared
from modelalias.settings import Settings
from modelalias.web.config import Mode
from tests.support import helm
from tests.support.helm import ROOT, VALUES, rendered
from tests.support.quick_yaml import documents
from tests.support.same_objects import Key, Object, by_key, of_kustomize, without_labels

MANIFESTS = ROOT / "manifests"
ACCOUNT = "system:serviceaccount:modelalias-system:modelalias-operator"


@cache
def _built(folder: str) -> Mapping[Key, Object]:
    command = ["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", str(MANIFESTS / folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return by_key(documents(of_kustomize(done.stdout)))


@cache
def _base() -> Mapping[Key, Object]:
    """What the base builds: another test compares the two."""
    return by_key(documents(of_kustomize((MANIFESTS / "install.yaml").read_text(encoding="utf-8"))))


def _only(name: str, *kinds: str) -> list[Object]:
    return [item for item in rendered(name) if item["kind"] in kinds]


def _pod(name: str, deployment: str = "modelalias-operator") -> Mapping[str, Any]:
    (found,) = (item for item in _only(name, "Deployment") if item["metadata"]["name"] == deployment)
    template: Mapping[str, Any] = found["spec"]["template"]
    return template


def _config(name: str) -> Mapping[str, Any]:
    (found,) = (item for item in _only(name, "ConfigMap") if item["metadata"]["name"] == "modelalias-config")
    read: Mapping[str, Any] = yaml.safe_load(found["data"]["config.yaml"])
    return read


def test_the_chart_makes_what_the_base_builds() -> None:
    made = by_key(rendered("as-base"))

    assert made.keys() == _base().keys()
    for name, item in _base().items():
        assert made[name] == item, name


def test_by_invitation_it_makes_what_the_overlay_builds() -> None:
    assert by_key(rendered("by-invitation")).keys() == _built("overlays/namespaced").keys()


@pytest.mark.parametrize("mode", Mode)
def test_the_dashboard_is_what_its_component_builds(mode: Mode) -> None:
    component = without_labels(_built(f"components/dashboard/{mode}"))
    made = without_labels(by_key(rendered(f"dashboard-{mode}")))

    assert made.keys() - _base().keys() == component.keys()
    for name, item in component.items():
        assert made[name] == item, name


def test_alerts_and_dashboards_are_what_the_components_build() -> None:
    components = {**_built("components/alerts"), **_built("components/grafana-dashboards")}
    made = by_key(rendered("monitoring"))

    assert made.keys() - _base().keys() == components.keys()
    for name, item in without_labels(components).items():
        assert without_labels(made)[name] == item, name
    shown = made["ConfigMap", "modelalias-system", "modelalias-dashboards"]
    assert shown["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_an_alert_can_be_left_out_and_runbooks_be_elsewhere() -> None:
    (rule,) = _only("everything", "PrometheusRule")
    (shipped,) = _only("monitoring", "PrometheusRule")

    left_out = {it["alert"] for it in _alerts(shipped)} - {it["alert"] for it in _alerts(rule)}
    assert left_out == {"ModelAliasOnHold"}
    assert {it["annotations"]["runbook_url"] for it in _alerts(rule)} == {
        f"https://wiki.example.com/runbooks/{it['alert']}.md" for it in _alerts(rule)
    }
    wrong = "--set=metrics.prometheusRule.enabled=true,metrics.prometheusRule.disabled={OnHold}"
    assert "names OnHold, and there is no such alert: ModelAlias" in helm.refused(wrong)


def _alerts(rule: Object) -> list[Mapping[str, Any]]:
    return [alert for group in rule["spec"]["groups"] for alert in group["rules"]]


def test_writing_as_others_takes_the_second_component() -> None:
    rights = [_rules(item) for item in _only("everything", "ClusterRole")]
    component = [_rules(item) for item in _built("components/dashboard/impersonate-writes").values()]

    assert [item for item in component if item] == [item for item in component if item and item in rights]
    reading = [_rules(item) for item in _only("dashboard-impersonate", "ClusterRole")]
    assert not [item for item in component if item and item in reading]


def _rules(item: Object) -> Any:
    return item.get("rules")


def test_deletion_of_pods_is_added_to_one_role_and_nothing_else() -> None:
    shipped = {name: item for name, item in _base().items() if item["kind"] == "ClusterRole"}
    made = by_key(_only("everything", "ClusterRole"))

    changed = {name for name, item in shipped.items() if made[name]["rules"] != item["rules"]}

    assert changed == {("ClusterRole", "", "modelalias-operator-workloads")}
    (role,) = changed
    assert made[role]["rules"] == [
        *shipped[role]["rules"],
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]},
    ]


def test_without_automatic_requests_their_role_is_missing_and_nothing_else() -> None:
    made = by_key(rendered("minimal", "--set=rbac.automaticRequests=false"))

    assert {name for _, _, name in _base().keys() - made.keys()} == {"modelalias-operator-requests"}


def test_in_another_namespace_under_another_account_no_name_of_the_first_is_left() -> None:
    made = rendered("everything", namespace="modelalias-system-2")

    left = [item for item in made if "modelalias-system" in str(item).replace("modelalias-system-2", "")]
    assert not left
    text = str([item for item in made if item["kind"].endswith("AdmissionPolicy")])
    assert text.count("'system:serviceaccount:modelalias-system-2:promoter'") == str(
        [item for item in _base().values() if item["kind"].endswith("AdmissionPolicy")]
    ).count(f"'{ACCOUNT}'")
    bound = chain.from_iterable(item.get("subjects", ()) for item in made)
    assert {(it["namespace"], it["name"]) for it in bound if it["kind"] == "ServiceAccount"} == {
        ("modelalias-system-2", "promoter"),
        ("modelalias-system-2", "modelalias-dashboard"),
    }
    accounts = {item["metadata"]["name"] for item in made if item["kind"] == "ServiceAccount"}
    assert accounts == {"promoter", "modelalias-dashboard"}


def test_the_lease_is_where_the_roles_are_that_let_it_be_taken() -> None:
    made = rendered("everything", namespace="modelalias-system-2")
    (config,) = (item for item in made if item["metadata"]["name"] == "modelalias-config")

    settings = Settings.model_validate(yaml.safe_load(config["data"]["config.yaml"]))

    assert settings.lease.namespace == "modelalias-system-2"
    assert settings.signing.namespace is None, "which is where the Lease is"


@pytest.mark.parametrize("name", [name for name in VALUES if name != "own-config-map"])
def test_the_operator_understands_its_configuration_and_is_found_at_its_ports(name: str) -> None:
    settings = Settings.model_validate(_config(name))
    (container, *_) = _pod(name)["spec"]["containers"]
    wanted = {"health": settings.liveness_port}
    if settings.metrics.enabled:
        wanted["metrics"] = settings.metrics.port
    if settings.webhooks is not None:
        wanted["webhooks"] = settings.webhooks.port

    assert {port["name"]: port["containerPort"] for port in container["ports"]} == wanted
    services = {item["metadata"]["name"]: item["spec"]["ports"][0]["port"] for item in _only(name, "Service")}
    services.pop("modelalias-dashboard", None)
    assert services == {f"modelalias-{port}": wanted[port] for port in wanted if port != "health"}


@pytest.mark.parametrize("name", VALUES)
def test_every_volume_is_there_and_used(name: str) -> None:
    for item in _only(name, "Deployment"):
        pod = item["spec"]["template"]["spec"]
        mounted = {
            mount["name"] for container in pod["containers"] for mount in container.get("volumeMounts", ())
        }
        assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", VALUES)
def test_every_object_has_the_labels_of_the_chart_and_only_a_map_of_strings(name: str) -> None:
    for item in rendered(name):
        metadata = item["metadata"]
        if not metadata["name"].startswith("modelalias-") or "labels" not in metadata:
            continue
        assert metadata["labels"]["app.kubernetes.io/part-of"] == "modelalias"
        assert metadata["labels"]["helm.sh/chart"].startswith("modelalias-")
        if name == "everything":
            assert metadata["labels"]["team"] == "ml-platform"
            assert metadata["annotations"]["example.com/contact"] == "ml-platform"


def test_the_crds_stay_when_the_release_goes_unless_somebody_says_otherwise() -> None:
    kept = {item["metadata"]["annotations"]["helm.sh/resource-policy"] for item in _crds("minimal")}
    others = rendered("minimal", "--set=crds.keep=false")

    assert len(_crds("minimal")) == 4
    assert kept == {"keep"}
    assert not [item for item in others if "helm.sh/resource-policy" in str(item)]


def _crds(name: str) -> list[Object]:
    return _only(name, "CustomResourceDefinition")


def test_what_somebody_else_makes_is_left_out() -> None:
    made = {item["kind"] for item in rendered("bare")}

    assert made == {"ConfigMap", "Deployment"}
    assert _pod("bare")["spec"]["serviceAccountName"] == "made-elsewhere"


def test_another_configuration_rolls_the_operator_and_the_same_does_not() -> None:
    checksum = "checksum/config"
    (other,) = (
        item
        for item in rendered("minimal", "--set=config.logLevel=DEBUG,podDisruptionBudget.enabled=true")
        if item["kind"] == "Deployment"
    )
    (same,) = (item for item in rendered("minimal", "--set=crds.keep=false") if item["kind"] == "Deployment")

    template = _pod("minimal")
    assert (
        other["spec"]["template"]["metadata"]["annotations"][checksum]
        != template["metadata"]["annotations"][checksum]
    )
    assert same["spec"]["template"] == template


def test_a_configuration_of_ones_own_is_mounted_and_none_is_made() -> None:
    pod = _pod("own-config-map")

    assert pod["spec"]["volumes"][0]["configMap"] == {"name": "my-config"}
    assert not _only("own-config-map", "ConfigMap")
    assert "annotations" not in pod["metadata"]
    (monitor,) = _only("own-config-map", "PodMonitor")
    (found,) = monitor["spec"]["podMetricsEndpoints"]
    assert found == {"port": "metrics", "interval": "30s", "scrapeTimeout": "10s"}


def test_values_reach_the_operators_pod() -> None:
    values = yaml.safe_load(helm.values_file("everything").read_text(encoding="utf-8"))
    template = _pod("everything")
    pod, (container, beside) = template["spec"], template["spec"]["containers"]

    assert container["image"] == "registry.invalid/ml/modelalias:1.2"
    assert container["imagePullPolicy"] == "Always"
    assert _pod("two-registries")["spec"]["containers"][0]["image"] == (
        f"registry.invalid/ml/modelalias@sha256:{'0123456789abcdef' * 4}"
    )
    for key in (
        "nodeSelector",
        "tolerations",
        "affinity",
        "topologySpreadConstraints",
        "imagePullSecrets",
        "initContainers",
    ):
        assert pod[key] == values[key], key
    assert pod["priorityClassName"] == values["priorityClassName"]
    assert [beside] == values["extraContainers"]
    assert container["env"][-1:] == values["extraEnv"]
    assert container["envFrom"] == values["extraEnvFrom"]
    assert values["podLabels"].items() <= template["metadata"]["labels"].items()
    assert values["podAnnotations"].items() <= template["metadata"]["annotations"].items()
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts["credentials-default"] == "/credentials/default"
    assert mounts["certificates"] == "/etc/ssl/own"


def test_objects_of_ones_own_are_rendered_as_templates() -> None:
    made = {item["metadata"]["name"]: item for item in _only("everything", "ConfigMap")}

    assert made["modelalias-extra"]["data"] == {"account": "promoter"}
    assert "modelalias-text" in made


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ("config.registries=null", "config.registries is empty: say where MLflow is"),
        ("existingConfigMap=mine", "leave one of them out"),
        (
            "config.registries.default.credentials.tokenFile=/credentials/eu/token",
            "no Secret is mounted there: add {name: eu, secretName: ...} to credentials",
        ),
        ("replicaCount=2,config.lease.enabled=false", "each of several operators would act"),
        (
            "metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true",
            "Prometheus would count everything twice: choose one",
        ),
        ("metrics.serviceMonitor.enabled=true,config.metrics.enabled=false", "nothing to scrape"),
        ("metrics.serviceMonitor.enabled=true,metrics.service.enabled=false", "take metrics.podMonitor"),
        ("dashboard.enabled=true", "say by which names browsers know the dashboard"),
        (
            "dashboard.enabled=true,dashboard.config.hosts={a.example.com},dashboard.config.auth.writes=true",
            "for mode impersonate only: leave it out in mode viewer",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_sentence(values: str, sentence: str) -> None:
    assert sentence in helm.refused(f"--set={values}")


def test_what_no_program_would_understand_is_refused_with_its_place() -> None:
    """One rendering, because Helm tells everything that does not fit."""
    wrong = {
        "config.registries.default.uri=mlflow:5000": "at '/config/registries/default/uri': 'mlflow:5000' does not match",
        "config.registries.eu.url=https://mlflow": "at '/config/registries/eu': additional properties 'url' not allowed",
        "config.registries.-x.uri=https://mlflow": "at '/config/registries': additional properties '-x' not allowed",
        "config.workers=many": "at '/config/workers': got string, want integer",
        "config.signing.secret=key": "at '/config': additional properties 'signing' not allowed",
        "config.lease.namespace=other": "at '/config/lease': additional properties 'namespace' not allowed",
        "replicas=2": "at '': additional properties 'replicas' not allowed",
        "image.digest=latest": "at '/image/digest': 'latest' does not match",
        "dashboard.config.auth.mode=admin": "value must be one of 'viewer', 'bearer', 'impersonate'",
    }

    told = helm.refused(*(f"--set={value}" for value in wrong))

    assert [sentence for sentence in wrong.values() if sentence not in told] == [], told


def test_an_older_kubernetes_is_told_what_it_cannot_do() -> None:
    old = "--kube-version=1.35.0"

    assert "set admissionPolicy.signing to false" in helm.refused(old)
    kinds = {item["kind"] for item in rendered("minimal", old, "--set=admissionPolicy.signing=false")}
    assert "ValidatingAdmissionPolicy" in kinds
    assert "MutatingAdmissionPolicy" not in kinds
    assert "constrained impersonation" in helm.refused(
        old, "--set=admissionPolicy.signing=false", name="dashboard-impersonate"
    )
    assert "kubeVersion: >=1.30.0-0" in helm.refused("--kube-version=1.29.0")


def test_the_values_that_the_page_shows_are_taken(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n# values.yaml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "values.yaml"
    file.write_text(
        block.replace("<where you pushed it>", "registry.invalid/ml/modelalias"), encoding="utf-8"
    )

    done = helm.helm("template", str(helm.CHART), f"--values={file}")

    assert done.status == 0, done.errors
    assert f"image: registry.invalid/ml/modelalias:{declared(ROOT)}" in done.out


@pytest.mark.parametrize(
    ("values", "warned"),
    [("", False), ("--set=admissionPolicy.enabled=false", True)],
    ids=["with the policies", "without"],
)
def test_who_leaves_the_policies_out_is_told_that_no_approval_counts(values: str, warned: bool) -> None:
    words = ["--dry-run=client", f"--values={helm.values_file('minimal')}", *values.split()]

    told = helm.helm("install", "modelalias", str(helm.CHART), *words).out

    assert "modelalias promote churn-champion" in told
    assert ("APPROVALS COUNT FOR NOTHING" in told) is warned


def test_the_chart_is_lint_free() -> None:
    files = [f"--values={helm.values_file(name)}" for name in ("as-base", "everything")]

    for file in files:
        done = helm.helm("lint", "--strict", str(helm.CHART), file)
        assert done.status == 0, done.out + done.errors
