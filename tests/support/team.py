"""A team's namespace with its people, and what they may try on its requests: each attempt is one word to the
API server."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.inputs import EVIDENCE, Spec, alias, request
from tests.support.kube_api import GROUP, Answer, KubeApi, Person

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
WAIT_SECONDS: Final = 60.0
OPERATOR: Final = Person("system:serviceaccount:modelalias-system:modelalias-operator")
PAST: Final = Person(OPERATOR.name, ("system:masters",))
"""Sets a scene: its name passes the policy, its group RBAC."""

Rules = Sequence[Mapping[str, Any]]
MERGE: Final = {"Content-Type": "application/merge-patch+json"}


@dataclass(frozen=True)
class Given:
    """What stands before the attempt."""

    spec: Spec = field(default_factory=request)
    status: Spec | None = None
    kind: str = "PromotionRequest"


class Team:
    """One namespace of an API server."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self.api, self.namespace = api, namespace
        self.requests = f"{GROUP}/namespaces/{namespace}/promotionrequests"
        self.aliases = f"{GROUP}/namespaces/{namespace}/modelaliases"

    def bind(
        self, who: Person, role: str | Rules, verb: str, resource: str = "promotionrequests", name: str = ""
    ) -> None:
        """Bind a ClusterRole, or rules of one's own, and wait until the API server knows this verb of it."""
        title = f"{who.name.replace(':', '.')}-{role if isinstance(role, str) else 'own'}"
        if not isinstance(role, str):
            self._create("roles", {"kind": "Role", "metadata": {"name": title}, "rules": role})
        kind, ref = ("ClusterRole", role) if isinstance(role, str) else ("Role", title)
        self._create("rolebindings", _binding(title, kind, ref, who))
        self.until_allowed(who, {"verb": verb, "resource": resource, "name": name})

    def grant(self, who: Person, rules: Rules, allowed: Mapping[str, str]) -> None:
        """Grant rules of any group, and wait until the API server knows that this is allowed."""
        title = f"{who.name}-{secrets.token_hex(4)}"
        self._create("roles", {"kind": "Role", "metadata": {"name": title}, "rules": rules})
        self._create("rolebindings", _binding(title, "Role", title, who))
        self.until_allowed(who, allowed)

    def _create(self, plural: str, body: Mapping[str, Any]) -> None:
        answer = self.api.create(f"{RBAC}/namespaces/{self.namespace}/{plural}", body)
        assert answer.ok, answer.message

    def until_allowed(self, who: Person, what: Mapping[str, str]) -> None:
        """Wait until the API server knows that somebody may do this."""
        attributes = {"group": "modelalias.dev", "namespace": self.namespace, **what}
        review = {"kind": "SubjectAccessReview", "spec": {"user": who.name, "resourceAttributes": attributes}}
        deadline = time.monotonic() + WAIT_SECONDS
        while not (found := self.api.create(REVIEWS, review)).body.get("status", {}).get("allowed"):
            assert time.monotonic() < deadline, (
                f"not within {WAIT_SECONDS:g} s: {who.name} may {what}: {found}"
            )
            time.sleep(0.1)  # poll

    def set_scene(self, given: Given, name: str) -> None:
        """Put the object there as if somebody had filed it and the operator had written its status."""
        path = self.aliases if given.kind == "ModelAlias" else self.requests
        answer = self.api.create(path, _body(name, given.spec, given.kind), who=PAST)
        assert answer.ok, answer.message
        if given.status is not None:
            answer = self.api.merge(f"{path}/{name}/status", {"status": given.status}, who=PAST)
            assert answer.ok, answer.message

    def stored(self, name: str) -> Spec:
        return dict(self.api.send("GET", f"{self.requests}/{name}").body)


def _binding(title: str, kind: str, role: str, who: Person) -> Spec:
    group = "rbac.authorization.k8s.io"
    return {
        "kind": "RoleBinding",
        "metadata": {"name": title},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": who.name}],
    }


def _body(name: str, spec: Spec, kind: str = "PromotionRequest") -> Spec:
    metadata = {"name": name, "labels": {"scene": name}}
    return {"apiVersion": "modelalias.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


Attempt = Callable[[Team, Person, str], Answer]


def files(*, dry_run: bool = False, **changes: Any) -> Attempt:
    """File a request, in one's own name unless `requestedBy` says otherwise."""

    def attempt(team: Team, who: Person, name: str) -> Answer:
        spec = request(**{"requestedBy": who.name, **changes})
        return team.api.create(team.requests, _body(name, spec), who=who, dry_run=dry_run)

    return attempt


def files_by_apply(**changes: Any) -> Attempt:
    """File a request by server-side apply."""

    def attempt(team: Team, who: Person, name: str) -> Answer:
        spec = request(**{"requestedBy": who.name, **changes})
        return team.api.apply(f"{team.requests}/{name}", _body(name, spec), manager="kubectl", who=who)

    return attempt


def files_by_generated_name(**changes: Any) -> Attempt:
    def attempt(team: Team, who: Person, name: str) -> Answer:
        body = _body(name, request(**{"requestedBy": who.name, **changes}))
        return team.api.create(team.requests, {**body, "metadata": {"generateName": f"{name}-"}}, who=who)

    return attempt


def word(who: Person, **changes: Any) -> Spec:
    return {"user": who.name, "evidence": EVIDENCE, "decision": "Approve", **changes}


def asks(spec: Spec | None = None, **named: Sequence[str]) -> Given:
    """Return a request that waits for these users and groups."""
    resolved = {"version": "4", "from": "version 4", "evidence": EVIDENCE}
    return Given(spec or request(), {"resolved": resolved, "approvals": {"required": 1, "valid": 0, **named}})


def sends_back(change: Callable[[Spec], object]) -> Attempt:
    """Replace the object by itself with a change."""

    def attempt(team: Team, who: Person, name: str) -> Answer:
        stored = team.stored(name)
        change(stored)
        return team.api.replace(f"{team.requests}/{name}", stored, who=who)

    return attempt


def approves(*words: Spec, **beside: Any) -> Attempt:
    """Add these words to the approvals, and set other fields of spec beside them."""

    def change(stored: Spec) -> None:
        stored["spec"] = {
            **stored["spec"],
            **beside,
            "approvals": [*stored["spec"].get("approvals", ()), *words],
        }

    return sends_back(change)


def approves_by_apply(given: Spec) -> Attempt:
    def attempt(team: Team, who: Person, name: str) -> Answer:
        body = {
            "apiVersion": "modelalias.dev/v1alpha1",
            "kind": "PromotionRequest",
            "metadata": {"name": name},
        }
        spec = {"approvals": [given]}
        return team.api.apply(f"{team.requests}/{name}", {**body, "spec": spec}, manager=who.name, who=who)

    return attempt


def merges(
    patch: Mapping[str, Any], plural: str = "promotionrequests", below: str = "", *, dry_run: bool = False
) -> Attempt:
    """Send a merge patch, to the status with `below` /status."""

    def attempt(team: Team, who: Person, name: str) -> Answer:
        path = f"{GROUP}/namespaces/{team.namespace}/{plural}/{name}{below}{'?dryRun=All' if dry_run else ''}"
        return team.api.send("PATCH", path, patch, who=who, headers=MERGE)

    return attempt


def deletes(plural: str = "promotionrequests", **options: Any) -> Attempt:
    """Delete one object, with these DeleteOptions."""

    def attempt(team: Team, who: Person, name: str) -> Answer:
        path = f"{GROUP}/namespaces/{team.namespace}/{plural}/{name}"
        return team.api.send(
            "DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", **options}, who=who
        )

    return attempt


def deletes_collection(team: Team, who: Person, name: str) -> Answer:
    return team.api.send("DELETE", f"{team.requests}?labelSelector=scene%3D{name}", who=who)


def grants(plural: str, **granted: Any) -> Attempt:
    """Make a Role or a RoleBinding to oneself."""

    def attempt(team: Team, who: Person, name: str) -> Answer:
        body = {"metadata": {"name": name}, **granted}
        if plural == "rolebindings":
            body["subjects"] = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who.name}]
        return team.api.create(f"{RBAC}/namespaces/{team.namespace}/{plural}", body, who=who)

    return attempt


def makes_alias(team: Team, who: Person, name: str) -> Answer:
    return team.api.create(team.aliases, _body(name, alias(), "ModelAlias"), who=who)


def reads(plural: str) -> Attempt:
    def attempt(team: Team, who: Person, _: str) -> Answer:
        return team.api.send("GET", f"{GROUP}/namespaces/{team.namespace}/{plural}", who=who)

    return attempt
