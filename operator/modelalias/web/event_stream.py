"""An answer that goes on: server-sent events until the client leaves, the work ends, or its time is over."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LASTS: Final = 600.0
"""Seconds; then the browser opens another one, so that who looks and what they may are proved again."""
LAST_WORD: Final = 1.0
"""Seconds that the end of a stream may take; a client that does not read would hold it for ever."""

Say = Callable[[bytes], Awaitable[None]]


class EventStream(Response):
    """Runs the work, which says what it has to say, while the client listens."""

    def __init__(self, work: Callable[[Say], Awaitable[None]], lasts: float = LASTS) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"  # nginx would collect what is to be seen at once
        self._work, self._lasts = work, lasts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's own
        """Answer."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

        async def say(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        work, gone = asyncio.ensure_future(self._work(say)), asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({work, gone}, timeout=self._lasts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            has_left = gone.done()
            for task in (work, gone):
                task.cancel()
            await asyncio.wait({work, gone})
        if not has_left:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        if not work.cancelled():
            work.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
