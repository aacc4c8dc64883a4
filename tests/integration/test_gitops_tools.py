"""What GitOps tools see and may: the objects that their health checks are tested with are such as the API server keeps,
and Argo CD's actions are allowed to whom docs/gitops.md says."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import argo_lua
from tests.support.argo_lua import SCRIPTS
from tests.support.kube_api import GROUP, Answer, KubeApi, Person
from tests.support.quick_yaml import documents
from tests.support.shipped_monitoring import ROOT

SECONDS: Final = 30.0
PLURALS: Final = {"ModelAlias": "modelaliases", "PromotionRequest": "promotionrequests"}


@pytest.mark.parametrize("kind", PLURALS)
def test_what_was_recorded_is_stored_as_it_is(kube_api: KubeApi, namespace: str, kind: str) -> None:
    me = kube_api.who_am_i()
    where = f"{GROUP}/namespaces/{namespace}/{PLURALS[kind]}"
    recorded = {path.stem: _read(path) for path in sorted((SCRIPTS / kind / "testdata").glob("*.yaml"))}
    assert recorded
    for name, body in recorded.items():
        spec = {
            key: me if key == "requestedBy" else value
            for key, value in body["spec"].items()
            if key != "abort"
        }
        new = kube_api.create(where, {**body, "metadata": {"name": name}, "spec": spec})
        assert new.ok, new.message

        kept = kube_api.replace(f"{where}/{name}/status", {**new.body, "status": body["status"]})

        assert kept.ok, kept.message
        assert kept.body["spec"] == spec, name
        assert kept.body["status"] == body["status"], name


def test_argo_cd_may_abort_where_the_documented_role_is_bound(kube_api: KubeApi, namespace: str) -> None:
    role, binding = _documented("argocd-aborts")
    tool = Person("system:serviceaccount:{namespace}:{name}".format(**binding["subjects"][0]))
    patches = {"apiGroups": ["modelalias.dev"], "resources": [*PLURALS.values()], "verbs": ["get", "patch"]}
    _grant(kube_api, namespace, {"metadata": {"name": "argocd-server"}, "rules": [patches]}, binding)
    alias = _new(kube_api, namespace, "ModelAlias", {"model": "churn", "alias": "champion"})
    request = _new(
        kube_api, namespace, "PromotionRequest", {"aliasRef": {"name": "x"}, "source": {"version": "1"}}
    )

    def acts(action: str, item: Mapping[str, Any]) -> Answer:
        where = f"{GROUP}/namespaces/{namespace}/{PLURALS[item['kind']]}/{item['metadata']['name']}"
        return kube_api.merge(where, {"spec": argo_lua.acted(action, item)["spec"]}, who=tool)

    _until(lambda: acts("suspend", alias).ok, "it may patch")
    refused = acts("abort", request)
    _grant(kube_api, namespace, role, binding)

    assert refused.code == 403
    assert "promote" in refused.message
    _until(lambda: acts("abort", request).ok, "it may abort")
    assert acts("resume", alias).body["spec"]["suspend"] is False


def _documented(name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the Role and the RoleBinding of that name in docs/gitops.md."""
    text = (ROOT / "docs" / "gitops.md").read_text(encoding="utf-8")
    block = next(
        block
        for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        if name in block
    )
    role, binding = documents(block)
    return role, binding


def _grant(api: KubeApi, namespace: str, role: Mapping[str, Any], binding: Mapping[str, Any]) -> None:
    """Make a role, and bind it to the subjects of a binding."""
    group = "rbac.authorization.k8s.io"
    metadata = {"name": role["metadata"]["name"]}
    bound = {"roleRef": {"apiGroup": group, "kind": "Role", **metadata}, "subjects": binding["subjects"]}
    for plural, body in (("roles", {"rules": role["rules"]}), ("rolebindings", bound)):
        made = api.create(f"/apis/{group}/v1/namespaces/{namespace}/{plural}", {"metadata": metadata, **body})
        assert made.ok, made.message


def _new(api: KubeApi, namespace: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    head = {"apiVersion": "modelalias.dev/v1alpha1", "kind": kind, "metadata": {"name": "x"}}
    made = api.create(f"{GROUP}/namespaces/{namespace}/{PLURALS[kind]}", {**head, "spec": spec})
    assert made.ok, made.message
    return made.body


def _until(holds: Callable[[], bool], what: str) -> None:
    """Wait until the API server knows of a role."""
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {what}"
        time.sleep(0.1)  # poll


def _read(path: Path) -> Any:
    (body,) = documents(path.read_text(encoding="utf-8"))
    return body
