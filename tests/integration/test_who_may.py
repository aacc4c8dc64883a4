"""Who may do what: one table of attempts on a real API server, with RBAC and the policy as they are shipped.

    requester  ana   edit
    approver   bo    modelalias-approver, in the group ml-leads
    owner      cy    modelalias-alias-owner
    outsider   di    view; ed has nothing at all

Beside them some whom a team adds: fay with `bypass` for one alias, gus who may write requests and has the
verbs for another alias only, ida who may do no more than update requests, mia with every verb, ada with
Kubernetes' admin, rex with modelalias-restorer, sam who may create requests and has nothing but `restore` for
one alias, and machines. There is no ModelAlias of the names that are asked for: the verbs are asked by name
all the same.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.inputs import EVIDENCE, LEFT_OUT, Spec, alias, request
from tests.support.installation import install_account
from tests.support.kube_api import KubeApi, Person
from tests.support.team import (
    OPERATOR,
    Attempt,
    Given,
    Team,
    approves,
    approves_by_apply,
    asks,
    deletes,
    deletes_collection,
    files,
    files_by_apply,
    files_by_generated_name,
    grants,
    makes_alias,
    merges,
    reads,
    sends_back,
    word,
)

OK, CREATED, FORBIDDEN, INVALID = 200, 201, 403, 422

ANA, BO, CY, DI, ED = Person("ana"), Person("bo", ("ml-leads",)), Person("cy"), Person("di"), Person("ed")
ADA, FAY, GUS, IDA, MIA = Person("ada"), Person("fay"), Person("gus"), Person("ida"), Person("mia")
REX, SAM = Person("rex"), Person("sam")
ARGO = Person("system:serviceaccount:argocd:argocd-application-controller")
NAMESAKE = Person("system:serviceaccount:team:modelalias-operator")
CONTROLLERS = Person("system:kube-controller-manager")

LOOK_ALIKE = "b\N{CYRILLIC SMALL LETTER O}"
OTHER_EVIDENCE = "sha256:" + 64 * "b"
RESOLVED: Spec = {"version": "4", "from": "version 4", "evidence": EVIDENCE}
ROLLBACK: Spec = {"operation": "Rollback", "source": {"previous": True}, "reason": "wrong"}
SWAP: Spec = {"operation": "Swap", "source": LEFT_OUT, "reason": "back and forth"}
FRAUD: Spec = {"aliasRef": {"name": "fraud-champion"}}
NO_GATES: Spec = {"skipGates": True, "reason": "the champion is broken"}


def _told(*, complete: bool) -> list[Spec]:
    at: Spec = {"reason": "Told", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    return [{"type": "Resolved", "status": "True", **at}, {"type": "Complete", "status": str(complete), **at}]


FILED = Given()
JUDGED = Given(status={"resolved": RESOLVED, "conditions": _told(complete=False)})
ASKED = Given(
    status={"resolved": RESOLVED, "approvals": {"required": 1, "valid": 0, "checklist": ["bias report read"]}}
)
CROWD = [
    word(
        Person(f"{number:03}{509 * 'u'}"),
        group=512 * "g",
        message=1024 * "m",
        checklist=[f"{i:02}{251 * 'c'}" for i in range(32)],
    )
    for number in range(63)
]
ALL_NAMED: Spec = {
    "users": [f"{number:03}{509 * 'v'}" for number in range(64)],
    "groups": [*(f"{number:03}{509 * 'h'}" for number in range(63)), "ml-leads"],
}
CROWDED = Given(
    request(approvals=CROWD),
    {"resolved": RESOLVED, "approvals": {"checklist": CROWD[0]["checklist"], **ALL_NAMED}},
)
LEADS_ASKED = asks(groups=["ml-leads"])
BO_ASKED = asks(users=["bo"])
MIA_OR_LEADS_ASKED = asks(users=["mia"], groups=["ml-leads"])
SAID_IN_VAIN = asks(request(approvals=[word(BO)]), users=["mia"])
MIAS_OWN = asks(request(requestedBy="mia"), users=["mia"])
APPROVED = Given(request(approvals=[word(BO)]), JUDGED.status)
ENDED = Given(status={"resolved": RESOLVED, "conditions": _told(complete=True)})
ABORTED = Given(request(abort=True), JUDGED.status)
BACK = Given(request(**ROLLBACK))
DOOR = Given(request(**NO_GATES))
DOOR_ENDED = Given(request(**NO_GATES), ENDED.status)
ALIAS = Given(alias(), kind="ModelAlias")

ABORT = {"spec": {"abort": True}}
LABEL = {"metadata": {"labels": {"team": "ml"}}}
NO_OWNER = {
    "metadata": {
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "gone"}]
    }
}
FINALIZER = {"metadata": {"finalizers": ["example.com/stay"]}}
SUCCEEDED = {"status": {"phase": "Succeeded"}}
READY = {"status": {"phase": "Ready"}}
PIN = {"spec": {"version": "3"}}
NO_POLICY = {"spec": {"policy": None}}


def _others_evidence(stored: Spec) -> None:
    """Approve what the same write says was found."""
    stored["status"]["resolved"]["evidence"] = OTHER_EVIDENCE
    stored["spec"]["approvals"] = [word(BO, evidence=OTHER_EVIDENCE)]


def _others_names(stored: Spec) -> None:
    """Approve as one of those whom the same write says are asked."""
    stored["status"]["approvals"] = {"users": ["bo"]}
    stored["spec"]["approvals"] = [word(BO)]


def _nothing(_: Spec) -> None:
    """Send the object back as it stands."""


@dataclass(frozen=True)
class Row:
    """An attempt and its answer; `says` is what a person reads."""

    id: str
    who: Person
    does: Attempt
    code: int
    says: str = ""
    on: Given | None = field(default=None, kw_only=True)


def _cannot(who: Person, verb: str, resource: str = "promotionrequests") -> tuple[int, str]:
    return FORBIDDEN, f'User "{who.name}" cannot {verb} resource "{resource}" in API group "modelalias.dev"'


def _lacks(who: Person, verb: str, name: str = "churn-champion") -> tuple[int, str]:
    return FORBIDDEN, f"denied request: {who.name} may not {verb} modelaliases/{name}"


def _must_be(who: Person) -> tuple[int, str]:
    return (
        INVALID,
        f'denied request: spec.requestedBy must be your user name: write requestedBy: "{who.name}"',
    )


OPERATORS_OWN = (INVALID, f"denied request: only the operator files requests as {OPERATOR.name}")
NOT_WITH_IT = (INVALID, "denied request: an approval or a rejection cannot be part of a new request")
NOT_YOUR_NAME = (INVALID, "denied request: you can approve or reject only in your own name")
STANDS = (
    INVALID,
    f"denied request: the approval must name the evidence in status.resolved.evidence: {EVIDENCE}",
)
NO_EVIDENCE = (
    INVALID,
    "denied request: the approval must name the evidence in status.resolved.evidence: there is none yet",
)
CONFIRM = (
    INVALID,
    "denied request: the approval has to confirm each sentence of the checklist: bias report read",
)
ASKS_LEADS = (
    INVALID,
    (
        "denied request: modelaliases/churn-champion asks group ml-leads to approve; an approval for a "
        "group has to name"
    ),
)
ASKS_EITHER = (
    INVALID,
    (
        "denied request: modelaliases/churn-champion asks user mia or group ml-leads to approve; an "
        "approval for a group"
    ),
)
NOT_HELD = (FORBIDDEN, "is attempting to grant RBAC permissions not currently held")
STAYS = (INVALID, "an approval or a rejection cannot be changed or removed")


def _verbs(*verbs: str, name: str) -> dict[str, Any]:
    return {
        "apiGroups": ["modelalias.dev"],
        "resources": ["modelaliases"],
        "resourceNames": [name],
        "verbs": verbs,
    }


def _on(*verbs: str, resources: tuple[str, ...] = ("promotionrequests",)) -> dict[str, Any]:
    return {"apiGroups": ["modelalias.dev"], "resources": resources, "verbs": verbs}


def _role(name: str) -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}


FILING = (
    Row("requester-files-in-own-name", ANA, files(), CREATED),
    Row("requester-files-in-anothers-name", ANA, files(requestedBy="bo"), *_must_be(ANA)),
    Row("requester-files-without-a-name", ANA, files(requestedBy=LEFT_OUT), CREATED),
    Row(
        "requester-files-in-a-look-alikes-name",
        ANA,
        files(requestedBy="\N{CYRILLIC SMALL LETTER A}na"),
        *_must_be(ANA),
    ),
    Row(
        "requester-files-in-anothers-name-dry-run", ANA, files(dry_run=True, requestedBy="bo"), *_must_be(ANA)
    ),
    Row("requester-files-in-anothers-name-by-apply", ANA, files_by_apply(requestedBy="bo"), *_must_be(ANA)),
    Row(
        "requester-files-in-anothers-name-named-later",
        ANA,
        files_by_generated_name(requestedBy="bo"),
        *_must_be(ANA),
    ),
    Row("requester-files-by-apply", ANA, files_by_apply(), CREATED),
    Row("requester-files-named-later", ANA, files_by_generated_name(), CREATED),
    Row("requester-files-rollback", ANA, files(**ROLLBACK), CREATED),
    Row("requester-files-swap", ANA, files(**SWAP), CREATED),
    Row("requester-files-past-the-gates", ANA, files(**NO_GATES), *_lacks(ANA, "bypass")),
    Row("requester-files-with-an-approval", ANA, files(approvals=[word(ANA)]), *NOT_WITH_IT),
    Row("approver-files", BO, files(), *_cannot(BO, "create")),
    Row("approver-files-by-apply", BO, files_by_apply(), *_cannot(BO, "create")),
    Row("owner-files", CY, files(), CREATED),
    Row("owner-files-rollback", CY, files(**ROLLBACK), CREATED),
    Row("owner-files-past-the-gates", CY, files(**NO_GATES), *_lacks(CY, "bypass")),
    Row("onlooker-files", DI, files(), *_cannot(DI, "create")),
    Row("nobody-files", ED, files(), *_cannot(ED, "create")),
    Row("bypass-by-name-files-past-the-gates", FAY, files(**NO_GATES), CREATED),
    Row(
        "bypass-by-name-files-past-others-gates",
        FAY,
        files(**NO_GATES, **FRAUD),
        *_lacks(FAY, "bypass", "fraud-champion"),
    ),
    Row("promote-by-name-files", GUS, files(**FRAUD), CREATED),
    Row("promote-by-name-files-for-another", GUS, files(), *_lacks(GUS, "promote")),
    Row("promote-by-name-files-dry-run-for-another", GUS, files(dryRun=True), *_lacks(GUS, "promote")),
    Row("promote-by-name-files-rollback-for-another", GUS, files(**ROLLBACK), *_lacks(GUS, "rollback")),
    Row("promote-by-name-files-swap-for-another", GUS, files(**SWAP), *_lacks(GUS, "rollback")),
    Row("every-verb-files-past-the-gates", MIA, files(**NO_GATES), CREATED),
    Row("restorer-files-in-anothers-name", REX, files(requestedBy="bo"), CREATED),
    Row("restorer-files-anothers-rollback", REX, files(requestedBy="bo", **ROLLBACK), CREATED),
    Row("restorer-files-without-a-name", REX, files(requestedBy=LEFT_OUT), CREATED),
    Row(
        "restorer-files-what-others-approved",
        REX,
        files(requestedBy="ana", approvals=[word(BO)]),
        *NOT_WITH_IT,
    ),
    Row(
        "restorer-files-anothers-past-the-gates",
        REX,
        files(requestedBy="ana", **NO_GATES),
        *_lacks(REX, "bypass"),
    ),
    Row("restorer-approves", REX, approves(word(REX)), FORBIDDEN, "rex may not approve", on=JUDGED),
    Row(
        "restore-without-promote-files-in-anothers-name",
        SAM,
        files(requestedBy="bo"),
        *_lacks(SAM, "promote"),
    ),
    Row(
        "restore-by-name-files-anothers-for-another-alias",
        SAM,
        files(requestedBy="bo", **FRAUD),
        *_must_be(SAM),
    ),
    Row("every-verb-files-in-anothers-name", MIA, files(requestedBy="bo"), *_must_be(MIA)),
    *(
        Row(f"{title}-files-in-the-operators-name", who, files(requestedBy=OPERATOR.name), *OPERATORS_OWN)
        for title, who in {"requester": ANA, "restorer": REX, "every-verb": MIA, "namesake": NAMESAKE}.items()
    ),
    Row(
        "restorer-files-in-the-operators-name-by-apply",
        REX,
        files_by_apply(requestedBy=OPERATOR.name),
        *OPERATORS_OWN,
    ),
    Row("operator-files-in-its-own-name", OPERATOR, files(), CREATED),
    Row("restorer-files-in-a-namesakes-name", REX, files(requestedBy=NAMESAKE.name), CREATED),
    Row("gitops-files-in-own-name", ARGO, files(), CREATED),
    Row("gitops-files-in-a-persons-name", ARGO, files(requestedBy="ana"), *_must_be(ARGO)),
    Row("operators-namesake-files-in-anothers-name", NAMESAKE, files(requestedBy="ana"), *_must_be(NAMESAKE)),
    Row("operators-namesake-files-past-the-gates", NAMESAKE, files(**NO_GATES), *_lacks(NAMESAKE, "bypass")),
)

APPROVING = (
    Row("approver-approves", BO, approves(word(BO)), OK, on=JUDGED),
    Row("approver-approves-for-own-group", BO, approves(word(BO, group="ml-leads")), OK, on=JUDGED),
    Row("approver-approves-by-apply", BO, approves_by_apply(word(BO)), OK, on=JUDGED),
    Row("approver-refuses", BO, approves(word(BO, decision="Reject")), OK, on=ASKED),
    Row("approver-refuses-after-approving", BO, approves(word(BO, decision="Reject")), OK, on=APPROVED),
    Row(
        "approver-confirms-the-checklist",
        BO,
        approves(word(BO, checklist=["bias report read"])),
        OK,
        on=ASKED,
    ),
    Row("approver-forgets-the-checklist", BO, approves(word(BO)), *CONFIRM, on=ASKED),
    Row("one-of-the-group-names-it", BO, approves(word(BO, group="ml-leads")), OK, on=LEADS_ASKED),
    Row("one-of-the-group-names-none", BO, approves(word(BO)), *ASKS_LEADS, on=LEADS_ASKED),
    Row("one-of-the-group-names-none-by-apply", BO, approves_by_apply(word(BO)), *ASKS_LEADS, on=LEADS_ASKED),
    Row(
        "one-of-the-group-names-another",
        BO,
        approves(word(BO, group="system:authenticated")),
        *ASKS_LEADS,
        on=LEADS_ASKED,
    ),
    Row(
        "one-of-the-group-refuses-and-names-it",
        BO,
        approves(word(BO, group="ml-leads", decision="Reject")),
        OK,
        on=LEADS_ASKED,
    ),
    Row(
        "one-of-the-group-refuses-and-names-none",
        BO,
        approves(word(BO, decision="Reject")),
        *ASKS_LEADS,
        on=LEADS_ASKED,
    ),
    Row(
        "one-of-the-group-names-it-once-in-two-words",
        BO,
        approves(word(BO, group="ml-leads"), word(BO, decision="Reject")),
        *ASKS_LEADS,
        on=LEADS_ASKED,
    ),
    Row("one-of-the-group-brings-names-along", BO, sends_back(_others_names), *ASKS_LEADS, on=LEADS_ASKED),
    Row("one-of-the-group-labels", BO, merges(LABEL), OK, on=LEADS_ASKED),
    Row("every-verb-approves-though-a-group-is-asked", MIA, approves(word(MIA)), *ASKS_LEADS, on=LEADS_ASKED),
    Row("named-user-approves", BO, approves(word(BO)), OK, on=BO_ASKED),
    Row("named-user-approves-for-a-group", BO, approves(word(BO, group="ml-leads")), OK, on=BO_ASKED),
    Row(
        "unnamed-user-approves",
        MIA,
        approves(word(MIA)),
        INVALID,
        "denied request: modelaliases/churn-champion asks users bo, cy",
        on=asks(users=["bo", "cy"]),
    ),
    Row("named-user-of-both-approves", MIA, approves(word(MIA)), OK, on=MIA_OR_LEADS_ASKED),
    Row("named-group-of-both-approves", BO, approves(word(BO, group="ml-leads")), OK, on=MIA_OR_LEADS_ASKED),
    Row("neither-of-both-approves", BO, approves(word(BO)), *ASKS_EITHER, on=MIA_OR_LEADS_ASKED),
    Row("named-user-approves-after-a-word-in-vain", MIA, approves(word(MIA)), OK, on=SAID_IN_VAIN),
    Row("named-user-approves-own-request", MIA, approves(word(MIA)), OK, on=MIAS_OWN),
    Row(
        "unnamed-user-approves-after-a-crowd",
        MIA,
        approves(word(MIA, checklist=CROWD[0]["checklist"])),
        INVALID,
        "denied request: only status.approvals.users and groups may approve",
        on=CROWDED,
    ),
    Row("approver-signs-as-another", BO, approves(word(CY)), *NOT_YOUR_NAME, on=JUDGED),
    Row("approver-signs-as-a-look-alike", BO, approves(word(BO, user=LOOK_ALIKE)), *NOT_YOUR_NAME, on=JUDGED),
    Row("approver-signs-for-two-in-one-write", BO, approves(word(BO), word(CY)), *NOT_YOUR_NAME, on=JUDGED),
    Row(
        "approver-approves-for-anothers-group",
        BO,
        approves(word(BO, group="admins")),
        INVALID,
        "denied request: the approval names a group that you are not in",
        on=JUDGED,
    ),
    Row(
        "approver-approves-other-evidence",
        BO,
        approves(word(BO, evidence=OTHER_EVIDENCE)),
        *STANDS,
        on=JUDGED,
    ),
    Row("approver-brings-evidence-along", BO, sends_back(_others_evidence), *STANDS, on=JUDGED),
    Row("approver-approves-before-the-verdict", BO, approves(word(BO)), *NO_EVIDENCE, on=FILED),
    Row(
        "approver-approves-after-a-crowd",
        BO,
        approves(word(BO, group="ml-leads", checklist=CROWD[0]["checklist"])),
        OK,
        on=CROWDED,
    ),
    Row(
        "approver-forgets-a-crowds-checklist",
        BO,
        approves(word(BO, group="ml-leads")),
        INVALID,
        "denied request: the approval has to confirm each sentence of status.approvals.checklist",
        on=CROWDED,
    ),
    Row(
        "approver-approves-after-the-end",
        BO,
        approves(word(BO)),
        INVALID,
        "denied request: the request has ended",
        on=ENDED,
    ),
    Row(
        "approver-changes-a-word",
        BO,
        merges({"spec": {"approvals": [word(BO, message="no")]}}),
        *STAYS,
        on=APPROVED,
    ),
    Row(
        "approver-turns-a-word",
        BO,
        merges({"spec": {"approvals": [word(BO, decision="Reject")]}}),
        *STAYS,
        on=APPROVED,
    ),
    Row("approver-takes-a-word-back", BO, merges({"spec": {"approvals": None}}), *STAYS, on=APPROVED),
    Row(
        "requester-approves",
        ANA,
        approves(word(ANA)),
        FORBIDDEN,
        "denied request: ana may not approve modelaliases/churn-champion",
        on=JUDGED,
    ),
    Row(
        "owner-approves",
        CY,
        approves(word(CY)),
        FORBIDDEN,
        "denied request: cy may not approve modelaliases/churn-champion",
        on=JUDGED,
    ),
    Row(
        "approve-by-name-approves-for-another",
        GUS,
        approves(word(GUS)),
        FORBIDDEN,
        "denied request: gus may not approve modelaliases/churn-champion: ask for that permission, such as the "
        "ClusterRole modelalias-approver",
        on=JUDGED,
    ),
    Row(
        "gitops-approves",
        ARGO,
        approves(word(ARGO)),
        FORBIDDEN,
        f"denied request: {ARGO.name} may not approve modelaliases/churn-champion",
        on=JUDGED,
    ),
    Row("onlooker-approves", DI, approves(word(DI)), *_cannot(DI, "update"), on=JUDGED),
    Row("every-verb-approves", MIA, approves(word(MIA)), OK, on=JUDGED),
    Row("every-verb-signs-as-another", MIA, approves(word(BO)), *NOT_YOUR_NAME, on=JUDGED),
)

STOPPING = (
    Row("requester-aborts", ANA, merges(ABORT), OK, on=JUDGED),
    Row("requester-aborts-rollback", ANA, merges(ABORT), OK, on=BACK),
    Row("requester-aborts-past-the-gates", ANA, merges(ABORT), *_lacks(ANA, "bypass"), on=DOOR),
    Row("bypass-by-name-aborts-past-the-gates", FAY, merges(ABORT), OK, on=DOOR),
    Row("approver-aborts", BO, merges(ABORT), *_lacks(BO, "promote"), on=JUDGED),
    Row(
        "approver-approves-and-aborts", BO, approves(word(BO), abort=True), *_lacks(BO, "promote"), on=JUDGED
    ),
    Row("owner-aborts", CY, merges(ABORT), OK, on=JUDGED),
    Row("onlooker-aborts", DI, merges(ABORT), *_cannot(DI, "patch"), on=JUDGED),
    Row(
        "update-alone-aborts",
        IDA,
        sends_back(lambda it: it["spec"].update(abort=True)),
        *_lacks(IDA, "promote"),
        on=JUDGED,
    ),
    Row("promote-by-name-aborts-another", GUS, merges(ABORT), *_lacks(GUS, "promote"), on=JUDGED),
    Row("promote-by-name-aborts-anothers-rollback", GUS, merges(ABORT), *_lacks(GUS, "rollback"), on=BACK),
    Row("requester-aborts-what-a-crowd-approved", ANA, merges(ABORT), OK, on=CROWDED),
    Row("requester-deletes-what-a-crowd-approved", ANA, deletes(), OK, on=CROWDED),
    Row("requester-deletes", ANA, deletes(), OK, on=JUDGED),
    Row("requester-deletes-collection", ANA, deletes_collection, OK, on=JUDGED),
    Row("requester-deletes-past-the-gates", ANA, deletes(), *_lacks(ANA, "bypass"), on=DOOR),
    Row("requester-deletes-past-the-gates-ended", ANA, deletes(), OK, on=DOOR_ENDED),
    Row(
        "requester-deletes-collection-past-the-gates",
        ANA,
        deletes_collection,
        *_lacks(ANA, "bypass"),
        on=DOOR,
    ),
    Row("bypass-by-name-deletes-past-the-gates", FAY, deletes(), OK, on=DOOR),
    Row("approver-deletes", BO, deletes(), *_cannot(BO, "delete"), on=JUDGED),
    Row("owner-deletes", CY, deletes(), OK, on=JUDGED),
    Row("onlooker-deletes", DI, deletes(), *_cannot(DI, "delete"), on=ENDED),
    Row("promote-by-name-deletes-another", GUS, deletes(), *_lacks(GUS, "promote"), on=JUDGED),
    Row("promote-by-name-deletes-anothers-rollback", GUS, deletes(), *_lacks(GUS, "rollback"), on=BACK),
    Row("promote-by-name-deletes-another-ended", GUS, deletes(), OK, on=ENDED),
    Row("promote-by-name-deletes-collection", GUS, deletes_collection, *_lacks(GUS, "promote"), on=JUDGED),
    Row(
        "promote-by-name-deletes-at-once",
        GUS,
        deletes(gracePeriodSeconds=0),
        *_lacks(GUS, "promote"),
        on=JUDGED,
    ),
    Row(
        "promote-by-name-deletes-in-foreground",
        GUS,
        deletes(propagationPolicy="Foreground"),
        *_lacks(GUS, "promote"),
        on=JUDGED,
    ),
    Row(
        "promote-by-name-deletes-and-orphans",
        GUS,
        deletes(propagationPolicy="Orphan"),
        *_lacks(GUS, "promote"),
        on=JUDGED,
    ),
    Row("promote-by-name-deletes-dry-run", GUS, deletes(dryRun=["All"]), *_lacks(GUS, "promote"), on=JUDGED),
    Row(
        "operators-namesake-deletes-past-the-gates", NAMESAKE, deletes(), *_lacks(NAMESAKE, "bypass"), on=DOOR
    ),
    Row("controllers-under-one-account-delete", CONTROLLERS, deletes(), OK, on=DOOR),
)

WRITING = (
    Row("update-alone-labels", IDA, merges(LABEL), OK, on=JUDGED),
    Row("update-alone-sends-back-unchanged", IDA, sends_back(_nothing), OK, on=APPROVED),
    Row(
        "update-alone-points-to-another-alias",
        IDA,
        merges({"spec": FRAUD}),
        INVALID,
        "aliasRef is immutable",
        on=JUDGED,
    ),
    Row("update-alone-gives-a-gone-owner", IDA, merges(NO_OWNER), *_lacks(IDA, "promote"), on=JUDGED),
    Row(
        "update-alone-gives-a-gone-owner-past-the-gates",
        IDA,
        merges(NO_OWNER),
        *_lacks(IDA, "promote"),
        on=DOOR,
    ),
    Row("update-alone-labels-what-is-aborted", IDA, merges(LABEL), OK, on=ABORTED),
    Row("update-alone-labels-what-a-crowd-approved", IDA, merges(LABEL), OK, on=CROWDED),
    Row("approver-labels", BO, merges(LABEL), OK, on=JUDGED),
    Row(
        "approver-takes-it-over",
        BO,
        merges({"spec": {"requestedBy": "bo"}}),
        INVALID,
        "requestedBy is immutable",
        on=JUDGED,
    ),
    Row(
        "approver-gives-a-gone-owner",
        BO,
        merges(NO_OWNER),
        FORBIDDEN,
        f"{_lacks(BO, 'promote')[1]}, so may not add an owner or a finalizer to its request",
        on=JUDGED,
    ),
    Row("approver-gives-a-finalizer", BO, merges(FINALIZER), *_lacks(BO, "promote"), on=JUDGED),
    Row("requester-gives-an-owner", ANA, merges(NO_OWNER), OK, on=JUDGED),
    Row("requester-gives-a-finalizer", ANA, merges(FINALIZER, dry_run=True), OK, on=JUDGED),
    Row(
        "requester-gives-a-finalizer-past-the-gates", ANA, merges(FINALIZER), *_lacks(ANA, "bypass"), on=DOOR
    ),
    Row("promote-by-name-gives-a-gone-owner-to-another-ended", GUS, merges(NO_OWNER), OK, on=ENDED),
    Row("operator-writes-status", OPERATOR, merges(SUCCEEDED, below="/status"), OK, on=JUDGED),
    *(
        Row(
            f"{title}-writes-status",
            who,
            merges(SUCCEEDED, below="/status"),
            *_cannot(who, "patch", "promotionrequests/status"),
            on=JUDGED,
        )
        for title, who in {
            "requester": ANA,
            "approver": BO,
            "owner": CY,
            "onlooker": DI,
            "every-verb": MIA,
        }.items()
    ),
)

ALIASES = (
    Row("requester-makes-an-alias", ANA, makes_alias, *_cannot(ANA, "create", "modelaliases")),
    Row("approver-makes-an-alias", BO, makes_alias, *_cannot(BO, "create", "modelaliases")),
    Row("owner-makes-an-alias", CY, makes_alias, CREATED),
    Row("onlooker-makes-an-alias", DI, makes_alias, *_cannot(DI, "create", "modelaliases")),
    Row("gitops-makes-an-alias", ARGO, makes_alias, *_cannot(ARGO, "create", "modelaliases")),
    Row("requester-pins", ANA, merges(PIN, "modelaliases"), *_cannot(ANA, "patch", "modelaliases"), on=ALIAS),
    Row(
        "bypass-by-name-pins",
        FAY,
        merges(PIN, "modelaliases"),
        *_cannot(FAY, "patch", "modelaliases"),
        on=ALIAS,
    ),
    Row("approver-pins", BO, merges(PIN, "modelaliases"), *_cannot(BO, "patch", "modelaliases"), on=ALIAS),
    Row("owner-pins", CY, merges(PIN, "modelaliases"), OK, on=ALIAS),
    Row(
        "requester-drops-policy",
        ANA,
        merges(NO_POLICY, "modelaliases"),
        *_cannot(ANA, "patch", "modelaliases"),
        on=ALIAS,
    ),
    Row("owner-drops-policy", CY, merges(NO_POLICY, "modelaliases"), OK, on=ALIAS),
    Row(
        "requester-deletes-the-alias",
        ANA,
        deletes("modelaliases"),
        *_cannot(ANA, "delete", "modelaliases"),
        on=ALIAS,
    ),
    Row("owner-deletes-the-alias", CY, deletes("modelaliases"), OK, on=ALIAS),
    Row(
        "owner-writes-the-alias-status",
        CY,
        merges(READY, "modelaliases", "/status"),
        *_cannot(CY, "patch", "modelaliases/status"),
        on=ALIAS,
    ),
    Row(
        "requester-writes-the-alias-status",
        ANA,
        merges(READY, "modelaliases", "/status"),
        *_cannot(ANA, "patch", "modelaliases/status"),
        on=ALIAS,
    ),
    *(
        Row(f"{title}-reads-{plural}", who, reads(plural), OK)
        for plural in ("modelaliases", "promotionrequests")
        for title, who in {"requester": ANA, "approver": BO, "owner": CY, "onlooker": DI}.items()
    ),
    Row("admin-files", ADA, files(), CREATED),
    Row("admin-makes-an-alias", ADA, makes_alias, *_cannot(ADA, "create", "modelaliases")),
    *(
        Row(
            f"admin-becomes-{role}",
            ADA,
            grants("rolebindings", roleRef=_role(f"modelalias-{role}")),
            *NOT_HELD,
        )
        for role in ("approver", "alias-owner")
    ),
    Row(
        "admin-grants-bypass",
        ADA,
        grants("roles", rules=[_verbs("bypass", name="churn-champion")]),
        *NOT_HELD,
    ),
    Row("nobody-reads-requests", ED, reads("promotionrequests"), *_cannot(ED, "list")),
)

TABLE = (*FILING, *APPROVING, *STOPPING, *WRITING, *ALIASES)


@pytest.fixture(scope="module")
def team(kubeconfig: str, kube_api: KubeApi) -> Iterator[Team]:
    """One namespace for all: each attempt has an object of its own name."""
    namespace = f"test-{secrets.token_hex(4)}"
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": namespace}}).ok
    install_account(kubeconfig)
    team = Team(kube_api, namespace)
    for who in (ANA, FAY, ARGO, NAMESAKE):
        team.bind(who, "edit", "create")
    team.bind(ADA, "admin", "create")
    team.bind(BO, "modelalias-approver", "patch")
    team.bind(CY, "modelalias-alias-owner", "create")
    team.bind(DI, "view", "list")
    team.bind(FAY, [_verbs("bypass", name="churn-champion")], "bypass", "modelaliases", "churn-champion")
    team.bind(GUS, [_on("*"), _verbs("promote", "rollback", "approve", name="fraud-champion")], "create")
    team.bind(IDA, [_on("update", "patch")], "patch")
    team.bind(MIA, [_on("*", resources=("modelaliases", "promotionrequests"))], "create")
    team.bind(REX, "modelalias-restorer", "restore", "modelaliases")
    team.bind(SAM, [_on("create"), _verbs("restore", name="churn-champion")], "create")
    team.bind(CONTROLLERS, [_on("delete", "deletecollection")], "delete")
    yield team
    kube_api.send("DELETE", f"/api/v1/namespaces/{namespace}")


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in TABLE])
def test_who_may(team: Team, row: Row) -> None:
    if row.on is not None:
        team.set_scene(row.on, row.id)

    answer = row.does(team, row.who, row.id)

    assert answer.code == row.code, answer
    assert row.says in answer.message


def test_what_has_an_owner_is_labelled_without_a_verb(team: Team) -> None:
    owners = f"/api/v1/namespaces/{team.namespace}/configmaps"
    owner = team.api.create(owners, {"metadata": {"name": "pipeline-run"}}).body["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "pipeline-run", "uid": owner["uid"]}
    team.set_scene(FILED, "owned")
    assert team.api.merge(f"{team.requests}/owned", {"metadata": {"ownerReferences": [reference]}}).ok

    answer = merges(LABEL)(team, IDA, "owned")

    assert answer.code == OK, answer
