"""Sets by a key, without the empty ones."""

from collections.abc import Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)


def discard(index: dict[K, set[V]], key: K, item: V) -> None:
    """Take an item out of the set of a key, and the set away with its last one."""
    members = index.get(key)
    if members is not None:
        members.discard(item)
        if not members:
            del index[key]
