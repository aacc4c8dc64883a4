"""A request that an unexpected error keeps from being judged ends by itself and holds up nobody."""

from collections.abc import Callable
from typing import Any

import pytest

from modelalias.api.alias import FinishedRequest, ModelAliasStatus
from modelalias.api.request import Phase
from modelalias.core.requests import consider, finish, rollback
from modelalias.core.requests.broken import MOST_TRIES
from modelalias.core.status import request_status
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time

BROKEN = "bad"
ODD = "odd"
"""The alias that only the broken request names."""

Break = Callable[[Any, str, int], list[str]]


class Bug(Exception):
    """What nobody has thought of."""


def _is_about_it(value: Any) -> bool:
    return (
        getattr(getattr(value, "metadata", None), "name", "") == BROKEN or getattr(value, "alias", "") == ODD
    )


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Break one step for the request of that name, so many times; the tries are returned."""

    def broken(module: Any, name: str, times: int = 1_000) -> list[str]:
        whole = getattr(module, name)
        tries: list[str] = []

        def step(*args: Any, **fields: Any) -> Any:
            if len(tries) < times and any(_is_about_it(item) for item in [*args, *fields.values()]):
                tries.append(name)
                raise Bug
            return whole(*args, **fields)

        monkeypatch.setattr(module, name, step)
        return tries

    return broken


def _assert_errored(it: Cluster) -> None:
    assert it.end(BROKEN) == ("Errored", "UnexpectedError"), it.says(BROKEN)
    assert "Bug" not in it.says(BROKEN)
    stalled = {item.type: str(item.status) for item in it.request(BROKEN).status.conditions}["Stalled"]
    assert stalled == "True"
    errors = it.take_errors()
    assert len(errors) == MOST_TRIES
    assert all("Bug" in item for item in errors)


@in_virtual_time
@pytest.mark.parametrize(
    ("module", "name"),
    [(consider, "_consider"), (rollback, "_meant_now"), (finish, "_end_if_settled")],
    ids=["judged", "looked up while it waits", "settled"],
)
async def test_it_ends_as_errored_and_a_plan_under_way_and_the_others_go_on(
    module: Any, name: str, breaks: Break
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={ODD: "3"})
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.add("api")
        it.workloads.rolls_at_once = False
        it.ask("first", "1")
        await it.settle()
        tries = breaks(module, name, 1_000)
        it.ask(BROKEN, source={"alias": ODD})
        it.ask("last", "2")
        await it.settle(100)
        assert it.phase("first") == "RollingOut"

        await it.finish_rollout("api")
        await it.settle(100)
        await it.finish_rollout("api")
        await it.settle(100)

        assert it.end("first") == ("Succeeded", "Succeeded")
        assert it.end("last") == ("Succeeded", "Succeeded")
        _assert_errored(it)
        assert len(tries) == MOST_TRIES
        assert (await it.aliases())["champion"] == "2"


@in_virtual_time
@pytest.mark.parametrize(
    ("module", "name", "version", "fields"),
    [
        (finish, "_recorded", "99", {}),
        (finish, "write_end", "99", {}),
        (request_status, "ended", "99", {}),
        (request_status, "_status", "99", {}),
        (request_status, "_status", "3", {}),
        (consider, "_consider", "3", {"policy": {"concurrency": "Supersede"}}),
        (consider, "_consider", "3", {"version": "2"}),
    ],
    ids=[
        "recorded",
        "ended",
        "status of an end",
        "any status",
        "progress",
        "superseding",
        "pinned meanwhile",
    ],
)
async def test_what_breaks_for_one_request_leaves_the_others_alone(
    module: Any, name: str, version: str, fields: dict[str, Any], breaks: Break
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias(**{key: value for key, value in fields.items() if key != "version"})
        await it.settle()
        breaks(module, name, 1_000)
        it.ask(BROKEN, version)
        await it.settle(12)
        it.ask("good", "2")
        await it.settle(12)
        if "version" in fields:
            it.edit_alias(version=fields["version"])
        await it.settle(100)

        assert it.phase("good") == "Succeeded"
        assert (await it.aliases())["champion"] == "2"
        it.take_errors()
        assert it.phase(BROKEN) in {"Errored", "Rejected", "Superseded"}, it.request(BROKEN).status


@in_virtual_time
@pytest.mark.parametrize("name", ["carried_out", "_status", "ended_by_history"])
async def test_a_request_whose_plan_was_carried_out_is_not_called_errored(name: str, breaks: Break) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8)
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.add("api")
        it.workloads.rolls_at_once = False
        it.ask(BROKEN, "1")
        await it.settle()
        assert it.phase(BROKEN) == "RollingOut"

        breaks(request_status, name, 1_000)
        for _ in range(4):
            await it.settle(15)
            await it.finish_rollout("api")
        await it.settle(100)

        assert it.alias().status.history[-1].outcome == "Succeeded"
        assert it.phase(BROKEN) == "Succeeded"
        assert it.alias().status.finished == ()
        it.take_errors()


@in_virtual_time
async def test_a_rollback_keeps_its_priority_over_one_error(breaks: Break) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        for version in ("1", "2"):
            it.ask(f"go-{version}", version)
            await it.settle()
        breaks(consider, "_consider", 1)
        it.ask(BROKEN, "1", operation="Rollback", reason="complaints")
        it.ask("later", "3")
        await it.settle(100)

        moves = [(entry.from_, entry.to) for entry in it.alias().status.history]
        assert moves[-2:] == [("2", "1"), ("1", "3")]
        assert len(it.take_errors()) == 1


@in_virtual_time
async def test_events_of_the_alias_use_up_no_tries(breaks: Break) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        await it.settle()
        breaks(consider, "_consider", 2)
        it.ask(BROKEN, "3")
        for number in range(5):
            await it.settle(0.2)
            it.ask(f"other-{number}", "1")
        await it.settle(100)

        assert it.end(BROKEN) == ("Succeeded", "Succeeded")
        assert len(it.take_errors()) == 2


@in_virtual_time
async def test_the_same_request_applied_again_ends_as_it_ended(breaks: Break) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        await it.settle()
        breaks(consider, "_consider", MOST_TRIES)
        it.ask(BROKEN, "3")
        await it.settle(100)
        _assert_errored(it)

        it.objects.remove_request(NAMESPACE, BROKEN)
        it.ask(BROKEN, "3")
        await it.settle()

        assert it.end(BROKEN) == ("Errored", "AlreadyProcessed")
        assert await it.aliases() == {}


def test_what_the_history_forgot_is_forgotten_first_again() -> None:
    def entries(name: str, count: int) -> tuple[FinishedRequest, ...]:
        return tuple(
            FinishedRequest(spec_hash=f"sha256:{name}{number}", uid=f"{name}{number}", phase=Phase.REJECTED)
            for number in range(count)
        )

    status = ModelAliasStatus().with_finished(entries("rejected", 45)).remembering(entries("moved", 50))

    uids = [item.uid for item in status.finished]
    assert uids == [f"moved{number}" for number in range(45, 50)] + [
        f"rejected{number}" for number in range(45)
    ]
