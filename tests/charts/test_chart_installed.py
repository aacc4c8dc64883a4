"""The chart on a real API server: what it makes is valid, and a release comes, changes and goes without harm to any alias."""

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack.cluster import crds, recipes
from hack.cluster.build import built
from hack.release.version import declared
from tests.support import helm, operator_account
from tests.support.installation import OUR_CRDS
from tests.support.kube_api import GROUP, KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_process import OperatorProcess, running
from tests.support.seeding import Seeding
from tests.support.stage import Stage

RELEASE = "modelalias"
TEAM = "ml"
ALIAS = "churn-champion"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
IN_HOME = f"/api/v1/namespaces/{helm.HOME}"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{helm.HOME}/deployments/modelalias-operator"


@pytest.fixture(scope="module")
def api(own_kubeconfig: str) -> KubeApi:
    return KubeApi(own_kubeconfig)


@pytest.fixture
def seeded(mlflow_server: Server) -> Iterator[Seeding]:
    seeding = Seeding(mlflow_server.uri, f"churn-{secrets.token_hex(4)}")
    yield seeding
    seeding.remove()


@pytest.fixture
def unreleased(own_kubeconfig: str) -> Iterator[None]:
    """No release is left for the next test, however this one ends."""
    yield
    helm.helm(
        "uninstall", RELEASE, f"--namespace={helm.HOME}", "--ignore-not-found", kubeconfig=own_kubeconfig
    )


@pytest.fixture
def older_chart(tmp_path: Path) -> Path:
    """The chart as a release before might have been: another CRD, other rights."""
    folder = tmp_path / "older"
    shutil.copytree(helm.CHART, folder)
    _edit(folder / "Chart.yaml", f"\nversion: {declared(helm.ROOT)}", "\nversion: 0.0.9")
    crd = folder / "files" / "crds" / "modelalias.dev_modelaliases.yaml"
    _edit(crd, "    - malias\n", "    - older\n")
    _edit(folder / "files" / "base" / "operator-roles.yaml", "  resources: [events]", "  resources: [older]")
    return folder


def _edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text, before
    path.write_text(text.replace(before, after), encoding="utf-8")


def _helm(kubeconfig: str, *words: str) -> helm.Done:
    done = helm.helm(*words, kubeconfig=kubeconfig)
    assert done.status == 0, f"{words}: {done.out}{done.errors}"
    return done


def test_everything_that_the_chart_can_make_is_valid(own_kubeconfig: str, api: KubeApi) -> None:
    for recipe in (recipes.GATEWAY, recipes.MONITORING):
        crds.install(own_kubeconfig, built(recipe))
    for name in (helm.HOME, "monitoring"):
        assert api.create("/api/v1/namespaces", {"metadata": {"name": name}}).code in {201, 409}
    others = {"PodMonitor"}  # the recipe has the CRDs of what manifests/ has
    made = {
        json.dumps(item) for name in helm.VALUES for item in helm.rendered(name) if item["kind"] not in others
    }
    items = [_in_home(json.loads(item)) for item in sorted(made)]

    command = [
        "kubectl",
        f"--kubeconfig={own_kubeconfig}",
        "apply",
        "--server-side",
        "--dry-run=server",
        "--validate=strict",
    ]
    done = subprocess.run(
        [*command, "--filename=-"],
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(server dry run)") == len(made)


def _in_home(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say where Helm puts what has no namespace."""
    return {**item, "metadata": {"namespace": helm.HOME, **item["metadata"]}}


@pytest.mark.usefixtures("unreleased")
def test_a_release_comes_changes_and_goes_and_no_alias_is_moved_for_it(
    own_kubeconfig: str,
    api: KubeApi,
    mlflow_server: Server,
    seeded: Seeding,
    older_chart: Path,
    tmp_path: Path,
) -> None:
    where = f"--namespace={helm.HOME}"
    values = f"--set=config.registries.default.uri={mlflow_server.uri},config.registries.default.snapshotInterval=2s"
    told = _helm(
        own_kubeconfig, "install", RELEASE, str(older_chart), where, "--create-namespace", values
    ).out
    first = api.send("GET", DEPLOYMENT).body
    stage = _stage(own_kubeconfig, api)
    assert "Its image is at no registry" in told

    _helm(own_kubeconfig, "upgrade", RELEASE, str(helm.CHART), where, values)

    assert api.send("GET", f"{CRDS}/modelaliases.modelalias.dev").body["spec"]["names"]["shortNames"] == [
        "malias"
    ]
    assert api.send("GET", DEPLOYMENT).body["spec"]["template"] == first["spec"]["template"], "nothing rolls"
    kubeconfig = operator_account.as_installed(own_kubeconfig, tmp_path)
    for auc in (0.8, 0.9):
        seeded.version(val_auc=auc)
    first_operator = _operator(api, kubeconfig, tmp_path / "first")
    with running(first_operator):
        gate = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7}
        _until_taken(api, stage.namespace)
        stage.apply(
            "ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": {"gates": [gate]}}
        )
        stage.request("v1", ALIAS, source={"version": "1"})
        assert stage.complete("v1")["phase"] == "Succeeded"
    moved = stage.status("modelalias", ALIAS)

    _helm(
        own_kubeconfig,
        "upgrade",
        RELEASE,
        str(helm.CHART),
        where,
        values,
        "--set=config.workers=4,replicaCount=2",
    )

    changed = api.send("GET", DEPLOYMENT).body
    assert changed["spec"]["replicas"] == 2
    assert changed["metadata"]["generation"] > first["metadata"]["generation"]
    assert changed["spec"]["template"] != first["spec"]["template"], "the operator rolls"
    second_operator = _operator(api, kubeconfig, tmp_path / "second", workers=4)
    with running(second_operator):
        stage.request("v2", ALIAS, source={"version": "2"})
        assert stage.complete("v2")["phase"] == "Succeeded"
    last = stage.status("modelalias", ALIAS)
    assert [entry["to"] for entry in last["history"]] == ["1", "2"], "nothing is done twice"
    assert last["history"][:1] == moved["history"]
    assert not [*first_operator.refused(), *second_operator.refused()], "the roles grant what it asked for"

    second = helm.helm(
        "install", "second", str(helm.CHART), "--namespace=default", values, kubeconfig=own_kubeconfig
    )
    assert second.status != 0
    assert f"already, as the release {RELEASE} in namespace {helm.HOME}" in second.errors

    _helm(own_kubeconfig, "uninstall", RELEASE, where)

    assert stage.status("modelalias", ALIAS) == last
    assert seeded.client.get_model_version_by_alias(seeded.model, "champion").version == "2"
    assert all(api.send("GET", f"{CRDS}/{name}").ok for name in OUR_CRDS)
    assert api.send("GET", f"{ROLES}/modelalias-operator").code == 404
    assert (
        api.send("GET", f"{ADMISSION}/validatingadmissionpolicies/promotionrequests.modelalias.dev").code
        == 404
    )
    assert api.send("GET", DEPLOYMENT).code == 404
    assert api.send("GET", f"{IN_HOME}/secrets/modelalias-signing-key").ok, (
        "who comes back signs with the same key"
    )


@pytest.mark.usefixtures("unreleased")
def test_an_installation_by_kustomize_is_taken_over(own_kubeconfig: str, api: KubeApi) -> None:
    base = str(helm.ROOT / "manifests" / "base")
    done = subprocess.run(
        [
            "kubectl",
            f"--kubeconfig={own_kubeconfig}",
            "apply",
            "--server-side",
            "--force-conflicts",
            f"--kustomize={base}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    uid = api.send("GET", DEPLOYMENT).body["metadata"]["uid"]
    words = (
        "install",
        RELEASE,
        str(helm.CHART),
        f"--namespace={helm.HOME}",
        f"--values={helm.values_file('as-base')}",
    )

    alone = helm.helm(*words, kubeconfig=own_kubeconfig)
    taken = helm.helm(*words, "--take-ownership", "--force-conflicts", kubeconfig=own_kubeconfig)

    assert alone.status != 0
    assert "invalid ownership metadata" in alone.errors
    assert taken.status == 0, taken.errors
    found = api.send("GET", DEPLOYMENT).body
    assert found["metadata"]["uid"] == uid
    assert found["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"


def _stage(kubeconfig: str, api: KubeApi) -> Stage:
    assert api.create("/api/v1/namespaces", {"metadata": {"name": TEAM}}).ok
    return Stage(kubeconfig, TEAM, api.who_am_i())


def _operator(api: KubeApi, kubeconfig: str, folder: Path, **expected: Any) -> OperatorProcess:
    """An operator with the configuration that its pod would have."""
    folder.mkdir()
    stored = api.send("GET", f"{IN_HOME}/configmaps/modelalias-config").body
    config: Mapping[str, Any] = yaml.safe_load(stored["data"]["config.yaml"])
    assert expected.items() <= config.items()
    return OperatorProcess(kubeconfig, config, folder)


def _until_taken(api: KubeApi, namespace: str) -> None:
    """Wait until new objects of both kinds are taken: after a change of a CRD they are refused for a moment.

    The kind is served before admission knows it: https://github.com/kubernetes/kubernetes, ServiceUnavailable of
    apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go.
    """
    deadline = time.monotonic() + 60
    specs = {
        ("ModelAlias", "modelaliases"): {"model": "churn", "alias": "champion"},
        ("PromotionRequest", "promotionrequests"): {"aliasRef": {"name": ALIAS}, "source": {"version": "1"}},
    }
    for (kind, plural), spec in specs.items():
        body = {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": "taken"},
            "spec": spec,
        }
        while not (answer := api.create(f"{GROUP}/namespaces/{namespace}/{plural}", body, dry_run=True)).ok:
            assert time.monotonic() < deadline, f"not within 60 s: a new {kind} is taken: {answer.message}"
            time.sleep(0.1)  # poll
