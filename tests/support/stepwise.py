"""A harness that synchronous code drives: its time stands still between two steps.

Hypothesis calls the rules of a state machine one after another; each runs the same virtual loop a little
further.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from tests.support.harness import Cluster
from tests.support.virtual_loop import VirtualLoop

_TICK: Final = 0.001
"""Enough for everything that waits for no timer."""


class Stepwise:
    """A cluster and the loop that it lives on."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.it = self._runner.run(_opened(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def do(self, act: Callable[[Cluster], object], seconds: float = 0.0) -> None:
        """Let something happen, and let so much time pass after it."""

        async def step() -> None:
            done = act(self.it)
            if asyncio.iscoroutine(done):
                await done
            await asyncio.sleep(max(seconds, _TICK))

        self._runner.run(step())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.do(lambda _: None, seconds)

    def close(self) -> None:
        """End the operator; raise what it should not have logged."""
        try:
            self._runner.run(self.it.__aexit__())
        finally:
            self._runner.close()


async def _opened(settings: dict[str, Any] | None) -> Cluster:
    return await Cluster(settings).__aenter__()
