"""A browser that listens to a stream of an application, without a network between them."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.types import ASGIApp, Message

SECONDS: Final = 10.0
_PART: Final = re.compile(r'<hx-partial id="([^"]*)" hx-swap="outerMorph">(.*?)</hx-partial>', re.DOTALL)


class Listener:
    """What has come so far."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.is_over = False
        self.reads = asyncio.Event()
        """Cleared, the browser takes nothing more."""
        self.reads.set()
        self._changed = asyncio.Condition()
        self._left = asyncio.Event()

    @property
    def messages(self) -> list[Mapping[str, str]]:
        """Return the messages, each as what stands at which id."""
        blocks = [block for block in self.text.split("\n\n") if "data: " in block]
        htmls = (
            "\n".join(line[6:] for line in block.splitlines() if line.startswith("data: "))
            for block in blocks
        )
        return [dict(_PART.findall(html)) for html in htmls]

    @property
    def shown(self) -> Mapping[str, str]:
        """Return what stands at which id after all of them."""
        return {key: value for message in self.messages for key, value in message.items()}

    async def until(self, holds: Callable[["Listener"], object], seconds: float = SECONDS) -> None:
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: holds(self))
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s; so far:\n{self.text}") from None

    async def shows(self, key: str, text: str) -> None:
        """Wait until a text stands at an id."""
        await self.until(lambda it: text in it.shown.get(key, ""))

    def leave(self) -> None:
        self._left.set()

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        async with self._changed:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.text += message["body"].decode()
                self.is_over = not message.get("more_body", False)
            self._changed.notify_all()


@asynccontextmanager
async def listening(
    app: ASGIApp, address: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Listener]:
    """Open an address, and leave with the block."""
    path, _, query = address.partition("?")
    told = {"host": "127.0.0.1:8300", **(headers or {})}
    scope: dict[str, object] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8300),
        "state": {},
        "extensions": {},
    }
    listener = Listener()
    answering = asyncio.create_task(_run(app, scope, listener))
    try:
        yield listener
    finally:
        listener.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                await answering


async def _run(app: ASGIApp, scope: dict[str, object], listener: Listener) -> None:
    await app(scope, listener.receive, listener.send)
