"""What is shipped for k9s and kustomize."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from modelalias.api.crds import KINDS
from modelalias.cli.main import parser
from tests.support.quick_yaml import documents
from tests.support.shipped_monitoring import ROOT

CONTRIB: Final = ROOT / "contrib"
SCOPES: Final = {kind.plural for kind in KINDS}
NEEDED: Final = {"shortCut", "description", "scopes", "command"}
MAY_HAVE: Final = NEEDED | {"confirm", "dangerous", "background", "args"}
TAKEN: Final = set(":/?dey")
"""Keys that k9s has in every view of objects."""
NAMES: Final = CONTRIB / "kustomize" / "name-references.yaml"


def _read(*path: str) -> Any:
    (body,) = documents((CONTRIB.joinpath(*path)).read_text(encoding="utf-8"))
    return body


PLUGINS: Final[Mapping[str, Mapping[str, Any]]] = _read("k9s", "plugins.yaml")["plugins"]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_of_k9s_runs_a_command_that_there_is(name: str) -> None:
    plugin = PLUGINS[name]
    command = re.match(r"kubectl (modelalias [^|;]*)", plugin["args"][1])

    assert NEEDED <= set(plugin) <= MAY_HAVE
    assert set(plugin["scopes"]) <= SCOPES
    assert (plugin["command"], plugin["args"][0]) == ("bash", "-c")
    assert command is not None
    words = shlex.split(command[1])[1:]
    assert callable(parser().parse_args(words).run)
    assert words[1:] == ["$NAME", "--context", "$CONTEXT", "-n", "$NAMESPACE"]


def test_keys_of_k9s_are_free_and_given_once() -> None:
    keys = [(scope, plugin["shortCut"]) for plugin in PLUGINS.values() for scope in plugin["scopes"]]

    assert len(keys) == len(set(keys))
    assert not {key for _, key in keys} & TAKEN


@pytest.mark.parametrize("resource", _read("k9s", "views.yaml")["views"])
def test_a_view_of_k9s_shows_columns_that_there_are(resource: str) -> None:
    view = _read("k9s", "views.yaml")["views"][resource]
    (kind,) = (kind for kind in KINDS if resource == f"modelalias.dev/v1alpha1/{kind.plural}")
    there = {"NAMESPACE", "NAME", *(column.name.upper() for column in kind.columns)}

    assert set(view) <= {"columns", "sortColumn"}
    assert set(view["columns"]) <= there
    assert view.get("sortColumn", "NAME:asc").split(":")[0] in view["columns"]


def _object(version: str, kind: str, name: str, **spec: Any) -> Mapping[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


OURS: Final = "modelalias.dev/v1alpha1"
WORKLOADS: Final = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Rollout": "argoproj.io/v1alpha1",
    "InferenceService": "serving.kserve.io/v1beta1",
}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl has kustomize in it")
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

    done = subprocess.run(
        ["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    built = {body["kind"]: body["spec"] for body in documents(done.stdout)}
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
