"""A run that does not finish: a killed training leaves it so, and nobody may wait for it for ever."""

from typing import Any

import pytest

from modelalias.ports import RunStatus
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time

HOUR, MINUTE = 3_600.0, 60.0
FLOOR = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}
LOGGED = {**FLOOR, "name": "logged", "metricFrom": "LoggedModel"}


async def _left_running(it: Cluster, **policy: Any) -> str:
    """Make version 2 of a run that has not ended, beside a champion; return the run's id."""
    await it.model(0.9, 0.9, aliases={"champion": "1"})
    it.add_alias(policy={"gates": [FLOOR], **policy})
    run_id = it.registry.versions("churn")["2"].run_id
    assert run_id is not None
    it.registry.set_run_status(run_id, RunStatus.RUNNING)
    return run_id


@in_virtual_time
@pytest.mark.parametrize(
    ("policy", "hours", "away"),
    [({}, 24, 23), ({"gates": [FLOOR, LOGGED], "waitForRun": "1h"}, 1, 0)],
    ids=["a day", "as the policy says, also for a logged model"],
)
async def test_it_is_told_how_to_end_it_and_ends_inconclusive_after_a_while(
    policy: dict[str, Any], hours: int, away: int
) -> None:
    async with Cluster() as it:
        run_id = await _left_running(it, **policy)
        it.ask("go", "2")
        await it.settle(0.4 * HOUR)
        if away:
            await it.away(away * HOUR)
        await it.settle(0.5 * HOUR)

        assert it.phase("go") == "Pending"
        assert it.says("go").startswith(
            f"waits until run {run_id} has finished; if its training is dead, end it: "
        )
        assert f"set_terminated('{run_id}', 'KILLED')" in it.says("go")
        await it.settle(0.2 * HOUR)

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert f"run {run_id} has not finished within {hours}h" in it.says("go")
        await it.assert_settled()


@in_virtual_time
async def test_a_restart_does_not_begin_anew() -> None:
    async with Cluster() as it:
        await _left_running(it, waitForRun="10m")
        it.ask("go", "2")
        await it.settle(8 * MINUTE)
        await it.stop()
        await it.settle(3 * MINUTE)

        assert it.end("go") == ("Rejected", "Inconclusive")


@in_virtual_time
async def test_one_that_finishes_in_time_is_judged() -> None:
    async with Cluster() as it:
        run_id = await _left_running(it)
        it.ask("go", "2")
        await it.settle(10 * MINUTE)
        it.registry.set_run_status(run_id, RunStatus.KILLED)
        await it.settle(60)

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.request("go").status.run_unfinished_since is None


@in_virtual_time
async def test_people_are_asked_where_the_owner_wants_that_and_a_late_end_is_judged() -> None:
    async with Cluster() as it:
        run_id = await _left_running(it, approval={"required": "OnInconclusive"}, waitForRun="10m")
        it.ask("go", "2", requestedBy="ana")
        await it.settle(12 * MINUTE)

        assert it.phase("go") == "AwaitingApproval"
        it.registry.set_run_status(run_id, RunStatus.FINISHED)
        await it.settle(12 * MINUTE)

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_gated_pin_waits_no_longer_either() -> None:
    async with Cluster() as it:
        run_id = await _left_running(it, pins="Gated", waitForRun="10m")
        it.edit_alias(version="2")
        await it.settle(8 * MINUTE)
        assert f"set_terminated('{run_id}', 'KILLED')" in it.condition("Ready").message
        await it.settle(3 * MINUTE)

        assert "has not finished within 10m" in it.condition("Stalled").message
        assert await it.aliases() == {"champion": "1"}
