"""What keeps an alias or a request from going on names the way out, with a command that can be copied."""

import shlex
from typing import Any

import pytest

from modelalias.cli import main
from tests.support.harness import MODEL, Cluster
from tests.support.virtual_loop import in_virtual_time

RESUME = "modelalias resume churn-champion -n ml"


async def _drifted(it: Cluster, **spec: Any) -> None:
    """Promote version 2, and let somebody move the alias to version 3 by hand."""
    await it.model(0.8, 0.9, 0.7, aliases={"champion": "1"})
    it.add_alias(**spec)
    if "version" not in spec:
        it.ask("go", "2")
    await it.settle()
    await it.registry.set_alias(MODEL, "champion", "3")
    await it.settle(60)


@in_virtual_time
async def test_drift_says_how_to_move_back_and_how_to_keep_the_new_version() -> None:
    async with Cluster() as it:
        await _drifted(it)

        assert it.condition("InSync").message == (
            "someone moved churn@champion to 3; this resource answers for version 2; to move it back: "
            "modelalias rollback churn-champion -n ml --to-version 2 -m WHY; "
            "to keep version 3: modelalias promote churn-champion -n ml --version 3"
        )
        assert it.condition("Ready").message == it.condition("InSync").message


@in_virtual_time
async def test_drift_to_nothing_and_drift_from_nothing_have_one_way_out() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        it.add_alias("churn-next", alias="next")
        await it.settle()
        await it.registry.delete_alias(MODEL, "champion")
        await it.registry.set_alias(MODEL, "next", "2")
        await it.settle(60)

        gone, new = it.condition("InSync").message, it.condition("InSync", "churn-next").message
        assert gone.endswith(
            "to move it back: modelalias rollback churn-champion -n ml --to-version 1 -m WHY"
        )
        assert new.endswith(
            "version none; to keep version 2: modelalias promote churn-next -n ml --version 2"
        )


@in_virtual_time
@pytest.mark.parametrize("drift", ["Report", "Restore"])
async def test_nobody_is_sent_back_to_a_version_that_was_deleted(drift: str) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(drift=drift)
        it.ask("go", "2")
        await it.settle()

        await it.registry.delete_version(MODEL, "2")
        await it.settle(60)

        assert it.condition("InSync").message == (
            "someone moved churn@champion to nothing; this resource answers for version 2; version 2 was deleted in "
            "the registry, so that nothing goes back to it; to promote another one: "
            "modelalias promote churn-champion -n ml --version N"
        )

        await it.registry.set_alias(MODEL, "champion", "3")
        await it.settle(60)

        assert it.condition("InSync").message.endswith(
            "version 2 was deleted in the registry, so that nothing goes back to it; "
            "to keep version 3: modelalias promote churn-champion -n ml --version 3"
        )


@in_virtual_time
async def test_while_nobody_can_tell_whether_a_version_is_there_the_way_back_is_named() -> None:
    async with Cluster() as it:
        await _drifted(it)
        it.registry.go_away()
        await it.settle(120)

        assert "to move it back: modelalias rollback" in it.condition("InSync").message


@in_virtual_time
async def test_drift_of_a_pinned_alias_names_the_pin_first() -> None:
    async with Cluster() as it:
        await _drifted(it, version="2")

        assert (
            "; requests are rejected while spec.version pins version 2, so first: "
            in it.condition("InSync").message
        )
        assert "modelalias unpin churn-champion -n ml" in it.condition("InSync").message


@in_virtual_time
async def test_a_hold_says_what_releases_it() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2")
        await it.settle()
        it.ask("back", "1", operation="Rollback", reason="complaints")
        await it.settle()

        assert it.condition("Held").message == (
            "held since 2026-01-01 12:16 UTC: version 2 was rolled back; the next promotion or pin releases it: "
            "modelalias promote churn-champion -n ml --version N, or modelalias release churn-champion -n ml"
        )


@in_virtual_time
async def test_a_pin_says_in_the_alias_and_in_the_request_how_requests_decide_again() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(version="1")
        it.ask("go", "2")
        await it.settle()

        assert it.says("go") == (
            "spec.version of ModelAlias churn-champion pins version 1: remove it to promote by requests: "
            "modelalias unpin churn-champion -n ml"
        )
        assert it.condition("Ready").message == (
            "version 1; spec.version pins it; to let requests decide: modelalias unpin churn-champion -n ml"
        )


@in_virtual_time
async def test_a_suspended_alias_says_in_the_alias_and_in_the_request_how_it_goes_on() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(suspend=True)
        it.ask("go", "2")
        await it.settle()

        assert it.says("go") == f"waits: ModelAlias churn-champion is suspended; to go on: {RESUME}"
        assert it.condition("Ready").message == f"version 1; suspended; to go on: {RESUME}"


@in_virtual_time
async def test_a_plan_that_was_suspended_says_how_it_goes_on() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2")
        await it.settle()
        it.edit_alias(suspend=True)
        it.edit_request("go", abort=True)
        await it.settle(120)

        assert it.says("go") == f"stands still: ModelAlias churn-champion is suspended; to go on: {RESUME}"
        assert it.condition("Reconciling").message.endswith(f"; suspended; to go on: {RESUME}")


@in_virtual_time
async def test_an_alias_that_never_had_a_version_says_the_same_of_itself() -> None:
    async with Cluster() as it:
        await it.model(0.8)
        it.add_alias(suspend=True)
        await it.settle()

        assert it.condition("RolledOut").message == f"nothing was promoted yet; suspended; to go on: {RESUME}"


@pytest.mark.parametrize(
    "command",
    [
        "modelalias rollback churn-champion -n ml --to-version 2 -m WHY",
        "modelalias promote churn-champion -n ml --version 3",
    ],
)
def test_the_commands_are_ones_that_the_command_line_takes(command: str) -> None:
    program, *arguments = shlex.split(command)

    assert program == "modelalias"
    assert main.parser().parse_args(arguments).namespace == "ml"
