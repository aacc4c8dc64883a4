"""Installing the CRDs that a recipe has built."""

import subprocess
import time
from pathlib import Path
from typing import Final

from hack.cluster.errors import ClusterError

ESTABLISHED_SECONDS: Final = 60.0
_PATIENCE: Final = 120.0


def install(kubeconfig: str, folder: Path) -> None:
    """Install the CRDs of a built recipe, and return once they are served.

    Raises:
        ClusterError: with what kubectl says.
    """
    files = [f"--filename={path}" for path in sorted(folder.glob("*-crd.yaml"))]
    # by the server, because they are too long for the annotation that a client keeps
    done = _kubectl(kubeconfig, "apply", "--server-side", "--force-conflicts", *files)
    if done.returncode != 0:
        raise ClusterError(done.stderr)
    deadline = time.monotonic() + ESTABLISHED_SECONDS
    while _kubectl(kubeconfig, "wait", "--for=condition=Established", "--timeout=5s", *files).returncode:
        if time.monotonic() > deadline:
            raise ClusterError(f"the CRDs of {folder.name} are not served")
        time.sleep(0.2)  # poll: kubectl does not wait for a CRD that has no conditions yet


def _kubectl(kubeconfig: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["kubectl", "--kubeconfig", kubeconfig, *arguments],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
