"""Asking the API server which of several rights a person lacks."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from modelalias.cli.rights import Right
from modelalias.core.errors import InvalidRequest, Refused

K = TypeVar("K")


class Asked(Protocol):
    """Who can be asked for a right."""

    async def may(self, right: Right) -> bool:
        """Ask the API server whether the person has a right."""


async def missing(asked: Asked, rights: Iterable[Right]) -> Right | None:
    """Return the first right that the person lacks; one of which nothing can be learned counts as there."""
    return (await missing_for(asked, {"": tuple(rights)}))[""]


async def missing_for(asked: Asked, wanted: Mapping[K, Sequence[Right]]) -> dict[K, Right | None]:
    """Return the same for each deed, and ask for each right once."""
    rights = [*dict.fromkeys(right for each in wanted.values() for right in each)]
    answers = await asyncio.gather(*(_may(asked, right) for right in rights))
    lacked = {right for right, is_allowed in zip(rights, answers, strict=True) if not is_allowed}
    return {deed: next((right for right in each if right in lacked), None) for deed, each in wanted.items()}


async def _may(asked: Asked, right: Right) -> bool:
    try:
        return await asked.may(right)
    except (Refused, InvalidRequest):
        return True
