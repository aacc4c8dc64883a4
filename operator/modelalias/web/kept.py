"""What was typed into a form that could not be taken, for a short time, so that Back and reload lead to a page."""

import secrets
import time
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

from modelalias.web.identity import Person

T = TypeVar("T")

MOST: Final = 200
SECONDS: Final = 600.0


class _Item(NamedTuple, Generic[T]):
    person: Person
    value: T
    until: float


class Kept(Generic[T]):
    """Values by a word that nobody guesses, each for the person who left it; the oldest go first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._items: dict[str, _Item[T]] = {}
        self._clock = clock

    def keep(self, person: Person, value: T) -> str:
        """Keep a value, and return its word."""
        word = secrets.token_urlsafe(16)
        self._items[word] = _Item(person, value, self._clock() + SECONDS)
        for oldest in [*self._items][:-MOST]:
            del self._items[oldest]
        return word

    def find(self, person: Person, word: str) -> T | None:
        """Return what a person left under a word; None where there is nothing any more."""
        item = self._items.get(word)
        if item is None or item.person != person or item.until < self._clock():
            return None
        return item.value
