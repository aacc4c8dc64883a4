"""The ages of the open requests of each namespace, and which of them have room: so many, the oldest. Pure."""

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field

Age = tuple[str, str]
"""When a request was created, then its name, which is unique in its namespace: the order of the requests."""


@dataclass
class OpenAges:
    """The ages of the open requests that take room, by namespace."""

    most: int
    """How many of a namespace there is room for."""
    _ages: defaultdict[str, list[Age]] = field(default_factory=lambda: defaultdict(list))

    def enter(self, namespace: str, age: Age) -> None:
        """Count a request that takes room."""
        insort(self._ages[namespace], age)

    def leave(self, namespace: str, age: Age) -> None:
        """Count one no more."""
        ages = self._ages[namespace]
        del ages[bisect_left(ages, age)]
        if not ages:
            del self._ages[namespace]

    def room_ends_at(self, namespace: str) -> Age | None:
        """Return the age of the oldest request that has no room; None where all have."""
        ages = self._ages.get(namespace, [])
        return ages[self.most] if len(ages) > self.most else None
