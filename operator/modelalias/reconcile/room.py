"""Room for requests: the oldest of each namespace that have not ended are in work, so many at a time. Pure.

Who files thousands of requests waits for the own ones, and nobody else does.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field

Age = tuple[str, str]
"""When a request was created, then its name, which is unique in its namespace: the order of the requests."""


@dataclass
class Room:
    """The ages of the requests that are counted, by namespace."""

    most: int
    """How many of each namespace have room."""
    _ages: defaultdict[str, list[Age]] = field(default_factory=lambda: defaultdict(list))

    def has(self, namespace: str, age: Age) -> bool:
        """Return whether there is room for a request that is counted."""
        ages = self._ages.get(namespace, [])
        return bisect_left(ages, age, hi=min(self.most, len(ages))) < self.most

    def enter(self, namespace: str, age: Age) -> Age | None:
        """Count a request and return who has no room because of it: a younger one, itself, or nobody."""
        ages = self._ages[namespace]
        insort(ages, age)
        if len(ages) <= self.most:
            return None
        return max(age, ages[self.most])

    def leave(self, namespace: str, age: Age) -> Age | None:
        """Count a request no more and return who gets its room; nobody where it had none or none waits."""
        ages = self._ages[namespace]
        place = bisect_left(ages, age)
        del ages[place]
        if not ages:
            del self._ages[namespace]
        return ages[self.most - 1] if place < self.most <= len(ages) else None
