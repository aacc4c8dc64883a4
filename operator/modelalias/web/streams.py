"""How many live pages there are, of whom: each holds watches of the API server."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from modelalias.core.errors import Unavailable

MOST_OF_A_PERSON: Final = 20
MOST: Final = 200


class Streams:
    """How many streams there are, of whom."""

    def __init__(self, most: int = MOST, most_of_a_person: int = MOST_OF_A_PERSON) -> None:
        self._most, self._most_of_a_person = most, most_of_a_person
        self._open: Counter[int] = Counter()

    @property
    def number(self) -> int:
        """How many there are."""
        return self._open.total()

    @contextmanager
    def place(self, reader: object) -> Iterator[None]:
        """Hold a place for a person, known by their reader; raise `Unavailable` when there is none."""
        if self._open[id(reader)] >= self._most_of_a_person:
            raise Unavailable(
                f"you have {self._most_of_a_person} live pages open; close some, and load this one again"
            )
        if self.number >= self._most:
            raise Unavailable(
                f"this dashboard has {self._most} live pages open, which is as many as it serves"
            )
        self._open[id(reader)] += 1
        try:
            yield
        finally:
            self._open[id(reader)] -= 1
            if not self._open[id(reader)]:
                del self._open[id(reader)]
