"""An event loop whose clock jumps to the next timer: hours of the engine's life pass without waiting.

Nothing in it may do input or output: the loop has nobody to wait for, and says so instead of hanging.
"""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec

P = ParamSpec("P")


class _Jumping(selectors.BaseSelector):
    """Looks at the real files without waiting, and moves the clock by the time that it did not wait."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise AssertionError("nothing is left to do and nothing is going to wake the loop")
        if not ready and timeout is not None:
            self.now += max(0.0, timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs callbacks as ever; a sleep costs nothing but its number."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def in_virtual_time(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Let an async test run on a loop of its own whose time is free."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def body() -> None:
            await test(*args, **kwargs)

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(body())

    return run
