"""A watch in memory, told what happens by the test."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from modelalias.cli.changes import Event
from modelalias.cli.cluster import Kind
from modelalias.core.errors import OperatorError


@dataclass
class FakeWatch:
    """Implements `Watch`."""

    kind: Kind
    namespace: str
    selector: str
    since: str
    told: "asyncio.Queue[Event | OperatorError | None]" = field(default_factory=asyncio.Queue)
    is_closed: bool = False

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            item = await self.told.get()
            if item is None:
                return
            if isinstance(item, OperatorError):
                raise item
            yield item

    def tell(self, event: Event) -> None:
        self.told.put_nowait(event)

    def fail(self, error: OperatorError) -> None:
        self.told.put_nowait(error)

    def end(self) -> None:
        """End it as an API server does, whose watches last a while only."""
        self.told.put_nowait(None)

    def close(self) -> None:
        self.is_closed = True
