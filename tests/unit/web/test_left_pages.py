"""A page that somebody leaves while it is read: nothing of it is left behind."""

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from modelalias.web import alias_reading, board_reading
from modelalias.web.board import Asked, Show
from tests.support.cli_cluster import body
from tests.support.web_site import Cluster, alias

READING: dict[str, Callable[[Cluster], Awaitable[object]]] = {
    "board": lambda cluster: board_reading.read(cluster, Asked()),
    "needs": lambda cluster: board_reading.read(cluster, Asked(show=Show.NEEDS)),
    "alias": lambda cluster: alias_reading.read(cluster, "ml", "churn-champion"),
}


@pytest.mark.parametrize("page", READING)
async def test_no_call_is_made_and_not_awaited(page: str) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for turns in range(8):
            cluster = Cluster([alias(spec={"serving": [{"name": "api"}]})], [body()])
            reading = asyncio.ensure_future(READING[page](cluster))
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        gc.collect()

    assert [str(item.message) for item in told] == []
