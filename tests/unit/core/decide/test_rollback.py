"""Rollback and Swap: where they go, who gives way to them, and what they leave behind."""

import json
from typing import Any

import pytest

from tests.support.harness import NAME, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

STRICT = gated({"threshold": 0.99})
PREVIOUS: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}
SWAP: dict[str, Any] = {"operation": "Swap", "reason": "complaints"}


def _to(version: str) -> dict[str, Any]:
    return {"operation": "Rollback", "source": {"version": version}, "reason": "complaints"}


async def _at_three(it: Cluster, **fields: Any) -> None:
    """Promote 1, 2 and 3 in turn."""
    await it.model(0.7, 0.8, 0.9, 0.95)
    it.add_alias(**fields)
    for version in ("1", "2", "3"):
        it.ask(f"go-{version}", version)
        await it.settle()
        assert it.phase(f"go-{version}") == "Succeeded", it.says(f"go-{version}")


async def _rolled(it: Cluster, *versions: str, **fields: Any) -> None:
    """Promote these versions in turn, each with a rollout that finishes."""
    await it.model(0.7, 0.8, 0.9)
    it.workloads.add("api")
    it.add_alias(serving=[{"name": "api"}], **fields)
    for version in versions:
        it.ask(f"go-{version}", version)
        await it.settle()
        await it.finish_rollout()


# Where they go


@in_virtual_time
async def test_previous_is_what_was_accepted_before_whatever_the_previous_alias_names() -> None:
    async with Cluster() as it:
        await _at_three(it, previousAlias="prev")
        await it.registry.set_alias("churn", "prev", "1")

        it.ask("back", **PREVIOUS)
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.resolved("back").from_ == (
            "the version accepted before (alias prev names 1, which counts for nothing)"
        )
        assert await it.aliases() == {"champion": "2", "prev": "3"}


@in_virtual_time
async def test_a_second_rollback_never_brings_back_what_the_first_withdrew() -> None:
    async with Cluster() as it:
        await _at_three(it)

        it.ask("back", **PREVIOUS)
        await it.settle()
        back = await it.aliases()
        it.ask("again", **PREVIOUS)
        await it.settle()
        again = await it.aliases()
        it.ask("once-more", **PREVIOUS)
        await it.settle()

        assert (back, again) == ({"champion": "2"}, {"champion": "1"})
        assert it.end("once-more") == ("Rejected", "NoPrevious")
        assert "version 2 was rolled back: ask for it by its version" in it.says("once-more")


@in_virtual_time
async def test_after_a_move_by_hand_the_former_version_is_the_last_one_that_was_promoted() -> None:
    async with Cluster() as it:
        await _at_three(it)
        await it.registry.set_alias("churn", "champion", "4")

        it.ask("back", **PREVIOUS)
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "3"}


@in_virtual_time
async def test_a_person_may_go_back_as_far_as_the_alias_has_been_also_when_the_history_forgot_it() -> None:
    async with Cluster() as it:
        await _at_three(it, historyLimit=1)
        it.ask("other", "4")
        await it.settle()
        assert [item.to for item in it.alias().status.history] == ["4"]

        it.ask("back", **_to("1"))
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded"), it.says("back")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_gates_are_listed_as_skipped_and_nobody_is_asked() -> None:
    async with Cluster() as it:
        await _at_three(it)
        policy = {**STRICT["policy"], "approval": {"required": "Always"}}
        it.edit_alias(policy=policy)

        it.ask("back", **_to("2"))
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        status = it.request("back").status
        assert [(item.result, item.message) for item in status.gates] == [("Skipped", "Rollback")]
        conditions = {item.type: (item.status, item.reason) for item in status.conditions}
        assert conditions["GatesPassed"] == ("Unknown", "Skipped")
        assert "Approved" not in conditions


REFUSED: list[Any] = [
    pytest.param(
        _to("4"),
        {},
        "NeverHeld",
        "has never accepted version 4",
        id="a version that was never champion",
    ),
    pytest.param(_to("9"), {}, "VersionGone", "model churn has no version 9", id="a version that is gone"),
    pytest.param(
        {**_to("2"), "expectedCurrent": "1"}, {}, "StaleChampion", "it names 3", id="another champion"
    ),
    pytest.param(
        SWAP, {}, "NoPrevious", f"ModelAlias {NAME} has no previousAlias", id="a swap without previousAlias"
    ),
]


@in_virtual_time
@pytest.mark.parametrize(("asked", "fields", "reason", "told"), REFUSED)
async def test_what_cannot_be_gone_back_to_is_refused(
    asked: dict[str, Any], fields: dict[str, Any], reason: str, told: str
) -> None:
    async with Cluster() as it:
        await _at_three(it, **fields)
        before = it.moves()

        it.ask("back", **asked)
        await it.settle()

        assert it.end("back") == ("Rejected", reason)
        assert told in it.says("back")
        assert it.moves() == before


@in_virtual_time
async def test_a_rollback_without_any_history_is_refused() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        it.add_alias()

        it.ask("back", **PREVIOUS)
        await it.settle()

        assert it.end("back") == ("Rejected", "NoPrevious")
        assert it.says("back") == "there is no former version of churn@champion to go back to"


@in_virtual_time
async def test_a_refused_version_cannot_become_champion_by_a_rollback() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.5, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.8}))
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "Rejected"

        it.ask("around", **_to("2"))
        await it.settle()

        assert it.end("around") == ("Rejected", "NeverHeld")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_a_version_that_somebody_made_champion_by_hand_is_not_gone_back_to() -> None:
    async with Cluster() as it:
        await _at_three(it)
        await it.registry.set_alias("churn", "champion", "4")

        it.ask("around", **_to("4"))
        await it.settle()

        assert it.end("around") == ("Rejected", "NeverHeld")
        assert [item.to for item in it.alias().status.history] == ["1", "2", "3"]


@in_virtual_time
async def test_a_dry_run_says_where_it_would_go() -> None:
    async with Cluster() as it:
        await _at_three(it)
        before = it.registry_writes()

        it.ask("back", **PREVIOUS, dryRun=True)
        await it.settle()

        assert it.end("back") == ("Succeeded", "DryRun")
        assert (
            it.says("back")
            == "dry run: version 2 would replace 3 as champion; no gate is judged for a Rollback"
        )
        assert it.registry_writes() == before


# Swap


@in_virtual_time
async def test_a_swap_exchanges_both_aliases_and_twice_is_where_it_began() -> None:
    async with Cluster() as it:
        await _at_three(it, previousAlias="prev")

        it.ask("swap", **SWAP)
        await it.settle()
        once = await it.aliases()
        it.ask("swap-again", **SWAP)
        await it.settle()

        assert it.end("swap") == ("Succeeded", "Succeeded")
        assert (once, await it.aliases()) == ({"champion": "2", "prev": "3"}, {"champion": "3", "prev": "2"})
        told = [(item.operation, item.from_, item.to) for item in it.alias().status.history[-2:]]
        assert told == [("Swap", "3", "2"), ("Swap", "2", "3")]


@in_virtual_time
@pytest.mark.parametrize(
    ("aliases", "reason", "told"),
    [
        ({"champion": "2"}, "NoPrevious", "accepted no other version"),
        ({"prev": "2"}, "NeverHeld", "alias prev names 2, which was never accepted here"),
        ({"champion": "2", "prev": "1"}, "NeverHeld", "alias prev names 1, which was never accepted here"),
    ],
    ids=["no previous", "no champion", "a previous one by hand"],
)
async def test_a_swap_goes_to_what_was_accepted_before(
    aliases: dict[str, str], reason: str, told: str
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases=aliases)
        it.add_alias(previousAlias="prev")

        it.ask("swap", **SWAP)
        await it.settle()

        assert it.end("swap") == ("Rejected", reason)
        assert told in it.says("swap")
        assert await it.aliases() == aliases


@in_virtual_time
async def test_a_hold_tells_a_move_by_hand_that_was_undone_from_a_version_that_was_rolled_back() -> None:
    async with Cluster() as it:
        await _at_three(it)
        await it.registry.set_alias("churn", "champion", "4")
        it.ask("undo", **PREVIOUS)
        await it.settle()

        assert it.end("undo")[0] == "Succeeded"
        assert ": version 4 was set by hand, which was undone; " in it.condition("Held").message

        it.ask("back", **_to("2"))
        await it.settle()
        assert ": version 3 was rolled back; " in it.condition("Held").message


# Who gives way


@in_virtual_time
async def test_a_rollback_goes_before_older_promotions_and_takes_their_place() -> None:
    async with Cluster() as it:
        await _at_three(it)
        it.edit_alias(policy={"approval": {"required": "Always"}})
        it.ask("asks", "4")
        it.ask("behind", "1")
        await it.settle()
        assert (it.phase("asks"), it.phase("behind")) == ("AwaitingApproval", "Queued")

        it.ask("back", **PREVIOUS)
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.end("asks") == ("Superseded", "Superseded")
        assert it.end("behind") == ("Superseded", "Superseded")
        assert it.says("asks") == "PromotionRequest back (Rollback) took its place"
        assert await it.aliases() == {"champion": "2"}
        await it.assert_settled()


@in_virtual_time
async def test_a_rollback_that_is_refused_takes_nobodys_place() -> None:
    async with Cluster() as it:
        await _at_three(it)
        it.edit_alias(policy={"approval": {"required": "Always"}})
        it.ask("asks", "4")
        await it.settle()

        it.ask("back", **_to("9"))
        await it.settle()

        assert it.end("back") == ("Rejected", "VersionGone")
        assert it.phase("asks") == "AwaitingApproval"


@in_virtual_time
async def test_a_promotion_under_way_is_undone_and_the_rollback_follows() -> None:
    async with Cluster() as it:
        await _rolled(it, "1", "2", previousAlias="prev")
        it.ask("go-3", "3")
        await it.settle()
        assert await it.aliases() == {"champion": "3", "prev": "2"}

        it.ask("back", **_to("1"))
        await it.settle()
        queued = it.phase("back")
        for _ in range(3):
            await it.finish_rollout()

        assert queued == "Queued"
        assert it.end("go-3") == ("Aborted", "Aborted")
        assert "PromotionRequest back (Rollback) has priority" in it.says("go-3")
        assert it.end("back") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "1", "prev": "2"}
        told = [(item.operation, item.outcome, item.to) for item in it.alias().status.history[-2:]]
        assert told == [("Promote", "Aborted", "3"), ("Rollback", "Succeeded", "1")]
        await it.assert_settled()


@in_virtual_time
async def test_a_rollback_during_a_promotion_goes_to_what_was_there_before_it() -> None:
    async with Cluster() as it:
        await _rolled(it, "1", "2", previousAlias="prev")
        it.ask("go-3", "3")
        await it.settle()

        it.ask("back", **PREVIOUS)
        await it.settle()
        for _ in range(3):
            await it.finish_rollout()

        assert it.end("go-3") == ("Aborted", "Aborted")
        assert it.phase("back") == "Succeeded"
        assert it.resolved("back").version == "2"
        assert await it.aliases() == {"champion": "2", "prev": "1"}
        assert it.mark("api") is not None
        assert (it.mark("api") or "").startswith("2.")


@in_virtual_time
async def test_a_rollback_under_way_is_not_undone_by_another_one() -> None:
    async with Cluster() as it:
        await _rolled(it, "1", "2", "3")

        it.ask("back", **_to("2"))
        await it.settle()
        it.ask("further", **_to("1"))
        await it.settle()
        assert (it.phase("back"), it.phase("further")) == ("RollingOut", "Queued")
        for _ in range(2):
            await it.finish_rollout()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.end("further") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_a_suspended_line_stops_rollbacks_too() -> None:
    async with Cluster() as it:
        await _at_three(it)
        it.edit_alias(suspend=True)

        it.ask("back", **PREVIOUS)
        await it.settle()

        assert it.phase("back") == "Pending"
        assert await it.aliases() == {"champion": "3"}


# What they leave behind


@in_virtual_time
async def test_what_was_gone_back_from_is_on_record_until_a_person_promotes_it_again() -> None:
    async with Cluster() as it:
        await _at_three(it)

        it.ask("back", **PREVIOUS, requestedBy="ana")
        await it.settle()
        status = it.alias().status
        record = json.loads((await it.tags("3"))["modelalias.champion"])
        it.ask("again", "3")
        await it.settle()

        assert [(item.version, item.reason) for item in status.rolled_back] == [("3", "Rollback")]
        assert status.hold is not None
        assert (status.hold.reason, status.hold.request) == ("RolledBack", "back")
        archived = record["archived"]
        assert (archived["operation"], archived["replacedBy"], archived["by"]) == ("Rollback", "2", "ana")
        assert archived["reason"] == "complaints"
        assert it.alias().status.rolled_back == ()
        assert it.alias().status.hold is None


@in_virtual_time
async def test_a_rollback_that_does_not_roll_out_is_not_undone_by_itself() -> None:
    async with Cluster() as it:
        await _rolled(it, "1", "2", rollout={"deadlineSeconds": 60})

        it.ask("back", **_to("1"))
        await it.settle(90)

        assert it.end("back") == ("Failed", "RolloutFailed")
        assert await it.aliases() == {"champion": "1"}
        assert it.is_true("Stalled")
        done = json.loads((await it.tags("1"))["modelalias.champion"])["done"]
        assert [item.split()[0] for item in done.values()] == ["Succeeded", "Failed"]


@in_virtual_time
async def test_a_rollback_that_a_person_aborts_is_undone() -> None:
    async with Cluster() as it:
        await _rolled(it, "1", "2")
        it.ask("back", **_to("1"))
        await it.settle()

        it.edit_request("back", abort=True)
        await it.settle()
        await it.finish_rollout()

        assert it.end("back") == ("Aborted", "Aborted")
        assert await it.aliases() == {"champion": "2"}
