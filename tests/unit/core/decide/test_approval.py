"""Approval: people are asked where the owner wants that, and their word counts for the evidence that they
saw."""

from typing import Any

import pytest

from modelalias.core.errors import Unavailable
from tests.support.harness import DEFAULT, MODEL, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

HOUR = 3600
LEADS = {"required": "Always", "groups": ["ml-leads"]}


async def _asked(it: Cluster, approval: dict[str, Any], *gates: dict[str, Any], **request: Any) -> None:
    await it.model(0.8, 0.9, 0.95, aliases={"champion": "1"})
    it.add_alias(policy={**gated(*(gates or ({"threshold": 0.5},)))["policy"], "approval": approval})
    it.ask("go", "2", requestedBy="ana", **request)
    await it.settle()


def _evidence(it: Cluster) -> str:
    resolved = it.request("go").status.resolved
    assert resolved is not None
    assert resolved.evidence is not None
    return resolved.evidence


async def _say(it: Cluster, user: str, **word: Any) -> None:
    """Let a person approve, or what else the word says, on the evidence that stands."""
    given = (
        it.request("go").spec.model_dump(mode="json", by_alias=True, exclude_unset=True).get("approvals", [])
    )
    new = {"user": user, "evidence": _evidence(it), "decision": "Approve", "group": "ml-leads", **word}
    it.edit_request("go", approvals=[*given, {key: value for key, value in new.items() if value is not None}])
    await it.settle()


async def _look_again(it: Cluster) -> None:
    """Let the operator look at everything once more."""
    it.edit_alias(historyLimit=it.alias().spec.history_limit + 1)
    await it.settle()


@in_virtual_time
async def test_people_are_asked_before_the_alias_moves() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "minimum": 2})

        assert it.phase("go") == "AwaitingApproval"
        assert it.says("go") == "waits for 2 approvals from group ml-leads; 1/1 gates passed"
        assert await it.aliases() == {"champion": "1"}
        conditions = {item.type: item.status for item in it.request("go").status.conditions}
        assert (conditions["Approved"], conditions["GatesPassed"], conditions["Reconciling"]) == (
            "False",
            "True",
            "False",
        )
        await it.assert_settled()

        await _say(it, "bo")
        assert it.says("go").startswith("waits for 1 approval from group ml-leads (1 of 2 given)")
        await _say(it, "cy")

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "2"}
        given = it.request("go").status.approvals
        assert given is not None
        assert (given.required, given.valid, given.by) == (2, 2, ("bo", "cy"))
        entry = it.alias().status.history[-1]
        assert (entry.approvers, entry.evidence) == (("bo", "cy"), _evidence(it))
        await it.assert_settled()


@in_virtual_time
async def test_a_person_who_declines_ends_it_at_once() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "minimum": 2})
        await _say(it, "bo")
        await _say(it, "cy", decision="Reject", message="not before the holidays")

        assert it.end("go") == ("Rejected", "Declined")
        assert it.says("go") == "version 2 refused: cy declined: not before the holidays"
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
@pytest.mark.parametrize(
    ("word", "why"),
    [
        pytest.param({"user": "ana"}, "nobody can approve a request of their own", id="the requester"),
        pytest.param({"user": "bo", "group": None}, "not one of group ml-leads", id="no group named"),
        pytest.param({"user": "bo", "group": "friends"}, "not one of group ml-leads", id="another group"),
        pytest.param(
            {"user": "bo", "evidence": "sha256:" + "0" * 64}, "evidence that has changed", id="other evidence"
        ),
    ],
)
async def test_a_word_that_does_not_count_is_listed_with_its_reason(word: dict[str, Any], why: str) -> None:
    async with Cluster() as it:
        await _asked(it, LEADS)
        await _say(it, **word)

        assert it.phase("go") == "AwaitingApproval"
        given = it.request("go").status.approvals
        assert given is not None
        assert given.valid == 0
        assert why in given.void[0]


@in_virtual_time
async def test_the_checklist_has_to_be_confirmed_item_by_item() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "checklist": ["bias report read", "rollback tried"]})
        given = it.request("go").status.approvals
        assert given is not None
        assert given.checklist == ("bias report read", "rollback tried")
        await _say(it, "bo", checklist=["bias report read"])
        given = it.request("go").status.approvals
        assert given is not None
        assert given.void == ("Approve by bo: it does not confirm: rollback tried",)
        await _say(it, "cy", checklist=["rollback tried", "bias report read"])

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_an_alias_that_somebody_moves_changes_nothing_about_what_was_approved() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "minimum": 2})
        first = _evidence(it)
        await _say(it, "bo")
        await it.registry.set_alias(MODEL, "champion", "3")
        await it.settle(60)

        assert it.phase("go") == "AwaitingApproval"
        assert _evidence(it) == first
        await _say(it, "cy")

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_what_was_approved_once_and_changed_since_never_comes_back_with_its_approvals() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "minimum": 2})
        first = _evidence(it)
        await _say(it, "bo")
        run_id = (await it.registry.version(MODEL, "2")).run_id or ""
        await it.registry.log_metric(run_id, "val_auc", 0.99, step=1)
        await _look_again(it)
        second = _evidence(it)
        await it.registry.log_metric(run_id, "val_auc", 0.86, step=2)
        await _look_again(it)

        assert len({first, second, _evidence(it)}) == 3
        given = it.request("go").status.approvals
        assert given is not None
        assert (given.valid, len(given.void)) == (0, 1)
        await _say(it, "cy")
        assert it.phase("go") == "AwaitingApproval"
        await _say(it, "bo")

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_rejection_stands_also_where_nobody_is_asked_any_more() -> None:
    async with Cluster() as it:
        missing = {"metric": "recall", "threshold": 0.9, "onMissing": "Inconclusive"}
        await _asked(it, {"required": "OnInconclusive"}, missing)
        it.registry.fail_next(Unavailable("away"), call="runs")
        await _say(it, "bo", decision="Reject", group=None)
        run_id = (await it.registry.version(MODEL, "2")).run_id or ""
        await it.registry.log_metric(run_id, "recall", 0.95)
        await it.settle(60)

        assert it.end("go") == ("Rejected", "Declined")


@in_virtual_time
async def test_what_could_not_be_judged_is_put_to_people() -> None:
    async with Cluster() as it:
        missing = {"metric": "recall", "threshold": 0.9, "onMissing": "Inconclusive"}
        await _asked(it, {"required": "OnInconclusive"}, missing)

        assert it.phase("go") == "AwaitingApproval"
        assert it.says("go") == (
            "waits for 1 approval from anyone with the verb approve; could not be judged: "
            "gate auc: recall is missing: the metric of the candidate was not logged"
        )
        await _say(it, "bo", group=None)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_what_passed_needs_nobody_when_people_are_asked_only_in_doubt() -> None:
    async with Cluster() as it:
        await _asked(it, {"required": "OnInconclusive"})

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_what_failed_is_refused_and_nobody_is_asked() -> None:
    async with Cluster() as it:
        await _asked(it, LEADS, {"threshold": 0.99})

        assert it.end("go") == ("Rejected", "GatesFailed")


@in_virtual_time
async def test_nobody_answers_and_the_wait_is_over() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "waitFor": "24h"})
        await it.settle(23 * HOUR)
        await it.registry.set_alias(MODEL, "other", "3")
        it.registry.fail_next(Unavailable("the registry did not answer within 10 s"), times=3)
        await it.settle(60)
        assert it.phase("go") == "AwaitingApproval"
        await it.settle(HOUR)

        assert it.end("go") == ("Expired", "Expired")
        assert it.says("go") == "not approved within 24h: waits for 1 approval from group ml-leads"


@in_virtual_time
async def test_requests_behind_one_that_waits_for_people_keep_their_place() -> None:
    async with Cluster() as it:
        await _asked(it, LEADS)
        it.ask("later", "3")
        await it.settle()

        assert it.phase("later") == "Queued"
        assert "behind PromotionRequest go" in it.says("later")
        it.edit_request("go", abort=True)
        await it.settle()

        assert it.phase("go") == "Aborted"
        assert it.phase("later") == "AwaitingApproval"


@in_virtual_time
async def test_a_dry_run_says_that_it_would_need_people() -> None:
    async with Cluster() as it:
        await _asked(it, LEADS, dryRun=True)

        assert it.end("go") == ("Succeeded", "DryRun")
        assert it.says("go").endswith("1/1 gates passed; it would need 1 approval")
        assert it.registry_writes() == []


# Skipped gates, and requesters that are no persons


@in_virtual_time
async def test_skipped_gates_are_listed_and_always_ask_somebody_else() -> None:
    async with Cluster() as it:
        await _asked(it, {}, {"threshold": 0.99}, skipGates=True, reason="outage of the old model")

        assert it.phase("go") == "AwaitingApproval"
        assert it.says("go") == (
            "waits for 1 approval from anyone with the verb approve; gates are skipped: outage of the "
            "old model"
        )
        (finding,) = it.request("go").status.gates
        assert (finding.result, finding.message) == ("Skipped", "skipGates")
        await _say(it, "ana", group=None)
        assert it.phase("go") == "AwaitingApproval"
        await _say(it, "bo", group=None)

        assert it.end("go") == ("Succeeded", "Succeeded")
        entry = it.alias().status.history[-1]
        assert (entry.actor, entry.approvers, entry.reason) == ("ana", ("bo",), "outage of the old model")


@in_virtual_time
async def test_nobody_skips_gates_alone_though_the_owner_lets_people_approve_their_own() -> None:
    async with Cluster() as it:
        await _asked(it, {"allowSelf": True}, {"threshold": 0.99}, skipGates=True, reason="in a hurry")

        await _say(it, "ana", group=None)

        assert it.phase("go") == "AwaitingApproval"
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_the_end_tells_of_nobody_who_is_awaited() -> None:
    async with Cluster() as it:
        await _asked(it, {**LEADS, "minimum": 2})
        await _say(it, "bo")
        await _say(it, "cy", decision="Reject")
        declined = {item.type: (item.status, item.reason) for item in it.request("go").status.conditions}
        it.ask("other", "3", requestedBy="ana")
        await it.settle()
        it.edit_request("other", abort=True)
        await it.settle()
        aborted = {item.type: (item.status, item.reason) for item in it.request("other").status.conditions}

        assert declined["Approved"] == ("False", "Declined")
        assert aborted["Approved"] == ("False", "Aborted")


@in_virtual_time
async def test_skipped_gates_do_not_skip_eligibility() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"eligibility": {"requireAlias": "smoke"}})

        it.ask("go", "2", skipGates=True, reason="in a hurry")
        await it.settle()

        assert it.end("go") == ("Rejected", "NotEligible")


@in_virtual_time
async def test_an_approval_of_judged_gates_is_none_of_skipped_ones() -> None:
    async with Cluster() as it:
        await _asked(it, LEADS)
        judged = _evidence(it)
        it.edit_request("go", abort=True)
        await it.settle()

        it.ask("skips", "2", requestedBy="ana", skipGates=True, reason="in a hurry")
        await it.settle()

        assert it.resolved("skips").evidence not in {None, judged}


@in_virtual_time
async def test_a_machine_always_needs_a_person() -> None:
    machines = {"machineRequesters": ["system:serviceaccount:argocd:*"]}
    async with Cluster({**DEFAULT, **machines}) as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.add_alias()

        await it.settle()
        assert it.is_true("IdentityProved")
        it.ask("go", "2", requestedBy="system:serviceaccount:argocd:controller")
        it.ask("by-a-person", "3", requestedBy="ana")
        await it.settle()
        assert it.phase("go") == "AwaitingApproval"
        await _say(it, "bo", group=None)

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.end("by-a-person") == ("Succeeded", "Succeeded")
