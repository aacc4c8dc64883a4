"""What one person is offered, and the command for somebody else where they are not."""

from typing import Any

import pytest

from modelalias.api.policy import Approval
from modelalias.cli import rights
from modelalias.cli.cluster import Who
from modelalias.cli.rights import Right
from modelalias.cli.sight import Sight
from modelalias.web.acts import Deed, Standing, acts
from modelalias.web.offers import Act, Looking, obstacles
from tests.support.cli_cluster import approval, ended, request

BO = Who(user="bo", groups=("ml-leads",))
LEADS = Approval(groups=("ml-leads",))
ASKED = {"required": 1, "valid": 0, "groups": ["ml-leads"]}


def _acts(
    asked: Any,
    who: Who = BO,
    rules: Approval | None = LEADS,
    lacks: dict[Deed, Right | None] | None = None,
    **how: Any,
) -> dict[str, Act]:
    found = acts(Standing(Sight(who, asked, rules), lacks or {}, Looking(**how)))
    return {item.deed: item for item in found}


def test_who_is_asked_gets_forms() -> None:
    found = _acts(request(approvals=ASKED))

    assert {deed: item.is_offered for deed, item in found.items()} == dict.fromkeys(Deed, True)


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (Who(user="ana", groups=("ml-leads",)), "You cannot approve your own request."),
        (
            Who(user="bo"),
            "Your approval would not be valid: not one of group ml-leads; an approval for a group names it.",
        ),
    ],
)
def test_who_would_not_count_is_told_why_before_anything_is_typed(who: Who, why: str) -> None:
    act = _acts(request(approvals=ASKED), who)[Deed.APPROVE]

    assert (act.is_offered, act.why_not) == (False, why)
    assert act.command is not None
    assert act.command.line == "modelalias approve go -n ml"
    assert act.command.purpose == "Somebody who may approve can do it with:"


def test_whoever_lacks_a_verb_gets_the_command_to_hand_on() -> None:
    lacked = Right(verb="approve", plural="modelaliases", name="churn-champion")

    found = _acts(
        request(approvals=ASKED), lacks={Deed.APPROVE: lacked, Deed.REJECT: lacked}, flags="--context mine"
    )

    assert {deed: item.is_offered for deed, item in found.items()} == {
        "approve": False,
        "reject": False,
        "abort": True,
    }
    (obstacle,) = obstacles(found.values())
    assert obstacle.why_not == (
        "You may not approve modelaliases/churn-champion. The ClusterRole modelalias-approver has that verb."
    )
    assert [item.line for item in obstacle.commands] == [
        "modelalias approve go -n ml",
        "modelalias reject go -n ml -m WHY",
    ]


def test_a_page_that_only_shows_has_the_commands_for_oneself() -> None:
    found = _acts(request(approvals=ASKED), may_write=False, flags="--context prod")

    assert not any(item.is_offered for item in found.values())
    assert [item.command and item.command.line for item in found.values()] == [
        "modelalias approve go -n ml --context prod",
        "modelalias reject go -n ml -m WHY --context prod",
        "modelalias abort go -n ml --context prod",
    ]


@pytest.mark.parametrize(
    ("asked", "deeds"),
    [
        (request(phase="Promoting"), {"abort"}),
        (request(phase="Pending", approvals=None), {"abort"}),
        (request(**ended()), set()),
    ],
    ids=["under-way", "not-judged", "ended"],
)
def test_only_what_can_be_done_now_is_there(asked: Any, deeds: set[str]) -> None:
    assert _acts(asked).keys() == deeds


def test_what_was_done_before_is_said_and_not_offered_again() -> None:
    found = _acts(request({"approvals": [approval("bo", group="ml-leads")], "abort": True}, approvals=ASKED))

    assert (found["approve"].is_offered, found["approve"].why_not) == (False, "You have approved this.")
    assert found["reject"].is_offered
    assert found["abort"].command is None


@pytest.mark.parametrize(
    ("spec", "verbs"),
    [
        ({}, ["promote", "patch"]),
        ({"skipGates": True, "reason": "x"}, ["promote", "bypass", "patch"]),
        ({"operation": "Rollback", "source": {"previous": True}, "reason": "x"}, ["rollback", "patch"]),
        ({"operation": "Swap", "source": None, "reason": "x"}, ["rollback", "patch"]),
    ],
)
def test_an_abort_takes_the_verbs_of_the_policy(spec: dict[str, Any], verbs: list[str]) -> None:
    assert [right.verb for right in rights.to_abort(request(spec))] == verbs


def test_a_decision_takes_the_verb_on_the_alias_and_the_edit_of_the_request() -> None:
    assert [f"{right.verb} {right.plural}/{right.name}" for right in rights.to_decide(request())] == [
        "approve modelaliases/churn-champion",
        "patch promotionrequests/go",
    ]
