"""A server that leaves in good order: after SIGTERM it answers on, until nobody asks it any more.

Kubernetes sends SIGTERM at the moment at which it begins to take a pod out of its Services. Nodes hear of that
a little later, and until then they send connections to it; one that finds the port closed is a failed answer.
"""

import signal
import time
from collections.abc import Awaitable, Callable, MutableMapping
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

_GRACEFUL_SECONDS = 10

Message = MutableMapping[str, Any]


class LeavingServer(uvicorn.Server):
    """Answer for some seconds after the first SIGTERM, and ask each caller not to keep its connection."""

    def __init__(self, app: ASGIApp, host: str, port: int, *, seconds: float) -> None:
        """Take the application and for how long it still answers."""
        self._seconds = seconds
        self._leaves_at: float | None = None
        config = uvicorn.Config(
            self._telling(app),
            host=host,
            port=port,
            # The probes of a cluster would fill the log.
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        )
        super().__init__(config)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave; a second SIGTERM, or SIGINT, ends the process without the wait."""
        if sig == signal.SIGTERM and self._leaves_at is None:
            self._leaves_at = time.monotonic() + self._seconds
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Return whether it is time to end."""
        if self._leaves_at is not None and time.monotonic() >= self._leaves_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def _telling(self, app: ASGIApp) -> ASGIApp:
        """Wrap the application: while we leave, a kept-alive connection is closed with its next answer.

        The caller then connects anew, and is sent to another pod. A connection that was closed without a word
        would break the request that is on its way through it.
        """

        async def told(
            scope: Message,
            receive: Callable[[], Awaitable[Message]],
            send: Callable[[Message], Awaitable[None]],
        ) -> None:
            async def sent(message: Message) -> None:
                if self._leaves_at is not None and message["type"] == "http.response.start":
                    headers = [*message.get("headers", ()), (b"connection", b"close")]
                    message = {**message, "headers": headers}
                await send(message)

            await app(scope, receive, sent)

        return told
