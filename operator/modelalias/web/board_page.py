"""`/`: the board."""

import asyncio
from collections import Counter

from starlette.responses import Response

from modelalias.api.alias_status import AliasPhase
from modelalias.cli.cluster import Kind
from modelalias.web import board, board_reading, board_search, own_namespace
from modelalias.web.board import Asked, Board, Show
from modelalias.web.reading import Reader
from modelalias.web.visit import Visit


async def board_page(visit: Visit) -> Response:
    """Show every ModelAlias that the person may see."""
    wanted = asked(visit)
    view, notices, status = await own_namespace.read(
        visit.reader,
        wanted.namespace,
        lambda namespace: read(visit.reader, wanted.changed(namespace=namespace)),
        Board(asked=wanted),
    )
    return await visit.answer("board.html", view.changed(notices=(*notices, *view.notices)), status)


def asked(visit: Visit) -> Asked:
    """Return what the address asks for; a phase that does not exist asks for none."""
    phase = visit.query("phase")
    return Asked(
        namespace=visit.query("namespace"),
        phase=AliasPhase(phase) if phase in set(AliasPhase) else None,
        text=visit.query("q"),
        show=Show.NEEDS if visit.query("show") == Show.NEEDS else Show.ALL,
        after=visit.query("after"),
    )


async def read(reader: Reader, wanted: Asked) -> Board:
    """Read the rows that were asked for, and how many are in which phase."""
    rows = board_search.read(reader, wanted) if wanted.text else board_reading.read(reader, wanted)
    view, counts, whole = await asyncio.gather(
        rows,
        reader.table(
            Kind.ALIASES,
            wanted.namespace,
            selector=board_reading.NOT_READY,
            most=board_reading.MOST_COUNTED,
        ),
        reader.table(Kind.ALIASES, wanted.namespace, most=1),
    )
    total = None if whole.left is None else len(whole.rows) + whole.left
    numbers = Counter(row.get("Phase", "") for row in counts.rows)
    are_more = bool(counts.after)
    return view.changed(
        total=total, counts=board.counts(numbers, total, are_more=are_more), are_more_counted=are_more
    )
