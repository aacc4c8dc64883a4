"""What the kubelet's probes ask: whether this process still turns its event loop, on IPv4 and on IPv6.

Kopf can answer probes too, at one address: `0.0.0.0` is no address of a cluster with IPv6 alone, and asyncio lets `::`
take IPv6 and nothing else. The registry and the API server are not asked: they are no reason to restart.
"""

import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

PATH: Final = "/healthz"
BACKLOG: Final = 128

_log = logging.getLogger(__name__)


@asynccontextmanager
async def answered(port: int) -> AsyncIterator[None]:
    """Answer probes on that port of all addresses while the block runs."""
    async with listening(port, PATH, _alive):
        yield


@asynccontextmanager
async def listening(
    port: int, path: str, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[None]:
    """Answer one path on that port of all addresses while the block runs."""
    application = web.Application()
    application.router.add_get(path, answer)
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, listener(port), backlog=BACKLOG).start()
        yield
    finally:
        await runner.cleanup()


def listener(port: int) -> socket.socket:
    """Open that port for IPv6 and IPv4 at once, for IPv4 alone where the kernel has no IPv6."""
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
            )
        except OSError as error:
            # the kernel can have IPv6 and be told not to use it; a port that is taken fails again below
            _log.debug("no IPv6: %s", error)
    return socket.create_server(("0.0.0.0", port), backlog=BACKLOG)  # noqa: S104 - the kubelet asks from outside


async def _alive(request: web.Request) -> web.Response:
    del request
    return web.json_response({})
