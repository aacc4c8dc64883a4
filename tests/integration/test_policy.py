"""Who may file, abort, delete and approve a promotion: the shipped policy and roles on a real API server.

Everybody here is impersonated and bound to the roles of manifests/base in a namespace of their own:

    ana    edit                             files requests
    bo     modelalias-approver, ml-leads    approves
    cy     modelalias-alias-owner           owns the alias, promotes and rolls back
    di     edit, bypass by name             the emergency door
    ed     view                             looks on
    fay    may write requests, and promote only fraud-champion
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.inputs import EVIDENCE, LEFT_OUT, Spec, request
from tests.support.kube_api import GROUP, Answer, KubeApi, Person

ROOT = Path(__file__).parents[2]
FORBIDDEN = 403
DENIED = {403, 422}
HEAD = {"apiVersion": "modelalias.dev/v1alpha1", "kind": "PromotionRequest"}
OTHER_EVIDENCE = "sha256:" + 64 * "b"
DEADLINE_SECONDS = 60

ANA = Person("ana")
BO = Person("bo", ("ml-leads",))
CY = Person("cy")
DI = Person("di")
ED = Person("ed")
FAY = Person("fay")
OPERATOR = Person("system:serviceaccount:modelalias-system:modelalias-operator")

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES: Mapping[Person, str] = {
    ANA: "edit",
    BO: "modelalias-approver",
    CY: "modelalias-alias-owner",
    DI: "edit",
    ED: "view",
}


class Team:
    """A namespace, its people, and what they try."""

    def __init__(self, api: KubeApi, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.path = f"{GROUP}/namespaces/{namespace}/promotionrequests"

    def files(self, who: Person, **changes: Any) -> Answer:
        spec = request(**{"requestedBy": who.name, **changes})
        return self.api.create(self.path, {**HEAD, "metadata": {"name": "churn-v4"}, "spec": spec}, who=who)

    def changes(self, who: Person, change: Callable[[Spec], object]) -> Answer:
        """Let somebody send the object back with a change."""
        stored = dict(self.api.send("GET", f"{self.path}/churn-v4").body)
        change(stored["spec"])
        return self.api.replace(f"{self.path}/churn-v4", stored, who=who)

    def approves(self, who: Person, **changes: str) -> Answer:
        given = {"user": who.name, "evidence": EVIDENCE, "decision": "Approve", **changes}
        return self.changes(who, lambda spec: spec.setdefault("approvals", []).append(given))

    def aborts(self, who: Person) -> Answer:
        return self.changes(who, lambda spec: spec.update(abort=True))

    def deletes(self, who: Person) -> Answer:
        return self.api.send("DELETE", f"{self.path}/churn-v4", who=who)

    def labels(self, who: Person) -> Answer:
        return self.api.merge(f"{self.path}/churn-v4", {"metadata": {"labels": {"team": "ml"}}}, who=who)

    def judged(self, evidence: str = EVIDENCE) -> None:
        """Do the operator's part: the verdict and its evidence."""
        self._status({"resolved": {"version": "4", "from": "version 4", "evidence": evidence}})

    def ended(self) -> None:
        when = "2026-01-01T00:00:00Z"
        condition = {"type": "Complete", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": when}
        self._status({"conditions": [condition]})

    def _status(self, status: Spec) -> None:
        answer = self.api.merge(f"{self.path}/churn-v4/status", {"status": status}, who=OPERATOR)
        assert answer.ok, answer.message


@pytest.fixture(scope="session")
def policy_installed(kubeconfig: str, kube_api: KubeApi) -> Iterator[None]:
    """Apply the roles and the policy as they are shipped, and wait until the API server asks the policy.

    A policy that was not there before goes again: other tests file requests in any name they like.
    """
    found = kube_api.send("GET", f"{ADMISSION}/validatingadmissionpolicies/promotionrequests.modelalias.dev").ok
    base = ROOT / "manifests" / "base"
    files = [
        f"--filename={base / name}" for name in ("namespace.yaml", "operator-roles.yaml", "user-roles.yaml", "policy.yaml")
    ]
    command = ["kubectl", "--kubeconfig", kubeconfig, "apply", "--server-side", "--force-conflicts", *files]
    subprocess.run(command, check=True, timeout=60)
    path = f"{GROUP}/namespaces/default/promotionrequests"
    probe = {**HEAD, "metadata": {"name": "probe"}, "spec": request(requestedBy="somebody-else")}
    _until(lambda: "ValidatingAdmissionPolicy" in kube_api.create(path, probe, dry_run=True).message, "the policy is asked")
    yield
    if not found:
        for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            kube_api.send("DELETE", f"{ADMISSION}/{plural}/promotionrequests.modelalias.dev")


def _until(reached: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s: {what}"
        time.sleep(0.2)


@pytest.fixture
def team(kube_api: KubeApi, namespace: str, policy_installed: None) -> Team:  # noqa: ARG001 - it is asked
    roles = f"{RBAC}/namespaces/{namespace}/roles"
    verbs = {"apiGroups": ["modelalias.dev"], "resources": ["modelaliases"], "resourceNames": ["churn-champion"]}
    own = {
        DI: [{**verbs, "verbs": ["bypass"]}],
        FAY: [
            {"apiGroups": ["modelalias.dev"], "resources": ["promotionrequests"], "verbs": ["*"]},
            {**verbs, "resourceNames": ["fraud-champion"], "verbs": ["promote", "rollback", "approve"]},
        ],
    }
    for who, rules in own.items():
        answer = kube_api.create(roles, {"kind": "Role", "metadata": {"name": who.name}, "rules": rules})
        assert answer.ok, answer.message
        _bind(kube_api, namespace, who, "Role", who.name)
    for who, role in ROLES.items():
        _bind(kube_api, namespace, who, "ClusterRole", role)
    path = f"{GROUP}/namespaces/{namespace}/promotionrequests"
    for who in ROLES:
        _until(partial(_reads, kube_api, path, who), f"the API server knows the role of {who.name}")
    return Team(kube_api, namespace)


def _reads(api: KubeApi, path: str, who: Person) -> bool:
    return api.send("GET", path, who=who).ok


def _bind(api: KubeApi, namespace: str, who: Person, kind: str, role: str) -> None:
    body = {
        "kind": "RoleBinding",
        "metadata": {"name": f"{who.name}-{kind.lower()}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who.name}],
    }
    answer = api.create(f"{RBAC}/namespaces/{namespace}/rolebindings", body)
    assert answer.ok, answer.message


def _assert_denied(answer: Answer, message: str) -> None:
    assert answer.code in DENIED, answer
    assert "ValidatingAdmissionPolicy" in answer.message, answer
    assert message in answer.message


def _assert_taken(answer: Answer) -> None:
    assert answer.ok, answer.message


# Filing

ROLLBACK: Spec = {"operation": "Rollback", "source": {"previous": True}, "reason": "wrong"}
FILED: Mapping[str, tuple[Person, Spec]] = {
    "in one's own name": (ANA, {}),
    "as the alias's owner": (CY, {}),
    "for the alias one may promote": (FAY, {"aliasRef": {"name": "fraud-champion"}}),
    "a rollback": (ANA, ROLLBACK),
    "past the gates, with the verb bypass": (DI, {"skipGates": True, "reason": "the champion is broken"}),
}
NOT_FILED: Mapping[str, tuple[Person, Spec, str]] = {
    "in another's name": (ANA, {"requestedBy": "bo"}, "spec.requestedBy must be you: ana"),
    "in nobody's name": (ANA, {"requestedBy": LEFT_OUT}, "spec.requestedBy must be you: ana"),
    "for an alias one may not promote": (FAY, {}, "fay may not promote modelaliases/churn-champion"),
    "a rollback for such an alias": (FAY, ROLLBACK, "fay may not rollback modelaliases/churn-champion"),
    "past the gates without the verb": (
        ANA, {"skipGates": True, "reason": "no time"}, "ana may not skip the gates of modelaliases/churn-champion",
    ),
    "with an approval of one's own": (
        CY, {"approvals": [{"user": "cy", "evidence": EVIDENCE, "decision": "Approve"}]},
        "approvals are given after the request was judged, not with it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", FILED)
def test_filed(team: Team, how: str) -> None:
    who, changes = FILED[how]

    _assert_taken(team.files(who, **changes))


@pytest.mark.parametrize("how", NOT_FILED)
def test_not_filed(team: Team, how: str) -> None:
    who, changes, message = NOT_FILED[how]

    _assert_denied(team.files(who, **changes), message)


@pytest.mark.parametrize("who", [BO, ED], ids=lambda who: who.name)
def test_not_filed_without_the_right_to_create(team: Team, who: Person) -> None:
    assert team.files(who).code == FORBIDDEN


# Approving


@pytest.fixture
def judged(team: Team) -> Team:
    """Ana's request, judged."""
    _assert_taken(team.files(ANA))
    team.judged()
    return team


def test_approved(judged: Team) -> None:
    _assert_taken(judged.approves(BO))
    _assert_taken(judged.approves(BO, decision="Reject", group="ml-leads"))


def test_approved_again_for_changed_evidence(judged: Team) -> None:
    _assert_taken(judged.approves(BO))
    judged.judged(OTHER_EVIDENCE)

    _assert_denied(judged.approves(BO, decision="Reject"), f"must name the evidence that stands: {OTHER_EVIDENCE}")
    _assert_taken(judged.approves(BO, evidence=OTHER_EVIDENCE))


def test_not_approved_before_the_verdict(team: Team) -> None:
    _assert_taken(team.files(ANA))

    _assert_denied(team.approves(BO), "there is none yet")


NOT_APPROVED: Mapping[str, tuple[Person, Mapping[str, str], str]] = {
    "without the verb": (ANA, {}, "ana may not approve for modelaliases/churn-champion"),
    "with the verb for another alias": (FAY, {}, "fay may not approve for modelaliases/churn-champion"),
    "in another's name": (BO, {"user": "cy"}, "an approval can be given only in one's own name"),
    "for another's group": (BO, {"group": "admins"}, "an approval names a group that you are not in"),
    "for other evidence": (BO, {"evidence": OTHER_EVIDENCE}, f"must name the evidence that stands: {EVIDENCE}"),
}


@pytest.mark.parametrize("how", NOT_APPROVED)
def test_not_approved(judged: Team, how: str) -> None:
    who, changes, message = NOT_APPROVED[how]

    _assert_denied(judged.approves(who, **changes), message)


def test_not_approved_after_the_end(judged: Team) -> None:
    judged.ended()

    _assert_denied(judged.approves(BO), "the request has ended")


def test_an_approver_changes_nothing_else(judged: Team) -> None:
    _assert_denied(judged.aborts(BO), "bo may not promote modelaliases/churn-champion")
    assert not judged.changes(BO, lambda spec: spec.update(requestedBy="bo")).ok
    assert judged.deletes(BO).code == FORBIDDEN


# Aborting, deleting, labelling


def test_aborted(judged: Team) -> None:
    _assert_denied(judged.aborts(FAY), "fay may not promote modelaliases/churn-champion")
    _assert_taken(judged.aborts(CY))


def test_deleted(judged: Team) -> None:
    _assert_denied(judged.deletes(FAY), "fay may not promote modelaliases/churn-champion")
    _assert_taken(judged.deletes(ANA))


def test_deleted_by_anyone_once_it_has_ended(judged: Team) -> None:
    judged.ended()

    _assert_taken(judged.deletes(FAY))


def test_rollback_is_aborted_and_deleted_with_its_verb(team: Team) -> None:
    _assert_taken(team.files(ANA, **ROLLBACK))

    _assert_denied(team.aborts(FAY), "fay may not rollback modelaliases/churn-champion")
    _assert_denied(team.deletes(FAY), "fay may not rollback modelaliases/churn-champion")
    _assert_taken(team.aborts(ANA))


def test_labelled_without_any_verb(judged: Team) -> None:
    _assert_taken(judged.labels(FAY))


def test_namespace_is_deleted_with_requests_in_flight(judged: Team) -> None:
    path = f"/api/v1/namespaces/{judged.namespace}"

    assert judged.api.send("DELETE", path).code in {200, 202}

    _until(lambda: judged.api.send("GET", path).code == 404, f"{path} is gone")


# What the roles leave to the operator and the owner


@pytest.mark.parametrize("who", ROLES, ids=lambda who: who.name)
@pytest.mark.parametrize("plural", ["modelaliases", "promotionrequests"])
def test_status_is_nobodys(team: Team, who: Person, plural: str) -> None:
    path = f"{GROUP}/namespaces/{team.namespace}/{plural}/churn/status"

    answer = team.api.merge(path, {"status": {"phase": "Succeeded"}}, who=who)

    assert answer.code == FORBIDDEN, answer


def test_alias_is_written_by_its_owner_alone(team: Team) -> None:
    path = f"{GROUP}/namespaces/{team.namespace}/modelaliases"
    body = {**HEAD, "kind": "ModelAlias", "metadata": {"name": "churn"}, "spec": {"model": "churn", "alias": "champion"}}

    refused = {who.name: team.api.create(path, body, who=who).code for who in (ANA, BO, DI, ED, FAY)}

    assert set(refused.values()) == {FORBIDDEN}, refused
    _assert_taken(team.api.create(path, body, who=CY))


@pytest.mark.parametrize("who", [ANA, BO, CY, ED], ids=lambda who: who.name)
def test_both_kinds_are_read_by_everybody_in_the_team(team: Team, who: Person) -> None:
    for plural in ("modelaliases", "promotionrequests"):
        assert team.api.send("GET", f"{GROUP}/namespaces/{team.namespace}/{plural}", who=who).ok
