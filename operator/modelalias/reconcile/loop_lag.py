"""How late the event loop is: while it is busy with one thing, everything else waits, probes too."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from modelalias.ports import Telemetry

TICK_SECONDS: Final = 1.0


async def measure(
    telemetry: Telemetry,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Tell by how much a timer of a second is late, again and again."""
    while True:
        began = clock()
        await sleep(TICK_SECONDS)
        telemetry.loop_lagged(max(0.0, clock() - began - TICK_SECONDS))
