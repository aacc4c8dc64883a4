"""What `--field-selector` finds on a real API server."""

from typing import Any, Final

import pytest

from tests.support.installation import install_crds
from tests.support.kube_api import GROUP, KubeApi, Person

_ALIASES: Final = {
    "churn-champion": {"model": 'churn "eu"', "alias": "champion"},
    "churn-canary": {"model": 'churn "eu"', "alias": "canary"},
}
_REQUESTS: Final = {
    "asked": {"aliasRef": {"name": "churn-champion"}, "source": {"version": "1"}, "requestedBy": "ann"},
    "unsigned": {"aliasRef": {"name": "churn-canary"}, "source": {"version": "1"}},
}

_WHO = {
    "asked": Person("ann", ("system:masters",)),
    "unsigned": Person("bo", ("system:masters",)),
}
"""Who files which request: the admission policy may be installed."""


@pytest.fixture
def api(kubeconfig: str, namespace: str) -> KubeApi:
    install_crds(kubeconfig)
    api = KubeApi(kubeconfig)
    for plural, kind, specs in (
        ("modelaliases", "ModelAlias", _ALIASES),
        ("promotionrequests", "PromotionRequest", _REQUESTS),
    ):
        for name, spec in specs.items():
            body: dict[str, Any] = {
                "apiVersion": "modelalias.dev/v1alpha1",
                "kind": kind,
                "metadata": {"name": name},
                "spec": spec,
            }
            made = api.create(f"{GROUP}/namespaces/{namespace}/{plural}", body, who=_WHO.get(name))
            assert made.ok, made.message
    return api


def _found(api: KubeApi, namespace: str, plural: str, selector: str) -> set[str]:
    answer = api.send("GET", f"{GROUP}/namespaces/{namespace}/{plural}?fieldSelector={selector}")
    assert answer.ok, answer.message
    return {item["metadata"]["name"] for item in answer.body["items"]}


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.model=churn%20%22eu%22", {"churn-champion", "churn-canary"}),
        ("spec.alias=canary", {"churn-canary"}),
        ("status.phase=", {"churn-champion", "churn-canary"}),
        ("status.phase=Ready", set()),
    ],
)
def test_aliases(api: KubeApi, namespace: str, selector: str, found: set[str]) -> None:
    assert _found(api, namespace, "modelaliases", selector) == found


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.aliasRef.name=churn-champion", {"asked"}),
        ("spec.requestedBy=ann", {"asked"}),
        ("status.phase=AwaitingApproval", {"unsigned"}),
        ("status.phase=AwaitingApproval,spec.requestedBy=ann", set()),
    ],
)
def test_requests(api: KubeApi, namespace: str, selector: str, found: set[str]) -> None:
    path = f"{GROUP}/namespaces/{namespace}/promotionrequests/unsigned/status"
    written = api.merge(path, {"status": {"phase": "AwaitingApproval"}})
    assert written.ok, written.message

    assert _found(api, namespace, "promotionrequests", selector) == found
