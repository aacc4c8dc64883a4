"""What the tests install for the whole cluster, as it is shipped: the CRDs, the roles, the operator's account
and the admission policies.

Workers that run side by side share it, so it is installed by one at a time and stays. No test changes it: one
that needs a role or a policy to be otherwise makes a copy under a name of its own (`operator_account.Copy`).
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.support.kube_api import GROUP, Answer, KubeApi, Person
from tests.support.whole_run import locked

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = ROOT / "manifests" / "base"
OUR_CRDS: Final = tuple(
    f"{plural}.modelalias.dev"
    for plural in ("modelaliases", "promotionrequests", "promotionpolicies", "clusterpromotionpolicies")
)
POLICIES: Final = (
    "policy.yaml",
    "alias-policy.yaml",
    "rules-policy.yaml",
    "lease-policy.yaml",
    "signing-policy.yaml",
)
WAIT_SECONDS: Final = 60.0
KUBECTL_SECONDS: Final = 90.0
_PINNED: Final = "modelalias.dev/pinned-by"


class _Probe(NamedTuple):
    """What only the API server's policies change or refuse, tried until they do; nothing of it is stored."""

    plural: str
    body: Mapping[str, Any]
    is_asked: Callable[[Answer], bool]
    group: str = GROUP
    who: Person | None = None


def _request(**spec: str) -> Mapping[str, Any]:
    given = {"aliasRef": {"name": "probe"}, "source": {"version": "1"}, **spec}
    head = {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": "probe"},
    }
    return {**head, "spec": given}


def _alias(**annotations: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "ModelAlias",
        "metadata": {"name": "probe", "annotations": annotations},
        "spec": {"model": "probe", "alias": "probe", "version": "1"},
    }


_LEASE: Final[Mapping[str, Any]] = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "probe", "labels": {"modelalias.dev/installation": "true"}},
}
_SCHEDULER: Final = Person("system:kube-scheduler")
"""Whom every cluster lets create Leases and write nothing of ours."""

_PROBES: Final = (
    _Probe("promotionrequests", _request(requestedBy="x"), lambda it: _is_from("promotionrequests", it)),
    _Probe("promotionrequests", _request(), lambda it: "requestedBy" in it.body.get("spec", {})),
    _Probe("modelaliases", _alias(**{_PINNED: "x"}), lambda it: _is_from("modelaliases", it)),
    _Probe("modelaliases", _alias(), lambda it: _PINNED in it.body["metadata"].get("annotations", {})),
    _Probe(
        "leases",
        _LEASE,
        lambda it: _is_from("leases", it),
        group="/apis/coordination.k8s.io/v1",
        who=_SCHEDULER,
    ),
)


def _is_from(plural: str, answer: Answer) -> bool:
    """Return whether the answer is a refusal of the policy of that name."""
    return f"{plural}.modelalias.dev' with binding" in answer.message


@cache
def install_crds(kubeconfig: str) -> None:
    """Apply crds/ and wait until all kinds are served, once for each process."""
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
    """Apply the roles of people and the admission policies, and wait until all are asked, once for each process."""
    install_crds(kubeconfig)
    api = KubeApi(kubeconfig)
    with locked(_lock(kubeconfig)):
        _apply(kubeconfig, *(BASE / name for name in ("namespace.yaml", "user-roles.yaml", *POLICIES)))
        deadline = time.monotonic() + WAIT_SECONDS
        for probe in _PROBES:
            path = f"{probe.group}/namespaces/default/{probe.plural}"
            while not probe.is_asked(answer := api.create(path, probe.body, who=probe.who, dry_run=True)):
                assert time.monotonic() < deadline, (
                    f"not within {WAIT_SECONDS:g} s: the policies are asked: {answer}"
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
