"""Asking the API server which of several rights a person lacks."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from modelalias.cli.rights import Right
from modelalias.core.errors import InvalidRequest, Refused


class Asked(Protocol):
    """Who can be asked for a right."""

    async def may(self, right: Right) -> bool:
        """Ask the API server whether the person has a right."""


async def missing(asked: Asked, rights: Iterable[Right]) -> Right | None:
    """Return the first right that the person lacks; one of which nothing can be learned counts as there."""
    wanted = tuple(rights)
    answers = await asyncio.gather(*(_may(asked, right) for right in wanted))
    return next((right for right, is_allowed in zip(wanted, answers, strict=True) if not is_allowed), None)


async def _may(asked: Asked, right: Right) -> bool:
    try:
        return await asked.may(right)
    except (Refused, InvalidRequest):
        return True
