"""Approvals and rejections: what is written, and what is refused at once instead of being void later."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.policy import Approval
from modelalias.api.request import ApprovalDecision
from modelalias.cli import abort_edit, approval_entry
from modelalias.cli.approval_entry import Choice
from modelalias.cli.cluster import Who
from modelalias.core.errors import InvalidRequest
from tests.support.cli_cluster import EVIDENCE, OTHER_EVIDENCE, approval, ended, request

BO = Who(user="bo", groups=("ml-leads", "staff"))
YES = Choice(ApprovalDecision.APPROVE)
NO = Choice(ApprovalDecision.REJECT, message="not now")
LIST = ("bias report read", "costs known")
ASKS: Mapping[str, Any] = {"approvals": {"required": 1, "checklist": list(LIST)}}


def rules(**fields: Any) -> Approval:
    return Approval.model_validate({"required": "Always", **fields})


def added(
    spec: Mapping[str, Any] | None, rules: Approval | None, choice: Choice, **status: Any
) -> Mapping[str, Any]:
    """Return what the edit adds, apart from user, evidence and decision, which must be as they should."""
    edit = approval_entry.edit(request(spec, **status), rules, BO, choice)
    assert edit is not None
    value = edit.operations[-1]["value"]
    item = dict(value[0] if isinstance(value, list) else value)
    assert [item.pop("user"), item.pop("evidence"), item.pop("decision")] == [
        "bo",
        EVIDENCE,
        str(choice.decision),
    ]
    return item


def test_the_edit_is_for_this_request_and_this_evidence_and_brings_the_list_along() -> None:
    edit = approval_entry.edit(request(), None, BO, YES)

    assert edit is not None
    assert edit.operations == (
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "test", "path": "/status/resolved/evidence", "value": EVIDENCE},
        {"op": "add", "path": "/spec/approvals", "value": [approval("bo")]},
    )


def test_a_later_approval_is_added_to_the_list() -> None:
    edit = approval_entry.edit(request({"approvals": [approval("cy")]}), None, BO, YES)

    assert edit is not None
    assert edit.operations[-1] == {"op": "add", "path": "/spec/approvals/-", "value": approval("bo")}


@pytest.mark.parametrize(
    ("owner", "choice", "status", "expected"),
    [
        pytest.param(None, YES, {}, {}, id="rules-that-may-not-be-read"),
        pytest.param(rules(), YES, {}, {}, id="anyone"),
        pytest.param(
            rules(groups=["it", "ml-leads"]), YES, {}, {"group": "ml-leads"}, id="the-group-of-the-policy"
        ),
        pytest.param(rules(groups=["ml-leads"], users=["bo"]), YES, {}, {}, id="named-in-person"),
        pytest.param(
            None,
            YES,
            {"approvals": {"groups": ["it", "ml-leads"]}},
            {"group": "ml-leads"},
            id="the-group-of-the-status",
        ),
        pytest.param(
            None, YES, {"approvals": {"groups": ["staff"], "users": ["bo"]}}, {}, id="named-by-the-status"
        ),
        pytest.param(
            None,
            Choice(ApprovalDecision.APPROVE, group="staff"),
            {},
            {"group": "staff"},
            id="a-group-that-was-named",
        ),
        pytest.param(
            None,
            Choice(ApprovalDecision.APPROVE, confirms_all=True),
            ASKS,
            {"checklist": [*LIST]},
            id="confirm-all",
        ),
        pytest.param(
            None,
            Choice(ApprovalDecision.APPROVE, confirmed=LIST[::-1]),
            ASKS,
            {"checklist": [*LIST]},
            id="confirm-each",
        ),
        pytest.param(
            rules(checklist=[*LIST]), NO, ASKS, {"message": "not now"}, id="a-rejection-confirms-nothing"
        ),
        pytest.param(
            None, Choice(ApprovalDecision.APPROVE, evidence=EVIDENCE), {}, {}, id="the-evidence-that-stands"
        ),
    ],
)
def test_the_item_has_what_makes_it_valid(
    owner: Approval | None, choice: Choice, status: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    assert added(None, owner, choice, **status) == expected


@pytest.mark.parametrize(
    ("spec", "owner", "choice", "status", "words"),
    [
        pytest.param({}, None, YES, ended(), "request go has ended: Rejected, version 4 refused", id="ended"),
        pytest.param(
            {}, None, YES, ended(resolved=None), "request go has ended: Rejected", id="ended-and-never-judged"
        ),
        pytest.param(
            {},
            None,
            YES,
            {"resolved": None, "phase": "Pending", "explanation": "waits: soak"},
            "request go has not been judged yet: Pending, waits: soak",
            id="not-judged",
        ),
        pytest.param(
            {},
            None,
            YES,
            {"resolved": None, "phase": None, "explanation": None},
            "has not been judged yet: no status yet",
            id="not-seen",
        ),
        pytest.param(
            {},
            None,
            YES,
            {"approvals": None, "phase": "Queued"},
            "request go is not waiting for approvals: Queued",
            id="nobody-is-asked",
        ),
        pytest.param(
            {},
            None,
            NO,
            {"phase": "RollingOut"},
            "is being carried out, so it is too late to approve or reject it; to stop it: modelalias "
            "abort go",
            id="under-way",
        ),
        pytest.param(
            {},
            None,
            Choice(ApprovalDecision.APPROVE, evidence=OTHER_EVIDENCE),
            {},
            f"the evidence of request go has changed to {EVIDENCE}: look at the verdict again",
            id="the-evidence-changed",
        ),
        pytest.param(
            {},
            None,
            YES,
            ASKS,
            "or all with --confirm-all: bias report read; costs known",
            id="nothing-confirmed",
        ),
        pytest.param(
            {},
            None,
            Choice(ApprovalDecision.APPROVE, confirmed=LIST[:1]),
            ASKS,
            "--confirm-all: costs known",
            id="half-confirmed",
        ),
        pytest.param(
            {},
            None,
            Choice(ApprovalDecision.APPROVE, confirmed=("read",)),
            ASKS,
            "not in the checklist: read",
            id="confirms-something-else",
        ),
        pytest.param(
            {},
            None,
            Choice(ApprovalDecision.APPROVE, group="admins"),
            {},
            "bo is not in group admins",
            id="another's-group",
        ),
        pytest.param(
            {},
            rules(groups=["it"]),
            YES,
            {},
            "your approval would not be valid: not one of group it",
            id="not-one-of-them",
        ),
        pytest.param(
            {},
            rules(groups=["it"]),
            NO,
            {},
            "your rejection would not be valid: not one of group it",
            id="may-not-reject",
        ),
        pytest.param(
            {"requestedBy": "bo"}, rules(), YES, {}, "you cannot approve your own request", id="one's-own"
        ),
        pytest.param(
            {"approvals": [approval("bo")]},
            rules(groups=["ml-leads"]),
            YES,
            {},
            "your approval is there but is not valid, and it cannot be changed: not one of group ml-leads",
            id="said-in-vain",
        ),
        pytest.param(
            {},
            None,
            Choice(ApprovalDecision.APPROVE, message="x" * 1025),
            {},
            "your approval is not valid: message",
            id="too-long",
        ),
    ],
)
def test_what_would_be_refused_or_void_is_said_before_anything_is_written(
    spec: Mapping[str, Any], owner: Approval | None, choice: Choice, status: Mapping[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        approval_entry.edit(request(spec, **status), owner, BO, choice)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("owner", "status"),
    [
        pytest.param(rules(), {}, id="waiting"),
        pytest.param(rules(), {"phase": "Promoting"}, id="under-way"),
        pytest.param(rules(), ended("Succeeded"), id="ended"),
        pytest.param(rules(users=["cy"]), ended("Succeeded"), id="ended-and-the-rules-are-others-now"),
    ],
)
def test_the_same_again_is_nothing_to_do(owner: Approval, status: Mapping[str, Any]) -> None:
    request_with_it = request({"approvals": [approval("bo", message="seen")]}, **status)

    assert approval_entry.edit(request_with_it, owner, BO, YES) is None


def test_one_who_approved_may_still_reject_and_approve_other_evidence() -> None:
    spec = {"approvals": [approval("bo"), approval("bo", evidence=OTHER_EVIDENCE)]}

    assert added(spec, None, NO) == {"message": "not now"}
    again = {"approvals": [approval("bo", evidence=OTHER_EVIDENCE)]}
    assert added(again, None, YES) == {}


def test_an_abort_is_asked_for_once() -> None:
    edit = abort_edit.edit(request())

    assert edit is not None
    assert edit.operations[-1] == {"op": "add", "path": "/spec/abort", "value": True}
    assert abort_edit.edit(request({"abort": True})) is None
    with pytest.raises(InvalidRequest, match=r"^request go has ended: Rejected, version 4 refused$"):
        abort_edit.edit(request(**ended()))
