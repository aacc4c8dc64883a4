"""Failures that a test puts in the way of a fake's next calls."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from modelalias.core.errors import Unavailable

ANY: Final = ""


@dataclass(frozen=True)
class _Fault:
    error: BaseException
    call: str
    after: bool


class FaultQueue:
    """What a fake asks before and after each call whether it is to fail."""

    def __init__(self) -> None:
        self._waiting: deque[_Fault] = deque()
        self._away = ""

    def go_away(self, why: str) -> None:
        """Let every call fail until nothing fails any more."""
        self._away = why

    def add(self, error: BaseException, *, call: str = ANY, after: bool = False, times: int = 1) -> None:
        """Let the next calls of that name fail; `after` means that the call did its work and its answer was
        lost."""
        self._waiting.extend(_Fault(error, call, after) for _ in range(times))

    def clear(self) -> None:
        """Let nothing fail any more."""
        self._waiting.clear()
        self._away = ""

    def before(self, call: str) -> None:
        """Raise the failure that waits for this call, if it comes before the work."""
        if self._away:
            raise Unavailable(self._away)
        self._raise(call, after=False)

    def after(self, call: str) -> None:
        """Raise the failure that waits for this call, if it comes after the work."""
        self._raise(call, after=True)

    def _raise(self, call: str, *, after: bool) -> None:
        for fault in self._waiting:
            if fault.call in {ANY, call} and fault.after == after:
                self._waiting.remove(fault)
                raise fault.error.with_traceback(None)  # it may be raised very often
