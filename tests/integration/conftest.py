"""What the integration tests stand on: the CRDs in a running cluster and words to its API server."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_process import OperatorProcess, config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import Stage

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


@pytest.fixture
def stage(kubeconfig: str, namespace: str, kube_api: KubeApi) -> Stage:
    return Stage(kubeconfig, namespace, kube_api.who_am_i())


@pytest.fixture
def seeded(mlflow_server: Server) -> Seeding:
    return Seeding(mlflow_server.uri, f"churn-{secrets.token_hex(4)}")


@pytest.fixture
def operator(kubeconfig: str, namespace: str, mlflow_server: Server, tmp_path: Path) -> Iterator[OperatorProcess]:
    with running_operator(kubeconfig, config_for(namespace, mlflow_server.uri), tmp_path) as process:
        yield process
