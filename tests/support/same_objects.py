"""What two tools make of one source, in a form in which it can be compared."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from modelalias.settings import Settings
from modelalias.web.config import DashboardConfig

Object = Mapping[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace, name."""

CHART_LABELS: Final = frozenset(
    {
        "app.kubernetes.io/instance",
        "app.kubernetes.io/managed-by",
        "app.kubernetes.io/version",
        "helm.sh/chart",
    }
)
# kustomize ends the names of ConfigMaps in a hash of their content, Helm's pods have it in an annotation
_HASHED: Final = re.compile(r"\b(modelalias-(?:config|dashboard))-[a-z0-9]{10}\b")
_CHART_ANNOTATIONS: Final = frozenset({"helm.sh/resource-policy", "checksum/config"})
_SPOKEN: Final = frozenset({"expression", "messageExpression"})


def of_kustomize(text: str) -> str:
    """Return what kustomize built with the plain names of ConfigMaps."""
    return _HASHED.sub(r"\1", text)


def by_key(objects: Iterable[Object]) -> Mapping[Key, Object]:
    """Return each object by what it is called, without what differs although nothing is different."""
    return {key(item): _plain(item) for item in objects if item["kind"] != "Namespace"}


def key(item: Object) -> Key:
    """Return what an object is called."""
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def without_labels(objects: Mapping[Key, Object]) -> Mapping[Key, Object]:
    """Leave out the labels of the objects themselves."""
    return {
        name: {**item, "metadata": {key: part for key, part in item["metadata"].items() if key != "labels"}}
        for name, item in objects.items()
    }


def _plain(item: Object) -> Object:
    folded: dict[str, Any] = _folded(item)
    if item["kind"] == "ConfigMap":
        folded["data"] = {name: _configuration(name, text) for name, text in item["data"].items()}
    return folded


def _folded(node: Any) -> Any:
    """Fold the white space of CEL, into which kustomize puts blank lines, and leave out what marks a chart."""
    if isinstance(node, list):
        return [_folded(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    kept: dict[str, Any] = {}
    for name, item in node.items():
        if name == "ports" and item == []:
            continue  # what kustomize leaves of a list whose last entry a patch has deleted
        if name in _SPOKEN:
            kept[name] = " ".join(item.split())
        elif name == "annotations" and isinstance(item, Mapping):
            if rest := {key: text for key, text in item.items() if key not in _CHART_ANNOTATIONS}:
                kept[name] = rest
        elif name == "labels" and isinstance(item, Mapping):
            kept[name] = {key: text for key, text in item.items() if key not in CHART_LABELS}
        else:
            kept[name] = _folded(item)
    return kept


def _configuration(name: str, text: str) -> Settings | DashboardConfig | str:
    if name == "config.yaml":
        return Settings.model_validate(yaml.safe_load(text))
    return DashboardConfig.model_validate(yaml.safe_load(text)) if name == "dashboard.yaml" else text
