"""A clock that a test moves, and sleepers that wake when their time has come."""

import asyncio

SETTLE_SECONDS = 20.0


class VirtualTime:
    """Time for loops that sleep: it moves only in `advance`, and only while all of them sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        entry = (self.now + seconds, future)
        self._sleepers.append(entry)
        self._changed.set()
        try:
            await future
        finally:
            if entry in self._sleepers:
                self._sleepers.remove(entry)

    async def asleep(self, count: int) -> None:
        """Wait, on the real clock, until so many sleep."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while len(self._sleepers) < count:
                self._changed.clear()
                await self._changed.wait()

    async def advance(self, seconds: float) -> None:
        """Let time pass; each sleeper that wakes is given the chance to sleep again before the next one
        wakes."""
        target = self.now + seconds
        count = len(self._sleepers)
        while self._sleepers:
            entry = min(self._sleepers, key=lambda item: item[0])
            if entry[0] > target:
                break
            self._sleepers.remove(entry)
            self.now = max(self.now, entry[0])
            entry[1].set_result(None)
            await self.asleep(count)
        self.now = target
