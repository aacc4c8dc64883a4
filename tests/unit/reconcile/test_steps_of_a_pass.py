"""How many steps a pass may take: those of all open requests, also of those that were filed in it."""

import pytest

from modelalias.ports import FailureKind, Telemetry
from modelalias.reconcile import alias as passes
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time


class _Failures(Telemetry):
    """Keeps what failed."""

    def __init__(self) -> None:
        self.kinds: list[FailureKind] = []

    def failed(self, kind: FailureKind) -> None:
        self.kinds.append(kind)


@in_virtual_time
async def test_a_pass_may_take_the_steps_of_requests_that_were_filed_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passes, "MOST_STEPS", 3)
    async with Cluster() as it:
        it.telemetry = failures = _Failures()
        await it.model(0.9, 0.8, aliases={"champion": "2"})
        it.add_alias()
        await it.settle()
        it.ask("first", "1")
        it.trip.meanwhile = lambda: _file_many(it)
        await it.settle(30)

        assert {it.phase(f"more-{item}") for item in range(40)} == {"Aborted"}
        assert failures.kinds == []


def _file_many(it: Cluster) -> None:
    for item in range(40):
        it.ask(f"more-{item}", "1", reason=f"reason {item}", abort=True)
