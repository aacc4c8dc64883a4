"""What is shipped in manifests/ and crds/ fits together."""

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.core import unsupported
from modelalias.kinds import KINDS
from modelalias.kinds.kind import VERBS
from modelalias.settings import load

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
EXAMPLES = sorted((MANIFESTS / "examples").glob("*.yaml"))
CONFIGURATIONS = sorted(MANIFESTS.glob("**/config.yaml"))

POLICY = "promotionrequests.modelalias.dev"
REBUILD = "kubectl kustomize manifests/base > manifests/install.yaml"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl builds the manifests")


def _built(folder: str) -> str:
    return subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS / folder)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def _pods(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in yaml.safe_load_all(text):
        if item["kind"] == "Deployment":
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]


@needs_kubectl
def test_install_file_is_what_the_base_builds() -> None:
    stored = (MANIFESTS / "install.yaml").read_text(encoding="utf-8")

    assert [*yaml.safe_load_all(stored)] == [*yaml.safe_load_all(_built("base"))], "run: " + REBUILD


@needs_kubectl
@pytest.mark.parametrize("folder", ["base", "overlays/demo"])
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

    assert settings.registries["default"].uri.startswith("http://mlflow.")
    assert settings.identity == "pod-1"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_understood_and_supported(path: Path) -> None:
    for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if body["kind"] == "ModelAlias":
            assert unsupported.in_alias(ModelAlias.model_validate(body).spec) == ()
        elif body["kind"] == "CronJob":
            assert body["spec"]["suspend"] is True
        else:
            assert PromotionRequest.model_validate(body).metadata.name


def test_the_operator_is_given_this_and_no_more() -> None:
    granted: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
    for role in yaml.safe_load_all((MANIFESTS / "base" / "operator-roles.yaml").read_text(encoding="utf-8")):
        for rule in role.get("rules", ()):
            for group, resource, name in product(
                rule["apiGroups"], rule["resources"], rule.get("resourceNames", [""])
            ):
                granted[role["kind"], group, resource, name] |= set(rule["verbs"])

    assert granted == {
        ("ClusterRole", "modelalias.dev", "modelaliases", ""): {"get", "list", "watch"},
        ("ClusterRole", "modelalias.dev", "promotionrequests", ""): {"get", "list", "watch", "delete"},
        ("ClusterRole", "modelalias.dev", "modelaliases/status", ""): {"patch"},
        ("ClusterRole", "modelalias.dev", "promotionrequests/status", ""): {"patch"},
        **{("ClusterRole", kind.resource.group, kind.resource.plural, ""): VERBS for kind in KINDS.values()},
        ("ClusterRole", "batch", "cronjobs", ""): {"get"},
        ("ClusterRole", "batch", "jobs", ""): {"get", "list", "watch", "create", "delete"},
        ("ClusterRole", "", "pods", ""): {"list"},
        ("ClusterRole", "", "pods/log", ""): {"get"},
        ("ClusterRole", "admissionregistration.k8s.io", "validatingadmissionpolicies", POLICY): {"get"},
        ("ClusterRole", "admissionregistration.k8s.io", "validatingadmissionpolicybindings", POLICY): {"get"},
        ("ClusterRole", "", "namespaces", "kube-system"): {"get"},
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
    for role in yaml.safe_load_all((MANIFESTS / "base" / "user-roles.yaml").read_text(encoding="utf-8")):
        for rule in role.get("rules", ()):
            if "modelaliases" in rule["resources"]:
                granted.setdefault(role["metadata"]["name"], set()).update(rule["verbs"])

    assert granted == {
        "modelalias-view": reading,
        "modelalias-edit": {"promote", "rollback"},
        "modelalias-approver": {*reading, "approve"},
        "modelalias-alias-owner": {*reading, *writing, "promote", "rollback"},
    }


def test_everybody_may_read_the_public_keys_and_nothing_else_of_the_operators() -> None:
    shipped = yaml.safe_load_all((MANIFESTS / "base" / "user-roles.yaml").read_text(encoding="utf-8"))
    everybodys = [item for item in shipped if item["kind"] != "ClusterRole"]

    role, binding = everybodys
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["modelalias-public-keys"],
            "verbs": ["get"],
        }
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [item["name"] for item in binding["subjects"]] == ["system:authenticated"]


def test_nobody_but_the_operator_is_given_a_status_and_it_only_its_own_secret() -> None:
    rules = [
        (role["metadata"]["name"], resource, tuple(rule.get("resourceNames", ())), tuple(rule["verbs"]))
        for path in ("operator-roles.yaml", "user-roles.yaml")
        for role in yaml.safe_load_all((MANIFESTS / "base" / path).read_text(encoding="utf-8"))
        for rule in role.get("rules", ())
        for resource in rule["resources"]
    ]

    assert {name for name, resource, *_ in rules if resource.endswith("/status")} == {"modelalias-operator"}
    assert [item for item in rules if item[1] in {"secrets", "*"}] == [
        ("modelalias-operator", "secrets", (), ("create",)),
        ("modelalias-operator", "secrets", ("modelalias-signing-key",), ("get",)),
    ]
