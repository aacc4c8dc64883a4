"""Keys of tags, compared as carefully as the least careful store that MLflow keeps them in.

MySQL takes keys that differ in case, or in spaces at their end, for the same key.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Tag(NamedTuple):
    """A tag as a version has it."""

    key: str
    value: str


def plain(key: str) -> str:
    """Return what is the same for all keys that a store may take for one."""
    return key.rstrip(" ").casefold()


def find(tags: Mapping[str, str], key: str) -> Tag | None:
    """Return the tag that a store may take for the one with this key; the very key comes first."""
    if key in tags:
        return Tag(key, tags[key])
    same = sorted(name for name in tags if plain(name) == plain(key))
    return Tag(same[0], tags[same[0]]) if same else None
