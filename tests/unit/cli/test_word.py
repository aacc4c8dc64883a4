"""A person's word: what is written, and what is said at once instead of being refused or void later."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.policy import Approval
from modelalias.api.request import Decision
from modelalias.cli import word
from modelalias.cli.cluster import Who
from modelalias.cli.word import Asked
from modelalias.core.errors import InvalidRequest
from tests.support.cli_cluster import EVIDENCE, OTHER_EVIDENCE, ended, request
from tests.support.cli_cluster import word as said

BO = Who(user="bo", groups=("ml-leads", "staff"))
YES = Asked(Decision.APPROVE)
NO = Asked(Decision.REJECT, message="not now")
LIST = ("bias report read", "costs known")
ASKS: Mapping[str, Any] = {"approvals": {"required": 1, "checklist": list(LIST)}}


def rules(**fields: Any) -> Approval:
    return Approval.model_validate({"required": "Always", **fields})


def added(
    spec: Mapping[str, Any] | None, rules: Approval | None, asked: Asked, **status: Any
) -> Mapping[str, Any]:
    """Return what the edit adds, apart from user, evidence and decision, which must be as they should."""
    edit = word.edit(request(spec, **status), rules, BO, asked)
    assert edit is not None
    value = edit.operations[-1]["value"]
    item = dict(value[0] if isinstance(value, list) else value)
    assert [item.pop("user"), item.pop("evidence"), item.pop("decision")] == [
        "bo",
        EVIDENCE,
        str(asked.decision),
    ]
    return item


def test_the_edit_is_for_this_request_and_this_evidence_and_brings_the_list_along() -> None:
    edit = word.edit(request(), None, BO, YES)

    assert edit is not None
    assert edit.operations == (
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "test", "path": "/status/resolved/evidence", "value": EVIDENCE},
        {"op": "add", "path": "/spec/approvals", "value": [said("bo")]},
    )


def test_a_later_word_is_added_to_the_list() -> None:
    edit = word.edit(request({"approvals": [said("cy")]}), None, BO, YES)

    assert edit is not None
    assert edit.operations[-1] == {"op": "add", "path": "/spec/approvals/-", "value": said("bo")}


@pytest.mark.parametrize(
    ("owner", "asked", "status", "expected"),
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
            None, Asked(Decision.APPROVE, group="staff"), {}, {"group": "staff"}, id="a-group-that-was-named"
        ),
        pytest.param(
            None, Asked(Decision.APPROVE, confirms_all=True), ASKS, {"checklist": [*LIST]}, id="confirm-all"
        ),
        pytest.param(
            None,
            Asked(Decision.APPROVE, confirmed=LIST[::-1]),
            ASKS,
            {"checklist": [*LIST]},
            id="confirm-each",
        ),
        pytest.param(
            rules(checklist=[*LIST]), NO, ASKS, {"message": "not now"}, id="a-rejection-confirms-nothing"
        ),
        pytest.param(None, Asked(Decision.APPROVE, evidence=EVIDENCE), {}, {}, id="the-evidence-that-stands"),
    ],
)
def test_the_word_says_what_counts(
    owner: Approval | None, asked: Asked, status: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    assert added(None, owner, asked, **status) == expected


@pytest.mark.parametrize(
    ("spec", "owner", "asked", "status", "words"),
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
            "request go is not judged yet: Pending, waits: soak",
            id="not-judged",
        ),
        pytest.param(
            {},
            None,
            YES,
            {"resolved": None, "phase": None, "explanation": None},
            "is not judged yet: not seen by the operator",
            id="not-seen",
        ),
        pytest.param(
            {},
            None,
            YES,
            {"approvals": None, "phase": "Queued"},
            "request go does not ask for approvals: Queued",
            id="nobody-is-asked",
        ),
        pytest.param(
            {},
            None,
            NO,
            {"phase": "RollingOut"},
            "is being carried out, words no longer count; abort stops it",
            id="under-way",
        ),
        pytest.param(
            {},
            None,
            Asked(Decision.APPROVE, evidence=OTHER_EVIDENCE),
            {},
            f"the evidence of request go has changed: it is {EVIDENCE} now",
            id="the-evidence-changed",
        ),
        pytest.param(
            {},
            None,
            YES,
            ASKS,
            "--confirm or --confirm-all: bias report read; costs known",
            id="nothing-confirmed",
        ),
        pytest.param(
            {},
            None,
            Asked(Decision.APPROVE, confirmed=LIST[:1]),
            ASKS,
            "--confirm-all: costs known",
            id="half-confirmed",
        ),
        pytest.param(
            {},
            None,
            Asked(Decision.APPROVE, confirmed=("read",)),
            ASKS,
            "not in the checklist: read",
            id="confirms-something-else",
        ),
        pytest.param(
            {},
            None,
            Asked(Decision.APPROVE, group="admins"),
            {},
            "bo is not in group admins",
            id="another's-group",
        ),
        pytest.param(
            {}, rules(groups=["it"]), YES, {}, "would not count: not one of group it", id="not-one-of-them"
        ),
        pytest.param(
            {}, rules(groups=["it"]), NO, {}, "would not count: not one of group it", id="may-not-reject"
        ),
        pytest.param(
            {"requestedBy": "bo"},
            rules(),
            YES,
            {},
            "would not count: nobody can approve a request of their own",
            id="one's-own",
        ),
        pytest.param(
            {"approvals": [said("bo")]},
            rules(groups=["ml-leads"]),
            YES,
            {},
            "your word stands there and does not count: not one of group ml-leads",
            id="said-in-vain",
        ),
        pytest.param(
            {},
            None,
            Asked(Decision.APPROVE, message="x" * 1025),
            {},
            "your word does not fit: message",
            id="too-long",
        ),
    ],
)
def test_what_would_be_refused_or_void_is_said_before_anything_is_written(
    spec: Mapping[str, Any], owner: Approval | None, asked: Asked, status: Mapping[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        word.edit(request(spec, **status), owner, BO, asked)

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
    found = request({"approvals": [said("bo", message="seen")]}, **status)

    assert word.edit(found, owner, BO, YES) is None


def test_one_who_approved_may_still_reject_and_approve_other_evidence() -> None:
    spec = {"approvals": [said("bo"), said("bo", evidence=OTHER_EVIDENCE)]}

    assert added(spec, None, NO) == {"message": "not now"}
    again = {"approvals": [said("bo", evidence=OTHER_EVIDENCE)]}
    assert added(again, None, YES) == {}


def test_an_abort_is_asked_for_once() -> None:
    edit = word.abort(request())

    assert edit is not None
    assert edit.operations[-1] == {"op": "add", "path": "/spec/abort", "value": True}
    assert word.abort(request({"abort": True})) is None
    with pytest.raises(InvalidRequest, match=r"^request go has ended: Rejected, version 4 refused$"):
        word.abort(request(**ended()))
