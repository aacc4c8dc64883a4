"""Drift is corrected where the owner wants that, by an ordinary move that the ledger tells of."""

from typing import Any

import pytest

from modelalias.api.fields import timestamp_text
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT, RELEASE_HOLD
from tests.support.fake_objects import OPERATOR
from tests.support.harness import NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import ALIAS, MODEL, alias_spec

SNAPSHOT = 60
"""Seconds within which a move by hand is seen, and what follows is done."""


async def promoted(it: Cluster, **fields: Any) -> None:
    """Let version 2 be promoted over version 1, and rolled out on the workload api."""
    await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
    it.workloads.add("api")
    it.workloads.rolls_at_once = True
    it.add_alias(serving=[{"name": "api"}], **fields)
    it.ask("go", "2")
    await it.settle(90)
    assert it.end("go") == ("Succeeded", "Succeeded")


async def by_hand(it: Cluster, version: str | None, model: str = MODEL) -> None:
    if version is None:
        await it.registry.delete_alias(model, ALIAS)
    else:
        await it.registry.set_alias(model, ALIAS, version)


def acknowledge(it: Cluster, name: str = NAME) -> None:
    """Say as ana that the drift that the status tells of may be corrected."""
    observed = it.alias(name).status.observed
    assert observed is not None
    it.objects.annotate_alias(NAMESPACE, name, **{ACKNOWLEDGE_DRIFT: f"{observed.word} ana"})


async def restart_pods(it: Cluster) -> None:
    """Let the pods start again, until a roll replaces them."""
    ref, now = it.ref("api"), it.wall()
    pods = await it.pods.of(it.workload("api"))
    it.pods.exact[ref] = [pod.changed(created=now, started=now, last_started=now) for pod in pods]
    it.workloads.listeners.append(lambda _kind, _workload: it.pods.exact.clear())


def ledger(it: Cluster) -> list[tuple[str, str | None, str | None, str | None, str]]:
    return [
        (str(item.operation), item.from_, item.found, item.to, str(item.outcome))
        for item in it.alias().status.history
    ]


@in_virtual_time
@pytest.mark.parametrize("version", ["3", "1", None], ids=["a newer one", "an older one", "nothing"])
async def test_restore_sets_the_alias_back_and_leaves_pods_that_did_not_stray_alone(
    version: str | None,
) -> None:
    async with Cluster() as it:
        await promoted(it, drift="Restore")
        rolls = len(it.workloads.rolls)

        await by_hand(it, version)
        await it.settle(SNAPSHOT)

        assert (await it.aliases())["champion"] == "2"
        assert ledger(it)[-1] == ("Restore", "2", version, "2", "Succeeded")
        assert it.alias().status.history[-1].actor == OPERATOR
        assert "somebody moved champion" in it.alias().status.history[-1].reason
        assert it.is_true("InSync")
        assert it.is_true("Ready")
        assert len(it.workloads.rolls) == rolls
        await it.assert_settled()


@in_virtual_time
async def test_restore_rolls_pods_that_started_while_the_alias_named_another_version() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Restore")
        rolls = len(it.workloads.rolls)

        await by_hand(it, "3")
        await restart_pods(it)
        await it.settle(SNAPSHOT)

        assert (await it.aliases())["champion"] == "2"
        assert len(it.workloads.rolls) == rolls + 1
        assert it.is_true("Ready")
        await it.assert_settled()


@in_virtual_time
async def test_adopt_takes_over_what_the_alias_names_and_rolls_the_workloads() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt", previousAlias="prev-champion")
        rolls = len(it.workloads.rolls)

        await by_hand(it, "3")
        await it.settle(SNAPSHOT)

        assert ledger(it)[-1] == ("Adopt", "2", "3", "3", "Succeeded")
        status = it.alias().status
        assert status.current is not None
        assert (status.current.version, status.current.actor) == ("3", OPERATOR)
        assert await it.aliases() == {"champion": "3", "prev-champion": "2"}
        assert len(it.workloads.rolls) == rolls + 1
        assert it.is_true("Ready")
        await it.assert_settled()


@in_virtual_time
async def test_adopt_leaves_an_alias_that_was_taken_away() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")

        await by_hand(it, None)
        await it.settle(SNAPSHOT)

        assert it.condition("InSync").reason == "Drifted"
        assert "nothing to adopt" in it.condition("InSync").message
        await it.assert_settled()


@in_virtual_time
async def test_adopt_never_takes_what_was_rolled_back_unless_a_person_says_so() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(90)

        await by_hand(it, "2")
        await it.settle(SNAPSHOT)

        assert it.condition("InSync").reason == "Drifted"
        assert "here version 2 was rolled back" in it.condition("InSync").message
        await it.assert_settled()

        acknowledge(it)
        await it.settle(SNAPSHOT)

        assert ledger(it)[-1] == ("Adopt", "1", "2", "2", "Succeeded")
        assert it.is_true("InSync")
        assert it.is_true("Held"), "what the operator does by itself ends no hold"
        assert it.alias().status.rolled_back == ()


@in_virtual_time
async def test_what_nobody_proves_acknowledges_nothing() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(90)
        it.admission.why_pins = "the policy is not installed"
        await it.settle(90)

        await by_hand(it, "2")
        await it.settle(SNAPSHOT)
        acknowledge(it)
        await it.settle(2 * SNAPSHOT)

        assert it.condition("InSync").reason == "Drifted"


@in_virtual_time
async def test_nothing_is_adopted_on_hold_until_a_person_releases_it() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(90)

        await by_hand(it, "3")
        await it.settle(SNAPSHOT)
        assert "on hold" in it.condition("InSync").message
        await it.assert_settled()

        hold = it.alias().status.hold
        assert hold is not None
        it.objects.annotate_alias(NAMESPACE, NAME, **{RELEASE_HOLD: f"{timestamp_text(hold.since)} ana"})
        await it.settle(SNAPSHOT)

        assert not it.is_true("Held")
        assert ledger(it)[-1] == ("Adopt", "1", "3", "3", "Succeeded")
        assert [item.message for item in it.objects.events if item.reason == "HoldReleased"] == [
            "churn@champion: automatic steps go on: ana released the hold"
        ]


@in_virtual_time
@pytest.mark.parametrize("said", ["2020-01-01T00:00:00Z ana", "now ana", "ana"])
async def test_only_the_hold_that_is_named_is_released(said: str) -> None:
    async with Cluster() as it:
        await promoted(it)
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(90)

        it.objects.annotate_alias(NAMESPACE, NAME, **{RELEASE_HOLD: said})
        await it.settle(90)

        assert it.is_true("Held")


@in_virtual_time
async def test_a_writer_that_insists_is_told_of_and_not_fought() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Restore")

        for _ in range(20):
            await by_hand(it, "3")
            await it.settle(SNAPSHOT)

        assert it.condition("InSync").reason == "Contended"
        assert "again and again" in it.condition("InSync").message
        restores = [move for move in it.moves() if move[-1] == "2"]
        assert len(restores) == 1 + 3, "the promotion and three times back"
        assert [entry[0] for entry in ledger(it)].count("Restore") == 1, "one stands for all"

        await it.settle(3_700)
        assert (await it.aliases())["champion"] == "2"
        assert it.is_true("InSync")


@in_virtual_time
@pytest.mark.parametrize("drift", ["Restore", "Adopt"])
async def test_nothing_is_corrected_while_the_alias_is_suspended(drift: str) -> None:
    async with Cluster() as it:
        await promoted(it, drift=drift)
        it.edit_alias(suspend=True)

        await by_hand(it, "3")
        await it.settle(SNAPSHOT)

        assert (await it.aliases())["champion"] == "3"
        assert "suspended" in it.condition("InSync").message
        await it.assert_settled()

        it.edit_alias(suspend=False)
        await it.settle(SNAPSHOT)
        assert it.is_true("InSync")


@in_virtual_time
async def test_a_pin_is_restored_and_nothing_else_is_adopted_over_it() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Restore")
        it.pin("2", "ana")
        await it.settle(30)
        await by_hand(it, "3")
        await it.settle(SNAPSHOT)
        assert (await it.aliases())["champion"] == "2"

        it.edit_alias(drift="Adopt")
        await by_hand(it, "3")
        await it.settle(SNAPSHOT)
        assert (await it.aliases())["champion"] == "3"
        assert "spec.version pins version 2" in it.condition("InSync").message


@in_virtual_time
async def test_a_request_that_waits_for_people_keeps_its_turn_while_the_alias_is_set_back() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Restore", policy={"approval": {"required": "OnInconclusive"}})
        it.edit_alias(policy={"approval": {"required": "Always"}})
        it.ask("next", "3")
        await it.settle(30)
        evidence = it.resolved("next").evidence
        assert it.phase("next") == "AwaitingApproval"

        await by_hand(it, "1")
        await it.settle(SNAPSHOT)

        assert (await it.aliases())["champion"] == "2"
        assert it.phase("next") == "AwaitingApproval"
        assert it.resolved("next").evidence == evidence


@in_virtual_time
@pytest.mark.parametrize("drift", ["Restore", "Adopt"])
async def test_nothing_is_corrected_that_a_rollback_would_undo_at_once(drift: str) -> None:
    async with Cluster() as it:
        await promoted(it, drift=drift)
        await it.stop()
        await by_hand(it, "3")
        it.ask("back", "1", operation="Rollback", reason="bad")

        await it.settle(SNAPSHOT)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert (await it.aliases())["champion"] == "1"
        assert [entry[0] for entry in ledger(it)] == ["Adopt", "Promote", "Rollback"]
        assert it.alias().status.restored == ()


async def many(it: Cluster, count: int, drift: str = "Restore") -> list[str]:
    """Make aliases of models of their own, each with version 2 promoted."""
    names = [f"m{number}" for number in range(count)]
    for name in names:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"}, model=name)
        it.objects.add_alias(NAMESPACE, name, alias_spec(model=name, drift=drift))
        it.ask(f"{name}-go", "2", of=name)
    await it.settle(120)
    assert {it.phase(f"{name}-go") for name in names} == {"Succeeded"}
    return names


@in_virtual_time
async def test_when_many_aliases_move_at_once_nothing_is_corrected_until_a_person_says_so() -> None:
    async with Cluster() as it:
        names = await many(it, 12)

        for name in names:
            await by_hand(it, "1", name)
        await it.settle(SNAPSHOT)

        assert {it.condition("InSync", name).reason for name in names} == {"MassDrift"}
        assert {(await it.aliases(name))["champion"] for name in names} == {"1"}
        await it.assert_settled()

        acknowledge(it, "m3")
        await it.settle(SNAPSHOT)

        assert (await it.aliases("m3"))["champion"] == "2"
        assert it.is_true("InSync", "m3")
        others = [name for name in names if name != "m3"]
        assert {it.condition("InSync", name).reason for name in others} == {"MassDrift"}


@in_virtual_time
@pytest.mark.parametrize(("drift", "is_offered"), [("Restore", False), ("Adopt", True)])
async def test_nobody_is_asked_to_acknowledge_that_a_deleted_version_is_restored(
    drift: str, is_offered: bool
) -> None:
    async with Cluster() as it:
        names = await many(it, 12, drift)

        for name in names:
            await by_hand(it, "1", name)
            await it.registry.delete_version(name, "2")
        await it.settle(SNAPSHOT)

        assert {it.condition("InSync", name).reason for name in names} == {"MassDrift"}
        assert ("modelalias ack" in it.condition("InSync", "m3").message) is is_offered


@in_virtual_time
async def test_the_rest_of_a_mass_drift_is_not_corrected_when_people_have_put_most_of_it_right() -> None:
    async with Cluster() as it:
        names = await many(it, 12)
        for name in names:
            await by_hand(it, "1", name)
        await it.settle(SNAPSHOT)

        for name in names[:8]:
            await by_hand(it, "2", name)
        await it.stop()
        await it.settle(2 * SNAPSHOT)

        assert {it.condition("InSync", name).reason for name in names[:8]} == {"InSync"}
        assert {it.condition("InSync", name).reason for name in names[8:]} == {"MassDrift"}
        assert {(await it.aliases(name))["champion"] for name in names[8:]} == {"1"}


@in_virtual_time
async def test_ten_that_move_at_once_are_corrected() -> None:
    async with Cluster() as it:
        names = await many(it, 12)

        for name in names[:10]:
            await by_hand(it, "1", name)
        await it.settle(SNAPSHOT)

        assert {(await it.aliases(name))["champion"] for name in names} == {"2"}


@in_virtual_time
async def test_many_promotions_at_once_are_no_mass_drift() -> None:
    async with Cluster() as it:
        names = await many(it, 12)

        for name in names:
            it.ask(f"{name}-next", "3", of=name)
        await it.settle(10)
        await by_hand(it, "1", "m0")
        await it.settle(SNAPSHOT)

        assert (await it.aliases("m0"))["champion"] == "3"


@in_virtual_time
async def test_what_nobody_judged_is_not_adopted_where_pins_are_gated() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt", policy={"pins": "Gated"})

        await by_hand(it, "3")
        await it.settle(SNAPSHOT)
        acknowledge(it)
        await it.settle(2 * SNAPSHOT)

        assert it.condition("InSync").reason == "Drifted"
        assert "nobody has judged version 3" in it.condition("InSync").message


@in_virtual_time
async def test_nothing_is_adopted_while_a_window_is_closed() -> None:
    async with Cluster() as it:
        freeze = {"kind": "Deny", "cron": "0 12 1 1 *", "duration": "1h"}
        await promoted(it, drift="Adopt")
        it.edit_alias(policy={"windows": [freeze]})

        await by_hand(it, "3")
        await it.settle(SNAPSHOT)
        assert "not adopted until" in it.condition("InSync").message

        await it.settle(3_600)
        assert ledger(it)[-1] == ("Adopt", "2", "3", "3", "Succeeded")


@in_virtual_time
async def test_an_acknowledgement_is_of_one_drift_and_not_of_the_next_to_the_same_version() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Adopt")
        it.ask("back", "1", operation="Rollback", reason="bad")
        await it.settle(90)
        await by_hand(it, "2")
        await it.settle(SNAPSHOT)
        acknowledge(it)
        await it.settle(SNAPSHOT)
        assert ledger(it)[-1] == ("Adopt", "1", "2", "2", "Succeeded")

        it.ask("back-again", "1", operation="Rollback", reason="still bad")
        await it.settle(90)
        await by_hand(it, "2")
        await it.settle(2 * SNAPSHOT)

        assert it.condition("InSync").reason == "Drifted"
        assert "here version 2 was rolled back" in it.condition("InSync").message


@in_virtual_time
async def test_a_person_may_have_an_alias_set_back_that_is_contended() -> None:
    async with Cluster() as it:
        await promoted(it, drift="Restore")
        for _ in range(4):
            await by_hand(it, "3")
            await it.settle(SNAPSHOT)
        assert it.condition("InSync").reason == "Contended"

        acknowledge(it)
        await it.settle(SNAPSHOT)

        assert (await it.aliases())["champion"] == "2"
