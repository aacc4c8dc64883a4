"""The queue of dirty keys: each key is worked on by one worker at a time, and waits its turn or its time.

Namespaces take turns: one that has thousands of keys to look at makes another, which has one, wait for one key.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, NamedTuple


class Key(NamedTuple):
    """A ModelAlias by namespace and name."""

    namespace: str
    name: str


FIRST_RETRY: Final = timedelta(milliseconds=500)
TICK: Final = 0.001
"""Seconds; what falls due within it is due, so that no wait is shorter than a timer can be."""
LAST_RETRY: Final = timedelta(seconds=60)


class KeyedQueue:
    """Keys to look at, once each however often they are added.

    A key that is added while it is worked on comes again after it. Wakes in the future are kept one per key,
    the earliest. Retries back off exponentially with jitter, per key, up to `LAST_RETRY`.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        jitter: Callable[[], float] = random.random,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Take a monotonic clock in seconds, a source of jitter in [0, 1), and who is told how long a key waited."""
        self._clock, self._jitter, self._waited = clock, jitter, waited
        self._ready: dict[str, dict[Key, float]] = {}
        """Namespaces in the order of their turns, each with its keys and the time at which they became dirty."""
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._wakes: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = itertools.count()
        self._tries: dict[Key, int] = {}
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    def add(self, key: Key) -> None:
        """Mark a key dirty."""
        if key in self._busy:
            self._again.add(key)
        else:
            self._ready.setdefault(key.namespace, {}).setdefault(key, self._clock())
            self._changed.set()

    def add_at(self, key: Key, delay: timedelta) -> None:
        """Mark a key dirty in the future; an earlier wake that is kept already stays."""
        at = self._clock() + max(0.0, delay.total_seconds())
        if key in self._wakes and self._wakes[key] <= at:
            return
        self._wakes[key] = at
        heapq.heappush(self._heap, (at, next(self._count), key))
        self._changed.set()

    def retry(self, key: Key, at_least: timedelta | None = None) -> timedelta:
        """Wake a key after a failure, later each time, and return the delay."""
        tries = self._tries.get(key, 0)
        self._tries[key] = tries + 1
        grown: timedelta = min(LAST_RETRY, FIRST_RETRY * (1 << min(tries, 10)))
        delay = max(grown * (0.5 + self._jitter() / 2), at_least or timedelta(0))
        self.add_at(key, delay)
        return delay

    def succeeded(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._tries.pop(key, None)

    def forget(self, key: Key) -> None:
        """Drop the wake of a key that is gone."""
        self._wakes.pop(key, None)
        self._tries.pop(key, None)

    async def get(self) -> Key:
        """Wait for the next dirty key; it is busy until `done`.

        Of many that wait only one looks at the time and at what is added, and the others stand behind it: each
        change would else wake all of them for one key.
        """
        async with self._turn:
            while True:
                self._wake_due()
                if self._ready:
                    return self._taken()
                await self._change_or_wake()

    def _taken(self) -> Key:
        """Take the first key of the namespace whose turn it is, which then comes after all others."""
        namespace = next(iter(self._ready))
        keys = self._ready.pop(namespace)
        key = next(iter(keys))
        self._waited(max(0.0, self._clock() - keys.pop(key)))
        if keys:
            self._ready[namespace] = keys
        self._wakes.pop(key, None)
        self._busy.add(key)
        return key

    async def _change_or_wake(self) -> None:
        """Wait until something is added or the first wake is due."""
        self._changed.clear()
        delay = self._heap[0][0] - self._clock() if self._heap else None
        with suppress(TimeoutError):
            async with asyncio.timeout(
                delay
            ):  # wait_for would swallow a cancellation that comes with a change
                await self._changed.wait()

    def done(self, key: Key) -> None:
        """Give a key back; one that was added meanwhile is ready again."""
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def __len__(self) -> int:
        """Return how many keys are ready."""
        return sum(map(len, self._ready.values()))

    def _wake_due(self) -> None:
        now = self._clock() + TICK
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._wakes.get(key) == at:
                del self._wakes[key]
                self.add(key)
