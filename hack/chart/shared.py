"""The files that the chart wraps as they are: the kustomize base is the one place where they are written.

Helm reads nothing outside of a chart's folder, so they are copied into it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = "files"
MANIFESTS: Final = (
    "base/operator-roles.yaml",
    "base/user-roles.yaml",
    "base/policy.yaml",
    "base/alias-policy.yaml",
    "base/rules-policy.yaml",
    "base/lease-policy.yaml",
    "base/signing-policy.yaml",
    "components/alerts/rules.yaml",
    "components/dashboard/viewer/role-binding.yaml",
    "components/dashboard/impersonate/role.yaml",
    "components/dashboard/impersonate-writes/role.yaml",
    "components/grafana-dashboards/modelalias-aliases.json",
    "components/grafana-dashboards/modelalias-operator.json",
)
CRDS: Final = "crds/modelalias.dev_*.yaml"


def files(root: Path) -> Mapping[str, str]:
    """Return the text of each by its path in the chart's folder of files."""
    manifests = {name: root / "manifests" / name for name in MANIFESTS}
    crds = {f"crds/{path.name}": path for path in root.glob(CRDS)}
    return {name: path.read_text(encoding="utf-8") for name, path in {**manifests, **crds}.items()}
