"""A door before a server: a test shuts it, and the server is gone for whoever comes by this way, at once and
for as long."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

HOST: Final = "127.0.0.1"
SECONDS: Final = 10.0
CHUNK: Final = 65536


class Door:
    """A port on loopback that leads to a server; shut, it refuses connections, as one that nobody listens on."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: int, port: int, host: str = HOST) -> None:
        self.port = port
        self._loop, self._host, self._upstream = loop, host, upstream
        self._listener: asyncio.Server | None = None
        self._through: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        self._do(self._open())

    def shut(self) -> None:
        """Refuse new connections and break off those that are there."""
        self._do(self._shut())

    def _do(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    async def _open(self) -> None:
        self._listener = await asyncio.start_server(self._pass, HOST, self.port)

    async def _shut(self) -> None:
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        for task in self._through:
            task.cancel()
        await asyncio.gather(*self._through, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._through.add(task)
        beyond, onward = await asyncio.open_connection(self._host, self._upstream)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copy(reader, onward))
                ways.create_task(_copy(beyond, writer))
        finally:
            self._through.discard(task)
            writer.transport.abort()
            onward.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
        target.write_eof()


@contextmanager
def door_to(upstream: int, port: int, host: str = HOST) -> Iterator[Door]:
    """Open a door to a port of a host until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="door")
    thread.start()
    door = Door(loop, upstream, port, host)
    try:
        door.open()
        yield door
    finally:
        door.shut()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()
