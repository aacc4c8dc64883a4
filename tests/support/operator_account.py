"""The operator's account as an installation has it: what manifests/base grants and nothing more.

So a permission that the operator needs and is not given fails a test, and the admission policy knows the
operator by its name.
"""

import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.installation import BASE, install_account
from tests.support.kube_api import KubeApi

NAME: Final = "modelalias-operator"
HOME: Final = "modelalias-system"
TOKEN_SECONDS: Final = 4 * 3600
"""Longer than any run of the tests or the benchmarks."""
WAIT_SECONDS: Final = 60.0
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
# What every account may ask about itself.
_EVERYBODYS: Final = frozenset({"authentication.k8s.io", "authorization.k8s.io"})

Body = Mapping[str, Any]
Grant = tuple[str, str, str, str]
"""Group, resource, the object's name where only one is meant, verb."""


def signed_in(kubeconfig: str, namespace: str, directory: Path) -> str:
    """Give the shipped account its Lease in a namespace as well, and return a kubeconfig in its name."""
    install_account(kubeconfig)
    api = KubeApi(kubeconfig)
    if namespace != HOME:
        _grant_lease(api, namespace, HOME)
    return _sign_in(kubeconfig, api, HOME, namespace, _rules("ClusterRole", "Role"), directory)


def as_installed(kubeconfig: str, directory: Path) -> str:
    """Return a kubeconfig in the name of the account that somebody has installed, once it may do what is shipped and
    nothing else."""
    return _sign_in(kubeconfig, KubeApi(kubeconfig), HOME, HOME, _rules("ClusterRole", "Role"), directory)


class Copy:
    """The account under the same rules in another namespace, where a test may take some of them away."""

    def __init__(self, kubeconfig: str, namespace: str, directory: Path) -> None:
        self._kubeconfig, self._namespace, self._directory = kubeconfig, namespace, directory
        self._api = KubeApi(kubeconfig)

    def _name(self, shipped: str) -> str:
        return f"{shipped}-{self._namespace}"

    def make(self) -> None:
        _written(
            self._api, f"/api/v1/namespaces/{self._namespace}/serviceaccounts", {"metadata": {"name": NAME}}
        )
        _grant_lease(self._api, self._namespace, self._namespace)
        for role in _shipped("ClusterRole"):
            body = {**role, "metadata": {"name": self._name(role["metadata"]["name"])}}
            _written(self._api, f"{RBAC}/clusterroles", body)
        for binding in _shipped("ClusterRoleBinding"):
            _written(self._api, f"{RBAC}/clusterrolebindings", self._bound(binding))

    def _bound(self, binding: Body) -> Body:
        return {
            **binding,
            "metadata": {"name": self._name(binding["metadata"]["name"])},
            "roleRef": {**binding["roleRef"], "name": self._name(binding["roleRef"]["name"])},
            "subjects": [{**subject, "namespace": self._namespace} for subject in binding["subjects"]],
        }

    def remove(self) -> None:
        """Remove what does not go with the namespace."""
        for plural, kind in (("clusterrolebindings", "ClusterRoleBinding"), ("clusterroles", "ClusterRole")):
            for body in _shipped(kind):
                self._api.send("DELETE", f"{RBAC}/{plural}/{self._name(body['metadata']['name'])}")

    def may_not(self, *refused: Grant) -> str:
        """Take these grants away, and give back all others; return a kubeconfig in its name once the API
        server knows."""
        every = [*_rules("Role")]
        for role in _shipped("ClusterRole"):
            rules = [rule for given in role["rules"] for rule in _without(given, frozenset(refused))]
            every += rules
            body = {**role, "metadata": {"name": self._name(role["metadata"]["name"])}, "rules": rules}
            _written(self._api, f"{RBAC}/clusterroles", body)
        return self._signed_in(self._namespace, every)

    def invited(self, *, elsewhere: str) -> str:
        """Bind in its own namespace alone what the overlay `namespaced` binds for no cluster; return a
        kubeconfig in its name once the API server knows, elsewhere too."""
        for binding in _shipped("ClusterRoleBinding"):
            if binding["metadata"]["name"] != NAME:
                body = {**self._bound(binding), "kind": "RoleBinding"}
                self._api.send("DELETE", f"{RBAC}/clusterrolebindings/{body['metadata']['name']}")
                _written(self._api, f"{RBAC}/namespaces/{self._namespace}/rolebindings", body)
        self._signed_in(elsewhere, _rules("ClusterRole", named=NAME))
        return self._signed_in(self._namespace, _rules("ClusterRole", "Role"))

    def _signed_in(self, namespace: str, rules: Iterable[Body]) -> str:
        """Return a kubeconfig once the account has these rules in a namespace and no others."""
        return _sign_in(self._kubeconfig, self._api, self._namespace, namespace, rules, self._directory)


@contextmanager
def copied(kubeconfig: str, namespace: str, directory: Path) -> Iterator[Copy]:
    """Make a copy of the account until the block ends."""
    copy = Copy(kubeconfig, namespace, directory)
    copy.make()
    try:
        yield copy
    finally:
        copy.remove()


def _shipped(kind: str) -> list[Body]:
    """Return the objects of a kind in operator-roles.yaml."""
    return [item for item in _shipped_roles() if item["kind"] == kind]


@cache
def _shipped_roles() -> tuple[Body, ...]:
    text = (BASE / "operator-roles.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load_all(text))


def _rules(*kinds: str, named: str = "") -> list[Body]:
    """Return the rules of all shipped roles of these kinds, or of those with that name."""
    roles = (role for kind in kinds for role in _shipped(kind))
    return [rule for role in roles if named in {"", role["metadata"]["name"]} for rule in role["rules"]]


def _grant_lease(api: KubeApi, namespace: str, home: str) -> None:
    """Give the account of the namespace `home` the rules of the shipped Role where a test has its Lease."""
    for plural, kind in (("roles", "Role"), ("rolebindings", "RoleBinding")):
        (shipped,) = _shipped(kind)
        body = {**shipped, "metadata": {"name": NAME, "namespace": namespace}}
        if kind == "RoleBinding":
            body["subjects"] = [{**subject, "namespace": home} for subject in body["subjects"]]
        _written(api, f"{RBAC}/namespaces/{namespace}/{plural}", body)


def _written(api: KubeApi, path: str, body: Body) -> None:
    """Create an object, or replace it."""
    answer = api.create(path, body)
    if answer.code == 409:  # it is there
        answer = api.replace(f"{path}/{body['metadata']['name']}", body)
    assert answer.ok, f"{path}: {answer.message}"


def _sign_in(
    kubeconfig: str, api: KubeApi, home: str, namespace: str, rules: Iterable[Body], directory: Path
) -> str:
    """Write a kubeconfig with a token, and wait until the API server grants the account these rules and no
    others."""
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": TOKEN_SECONDS},
    }
    answer = api.create(f"/api/v1/namespaces/{home}/serviceaccounts/{NAME}/token", asked)
    assert answer.ok, f"no token for {home}/{NAME}: {answer.message}"
    file = _kubeconfig_with(kubeconfig, str(answer.body["status"]["token"]), directory)
    account, wanted = KubeApi(str(file)), _grants(rules)
    deadline = time.monotonic() + WAIT_SECONDS
    while (granted := _granted(account, namespace)) != wanted:
        assert time.monotonic() < deadline, (
            f"not within {WAIT_SECONDS:g} s: {home}/{NAME} may do what manifests/base says; "
            f"missing {sorted(wanted - granted)}, beyond it {sorted(granted - wanted)}"
        )
        time.sleep(0.05)  # poll
    return str(file)


def _kubeconfig_with(kubeconfig: str, token: str, directory: Path) -> Path:
    """Write a kubeconfig for the same cluster with another user."""
    config = json.loads(_viewed(kubeconfig))
    for user in config["users"]:
        user["user"] = {"token": token}
    directory.mkdir(parents=True, exist_ok=True)
    written = directory / "operator.kubeconfig"
    written.touch(mode=0o600)
    written.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    return written


@cache
def _viewed(kubeconfig: str) -> str:
    """Return the kubeconfig of one cluster with all that it refers to, as JSON."""
    command = ("kubectl", "--kubeconfig", kubeconfig, "config", "view")
    words = ("--minify", "--flatten", "--raw", "--output=json")
    return subprocess.run([*command, *words], check=True, capture_output=True, text=True, timeout=60).stdout


def _granted(account: KubeApi, namespace: str) -> frozenset[Grant]:
    """Ask in an account's own name what it may do in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    answer = account.create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)
    assert answer.ok, answer.message
    return frozenset(
        grant for grant in _grants(answer.body["status"]["resourceRules"]) if grant[0] not in _EVERYBODYS
    )


def _grants(rules: Iterable[Body]) -> frozenset[Grant]:
    return frozenset(
        (group, resource, name, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or ("",)
        for verb in rule["verbs"]
    )


def _without(rule: Body, refused: frozenset[Grant]) -> Iterator[Body]:
    """Split a rule into one for each resource, without what is refused."""
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            one = {**rule, "apiGroups": [group], "resources": [resource]}
            if verbs := sorted({verb for *_, verb in _grants([one]) - refused}):
                yield {**one, "verbs": verbs}
