"""Objects of a kind as they are now and as they change, for the commands with `--watch`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, NamedTuple

from modelalias.api.fields import Value
from modelalias.cli.changes import Event, Happened
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.waiting import FIRST_PAUSE, LONGEST_PAUSE, SLOWER, Clock
from modelalias.core.errors import Refused, Unavailable

COLLECT_SECONDS: Final = 0.2
"""What happens within it is shown at once."""

Body = Mapping[str, Any]


class Key(NamedTuple):
    """Which object."""

    namespace: str
    name: str


Objects = Mapping[Key, Body]


class Wanted(Value):
    """Some objects of a kind: of a namespace, or with "" of all."""

    kind: Kind
    namespace: str
    selector: str = ""
    """by fields"""
    labels: str = ""


async def follow(
    cluster: PersonsCluster, wanted: Wanted, tell: Callable[[str], None], clock: Clock
) -> AsyncGenerator[Objects, None]:
    """Yield the objects as they are, and again whenever something has happened to them.

    A watch that ends is begun again with a list, later and later while watches tell nothing. A lost connection is
    told once and tried again; refused credentials are renewed, and `Refused` is raised if that does not help, also
    for who may list and not watch. It has to be closed.
    """
    inbox: asyncio.Queue[Objects | Event | None] = asyncio.Queue()
    reading = asyncio.create_task(_read(cluster, wanted, inbox.put_nowait, tell, clock))
    reading.add_done_callback(lambda _: inbox.put_nowait(None))
    objects: Objects = {}
    try:
        while True:
            news = [await inbox.get()]
            await clock.pause(COLLECT_SECONDS)
            while not inbox.empty():
                news.append(inbox.get_nowait())
            for item in news:
                if item is None:
                    await reading  # raises why nothing more comes
                else:
                    objects = after(objects, item) if isinstance(item, Event) else item
            yield objects
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def after(objects: Objects, event: Event) -> Objects:
    """Return what is there after something has happened to one of them."""
    if event.happened is Happened.BOOKMARK:
        return objects
    key = key_of(event.body)
    if event.happened is Happened.DELETED:
        return {other: body for other, body in objects.items() if other != key}
    return {**objects, key: event.body}


def key_of(body: Body) -> Key:
    """Return which object it is."""
    metadata = body.get("metadata", {})
    return Key(str(metadata.get("namespace", "")), str(metadata.get("name", "")))


def version_of(body: Body) -> str:
    """Return what changes with every write of an object."""
    return str(body.get("metadata", {}).get("resourceVersion", ""))


def uid_of(body: Body) -> str:
    """Return what tells an object from another one that has its name later."""
    return str(body.get("metadata", {}).get("uid", ""))


async def _read(
    cluster: PersonsCluster,
    wanted: Wanted,
    put: Callable[[Objects | Event], None],
    tell: Callable[[str], None],
    clock: Clock,
) -> None:
    """Put a list and then each event, for as long as it takes."""
    pause, trouble, is_renewed, is_unwatched = FIRST_PAUSE, "", False, False
    while True:
        try:
            since, objects = await _listed(cluster, wanted)
        except Unavailable as error:
            if str(error) != trouble:
                trouble = str(error)
                tell(f"{trouble}; trying again")
            await clock.pause(pause)
            pause = min(pause * SLOWER, LONGEST_PAUSE)
            continue
        except Refused:
            if is_renewed:
                raise
            is_renewed = True
            await cluster.renew()
            continue
        trouble, is_renewed = "", False
        put(objects)
        try:
            async with aclosing(_events(cluster, wanted, since)) as events:
                async for event in events:
                    pause, is_unwatched = FIRST_PAUSE, False
                    put(event)
        except Unavailable:  # the list tells what is wrong, if it goes on
            pass
        except Refused:
            if is_unwatched:
                raise
            is_unwatched = True
            await cluster.renew()
        await clock.pause(pause)
        pause = min(pause * SLOWER, LONGEST_PAUSE)


async def _listed(cluster: PersonsCluster, wanted: Wanted) -> tuple[str, Objects]:
    """Return from where a watch goes on, and all objects."""
    objects: dict[Key, Body] = {}
    after_page = ""
    while True:
        page = await cluster.page(
            wanted.kind, wanted.namespace, selector=wanted.selector, labels=wanted.labels, after=after_page
        )
        objects.update((key_of(body), body) for body in page.items)
        after_page = page.after
        if not after_page:
            return page.version, objects


async def _events(cluster: PersonsCluster, wanted: Wanted, since: str) -> AsyncGenerator[Event, None]:
    """Yield what one watch tells."""
    watch = await cluster.watch(
        wanted.kind, wanted.namespace, selector=wanted.selector, labels=wanted.labels, since=since
    )
    try:
        async for event in watch:
            yield event
    finally:
        watch.close()
