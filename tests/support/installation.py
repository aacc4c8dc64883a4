"""What the tests install for the whole cluster, as it is shipped: the CRDs, the roles, the operator's account
and the admission policy.

Workers that run side by side share it, so it is installed by one at a time and stays. No test changes it: one
that needs a role or a policy to be otherwise makes a copy under a name of its own (`operator_account.Copy`).
"""

import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.support.kube_api import GROUP, KubeApi
from tests.support.whole_run import locked

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = ROOT / "manifests" / "base"
OUR_CRDS: Final = ("modelaliases.modelalias.dev", "promotionrequests.modelalias.dev")
POLICY: Final = "promotionrequests.modelalias.dev"
WAIT_SECONDS: Final = 60.0
KUBECTL_SECONDS: Final = 90.0
_PROBE: Final[Mapping[str, Any]] = {
    "apiVersion": "modelalias.dev/v1alpha1",
    "kind": "PromotionRequest",
    "metadata": {"name": "probe"},
    "spec": {"aliasRef": {"name": "probe"}, "source": {"version": "1"}, "requestedBy": "somebody-else"},
}


@cache
def install_crds(kubeconfig: str) -> None:
    """Apply crds/ and wait until both kinds are served, once for each process."""
    with locked(_lock(kubeconfig)):
        _apply(kubeconfig, ROOT / "crds")
        wait = ("wait", "--for=condition=Established", f"--timeout={WAIT_SECONDS:g}s")
        _kubectl(kubeconfig, *wait, *(f"customresourcedefinition/{name}" for name in OUR_CRDS))


@cache
def install_account(kubeconfig: str) -> None:
    """Apply the operator's account and its roles, once for each process."""
    with locked(_lock(kubeconfig)):
        _apply(
            kubeconfig,
            *(BASE / name for name in ("namespace.yaml", "service-account.yaml", "operator-roles.yaml")),
        )


@cache
def install_policy(kubeconfig: str) -> None:
    """Apply the roles of people and the admission policy, and wait until it is asked, once for each process."""
    install_crds(kubeconfig)
    api = KubeApi(kubeconfig)
    with locked(_lock(kubeconfig)):
        _apply(kubeconfig, *(BASE / name for name in ("namespace.yaml", "user-roles.yaml", "policy.yaml")))
        deadline = time.monotonic() + WAIT_SECONDS
        path = f"{GROUP}/namespaces/default/promotionrequests"
        while POLICY not in (answer := api.create(path, _PROBE, dry_run=True)).message:
            assert time.monotonic() < deadline, (
                f"not within {WAIT_SECONDS:g} s: the policy is asked: {answer}"
            )
            time.sleep(0.2)  # poll


def _lock(kubeconfig: str) -> Path:
    return Path(kubeconfig).with_name("installation.lock")


def _apply(kubeconfig: str, *files: Path) -> None:
    _kubectl(
        kubeconfig, "apply", "--server-side", "--force-conflicts", *(f"--filename={file}" for file in files)
    )


def _kubectl(kubeconfig: str, *arguments: str) -> None:
    command = ["kubectl", "--kubeconfig", kubeconfig, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=KUBECTL_SECONDS, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
