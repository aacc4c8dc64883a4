"""Deciding on requests, and filing them, from the page, on the real API server with the shipped policy and roles.

ana        edit, modelalias-approver       files requests, and may approve those of others
bo, cy     modelalias-approver, ml-leads   approve
gus        edit, ml-leads                  is asked, and lacks the verb
"""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import Stage
from tests.support.windows import window

ANA = Person("ana", ("ml-leads",))
BO, CY, GUS = (Person(name, ("ml-leads",)) for name in ("bo", "cy", "gus"))
ALIAS: Final = "churn-champion"
SENTENCE: Final = "bias report read"
GATE: Final[Mapping[str, Any]] = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.01},
}

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage, seeded: Seeding) -> Stage:
    """Everybody in their role, a champion and a better version, and an alias that asks two leads."""
    stage.bind({ANA: "edit", GUS: "edit", BO: "modelalias-approver", CY: "modelalias-approver"})
    stage.kubectl("create", "rolebinding", "ana-approves", "--clusterrole=modelalias-approver", "--user=ana")
    for auc in (0.8, 0.9):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    approval = {"required": "Always", "minimum": 2, "groups": ["ml-leads"], "checklist": [SENTENCE]}
    policy = {"gates": [GATE], "approval": approval}
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": policy})
    stage.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{ALIAS}", "--timeout=60s")
    stage.request("go", ALIAS, who=ANA, source={"version": "2"}, reason="retrained")
    stage.reaches("go", "AwaitingApproval")
    return stage


def test_two_leads_approve_by_the_form_and_the_request_succeeds(team: Stage, seeded: Seeding) -> None:
    with window(team, BO) as bo, window(team, CY) as cy:
        listed, form = bo.approvals(), bo.page("go", "/approve")
        unconfirmed = bo.fill_in("go", "approve", seen=form, message="looks fine")
        written = bo.fill_in("go", "approve", seen=form, message="looks fine", confirm=["0"])
        counted = team.until(
            "promotionrequest", "go", lambda it: it["status"]["approvals"]["valid"] == 1, "it counts"
        )
        after, of_cy = bo.page("go"), cy.approvals()
        cy.fill_in("go", "approve", confirm=["0"])
        ended = team.complete("go")
        end, late = bo.page("go"), bo.fill_in("go", "reject", seen=form, message="too late")

    assert listed.index("You are asked") < listed.index("1/1 gates passed: auc 0.9 against 0.8")
    assert "0 of 2" in listed
    for shown in (">0.9<", ">0.8<", "+0.1", ">= 0.81 (champion 0.8 + 0.01)", SENTENCE, "Approve as bo"):
        assert shown in form
    assert (unconfirmed.status_code, written.status_code) == (422, 303)
    assert "Confirm each sentence" in unconfirmed.text
    assert counted["spec"]["approvals"] == [
        {
            "user": "bo",
            "evidence": counted["status"]["resolved"]["evidence"],
            "decision": "Approve",
            "group": "ml-leads",
            "checklist": [SENTENCE],
            "message": "looks fine",
        }
    ]
    assert "You have approved this." in after
    assert "1 of 2" in of_cy
    assert "Not shown. You may not list events" in after
    assert (ended["phase"], ended["approvals"]["by"]) == ("Succeeded", ["bo", "cy"])
    assert seeded.aliases() == {"champion": "2"}
    assert "Succeeded" in end
    assert (late.status_code, "Request go has ended" in late.text) == (422, True)


def test_nobody_decides_who_may_not_and_the_page_says_why(team: Stage) -> None:
    with window(team, ANA) as ana, window(team, GUS) as gus, window(team, BO) as bo:
        own_page, own_list = ana.page("go"), ana.approvals()
        looked = bo.page("go", "/approve")
        own = ana.fill_in("go", "approve", seen=looked, confirm=["0"])
        without_the_verb = gus.page("go")
        refused = gus.fill_in("go", "approve", seen=looked, confirm=["0"], message="I was asked")

    assert "You cannot approve your own request." in own_page
    assert "Abort…" in own_page
    assert "AwaitingApproval" in own_page[own_page.index('id="events"') :], "edit may read Events"
    assert "Nothing waits for you; others are asked" in own_list
    assert own.status_code == 422
    assert "You cannot approve your own request" in own.text
    assert "You may not approve modelaliases/churn-champion." in without_the_verb
    assert f"modelalias approve go -n {team.namespace}" in without_the_verb
    assert refused.status_code == 403
    assert f">Gus may not approve modelaliases/{ALIAS}: ask for that permission" in refused.text, (
        "the policy's own sentence"
    )
    assert "I was asked</textarea>" in refused.text
    assert "approvals" not in team.get("promotionrequest", "go")["spec"]


def test_who_may_not_promote_gets_the_command_and_who_may_files_it_once(team: Stage) -> None:
    with window(team, ANA) as ana, window(team, BO) as bo:
        of_bo, form_of_bo = bo.page(ALIAS, of="a"), bo.page(ALIAS, "/promote?version=2", of="a")
        form, pin = ana.page(ALIAS, "/promote?version=2", of="a"), ana.page(ALIAS, "/pin", of="a")
        refused = bo.fill_in(ALIAS, "promote", of="a", seen=form, message="mine")
        filed = ana.fill_in(ALIAS, "promote", of="a", seen=form, message="once more")
        again = ana.fill_in(ALIAS, "promote", of="a", seen=form, message="once more")

    assert f"You may not promote modelaliases/{ALIAS}." in of_bo
    command = f"modelalias promote {ALIAS} -n {team.namespace} --version 2 --reason WHY"
    assert (command in form_of_bo, "<form" in form_of_bo) == (True, False)
    assert f"You may not patch modelaliases/{ALIAS}." in pin
    assert refused.status_code == 403
    assert "May not create promotionrequests" in refused.text
    assert "mine</textarea>" in refused.text
    assert (filed.status_code, again.headers["location"]) == (303, filed.headers["location"])
    made = team.get("promotionrequest", filed.headers["location"].rpartition("/")[2])
    assert made["metadata"]["labels"] == {"modelalias.dev/alias": ALIAS}
    assert made["spec"] == {
        "aliasRef": {"name": ALIAS},
        "source": {"version": "2"},
        "requestedBy": "ana",
        "reason": "once more",
    }


def test_what_was_judged_again_is_not_approved_unseen(team: Stage) -> None:
    with window(team, BO) as bo:
        seen = bo.page("go", "/approve")
        was = team.status("promotionrequest", "go")["resolved"]["evidence"]
        stricter = [{**GATE, "champion": {"minImprovement": 0.02}}]
        team.patch("modelalias", ALIAS, {"policy": {"gates": stricter}})
        team.until(
            "promotionrequest",
            "go",
            lambda it: it["status"]["resolved"].get("evidence") not in {None, was},
            "it is judged again",
        )
        answer = bo.fill_in("go", "approve", seen=seen, confirm=["0"], message="looks fine")

    assert answer.status_code == 422
    assert "The evidence has changed since you looked, so nothing was written." in answer.text
    assert "&gt;= 0.82 (champion 0.8 + 0.02)" in answer.text
    assert "looks fine</textarea>" in answer.text
    assert "approvals" not in team.get("promotionrequest", "go")["spec"]


def test_a_lead_rejects_and_the_requester_aborts_by_the_form(team: Stage, seeded: Seeding) -> None:
    team.request("other", ALIAS, who=ANA, source={"version": "2"}, reason="again")
    with window(team, ANA) as ana, window(team, BO) as bo:
        without_reason = bo.fill_in("go", "reject", message=" ")
        rejected = bo.fill_in("go", "reject", message="not before the holidays")
        declined = team.complete("go")
        team.reaches("other", "AwaitingApproval")
        not_for_leads = bo.page("other", "/abort")
        aborted = ana.fill_in("other", "abort")
        stopped = team.complete("other")

    assert (without_reason.status_code, rejected.status_code, aborted.status_code) == (422, 303, 303)
    assert declined["explanation"] == "version 2 refused: bo declined: not before the holidays"
    assert "You may not promote modelaliases/churn-champion." in not_for_leads
    assert stopped["phase"] == "Aborted"
    assert seeded.aliases() == {"champion": "1"}
