"""What the board reads: little, because there may be ten thousand ModelAliases.

A whole object has about 10 KB, its row in the API server's table 0.3 KB. So whole objects are read for the rows that are
shown; phases are counted in the table of those that are not Ready; and the API server selects who needs somebody.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelalias.api.alias_status import AliasPhase
from modelalias.api.request_status import Phase
from modelalias.cli.cluster import Kind, Page
from modelalias.core.errors import InvalidRequest, Refused
from modelalias.web import board
from modelalias.web.board import Asked, Board, Key, Row, Show, Waits
from modelalias.web.reading import MOST, Reader

MOST_FIRST: Final = 50
"""Rows above the others: of those that need somebody."""
MOST_WAITS: Final = 20
"""ModelAliases that are read one by one, because a request for them waits."""
MOST_COUNTED: Final = 1000
"""ModelAliases that are not Ready, up to which phases are counted."""

NOT_READY: Final = f"status.phase!={AliasPhase.READY}"
WAITING: Final = f"status.phase={Phase.AWAITING_APPROVAL}"
HELD: Final = "status.hold.reason!="
IN_NEED: Final = ",".join(
    [
        "status.phase!=",
        *(f"status.phase!={phase}" for phase in AliasPhase if phase not in board.ASKS_FOR_SOMEBODY),
    ]
)
"""The API server knows no "or", so that all others are named."""


@dataclass(frozen=True)
class _Need:
    """Who needs somebody, as far as it was read."""

    rows: Sequence[Row]
    waits: Waits
    are_more: bool


async def read(reader: Reader, asked: Asked) -> Board:
    """Read the rows that were asked for."""
    if asked.show is Show.NEEDS and not asked.after:
        return await _needs(reader, asked)
    if asked == Asked(namespace=asked.namespace):
        return await _first_page(reader, asked)
    return await _listed(reader, asked)


async def one(reader: Reader, key: Key, waits: Waits) -> Row | None:
    """Read one ModelAlias; None where it is gone, or may not be read.

    As a list of one, which the API server answers from its cache, where a single object is read from etcd and decoded.
    """
    selector = f"metadata.name={board.selected(key.name)}"
    page = await _unless_refused(reader, Kind.ALIASES, key.namespace, selector, 1)
    return next(iter(_rows(page.items, waits)), None)


async def waiting(reader: Reader, namespace: str) -> Waits:
    """Read which requests wait for people; none where they may not be read."""
    return board.waits((await _waiting(reader, namespace)).items)


async def _first_page(reader: Reader, asked: Asked) -> Board:
    page, need = await asyncio.gather(_page(reader, asked), _need(reader, asked.namespace))
    rows = _rows(page.items, need.waits)
    first = board.first([*need.rows, *(row for row in rows if row.needs_somebody)])
    shown = {row.id for row in first[:MOST_FIRST]}
    return Board(
        asked=asked,
        needs=tuple(first[:MOST_FIRST]),
        are_more_in_need=need.are_more or len(first) > MOST_FIRST,
        rows=tuple(row for row in rows if row.id not in shown),
        after=page.after,
    )


async def _listed(reader: Reader, asked: Asked) -> Board:
    page, waits = await asyncio.gather(_page(reader, asked), waiting(reader, asked.namespace))
    return Board(asked=asked, rows=tuple(_rows(page.items, waits)), after=page.after)


async def _needs(reader: Reader, asked: Asked) -> Board:
    page, need = await asyncio.gather(_page(reader, asked), _need(reader, asked.namespace))
    rows = board.first([*need.rows, *_rows(page.items, need.waits)])
    return Board(asked=asked, rows=tuple(rows), after=page.after)


async def _page(reader: Reader, asked: Asked) -> Page:
    selector = IN_NEED if asked.show is Show.NEEDS else board.selector(asked)
    return await reader.page(Kind.ALIASES, asked.namespace, selector=selector, most=MOST, after=asked.after)


async def _need(reader: Reader, namespace: str) -> _Need:
    """Read who needs somebody: by phase, held, and those for which a request waits, the longest first."""
    in_phase, held, asking = await asyncio.gather(
        reader.page(Kind.ALIASES, namespace, selector=IN_NEED, most=MOST_FIRST),
        _unless_refused(reader, Kind.ALIASES, namespace, HELD, MOST_FIRST),
        _waiting(reader, namespace),
    )
    waits = board.waits(asking.items)
    rows = _rows([*in_phase.items, *held.items], waits)
    known = {Key(row.namespace, row.name) for row in rows}
    others = [key for key in board.longest_first(waits) if key not in known]
    read = await asyncio.gather(*(one(reader, key, waits) for key in others[:MOST_WAITS]))
    return _Need(
        rows=[*rows, *(row for row in read if row is not None)],
        waits=waits,
        are_more=bool(in_phase.after or held.after or asking.after) or len(others) > MOST_WAITS,
    )


async def _waiting(reader: Reader, namespace: str) -> Page:
    return await _unless_refused(reader, Kind.REQUESTS, namespace, WAITING, 2 * MOST)


async def _unless_refused(reader: Reader, kind: Kind, namespace: str, selector: str, most: int) -> Page:
    """Read a page; return nothing where it may not be read, or where older CRDs cannot select by the field."""
    try:
        return await reader.page(kind, namespace, selector=selector, most=most)
    except (Refused, InvalidRequest):
        return Page(items=(), after="", left=None)


def _rows(bodies: Iterable[Mapping[str, Any]], waits: Waits) -> list[Row]:
    return [board.row_of(body, waits) for body in bodies]
