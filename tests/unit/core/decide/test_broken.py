"""A request that an unexpected error keeps from being judged ends by itself and holds up nobody."""

from typing import Any

import pytest

from modelalias.core.requests import consider, finish, rollback
from modelalias.core.requests.broken import MOST_TRIES
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time

BROKEN = "bad"


class Bug(Exception):
    """What nobody has thought of."""


@pytest.fixture(params=["judged", "looked up while it waits", "settled"])
def tries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Break one step for the request of that name, and return its tries."""
    steps: dict[str, tuple[Any, str]] = {
        "judged": (consider, "_consider"),
        "looked up while it waits": (rollback, "_meant_now"),
        "settled": (finish, "_end_if_settled"),
    }
    module, name = steps[request.param]
    whole, seen = getattr(module, name), []

    def broken(*args: Any, **fields: Any) -> Any:
        values = [*args, *fields.values()]
        named = any(getattr(getattr(item, "metadata", None), "name", "") == BROKEN for item in values)
        if named or (name == "_meant_now" and values[-1].alias == "odd"):
            seen.append(BROKEN)
            raise Bug
        return whole(*args, **fields)

    monkeypatch.setattr(module, name, broken)
    return seen


@in_virtual_time
async def test_it_ends_as_errored_and_the_others_go_on(tries: list[str]) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"odd": "3"})
        it.add_alias(serving=[{"name": "api"}])
        it.workloads.add("api")
        it.workloads.rolls_at_once = False
        it.ask("first", "1")
        await it.settle()
        assert it.phase("first") == "RollingOut"

        it.ask(BROKEN, source={"alias": "odd"})
        it.ask("last", "2")
        await it.settle(1)
        await it.finish_rollout("api")
        await it.settle(1)
        await it.finish_rollout("api")
        await it.settle(120)

        assert it.end("first") == ("Succeeded", "Succeeded")
        assert it.end("last") == ("Succeeded", "Succeeded")
        assert it.end(BROKEN) == ("Errored", "UnexpectedError"), it.says(BROKEN)
        assert "Bug" not in it.says(BROKEN)
        assert len(tries) == MOST_TRIES
        assert all("Bug" in item for item in it.take_errors())
        assert await it.aliases() == {"odd": "3", "champion": "2"}
        stalled = {item.type: str(item.status) for item in it.request(BROKEN).status.conditions}["Stalled"]
        assert stalled == "True"
