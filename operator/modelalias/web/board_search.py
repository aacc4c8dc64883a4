"""The search of the board: names are looked through in the API server's table, objects are read of those that fit.

A table without names of namespaces is small enough that ten thousand ModelAliases are looked through in a few calls.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from modelalias.cli.cluster import Kind
from modelalias.core.errors import Unavailable
from modelalias.web import board, board_reading
from modelalias.web.board import Asked, Board, Key
from modelalias.web.reading import MOST, Body, Reader
from modelalias.web.view import Notice

SCANNED: Final = 500
"""ModelAliases in one call."""
ENOUGH: Final = 25
"""Rows on one page of results; each takes a call."""
SECONDS: Final = 2.0
"""How long names are looked through for one page of results; its link goes on from there."""
_GOES_ON: Final = "There may be more: go on at the end of the page."


class Place(NamedTuple):
    """Where a search goes on: a page of the list, and how many names of it were shown."""

    after: str = ""
    shown: int = 0

    @classmethod
    def read(cls, text: str) -> "Place":
        """Return the place that an address names."""
        shown, _, after = text.partition(".")
        return cls(after, int(shown)) if shown.isascii() and shown.isdecimal() else cls()

    def __str__(self) -> str:
        """Return the place as a part of an address; "" where nothing is left."""
        return f"{self.shown}.{self.after}" if self.shown or self.after else ""


async def read(reader: Reader, asked: Asked) -> Board:
    """Look for a text in the names of ModelAliases, models and aliases."""
    wanted = _narrowed(asked)
    waits, exact, (keys, place) = await asyncio.gather(
        board_reading.waiting(reader, wanted.namespace), _exact(reader, wanted), _scanned(reader, wanted)
    )
    found = await asyncio.gather(*(board_reading.one(reader, key, waits) for key in keys))
    rows = [*(board.row_of(body, waits) for body in exact), *(row for row in found if row is not None)]
    notices = (Notice(text=_GOES_ON),) if str(place) else ()
    return Board(asked=asked, rows=board.first(rows), after=str(place), notices=notices)


def _narrowed(asked: Asked) -> Asked:
    """Return what is asked for, with a namespace before a stroke taken as one."""
    namespace, stroke, text = asked.text.partition("/")
    return asked.changed(namespace=namespace, text=text) if stroke and not asked.namespace else asked


async def _exact(reader: Reader, asked: Asked) -> Sequence[Body]:
    """Return what is of exactly that model, which the API server finds among any number."""
    if asked.after:
        return ()
    selector = board.selector(asked, f"spec.model={board.selected(asked.text)}")
    return (await reader.page(Kind.ALIASES, asked.namespace, selector=selector, most=MOST)).items


async def _scanned(reader: Reader, asked: Asked) -> tuple[Sequence[Key], Place]:
    """Return those that have the text in a name, and where to go on."""
    place, found = Place.read(asked.after), list[Key]()
    clock = asyncio.get_running_loop().time
    until = clock() + SECONDS
    while True:
        try:
            fits, after = await _fitting(reader, asked, place.after)
        except Unavailable:  # the API server is slow where its cache does not reach
            if place == Place.read(asked.after):
                raise
            return found, place
        room = ENOUGH - len(found)
        found += fits[place.shown : place.shown + room]
        if len(fits) > place.shown + room:
            return found, Place(place.after, place.shown + room)
        place = Place(after)
        if not after or len(found) == ENOUGH or clock() > until:
            return found, place


async def _fitting(reader: Reader, asked: Asked, after: str) -> tuple[Sequence[Key], str]:
    """Return those of one page of the list that have the text in a name, and where the next page begins."""
    selector = board.selector(asked)
    table = await reader.table(Kind.ALIASES, asked.namespace, selector=selector, most=SCANNED, after=after)
    fits = {row.get("Name", "") for row in table.rows if board.mentions(row, asked.text)}
    if not fits:
        return (), table.after
    names = await reader.names(Kind.ALIASES, asked.namespace, selector=selector, most=SCANNED, after=after)
    return [Key(*name) for name in names if name[1] in fits], table.after
