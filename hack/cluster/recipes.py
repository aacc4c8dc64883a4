"""What is built from Go modules.

Each recipe is a module of this folder and programs that come out of it. Kubernetes and the name server share
a module: at the same versions, Go compiles their common packages once.
"""

import hashlib
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.cluster import pause_image
from hack.cluster.layout import SOURCES

KUBERNETES: Final = "1.36.3"
_VERSION: Final = "k8s.io/component-base/version"


def _nothing(_go: Path, _environ: Mapping[str, str], _built: Path) -> None:
    """Leave the built programs as they are."""


@dataclass(frozen=True)
class Recipe:
    """Name a Go module's folder, its main packages, and a last step after `go build`.

    `means` is what a person calls it; `seconds` is what it takes as a rule on two cores, when nothing is
    cached.
    """

    name: str
    means: str
    seconds: float
    packages: tuple[str, ...] = (".",)
    module: str = ""
    settings: tuple[str, ...] = ()
    finish: Callable[[Path, Mapping[str, str], Path], None] = _nothing

    @property
    def folder(self) -> Path:
        """Where its go.mod stands."""
        return SOURCES / (self.module or self.name)

    @property
    def go_version(self) -> tuple[int, ...]:
        """The oldest Go that its go.mod takes."""
        lines = (self.folder / "go.mod").read_text().splitlines()
        return parse_version(next(line for line in lines if line.startswith("go ")).removeprefix("go "))

    def fingerprint(self) -> str:
        """Tell two states of the recipe apart: sources, versions, settings and the kind of machine."""
        digest = hashlib.sha256(
            f"{platform.system()} {platform.machine()} {self.packages} {self.settings}".encode()
        )
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in {".go", ".mod", ".sum"}:
                digest.update(f"\n{path.relative_to(self.folder)}\n".encode() + path.read_bytes())
        return digest.hexdigest()[:16]


def parse_version(text: str) -> tuple[int, ...]:
    """Read `1.26.6` as numbers; what follows a release number (`rc1`) is dropped."""
    parts = []
    for part in text.strip().removeprefix("go").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)


def _add_pause_image(_go: Path, _environ: Mapping[str, str], built: Path) -> None:
    pause_image.write(built / "pause", built / "pause.tar")


def _add_stages(go: Path, environ: Mapping[str, str], built: Path) -> None:
    """Copy kwok's own quick stages of nodes and pods into one configuration file."""
    stages = _module_folder(go, environ, KWOK.folder, "sigs.k8s.io/kwok") / "kustomize" / "stage"
    files = [
        path for kind in ("node", "pod") for path in sorted((stages / kind / "fast").glob(f"{kind}-*.yaml"))
    ]
    (built / "stages.yaml").write_text("\n---\n".join(path.read_text() for path in files))


def _add_crds_of_argo(go: Path, environ: Mapping[str, str], built: Path) -> None:
    """Copy the CRDs that the controller watches."""
    module = _module_folder(go, environ, ROLLOUTS.folder, "github.com/argoproj/argo-rollouts")
    for path in sorted((module / "manifests" / "crds").glob("*-crd.yaml")):
        shutil.copyfile(path, built / path.name)


def _add_crd_of_kserve(go: Path, environ: Mapping[str, str], built: Path) -> None:
    """Copy the CRD of InferenceService out of KServe's module, whose dependencies are left alone."""
    name = "github.com/kserve/kserve"
    command = [str(go), "mod", "download", name]
    subprocess.run(command, cwd=KSERVE.folder, env=environ, check=True, capture_output=True)
    crds = _module_folder(go, environ, KSERVE.folder, name) / "config" / "crd" / "full"
    shutil.copyfile(crds / "serving.kserve.io_inferenceservices.yaml", built / "inferenceservice-crd.yaml")


def _add_crds_of_gateway_api(go: Path, environ: Mapping[str, str], built: Path) -> None:
    """Copy those CRDs of the standard channel that Traefik watches: it serves no route while one is missing."""
    name = "sigs.k8s.io/gateway-api"
    command = [str(go), "mod", "download", name]
    subprocess.run(command, cwd=GATEWAY.folder, env=environ, check=True, capture_output=True)
    crds = _module_folder(go, environ, GATEWAY.folder, name) / "config" / "crd" / "standard"
    for plural in GATEWAY_KINDS:
        shutil.copyfile(crds / f"gateway.networking.k8s.io_{plural}.yaml", built / f"{plural}-crd.yaml")


def _add_crds_of_monitoring(go: Path, environ: Mapping[str, str], built: Path) -> None:
    """Copy the CRDs of which we ship objects out of the Prometheus Operator's module."""
    name = "github.com/prometheus-operator/prometheus-operator"
    command = [str(go), "mod", "download", name]
    subprocess.run(command, cwd=MONITORING.folder, env=environ, check=True, capture_output=True)
    crds = _module_folder(go, environ, MONITORING.folder, name) / "example" / "prometheus-operator-crd"
    for plural in ("prometheusrules", "servicemonitors"):
        shutil.copyfile(crds / f"monitoring.coreos.com_{plural}.yaml", built / f"{plural}-crd.yaml")


def _module_folder(go: Path, environ: Mapping[str, str], folder: Path, module: str) -> Path:
    """Find where Go keeps the files of a module that the go.mod of this folder names."""
    command = [str(go), "list", "-m", "-f", "{{.Dir}}", module]
    found = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True)
    return Path(found.stdout.strip())


KUBE: Final = Recipe(
    "kube",
    "Kubernetes",
    330,
    settings=(
        f"-X {_VERSION}.gitVersion=v{KUBERNETES}",
        f"-X {_VERSION}.gitMajor={KUBERNETES.split('.')[0]}",
        f"-X {_VERSION}.gitMinor={KUBERNETES.split('.')[1]}",
    ),
)
NODE: Final = Recipe(
    "node",
    "the name server",
    15,
    packages=("./dns", "./pause"),
    module="kube",
    finish=_add_pause_image,
)
KWOK: Final = Recipe(
    "kwok", "simulated nodes", 60, packages=("sigs.k8s.io/kwok/cmd/kwok",), finish=_add_stages
)
KIND: Final = Recipe("kind", "kind", 20, packages=("sigs.k8s.io/kind",))
ROLLOUTS: Final = Recipe(
    "rollouts",
    "Argo Rollouts",
    180,
    packages=("github.com/argoproj/argo-rollouts/cmd/rollouts-controller",),
    finish=_add_crds_of_argo,
)
KSERVE: Final = Recipe("kserve", "KServe's CRD", 10, packages=(), finish=_add_crd_of_kserve)
"""Only the CRD of its InferenceService: nothing of KServe is compiled."""
GATEWAY: Final = Recipe(
    "gateway", "the CRDs of the Gateway API", 10, packages=(), finish=_add_crds_of_gateway_api
)
GATEWAY_KINDS: Final = (
    "backendtlspolicies",
    "gatewayclasses",
    "gateways",
    "grpcroutes",
    "httproutes",
    "referencegrants",
    "tlsroutes",
)

MONITORING: Final = Recipe(
    "monitoring", "the CRDs of the Prometheus Operator", 10, packages=(), finish=_add_crds_of_monitoring
)

ACTIONLINT: Final = Recipe(
    "actionlint", "actionlint", 20, packages=("github.com/rhysd/actionlint/cmd/actionlint",)
)
"""What `make lint` checks workflows with; it stands here because it is built as the others are."""

HELM: Final = Recipe("helm", "Helm", 120, packages=("helm.sh/helm/v4/cmd/helm",))
"""What installs the chart. Its modules are pinned to those of Kubernetes wherever Helm takes these, so that most of it is
compiled already."""

EXTRAS: Final = {recipe.name: recipe for recipe in (ROLLOUTS, KSERVE, GATEWAY, MONITORING, ACTIONLINT, HELM)}
"""What no cluster needs to come up, and some tests do."""
