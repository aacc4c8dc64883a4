"""What Prometheus asks: one page of metrics, from the event loop, so that neither registry nor API server is waited for."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from modelalias import probes

PATH: Final = "/metrics"
FASTEST: Final = 1
"""The level of compression: the lines are much alike."""


@asynccontextmanager
async def answered(port: int, page: Callable[[], Awaitable[bytes]], content_type: str) -> AsyncIterator[None]:
    """Answer scrapes on that port of all addresses while the block runs."""

    async def scraped(request: web.Request) -> web.Response:
        body, headers = await page(), {"Content-Type": content_type}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body = await asyncio.to_thread(gzip.compress, body, FASTEST)
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async with probes.listening(port, PATH, scraped):
        yield
