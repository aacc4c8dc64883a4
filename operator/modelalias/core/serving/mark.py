"""Marks: the value of the annotation by which a pod template, and each pod made from it, says its version."""

import re
from typing import Final

from modelalias.api.alias import LoadMode

LONGEST: Final = 64
_MARK: Final = re.compile(r"([1-9][0-9]{0,17})(?:\.([0-9]{1,12}))?")


def mark(version: str, epoch: int, mode: LoadMode) -> str:
    """Return the annotation's value: each move of an alias that pods resolve themselves is a new one."""
    return version if mode is LoadMode.PINNED else f"{version}.{epoch}"


def version_of(annotation: str) -> str | None:
    """Return the version that an annotation's value names, None when somebody else wrote it."""
    named = _MARK.fullmatch(annotation)
    return named[1] if named else None


def epoch_of(annotation: str) -> int:
    """Return the epoch in an annotation's value, 0 where there is none, or none that we would have written."""
    named = _MARK.fullmatch(annotation)
    return int(named[2]) if named and named[2] else 0
