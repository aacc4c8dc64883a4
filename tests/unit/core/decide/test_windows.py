"""Freeze windows: nothing begins while they are closed, and what waits goes as soon as they open.

The clock stands at about 12:17 UTC on Thursday, the first of January 2026.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.conditions import RequestCondition, Status, find
from modelalias.core.errors import Unavailable
from tests.support.harness import NAME, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

HOUR = 3600.0
FREEZE: dict[str, Any] = {"name": "freeze", "kind": "Deny", "cron": "0 10 * * 4", "duration": "6h"}
UNTIL = "2026-01-01 16:00 UTC, when the window freeze closes"
ALL: dict[str, Any] = {**FREEZE, "except": []}


def _policy(*windows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"policy": {"windows": list(windows or [FREEZE]), **fields}}


def _back(it: Cluster, name: str = "back", **fields: Any) -> None:
    it.ask(name, operation="Rollback", source={"version": "1"}, reason="bad", **fields)


async def _at_two(it: Cluster) -> None:
    """Promote two versions one after the other, before there is any window."""
    await it.model(0.7, 0.8, 0.9)
    it.add_alias(previousAlias="prev")
    for version in ("1", "2"):
        it.ask(f"v{version}", version)
        await it.settle()


def _reason(it: Cluster, name: str) -> tuple[str, str, str]:
    """Return how far a request is, and whether the operator works on it."""
    conditions = it.request(name).status.conditions
    complete, works = (
        find(conditions, kind) for kind in (RequestCondition.COMPLETE, RequestCondition.RECONCILING)
    )
    assert complete is not None
    assert works is not None
    assert complete.status is Status.FALSE
    return it.phase(name), complete.reason, works.status


@in_virtual_time
async def test_a_promotion_waits_until_the_window_closes_and_says_so() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        it.add_alias(**_policy(**gated({"threshold": 0.8})["policy"]))
        it.ask("go", "2")
        await it.settle()

        assert _reason(it, "go") == ("Pending", "WindowClosed", "False")
        assert it.says("go") == f"waits until {UNTIL}"
        assert [item.result for item in it.request("go").status.gates] == ["Passed"], "it was judged"
        assert it.moves() == []
        before = it.counts()
        await it.settle(3.5 * HOUR)
        assert it.counts() == before, "nothing is written while it waits"

        await it.settle(HOUR)

        assert it.end("go") == ("Succeeded", "Succeeded")
        moved = it.alias().status.history[-1]
        assert datetime(2026, 1, 1, 16, tzinfo=UTC) <= moved.at <= datetime(2026, 1, 1, 16, 0, 5, tzinfo=UTC)
        await it.assert_settled()


@in_virtual_time
async def test_the_oldest_goes_first_when_the_window_opens() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(**_policy())
        it.ask("first", "2")
        await it.settle()
        it.ask("second", "3")
        await it.settle()

        assert (it.phase("first"), it.phase("second")) == ("Pending", "Queued")
        assert it.says("second") == "number 1 in the queue, behind PromotionRequest first"
        assert it.alias().status.queue == ("second",)
        await it.settle(4 * HOUR)

        assert [item.request for item in it.alias().status.history] == [None, "first", "second"]


@in_virtual_time
@pytest.mark.parametrize("operation", ["Rollback", "Swap"])
async def test_a_rollback_and_a_swap_pass_and_replace_what_waits(operation: str) -> None:
    source: dict[str, Any] = {"source": {"version": "1"}} if operation == "Rollback" else {}
    async with Cluster() as it:
        await _at_two(it)
        it.edit_alias(**_policy())
        it.ask("go", "3")
        await it.settle()
        assert it.phase("go") == "Pending"

        it.ask("back", operation=operation, reason="bad", **source)
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.end("go") == ("Superseded", "Superseded")
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_where_nothing_is_exempt_a_rollback_waits_too() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", **_policy(ALL))
        _back(it)
        await it.settle()

        assert _reason(it, "back") == ("Pending", "WindowClosed", "False")
        assert it.says("back") == f"waits until {UNTIL}"
        await it.settle(4 * HOUR)

        assert it.end("back") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_swap_that_waits_does_not_keep_back_a_rollback_that_may_go() -> None:
    async with Cluster() as it:
        await _at_two(it)
        it.edit_alias(**_policy({**FREEZE, "except": ["Rollback"]}))
        it.ask("swap", operation="Swap", reason="try")
        await it.settle()
        assert it.phase("swap") == "Pending"

        _back(it)
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_plan_under_way_is_finished_although_a_window_opens() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(
            serving=[{"name": "api"}],
            rollout={"deadlineSeconds": 7200},
            **_policy({**FREEZE, "cron": "20 12 * * 4", "except": []}),
        )
        it.ask("go", "2")
        it.ask("next", "3")
        await it.settle(30 * 60)
        assert it.phase("go") == "RollingOut"

        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert _reason(it, "next")[:2] == ("Pending", "WindowClosed")


@in_virtual_time
@pytest.mark.parametrize(
    ("window", "phase"),
    [pytest.param(ALL, "RollingOut", id="concerned"), pytest.param(FREEZE, "RollingBack", id="exempt")],
)
async def test_only_a_rollback_that_may_go_has_a_plan_under_way_undone(
    window: dict[str, Any], phase: str
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.workloads.add("api")
        late = {**window, "cron": "20 12 * * 4"}
        it.add_accepted_alias("1", "2", serving=[{"name": "api"}], **_policy(late))
        it.ask("go", "3")
        await it.settle(300)
        assert it.phase("go") == "RollingOut"

        _back(it)
        await it.settle()

        assert it.phase("go") == phase


@in_virtual_time
async def test_people_approve_in_a_window_and_need_not_do_it_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        asks = {"required": "Always", "waitFor": "1h"}
        it.add_alias(**_policy(approval=asks))
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "AwaitingApproval"

        evidence = it.resolved("go").evidence
        it.edit_request("go", approvals=[{"user": "bo", "evidence": evidence, "decision": "Approve"}])
        await it.settle(2 * HOUR)

        assert _reason(it, "go") == ("Pending", "WindowClosed", "False")
        given = it.request("go").status.approvals
        assert given is not None
        assert (given.valid, given.by) == (1, ("bo",))
        approved = find(it.request("go").status.conditions, RequestCondition.APPROVED)
        assert approved is not None
        assert approved.status is Status.TRUE
        await it.settle(2 * HOUR)
        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_what_nobody_approved_in_time_expires_in_a_window_too() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**_policy(approval={"required": "Always", "waitFor": "1h"}))
        it.ask("go", "2")
        it.ask("short", "2", expiresAfter="90m")

        await it.settle(1.2 * HOUR)
        assert it.end("go") == ("Expired", "Expired")
        await it.settle(HOUR)

        assert it.end("short") == ("Expired", "Expired")
        assert it.says("short") == "nothing was begun within 90m of its creation"


@in_virtual_time
async def test_what_changed_meanwhile_is_judged_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**_policy(**gated({"threshold": 0.75})["policy"]))
        it.ask("go", "2")
        await it.settle(HOUR)
        assert it.phase("go") == "Pending"

        it.edit_alias(**_policy(**gated({"threshold": 0.85})["policy"]))
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")


@in_virtual_time
async def test_skip_gates_skips_no_window_and_the_owner_can_end_one() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**_policy())
        it.ask("go", "2", skipGates=True, reason="the champion is broken", requestedBy="ana")
        await it.settle(HOUR)
        assert it.says("go") != ""
        assert it.moves() == []

        it.edit_alias(policy={})
        await it.settle()

        assert it.phase("go") != "Pending"


@in_virtual_time
@pytest.mark.parametrize("pins", ["Trusted", "Gated"])
async def test_a_pin_waits_and_tells_its_alias(pins: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**_policy(pins=pins, **gated({"threshold": 0.75})["policy"]))
        await it.settle()
        it.pin("2")
        await it.settle()

        assert it.condition("Reconciling").reason == "WindowClosed"
        assert it.condition("Reconciling").message == f"waits until {UNTIL}"
        assert it.condition("Ready").status is Status.FALSE
        verdict = it.alias().status.pin
        assert (verdict is not None) is (pins == "Gated")
        assert verdict is None or [item.result for item in verdict.gates] == ["Passed"]
        assert it.moves() == []
        await it.settle(4 * HOUR)

        assert (await it.aliases())["champion"] == "2"
        assert it.is_true("Ready")


@in_virtual_time
async def test_a_pin_that_is_exempt_goes() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(version="2", **_policy({**FREEZE, "except": ["Pin"]}))

        await it.settle()

        assert (await it.aliases())["champion"] == "2"


@in_virtual_time
async def test_a_dry_run_is_answered_at_once_and_says_that_it_would_wait() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", **_policy(ALL))
        it.ask("look", "1", dryRun=True)
        _back(it, "look-back", dryRun=True)

        await it.settle()

        for name in ("look", "look-back"):
            assert it.end(name) == ("Succeeded", "DryRun")
            assert it.says(name).endswith(f"; it would wait until {UNTIL}")


@in_virtual_time
async def test_outside_of_all_allow_windows_nothing_begins() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        office = {"kind": "Allow", "cron": "0 9 * * 1-5", "duration": "8h", "timeZone": "America/New_York"}
        it.add_alias(**_policy({**office, "name": "office"}))
        it.ask("go", "2")
        await it.settle()

        assert it.says("go") == (
            "waits until 2026-01-01 14:00 UTC (09:00 America/New_York), when the window office opens"
        )
        await it.settle(2 * HOUR)
        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_request_for_what_is_there_already_ends_in_a_window() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias(**_policy())
        it.ask("again", "1")

        await it.settle()

        assert it.end("again") == ("Succeeded", "NoOp")


@in_virtual_time
@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("timeZone", "Europe/Berlim", "timeZone: there is no time zone Europe/Berlim"),
        ("cron", "0 0 31 2 *", "cron: 0 0 31 2 * is no cron expression that ever comes true"),
        ("cron", "99 0 * * *", "cron: 99 0 * * * is no cron expression that ever comes true"),
    ],
)
async def test_a_window_that_is_not_valid_is_told_and_keeps_closed_whom_it_concerns(
    field: str, value: str, says: str
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", **_policy({**FREEZE, field: value}))
        it.ask("go", "3")
        await it.settle()

        stalled = it.condition("Stalled")
        assert (stalled.status, stalled.reason) == ("True", "Invalid")
        assert stalled.message.startswith(f"spec.policy.windows[0].{says}")
        assert it.alias().status.phase == "Stalled"
        assert _reason(it, "go") == ("Pending", "Invalid", "False")
        assert it.says("go").startswith(f"waits until somebody changes spec.policy.windows[0].{says}")
        _back(it)
        await it.settle()
        assert it.end("back") == ("Succeeded", "Succeeded"), "a rollback is no business of that window"
        assert it.condition("Stalled").reason == "Invalid"
        it.registry.fail_next(Unavailable("no route"), times=1000)
        await it.settle(120)
        assert not it.is_true("RegistryReachable")
        assert it.condition("Stalled").reason == "Invalid", "an outage changes nothing of that"
        it.registry.heal()
        await it.settle(120)

        it.ask("again", "3")
        it.edit_alias(policy={})
        await it.settle()

        assert it.condition("Stalled").status is Status.FALSE
        assert it.end("again") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_window_costs_no_write_when_it_opens_or_closes() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias(**_policy())
        await it.settle(60)
        before = it.counts()

        await it.settle(8 * 24 * HOUR)

        assert it.counts() == before
        assert it.alias(NAME).status.phase == "Ready"


@in_virtual_time
async def test_with_supersede_the_newest_waits_and_replaces_the_others_once_it_may_go() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(**_policy(concurrency="Supersede"))
        it.ask("first", "2")
        it.ask("second", "3")
        await it.settle()
        assert (it.phase("first"), it.phase("second")) == ("Queued", "Pending")

        await it.settle(4 * HOUR)

        assert it.end("first") == ("Superseded", "Superseded")
        assert it.end("second") == ("Succeeded", "Succeeded")
