"""A Kubernetes that does not serve MutatingAdmissionPolicy, on one that does.

The CRDs and the validating policies are installed a second time under names of their own, without the policies
that sign for people. What they say is what is shipped, but for the names.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.installation import BASE, ROOT, WAIT_SECONDS
from tests.support.kube_api import Answer, KubeApi, Person

_ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
_CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_POLICIES: Final = ("policy.yaml", "alias-policy.yaml")


@dataclass(frozen=True)
class Older:
    """The two kinds in a group of their own."""

    api: KubeApi
    group: str

    @property
    def pinned_by(self) -> str:
        return f"{self.group}/pinned-by"

    def path(self, namespace: str, plural: str, name: str = "") -> str:
        path = f"/apis/{self.group}/v1alpha1/namespaces/{namespace}/older{plural}"
        return f"{path}/{name}" if name else path

    def make(
        self,
        namespace: str,
        plural: str,
        spec: Mapping[str, Any],
        who: Person,
        name: str = "churn",
        **annotations: str,
    ) -> Answer:
        body = {
            "apiVersion": f"{self.group}/v1alpha1",
            "kind": {"modelaliases": "OlderModelAlias", "promotionrequests": "OlderPromotionRequest"}[plural],
            "metadata": {"name": name, "annotations": annotations},
            "spec": spec,
        }
        return self.api.create(self.path(namespace, plural), body, who=who)


@contextmanager
def older_kubernetes(api: KubeApi, group: str) -> Iterator[Older]:
    """Install both kinds and the policies that prove, and take them away at the end."""
    made = [
        (_CRDS, _other_crd(path, group)) for path in sorted((ROOT / "crds").glob("modelalias.dev_*.yaml"))
    ]
    for file in _POLICIES:
        made += [(_path(body["kind"]), body) for body in _other_policies(BASE / file, group)]
    try:
        for path, body in made:
            answer = api.create(path, body)
            assert answer.ok, answer.message
        older = Older(api, group)
        _wait(older)
        yield older
    finally:
        for path, body in reversed(made):
            api.send("DELETE", f"{path}/{body['metadata']['name']}")


def _path(kind: str) -> str:
    plural = (
        "validatingadmissionpolicybindings" if kind.endswith("Binding") else "validatingadmissionpolicies"
    )
    return f"{_ADMISSION}/{plural}"


def _other_crd(path: Path, group: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = body["spec"]["names"]
    plural, kind = f"older{names['plural']}", f"Older{names['kind']}"
    body["metadata"] = {"name": f"{plural}.{group}"}
    body["spec"]["group"] = group
    body["spec"]["names"] = {
        "plural": plural,
        "singular": kind.lower(),
        "kind": kind,
        "listKind": f"{kind}List",
    }
    return body


def _other_policies(path: Path, group: str) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8").replace("modelalias.dev", group)
    for plural in ("modelaliases", "promotionrequests"):
        text = text.replace(f"[{plural}]", f"[older{plural}]").replace(f"'{plural}'", f"'older{plural}'")
    return [*yaml.safe_load_all(text)]


def _wait(older: Older) -> None:
    """Wait until both kinds are served and both policies asked."""
    anybody = Person("probe", ("system:masters",))
    alias: Mapping[str, Any] = {"model": "probe", "alias": "probe", "version": "1"}
    request: Mapping[str, Any] = {"aliasRef": {"name": "probe"}, "source": {"version": "1"}}
    deadline = time.monotonic() + WAIT_SECONDS
    for plural, spec in {"modelaliases": alias, "promotionrequests": request}.items():
        signed = {older.pinned_by: "somebody-else"}
        while (
            "denied request"
            not in (answer := older.make("default", plural, spec, anybody, "probe", **signed)).message
        ):
            if answer.ok:
                older.api.send("DELETE", older.path("default", plural, "probe"))
            assert time.monotonic() < deadline, (
                f"not within {WAIT_SECONDS:g} s: the policy is asked: {answer}"
            )
            time.sleep(0.2)  # poll
