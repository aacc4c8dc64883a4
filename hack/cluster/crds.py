"""Installing the CRDs that a recipe has built."""

import time
from pathlib import Path
from typing import Final

from hack.cluster.errors import ClusterError
from hack.cluster.kubectl import kubectl

ESTABLISHED_SECONDS: Final = 60.0


def install(kubeconfig: str, folder: Path) -> None:
    """Install the CRDs of a built recipe, and return once they are served.

    Raises:
        ClusterError: with what kubectl says.
    """
    files = [f"--filename={path}" for path in sorted(folder.glob("*-crd.yaml"))]
    # by the server, because they are too long for the annotation that a client keeps
    done = kubectl(kubeconfig, "apply", "--server-side", "--force-conflicts", *files)
    if done.returncode != 0:
        raise ClusterError(done.stderr)
    deadline = time.monotonic() + ESTABLISHED_SECONDS
    while kubectl(kubeconfig, "wait", "--for=condition=Established", "--timeout=5s", *files).returncode:
        if time.monotonic() > deadline:
            raise ClusterError(f"the CRDs of {folder.name} are not served")
        time.sleep(0.2)  # poll: kubectl does not wait for a CRD that has no conditions yet
