"""Who keeps an object: tools that apply what stands in Git would apply it again if it were deleted."""

from collections.abc import Iterable, Mapping
from typing import Final

from modelalias.api.metadata import Metadata

_TOOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "Argo CD": ("argocd.argoproj.io/", "app.kubernetes.io/instance"),
    "Flux": ("kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/"),
    "Helm": ("meta.helm.sh/", "helm.sh/"),
    "Config Sync": ("configsync.gke.io/", "configmanagement.gke.io/", "config.k8s.io/owning-inventory"),
    "kapp": ("kapp.k14s.io/",),
    "kubectl apply --prune": ("applyset.kubernetes.io/part-of",),
    "Fleet": ("objectset.rio.cattle.io/", "fleet.cattle.io/"),
}
"""How the keys of the labels and annotations begin by which a tool knows its objects."""


def tracker(metadata: Metadata) -> str | None:
    """Return the tool that keeps the object; None when there is none that is known."""
    keys = {*metadata.labels, *metadata.annotations}
    return next((tool for tool, marks in _TOOLS.items() if _any_begins(keys, marks)), None)


def _any_begins(keys: Iterable[str], marks: tuple[str, ...]) -> bool:
    return any(key.startswith(marks) for key in keys)
