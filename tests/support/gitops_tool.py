"""A tool that keeps a cluster as Git says: it applies the same manifests again and again, and looks for
drift."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.stage import VERSIONS, Object, Stage


class GitOps:
    """kubectl in a namespace, which applies in one of its two ways."""

    def __init__(self, stage: Stage, *flags: str) -> None:
        self._stage, self._flags = stage, flags

    def apply(self, *manifests: Object, force: bool = False, check: bool = True) -> str:
        """Apply, and return what kubectl says."""
        flags = (*self._flags, *(["--force-conflicts"] if force else []))
        return self._stage.kubectl("apply", *flags, "-f", "-", stdin=_list(manifests), check=check)

    def drift(self, *manifests: Object) -> str:
        """Return what `kubectl diff` shows, as the one who applied."""
        return self._stage.kubectl("diff", *self._flags, "-f", "-", stdin=_list(manifests), check=False)

    def settles(self, *manifests: Object) -> None:
        """Apply; there is nothing to change before and after, and `kubectl diff` ends with status 0."""
        diff = ("diff", *self._flags, "-f", "-")
        self._stage.kubectl(*diff, stdin=_list(manifests))
        self.apply(*manifests)
        self._stage.kubectl(*diff, stdin=_list(manifests))


def manifest(kind: str, name: str, spec: Object, **metadata: Mapping[str, str]) -> Object:
    """Write an object as it stands in Git; `metadata` are labels and annotations."""
    version = VERSIONS.get(kind, "modelalias.dev/v1alpha1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def deployment(name: str, image: str, *, replicas: int = 1, env: Sequence[Mapping[str, str]] = ()) -> Object:
    """Write a Deployment of one container that needs nothing else."""
    container: dict[str, Any] = {"name": "api", "image": image, "imagePullPolicy": "Never"}
    if env:
        container["env"] = [*env]
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return manifest(
        "Deployment",
        name,
        {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    )


def _list(manifests: Sequence[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*manifests]})
