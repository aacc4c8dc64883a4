"""Reading all namespaces or, for who may not, the person's own: most people may list in theirs only."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from modelalias.core.errors import Refused
from modelalias.web.reading import Reader
from modelalias.web.view import Notice

T = TypeVar("T")


async def read(
    reader: Reader, namespace: str, reading: Callable[[str], Awaitable[T]]
) -> tuple[T, tuple[Notice, ...]]:
    """Read the namespace that was asked for, "" for all; where all may not be read the own one, and say so."""
    try:
        return await reading(namespace), ()
    except Refused as error:
        own = reader.namespace
        if namespace or not own:
            raise
        notice = Notice(text=f"Only namespace {own} is shown: {error}. Name another namespace to see it.")
        return await reading(own), (notice,)
