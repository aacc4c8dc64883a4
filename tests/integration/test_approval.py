"""People on the real API server: the shipped admission policy proves who they are, the operator counts what
they say.

ana                 edit                             files requests bo, cy, dee         modelalias-approver,
ml-leads    approve
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition

ANA = Person("ana")
BO, CY, DEE = (Person(name, ("ml-leads",)) for name in ("bo", "cy", "dee"))
LEADS: Mapping[str, Any] = {"group": "ml-leads"}
GATE = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0.01},
}
ALIAS = "churn-champion"

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def team(stage: Stage) -> Stage:
    """The stage with everybody in their role."""
    stage.bind({ANA: "edit", **dict.fromkeys((BO, CY, DEE), "modelalias-approver")})
    return stage


def _alias(stage: Stage, seeded: Seeding, gate: Mapping[str, Any], **approval: Any) -> None:
    policy = {"gates": [gate], "approval": approval}
    stage.apply("ModelAlias", ALIAS, {"model": seeded.model, "alias": "champion", "policy": policy})
    stage.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{ALIAS}", "--timeout=60s")


def _counted(stage: Stage, valid: int, void: int) -> Object:
    """Wait until that many words count and that many do not, and return what the request says of them."""

    def holds(found: Object) -> bool:
        given = found["status"].get("approvals", {})
        return (given.get("valid", 0), len(given.get("void", ()))) == (valid, void)

    found = stage.until("promotionrequest", "go", holds, f"{valid} count and {void} do not")
    approvals: Object = found["status"]["approvals"]
    return approvals


def test_two_leads_approve_what_they_saw_and_again_when_the_rules_change(
    team: Stage, seeded: Seeding
) -> None:
    for auc in (0.8, 0.9, 0.85):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    sentence = "bias report read"
    _alias(team, seeded, GATE, required="Always", minimum=2, groups=["ml-leads"], checklist=[sentence])
    confirmed = {**LEADS, "checklist": [sentence]}

    team.request("go", ALIAS, who=ANA, source={"version": "2"})
    asked = team.reaches("go", "AwaitingApproval")["status"]
    refused = {
        "a requester without the verb": team.approve("go", ANA, check=False, **confirmed),
        "in another's name": team.approve("go", BO, check=False, user="cy", **confirmed),
        "for another's group": team.approve("go", BO, check=False, group="admins"),
        "of other evidence": team.approve("go", BO, check=False, evidence=f"sha256:{64 * '0'}", **confirmed),
        "for no group": team.approve("go", BO, check=False, checklist=[sentence]),
        "with a sentence forgotten": team.approve("go", DEE, check=False, **LEADS),
    }
    team.approve("go", BO, **confirmed)
    first = _counted(team, valid=1, void=0)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "3")
    moved = team.until(
        "promotionrequest",
        "go",
        lambda it: "the registry names 3" in it["status"]["explanation"],
        "it is told",
    )["status"]
    stricter = {**GATE, "champion": {"minImprovement": 0.02}}
    _alias(team, seeded, stricter, required="Always", minimum=2, groups=["ml-leads"], checklist=[sentence])
    was = asked["resolved"]["evidence"]
    team.until(
        "promotionrequest",
        "go",
        lambda it: it["status"]["resolved"].get("evidence") not in {None, was},
        "it is judged again",
    )
    second = _counted(team, valid=0, void=1)
    judged_again = team.status("promotionrequest", "go")
    team.approve("go", BO, **confirmed)
    one = _counted(team, valid=1, void=1)
    held_by = seeded.aliases()
    team.approve("go", CY, **confirmed)
    ended = team.complete("go")
    late = team.approve("go", DEE, check=False, **confirmed)

    assert asked["explanation"] == "waits for 2 approvals from group ml-leads; 1/1 gates passed"
    assert condition(asked, "Reconciling")[0] == "False", "a person is awaited"
    for how, words in {
        "a requester without the verb": "ana may not approve modelaliases/churn-champion",
        "in another's name": "you can approve or reject only in your own name",
        "for another's group": "the approval names a group that you are not in",
        "of other evidence": f"must name the evidence in status.resolved.evidence: {asked['resolved']['evidence']}",
        "for no group": f"modelaliases/{ALIAS} asks group ml-leads to approve; an approval for a group has to name",
        "with a sentence forgotten": f"has to confirm each sentence of the checklist: {sentence}",
    }.items():
        assert words in refused[how], how
    assert first["by"] == ["bo"]
    assert judged_again["resolved"]["evidence"] != asked["resolved"]["evidence"]
    assert (moved["resolved"]["champion"], moved["resolved"]["evidence"]) == ("1", was), (
        "accepted is accepted"
    )
    assert judged_again["gates"][0]["rule"] == ">= 0.82 (champion 0.8 + 0.02)"
    assert second["void"] == ["Approve by bo: it is about evidence that has changed since"]
    assert (one["by"], held_by) == (["bo"], {"champion": "3"})
    assert (ended["phase"], ended["approvals"]["by"]) == ("Succeeded", ["bo", "cy"])
    assert "the request has ended" in late
    assert seeded.aliases() == {"champion": "2"}
    entry = team.status("modelalias", ALIAS)["history"][-1]
    assert (entry["actor"], entry["approvers"]) == ("ana", ["bo", "cy"])
    assert entry["evidence"] == judged_again["resolved"]["evidence"]


def test_people_decide_only_what_cannot_be_judged(team: Stage, seeded: Seeding) -> None:
    seeded.version(val_auc=0.9, recall=0.9)
    seeded.version(val_auc=0.8)
    seeded.version(val_auc=0.8)
    unclear = {"name": "recall", "metric": "recall", "direction": "HigherIsBetter", "threshold": 0.85}
    _alias(team, seeded, {**unclear, "onMissing": "Inconclusive"}, required="OnInconclusive")

    team.request("clear", ALIAS, who=ANA, source={"version": "1"})
    clear = team.complete("clear")
    team.request("unclear", ALIAS, who=ANA, source={"version": "2"})
    asked = team.reaches("unclear", "AwaitingApproval")["status"]
    team.approve("unclear", BO)
    accepted = team.complete("unclear")
    team.request("declined", ALIAS, who=ANA, source={"version": "3"})
    team.reaches("declined", "AwaitingApproval")
    team.approve("declined", CY, decision="Reject", message="not before the holidays")
    declined = team.complete("declined")

    assert clear["phase"] == "Succeeded"
    assert "approvals" not in clear
    assert asked["explanation"] == (
        "waits for 1 approval from anyone with the verb approve; could not be judged: "
        "gate recall: recall is missing: the metric of the candidate was not logged"
    )
    assert (accepted["phase"], accepted["approvals"]["by"]) == ("Succeeded", ["bo"])
    assert condition(accepted, "GatesPassed") == ("False", "Inconclusive")
    assert condition(declined, "Complete") == ("True", "Declined")
    assert declined["explanation"] == "version 3 refused: cy declined: not before the holidays"
    assert seeded.aliases() == {"champion": "2"}
