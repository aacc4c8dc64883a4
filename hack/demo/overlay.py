"""The kustomization that is applied.

The demonstration's own, with the versions of act 0 and the images of today.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
OVERLAY: Final = ROOT / "manifests" / "overlays" / "demo"
NAMESPACE: Final = "modelalias-demo"
OPERATOR: Final = ROOT / "manifests" / "overlays" / "local"
SYSTEM: Final = "modelalias-system"
INSTALLED: Final = "modelalias.dev/installed-from"
"""The annotation of the operator's Deployment that says from which image and manifests it was installed."""
_STORE: Final = "mlflow-store"
_CONFIG: Final = "config.yaml"
_LARGEST: Final = 1_000_000
"""A ConfigMap takes 1 MiB; the store is a twentieth of it."""


def write(folder: Path, store: Path, operator_archive: Path, prometheus: str | None = None) -> Path:
    """Write the kustomization and return its folder.

    The store goes into the cluster as a ConfigMap, which every cluster takes, and the MLflow server's pod
    unpacks it into its volume before the server starts. `prometheus` is the address of the one
    that monitors ask.
    """
    if store.stat().st_size > _LARGEST:
        raise ValueError(f"{store} has {store.stat().st_size} bytes, too many for a ConfigMap")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(store, folder / store.name)
    config = [] if prometheus is None else [_configured(folder, prometheus)]
    patches = (_unpacking(store.name), annotated(operator_digest(operator_archive)), _not_yet_serving())
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(OVERLAY, folder)],
        "configMapGenerator": [{"name": _STORE, "namespace": NAMESPACE, "files": [store.name]}, *config],
        "patches": [{"patch": json.dumps(patch)} for patch in patches],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization, indent=1), encoding="utf-8")
    return folder


def _configured(folder: Path, prometheus: str) -> Mapping[str, Any]:
    """Write the demonstration's configuration with a Prometheus, and return what generates it in place of its own."""
    shipped = (OPERATOR / _CONFIG).read_text(encoding="utf-8")
    asked = json.dumps({"uri": prometheus})  # JSON is YAML
    # what is shipped ends with those that are asked
    (folder / _CONFIG).write_text(f"{shipped}  default: {asked}\n", encoding="utf-8")
    return {"name": "modelalias-config", "namespace": SYSTEM, "behavior": "replace", "files": [_CONFIG]}


def _unpacking(store: str) -> Mapping[str, Any]:
    container = {
        "name": "store",
        "image": "localhost/modelalias/serving:dev",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "tarfile", "-e", f"/given/{store}", "/data"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "given", "mountPath": "/given"}, {"name": "data", "mountPath": "/data"}],
    }
    given = {"name": "given", "configMap": {"name": _STORE}}
    return _deployment("mlflow", NAMESPACE, {"spec": {"initContainers": [container], "volumes": [given]}})


def operator_digest(archive: Path) -> str:
    """Return a digest of the operator's image and of the manifests that install it."""
    found = hashlib.sha256()
    manifests = (ROOT / "crds", ROOT / "manifests" / "base", OPERATOR)
    for file in (archive, *sorted(file for folder in manifests for file in folder.iterdir())):
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def annotated(digest: str) -> Mapping[str, Any]:
    """Return the patch of the operator's Deployment that tells another installation from this one.

    The tag of the image is always the same: another digest rolls the pods.
    """
    body = _deployment("modelalias-operator", SYSTEM, {"metadata": {"annotations": {INSTALLED: digest}}})
    return {**body, "metadata": {**body["metadata"], "annotations": {INSTALLED: digest}}}


def _not_yet_serving() -> Mapping[str, Any]:
    """Leave the processor to MLflow until it is up.

    Pods that cannot find it would only be started again and again.
    """
    name = {"name": "churn-api", "namespace": NAMESPACE}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": {"replicas": 0}}


def _deployment(name: str, namespace: str, template: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": template},
    }
