"""How often something may happen."""

from collections.abc import Callable


class Rate:
    """So many in a second, and some more at once after a pause."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        """Take a monotonic clock in seconds."""
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._left, self._at = burst, clock()

    def allows(self) -> bool:
        """Return whether there is room for one more, and take it."""
        self._fill()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def reserve(self) -> float:
        """Take one, also where there is no room yet; return how many seconds to wait for it."""
        self._fill()
        self._left -= 1
        return max(0.0, -self._left / self._per_second)

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
