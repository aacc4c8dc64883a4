"""Reading all namespaces or, for who may not, the person's own: most people may list in theirs only."""

import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, Generic, NamedTuple, TypeVar

from modelalias.core.errors import Refused
from modelalias.web.reading import Reader
from modelalias.web.view import Notice

T = TypeVar("T")

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NO_NAME: Final = "“{}” cannot be the name of a namespace, which has lower-case letters, digits and - only."


class Shown(NamedTuple, Generic[T]):
    """What was read, what there is to say of it, and the status of the page."""

    view: T
    notices: tuple[Notice, ...] = ()
    status: HTTPStatus = HTTPStatus.OK


async def read(
    reader: Reader, namespace: str, reading: Callable[[str], Awaitable[T]], nothing: T
) -> Shown[T]:
    """Read the namespace that was asked for, "" for all; where all may not be read the own one, and say so.

    Where the one that was asked for cannot be shown there is `nothing`, so that another can be named on the page.
    """
    if namespace and not _NAME.fullmatch(namespace):
        return Shown(nothing, (_error(_NO_NAME.format(namespace)),), HTTPStatus.BAD_REQUEST)
    try:
        return Shown(await reading(namespace))
    except Refused as error:
        own = reader.namespace
        if namespace:
            return Shown(nothing, (_error(f"You {error}."),), HTTPStatus.FORBIDDEN)
        if not own:
            raise
        notice = Notice(text=f"Only namespace {own} is shown: {error}. Name another namespace to see it.")
        return Shown(await reading(own), (notice,))


def _error(text: str) -> Notice:
    return Notice(text=text, is_error=True)
