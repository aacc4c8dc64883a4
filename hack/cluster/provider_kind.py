"""kind: Kubernetes in Docker, where a Docker daemon answers. Only the few commands of its own program."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hack.cluster import recipes, record
from hack.cluster.build import built
from hack.cluster.errors import ClusterError
from hack.cluster.layout import Layout
from hack.cluster.processes import boot_id
from hack.cluster.provider import Kind
from hack.cluster.record import Record

CLUSTER: Final = "modelalias"
# The node image that kind 0.32.0 names for itself.
NODE_IMAGE: Final = (
    "kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
)
DOCKER_SECONDS: Final = 10.0


@dataclass(frozen=True)
class KindProvider:
    """Drive the program `kind` from PATH, or the one built here where it is missing."""

    layout: Layout
    kind: Kind = Kind.KIND
    real_pods: bool = True

    def build(self) -> None:
        """Build kind, unless it is installed."""
        _program()

    def up(self) -> None:
        """Create the cluster."""
        record.write(self.layout, Record(self.kind, boot_id()))
        _kind(
            "create",
            "cluster",
            "--name",
            CLUSTER,
            "--kubeconfig",
            str(self.layout.kubeconfig),
            "--image",
            NODE_IMAGE,
            "--wait",
            "120s",
        )

    def down(self) -> None:
        """Delete the cluster; kind does not mind when there is none."""
        _kind("delete", "cluster", "--name", CLUSTER, "--kubeconfig", str(self.layout.kubeconfig))

    def load(self, archive: Path) -> None:
        """Hand an archive to the cluster's node."""
        _kind("load", "image-archive", str(archive), "--name", CLUSTER)

    def running(self) -> bool:
        """Look for the cluster in kind's own list."""
        return self.layout.kubeconfig.exists() and CLUSTER in _kind("get", "clusters").split()


def docker_answers() -> bool:
    """Tell whether a Docker daemon answers, soon."""
    try:
        done = subprocess.run(["docker", "info"], check=False, capture_output=True, timeout=DOCKER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _program() -> str:
    return shutil.which("kind") or str(built(recipes.KIND) / "kind")


def _kind(*words: str) -> str:
    """Run kind; what it tells a person goes to standard error, its answer is returned."""
    done = subprocess.run([_program(), *words], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise ClusterError(f"`kind {' '.join(words)}` failed with exit code {done.returncode}")
    return done.stdout
