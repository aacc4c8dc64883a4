"""What the state machines around one alias share: how the world goes on from step to step, and what always holds."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final

from hypothesis.stateful import RuleBasedStateMachine, invariant

from modelalias.api.request import PromotionRequest
from tests.support.any_order_choices import SHORT
from tests.support.fake_registry import FakeRegistry
from tests.support.harness import Cluster
from tests.support.stepwise import Stepwise
from tests.support.witness import Witness

AWAY: Final = 3
"""Steps that the operator may be away; what follows would tell nothing."""


class OneAlias(RuleBasedStateMachine):
    """One ModelAlias and an operator that comes and goes; rules say what else happens."""

    witness: Witness

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        self.stepwise = Stepwise(settings)
        self.it = self.stepwise.it
        self.it.objects.clock = self.it.wall
        self.runs: list[str] = []
        self.known: list[PromotionRequest] = []
        self.away = 0
        self.failed = False
        self.stepwise.do(self._begin)

    @abstractmethod
    async def _begin(self, it: Cluster) -> None:
        """Make what is there before the alias."""

    @abstractmethod
    def _comes_to_rest(self) -> None:
        """Let the world heal; everything ends, and nothing moves any more."""

    def then(self, act: Callable[[Cluster], object], seconds: float = SHORT) -> None:
        """Let something happen and time pass; if that killed the operator, or it is away for long, another
        takes over."""
        if self.it.engine is None and self.witness.alias is not None:
            self.away += 1
            if self.away > AWAY:
                self.away = 0
                self._step(lambda it: it.start(), 0)
                self.stepwise.do(self.witness.disturb)
        self._step(act, seconds)

    def _step(self, act: Callable[[Cluster], object], seconds: float) -> None:
        self.stepwise.do(act, seconds)
        if self.it.trip.dead.is_set():
            self.stepwise.do(lambda it: it.stop())
            self.it.trip.arm(0, after=False)
            self.stepwise.do(lambda it: it.start(), seconds)
            self.stepwise.do(self.witness.disturb)

    def pick(self, which: int) -> str:
        """Return the name of one of the requests that are there, those that have not ended first."""
        waiting = [item.metadata.name for item in self.witness.waiting()]
        there = waiting or [name for _, name in self.it.objects.requests]
        return there[-1 - which % len(there)]

    def _by_hand(self, act: Callable[[FakeRegistry], object], seconds: float = SHORT) -> None:
        async def move(it: Cluster) -> None:
            with self.witness.hand():
                done = act(it.registry)
                if asyncio.iscoroutine(done):
                    await done

        self.then(move, seconds)

    @invariant()
    def nothing_wrong_was_seen(self) -> None:
        if self.witness.found:
            self.failed = True
            raise AssertionError("\n".join(self.witness.found))

    def teardown(self) -> None:
        try:
            if not self.failed and self.witness.alias is not None:
                self._comes_to_rest()
        finally:
            self.stepwise.close()


def finish_rollouts(it: Cluster) -> None:
    """Let controllers finish what rolls."""
    for ref in list(it.workloads.workloads):
        it.workloads.complete_rollout(ref)
