"""The yardstick: a candidate is compared with what was accepted last, whatever anybody writes into the registry."""

from typing import Any

import pytest

from modelalias.core.errors import OperatorError, Unavailable, VersionNotFound
from modelalias.ports import ModelVersion
from tests.support.harness import MODEL, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED, gated

BETTER = gated({"champion": {"minImprovement": 0.002}})
BACK: dict[str, Any] = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}


async def _accepted(it: Cluster, *metrics: float, **fields: Any) -> None:
    """Let version 1 be accepted, and the others be there."""
    await it.model(*metrics, aliases={"champion": "1"})
    it.add_alias(**{**BETTER, **fields})
    await it.settle()


async def _made_anew(it: Cluster, *metrics: float) -> None:
    """Hide the model, and make another of its name with the same numbers."""
    await it.registry.rename_model(MODEL, "hidden")
    await it.registry.create_model(MODEL)
    for value in metrics:
        run_id = await it.registry.create_run([("val_auc", value, 0)])
        await it.registry.create_version(MODEL, run_id)


async def _run_of(it: Cluster, version: str) -> str:
    found: ModelVersion = await it.registry.version(MODEL, version)
    return found.run_id or ""


@in_virtual_time
@pytest.mark.parametrize("named", [None, "3"], ids=["deleted", "moved to a worse one"])
async def test_an_alias_that_somebody_touched_lowers_no_bar(named: str | None) -> None:
    async with Cluster() as it:
        await _accepted(it, 0.9, 0.7, 0.5)
        it.registry.move(MODEL, "champion", named)
        await it.settle(60)

        it.ask("worse", "2")
        await it.settle()

        assert it.end("worse") == ("Rejected", "GatesFailed")
        assert (
            "0.7 is not >= 0.902 (champion 0.9 + 0.002) (compared with version 1, accepted here on "
            f"2026-01-01 12:16 UTC; the registry names {named or 'none'})"
        ) in it.says("worse")
        (finding,) = it.request("worse").status.gates
        assert finding.champion == "0.9"
        resolved = it.resolved("worse")
        assert (resolved.champion, resolved.named) == ("1", named)


@in_virtual_time
async def test_what_was_set_by_hand_is_no_yardstick_for_itself() -> None:
    async with Cluster() as it:
        await _accepted(it, 0.9, 0.7)
        it.registry.move(MODEL, "champion", "2")
        await it.settle(60)

        it.ask("same", "2")
        await it.settle()

        assert it.end("same") == ("Rejected", "GatesFailed")


@in_virtual_time
async def test_a_gated_pin_is_compared_with_what_was_accepted() -> None:
    async with Cluster() as it:
        policy = {**BETTER["policy"], "pins": "Gated"}
        await _accepted(it, 0.9, 0.7, 0.5, policy=policy)
        it.registry.move(MODEL, "champion", "3")
        await it.settle(60)

        it.edit_alias(version="2")
        await it.settle()

        assert it.condition("Stalled").reason == "GatesFailed"
        assert "compared with version 1" in it.condition("Stalled").message


@in_virtual_time
async def test_only_where_nothing_was_ever_accepted_there_is_no_champion() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.7)
        it.add_alias(**BETTER)

        it.ask("first", "2")
        await it.settle()

        assert it.end("first") == ("Succeeded", "Succeeded")
        assert it.request("first").status.gates[0].message == (
            "no version was accepted yet, so there is no champion"
        )


@in_virtual_time
@pytest.mark.parametrize("on_missing", ["Fail", "Inconclusive"])
@pytest.mark.parametrize("gone", ["run", "metric"])
async def test_a_champion_that_cannot_be_read_is_nothing_that_the_candidate_did(
    gone: str, on_missing: str
) -> None:
    async with Cluster() as it:
        await it.model(None if gone == "metric" else 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(**gated({"champion": {"minImprovement": 0}, "onMissing": on_missing}))
        await it.settle()
        if gone == "run":
            await it.registry.delete_run(await _run_of(it, "1"))

        it.ask("good", "2")
        await it.settle()

        assert it.end("good") == ("Rejected", "Inconclusive")
        assert "champion" in it.says("good")


@in_virtual_time
async def test_a_candidate_that_logged_nothing_fails_as_its_gate_says() -> None:
    async with Cluster() as it:
        await it.model(0.8, None, aliases={"champion": "1"})
        it.add_alias(**BETTER)

        it.ask("silent", "2")
        await it.settle()

        assert it.end("silent") == ("Rejected", "GatesFailed")


@in_virtual_time
async def test_a_model_of_the_same_name_is_another_yardstick_for_nobody() -> None:
    async with Cluster() as it:
        await _accepted(it, 0.9)
        await _made_anew(it, 0.1, 0.2)
        it.registry.move(MODEL, "champion", "1")

        it.ask("worse", "2")
        await it.settle(60)

        assert it.end("worse") == ("Rejected", "GatesFailed"), "the run of what was accepted still counts"
        assert it.request("worse").status.gates[0].champion == "0.9"


@in_virtual_time
async def test_a_version_that_was_made_anew_since_it_was_looked_at_is_not_promoted() -> None:
    async with Cluster() as it:
        await _accepted(it, 0.8, 0.9, policy={**BETTER["policy"], "approval": {"required": "Always"}})
        it.ask("go", "2")
        await it.settle()
        evidence = it.resolved("go").evidence
        await _made_anew(it, 0.8, 0.9)
        it.registry.move(MODEL, "champion", "1")

        it.edit_request("go", approvals=[{"user": "bo", "evidence": evidence, "decision": "Approve"}])
        await it.settle()

        assert it.end("go") == ("Rejected", "VersionGone")
        assert "was deleted and made anew" in it.says("go")


@in_virtual_time
async def test_taking_over_what_was_set_by_hand_is_a_promotion_from_what_was_accepted() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        it.add_alias(previousAlias="prev")
        await it.settle()
        it.registry.move(MODEL, "champion", "2")
        await it.settle(60)

        asks: dict[str, Any] = {"source": {"alias": "challenger"}, "onSuccess": {"deleteSourceAlias": True}}
        it.ask("take-over", **asks)
        await it.settle()

        assert it.end("take-over") == ("Succeeded", "Succeeded")
        assert it.says("take-over") == "churn@champion moved from version 1 to 2; somebody had moved it to 2"
        assert await it.aliases() == {"champion": "2", "prev": "1"}
        status = it.alias().status
        assert status.current is not None
        assert status.previous is not None
        assert (status.current.version, status.previous.version) == ("2", "1")
        assert {"modelalias.champion"} <= set(await it.tags("1")) & set(await it.tags("2"))


@in_virtual_time
async def test_what_fails_after_somebody_moved_the_alias_comes_back_to_what_was_accepted() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        await it.settle()
        it.registry.move(MODEL, "champion", "2")
        await it.settle(60)

        it.ask("go", "3")
        await it.settle(70)
        await it.finish_rollout()
        await it.settle()

        assert it.phase("go") == "RolledBack"
        assert await it.aliases() == {"champion": "1"}, "nobody judged version 2"
        assert it.is_true("InSync")


@in_virtual_time
async def test_the_way_back_after_a_move_by_hand_leads_to_what_was_accepted() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, 0.95, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        it.registry.move(MODEL, "champion", "3")
        await it.settle(60)
        it.ask("over", "4")
        await it.settle()

        it.ask("back", **BACK)
        await it.settle()

        assert [(item.from_, item.to, item.found) for item in it.alias().status.history[1:]] == [
            ("1", "4", "3"),
            ("4", "1", None),
        ]
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_the_way_back_from_a_move_by_hand_is_what_was_accepted_last() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        it.registry.move(MODEL, "champion", "3")
        await it.settle(60)

        it.ask("back", **BACK)
        await it.settle()

        assert it.says("back") == "churn@champion is back at version 2; somebody had moved it to 3"
        assert [item.version for item in it.alias().status.rolled_back] == ["3"]


@in_virtual_time
async def test_a_previous_alias_that_somebody_wrote_leads_nowhere() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.1, aliases={"champion": "1"})
        it.add_alias(previousAlias="prev")
        await it.settle()
        it.registry.move(MODEL, "prev", "2")

        it.ask("back", **BACK)
        await it.settle()

        assert it.end("back") == ("Rejected", "NeverHeld")
        assert "alias prev names 2, which was never accepted here" in it.says("back")


@in_virtual_time
@pytest.mark.parametrize("rules", [{"requireAlias": "staging"}, {"soak": {"alias": "staging", "for": "1h"}}])
async def test_an_alias_that_its_own_resource_did_not_give_qualifies_for_nothing(
    rules: dict[str, Any],
) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.1, aliases={"champion": "1", "staging": "1"})
        it.add_alias("staging", alias="staging")
        it.add_alias(policy={"eligibility": rules})
        await it.settle()
        it.registry.move(MODEL, "staging", "2")
        await it.settle(7200)

        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "NotEligible")
        assert "has alias staging by hand" in it.says("go")


@in_virtual_time
async def test_it_is_told_when_somebody_moves_the_previous_alias() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(previousAlias="prev")
        it.ask("go", "2")
        await it.settle(60)
        assert it.condition("InSync").message == "churn@champion is version 2"

        it.registry.move(MODEL, "prev", "3")
        await it.settle(60)

        assert it.condition("InSync").message == (
            "churn@champion is version 2; somebody moved prev to 3: the version before is 1"
        )
        assert it.is_true("Ready")


@in_virtual_time
async def test_what_is_logged_onto_the_champions_run_later_lowers_no_bar() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.7)
        it.add_alias(**BETTER)
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        await it.registry.log_metric(await _run_of(it, "2"), "val_auc", 0.1, step=9)

        it.ask("worse", "3")
        await it.settle()

        assert it.end("worse") == ("Rejected", "GatesFailed")
        assert (
            "0.7 is not >= 0.902 (champion 0.9 + 0.002) "
            "(its val_auc was 0.9 when it was accepted; its run says 0.1 now)"
        ) in it.says("worse")


@in_virtual_time
@pytest.mark.parametrize("pinned", [False, True], ids=["alias first", "pods first"])
async def test_what_is_made_anew_between_the_verdict_and_the_move_is_not_put_in_its_place(
    pinned: bool,
) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", **({"load": PINNED} if pinned else {})}], **BETTER)
        await it.settle()
        it.trip.arm(2, after=True)  # it dies right after the plan was written
        it.ask("go", "2")
        await it.settle()
        assert it.alias().status.plan is not None
        await it.stop()
        it.trip.arm(0, after=False)
        await _made_anew(it, 0.8, 0.1)
        it.registry.move(MODEL, "champion", "1")
        await it.settle(60)

        assert it.end("go") == ("RolledBack", "RolledBack")
        assert "version 2 was deleted and made anew" in it.says("go")
        assert await it.aliases() == {"champion": "1"}
        assert it.uri("api") == "models:/churn/1"


@in_virtual_time
async def test_what_was_made_anew_is_not_come_back_to_either() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60}, **BETTER)
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"
        await _made_anew(it, 0.1, 0.9)
        it.registry.move(MODEL, "champion", "2")

        await it.settle(90)
        await it.finish_rollout()

        assert it.phase("go") == "Failed"
        assert "version 1 was deleted and made anew" in it.says("go")
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_what_was_made_anew_gets_no_record_of_what_was_replaced() -> None:
    async with Cluster() as it:
        await _accepted(it, 0.8)
        await _made_anew(it, 0.1, 0.9)
        it.registry.move(MODEL, "champion", "1")
        it.ask("go", "2")
        await it.settle(60)
        assert it.end("go") == ("Succeeded", "Succeeded")

        it.ask("back", operation="Rollback", source={"version": "1"}, reason="complaints")
        await it.settle()

        assert it.end("back") == ("Rejected", "NeverHeld")


@in_virtual_time
async def test_what_was_accepted_once_and_is_put_back_by_hand_is_judged_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.9, 0.75)
        it.add_alias(**BETTER)
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        it.registry.move(MODEL, "champion", "1")
        await it.settle(60)

        it.ask("older", "1", reason="it is there already")
        it.ask("worse", "3")
        await it.settle()

        assert it.end("older") == ("Rejected", "GatesFailed")
        assert it.end("worse") == ("Rejected", "GatesFailed")


@in_virtual_time
async def test_a_number_in_the_history_is_no_version_that_was_made_anew_under_it() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias(historyLimit=2)
        for version in ("1", "2", "3"):
            it.ask(f"go-{version}", version)
            await it.settle()
        await _made_anew(it, 0.1, 0.1, 0.1)
        it.registry.move(MODEL, "champion", "3")
        await it.settle(60)

        it.ask("back", operation="Rollback", source={"version": "1"}, reason="complaints")
        await it.settle()

        assert it.end("back") == ("Rejected", "NeverHeld")


@in_virtual_time
async def test_the_way_back_from_a_version_that_failed_and_stayed_is_the_one_before_it() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.workloads.add("api")
        rollout = {"deadlineSeconds": 60, "onFailure": "Hold"}
        it.add_accepted_alias("1", "2", serving=[{"name": "api"}], rollout=rollout)
        it.registry.move(MODEL, "champion", "2")
        it.ask("bad", "3")
        await it.settle(90)
        assert it.phase("bad") == "Failed"

        it.ask("back", **BACK)
        await it.settle()

        assert it.resolved("back").version == "2"


@in_virtual_time
async def test_who_moves_the_previous_alias_stops_no_promotion() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(serving=[{"name": "api", "load": PINNED}], previousAlias="prev")
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"

        it.registry.move(MODEL, "prev", "3")
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "2", "prev": "1"}


@in_virtual_time
@pytest.mark.parametrize(
    "error", [VersionNotFound("a moment ago"), Unavailable("busy")], ids=["gone", "away"]
)
async def test_nothing_is_judged_before_it_is_known_what_to_beat(error: OperatorError) -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.7, aliases={"champion": "1"})
        it.registry.fail_next(error, call="version")
        it.add_alias(**BETTER)
        it.ask("worse", "2")
        await it.settle(60)

        current = it.alias().status.current
        assert current is not None
        assert current.registered_at is not None
        assert it.end("worse") == ("Rejected", "GatesFailed")
