"""What the integration tests stand on: the CRDs in a running cluster and words to its API server."""

import subprocess
from pathlib import Path

import pytest

from tests.support.kube_api import KubeApi

ROOT = Path(__file__).parents[2]
CRDS = ("modelaliases.modelalias.dev", "promotionrequests.modelalias.dev")


@pytest.fixture(scope="session")
def crds_installed(kubeconfig: str) -> None:
    """Apply crds/ as an installation does, and wait until both kinds are served."""
    kubectl = ["kubectl", "--kubeconfig", kubeconfig]
    subprocess.run([*kubectl, "apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds")], check=True, timeout=60)
    names = [f"crd/{name}" for name in CRDS]
    subprocess.run([*kubectl, "wait", "--for=condition=Established", "--timeout=60s", *names], check=True, timeout=90)


@pytest.fixture(scope="session")
def kube_api(kubeconfig: str, crds_installed: None) -> KubeApi:  # noqa: ARG001 - the kinds must be served
    return KubeApi(kubeconfig)
