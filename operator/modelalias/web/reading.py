"""How the pages read the API server: with the person's own credentials, over one connection for each person."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Protocol

from modelalias.cli.api_server import ApiServer, Table
from modelalias.cli.changes import Watch
from modelalias.cli.cluster import Kind, Page, PersonsCluster, Who
from modelalias.core.errors import Unavailable
from modelalias.web.identity import Person

Body = Mapping[str, Any]
"""An object as it stands."""
MOST: Final = 100
"""Objects on one page of a list."""
MOST_READERS: Final = 100
"""Connections of different credentials at a time."""
IDLE_SECONDS: Final = 300.0
"""How long a connection is kept that nobody uses."""


class Reader(Protocol):
    """The cluster as one person sees it; the calls raise what those of `PersonsCluster` raise."""

    @property
    def namespace(self) -> str:
        """The namespace of the person's context."""

    def within(self, namespace: str) -> PersonsCluster:
        """Return one namespace, as the commands of the command line use it; nothing is asked yet."""

    def now(self) -> datetime:
        """Return the API server's time."""

    async def who(self) -> Who:
        """Return who the API server says the person is; asked once."""

    async def page(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = MOST, after: str = ""
    ) -> Page:
        """Read some objects of a kind that a field selector takes, of a namespace or, with "", of all."""

    async def table(
        self,
        kind: Kind,
        namespace: str,
        *,
        selector: str = "",
        most: int = MOST,
        after: str = "",
    ) -> Table:
        """Read the columns of some objects alone, which is a small part of their size."""

    async def names(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = MOST, after: str = ""
    ) -> Sequence[tuple[str, str]]:
        """Read namespaces and names of some objects alone."""

    async def watch(self, kind: Kind, namespace: str, *, selector: str = "", since: str) -> Watch:
        """Watch what changes after `since`, the version of a page; raise `Expired` if that is too long ago."""

    async def close(self) -> None:
        """Close the connection."""


class ApiReader:
    """Implements `Reader` with the API server."""

    def __init__(self, person: Person) -> None:
        self._server = ApiServer(person.access, for_long=True)
        self._who: Who | None = None

    @property
    def namespace(self) -> str:
        """The namespace of the person's context."""
        return self._server.namespace

    def within(self, namespace: str) -> PersonsCluster:
        """Return one namespace over the same connection."""
        return self._server.within(namespace)

    def now(self) -> datetime:
        """Return the API server's time."""
        return self._server.now()

    async def who(self) -> Who:
        """Return who the person is."""
        if self._who is None:
            self._who = await self._server.who()
        return self._who

    async def page(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = MOST, after: str = ""
    ) -> Page:
        """Read some objects of a kind."""
        return await self._server.page(kind, namespace, selector=selector, most=most, after=after)

    async def table(
        self,
        kind: Kind,
        namespace: str,
        *,
        selector: str = "",
        most: int = MOST,
        after: str = "",
    ) -> Table:
        """Read the columns of some objects."""
        return await self._server.table(kind, namespace, selector=selector, most=most, after=after)

    async def names(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = MOST, after: str = ""
    ) -> Sequence[tuple[str, str]]:
        """Read namespaces and names."""
        return await self._server.names(kind, namespace, selector=selector, most=most, after=after)

    async def watch(self, kind: Kind, namespace: str, *, selector: str = "", since: str) -> Watch:
        """Watch what changes."""
        return await self._server.watch(kind, namespace, selector=selector, since=since)

    async def close(self) -> None:
        """Close the connection."""
        await self._server.close()


class _Lent:
    """A reader, how many use it, and when it ends."""

    def __init__(self, person: Person, reader: Reader) -> None:
        self.person, self.reader = person, reader
        self.users = 0
        self.end: asyncio.TimerHandle | None = None


class Readers:
    """One reader for each person who looks: never shared, bounded in number, and ended when nobody uses it.

    Persons are the same if their credentials are, to the last letter.
    """

    def __init__(
        self,
        opened: Callable[[Person], Reader] = ApiReader,
        *,
        most: int = MOST_READERS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._opened, self._most, self._idle_seconds = opened, most, idle_seconds
        self._lent: list[_Lent] = []
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def of(self, person: Person) -> AsyncIterator[Reader]:
        """Lend the person's reader; raise `Unavailable` when too many others are lent."""
        lent = self._of(person)
        lent.users += 1
        try:
            yield lent.reader
        finally:
            lent.users -= 1
            if lent.users == 0:
                lent.end = asyncio.get_running_loop().call_later(self._idle_seconds, self._ended, lent)

    async def close(self) -> None:
        """Close all connections."""
        for lent in [*self._lent]:
            self._ended(lent)
        await asyncio.gather(*self._closing)

    def _of(self, person: Person) -> _Lent:
        for lent in self._lent:
            if lent.person == person:
                if lent.end is not None:
                    lent.end.cancel()
                    lent.end = None
                self._lent.remove(lent)
                self._lent.append(lent)  # the last used stands last
                return lent
        if len(self._lent) >= self._most:
            unused = next((lent for lent in self._lent if not lent.users), None)
            if unused is None:
                raise Unavailable(
                    f"{self._most} people use this dashboard now, which is as many as it serves"
                )
            self._ended(unused)
        self._lent.append(_Lent(person, self._opened(person)))
        return self._lent[-1]

    def _ended(self, lent: _Lent) -> None:
        self._lent.remove(lent)
        if lent.end is not None:
            lent.end.cancel()
        task = asyncio.get_running_loop().create_task(lent.reader.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
