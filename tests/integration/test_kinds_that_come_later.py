"""An operator that runs before its CRDs are there, and while they are deleted and made anew.

The cluster is one of its own: everybody else needs the CRDs.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import CLUSTER_SECONDS, ROOT
from tests.support.installation import OUR_CRDS
from tests.support.kube_api import KubeApi
from tests.support.operator_process import OperatorProcess, config_for, running_operator
from tests.support.stage import Stage

SECONDS: Final = 30.0
"""Within which it has to notice; it takes some 5 of them on a machine with nothing else to do."""
GONE_SECONDS: Final = 100
"""The API server looks for a minute whether the objects are gone, and then tries again."""
NAMESPACE: Final = "team"
NOBODY: Final = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[str]:
    """A cluster without our CRDs, with a folder of a short name, as its sockets need one."""
    state = Path(tempfile.mkdtemp(prefix="ma-", dir="/tmp"))
    cluster = [sys.executable, "-m", "hack.cluster", "--state", str(state)]
    subprocess.run([*cluster, "up", "--provider", "simulated"], cwd=ROOT, check=True, timeout=CLUSTER_SECONDS)
    try:
        kubeconfig = str(state / "kubeconfig")
        KubeApi(kubeconfig).create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        yield kubeconfig
    finally:
        subprocess.run([*cluster, "down"], cwd=ROOT, check=True, timeout=CLUSTER_SECONDS)
        shutil.rmtree(state)


@pytest.fixture
def early(own_cluster: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator, whose registry nobody answers for: that is told of each ModelAlias as well."""
    with running_operator(own_cluster, config_for(NAMESPACE, NOBODY), tmp_path) as process:
        yield process
        process.kill()  # asked to end while it waits to try a watch again, Kopf ends only after the wait


def test_crds_that_come_after_the_operator_and_are_made_anew(
    early: OperatorProcess, own_cluster: str
) -> None:
    stage = Stage(own_cluster, NAMESPACE, KubeApi(own_cluster).who_am_i())
    crds = [f"--filename={file}" for file in sorted((ROOT / "crds").glob("modelalias.dev_*.yaml"))]
    names = [f"customresourcedefinition/{name}" for name in OUR_CRDS]
    assert "modelaliases" not in stage.kubectl("api-resources", "-o", "name", check=False)

    for name in ("first", "again", "once-more"):
        stage.kubectl("apply", "--server-side", *crds)
        stage.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
        stage.apply("ModelAlias", name, {"model": "churn", "alias": "champion"})
        stage.until(
            "modelalias", name, lambda it: it.get("status", {}).get("phase") is not None, "seen", SECONDS
        )
        _delete(stage, names)

        early.assert_runs()


def _delete(stage: Stage, names: Sequence[str]) -> None:
    """Delete CRDs with their objects; where that takes long, fail with what the API server says of them."""
    stage.kubectl("delete", "--wait=false", *names)
    gone = stage.kubectl("wait", "--for=delete", f"--timeout={GONE_SECONDS}s", *names, check=False)
    left = stage.kubectl("get", "--ignore-not-found", "-o", "yaml", *names)
    assert not left, f"{gone}\n{left}"
