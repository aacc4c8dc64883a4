"""The stream of a live page: what changes, watched with the person's own credentials.

It opens its watches, makes the page anew, tells it where it is another one than the browser has, and then sends a
morph for what has changed. A watch that fails is told on the page and opened again by itself.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from modelalias.adapters.kubernetes_client import Expired
from modelalias.cli.changes import Event, Happened, Watch
from modelalias.cli.cluster import Kind
from modelalias.cli.cluster import Page as ApiPage
from modelalias.core.errors import NotFound, OperatorError, Refused
from modelalias.web import visit as visiting
from modelalias.web.event_stream import EventStream, Say
from modelalias.web.live import Change, Live, Morph, Pending, Update, Watched, message
from modelalias.web.view import PageView
from modelalias.web.visit import BUG, SEEN, Fault, Page, Part, Site, Visit

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pauses:
    """Seconds."""

    collect: float = 0.3
    """what happens within it is one message"""
    comment: float = 15.0
    """of silence, after which a comment shows every proxy that the stream lives"""
    first: float = 1.0
    """until a watch that failed is opened again; doubled each time"""
    longest: float = 60.0
    again: float = 0.5
    """until the browser opens an ended stream again"""
    pulse: float = 15.0
    """until the operator's Lease is looked at again"""
    full: float = 60.0
    """the same, where it was one too many"""

    def after(self, failures: int, error: OperatorError) -> float:
        """Return how long to wait after so many failures in a row; what is not allowed is not tried often."""
        if isinstance(error, Refused):
            return self.longest
        pause = min(self.first * 2.0 ** (failures - 1), self.longest)
        return pause * random.uniform(0.7, 1.0)  # noqa: S311 - so that not all pages come back at once


PAUSES: Final = Pauses()


def endpoint(
    work: Page, live: Live, site: Site, pauses: Pauses = PAUSES
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that streams what changes on a page."""

    async def streamed(request: Request) -> Response:
        async def told(say: Say) -> None:
            try:
                person = site.identity.person(request.headers)
                async with site.readers.of(person) as reader:
                    with site.streams.place(reader):
                        visit = Visit(request, person, reader, site, is_part=True)
                        await Telling(visit, work, live, say, pauses).run()
            except OperatorError as error:
                # as a message: what htmx gets as another answer it would put into the page
                await say(_not_at_all(site, str(error), pauses))
            except Exception:  # noqa: BLE001 - told on the page, and logged
                await say(_not_at_all(site, BUG.message, pauses))
                _LOG.exception("an error of the stream of %s", request.url.path)

        if request.method == "HEAD":
            return Response(media_type=EventStream.media_type)
        return EventStream(told)

    return streamed


class Telling:
    """Tells one browser what happens to one page."""

    def __init__(self, visit: Visit, work: Page, live: Live, say: Say, pauses: Pauses) -> None:
        self._visit, self._work, self._live, self._say, self._pauses = visit, work, live, say, pauses
        self._reader = visit.reader
        self._macros: Any = visit.site.templates.get_template("live.html").module
        self._following = live.following()
        self._inbox = _Inbox()
        self._number = 0
        self._shown = "" if "last-event-id" in visit.request.headers else visit.query(SEEN)
        """The digest of what the browser shows; "" where nobody knows."""
        self._made_at = 0.0
        self._pulse_due = time.monotonic() + pauses.pulse
        self._warning: str | None = None
        self._is_down = False

    async def run(self) -> None:
        """Tell for as long as anybody listens."""
        await self._say(f"retry: {self._pauses.again * 1000:.0f}\n: what happens to the page\n\n".encode())
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._follow()
            except OperatorError as error:
                failures = failures + 1 if time.monotonic() - began < self._pauses.longest else 1
                if not isinstance(error, Expired) or failures > 1:
                    await self._down(error)
                await self._rest(self._pauses.after(failures, error))

    async def _follow(self) -> None:
        """Open the watches, make the page, and tell what comes, until a failure."""
        self._inbox = _Inbox()
        opened: list[tuple[Watched, str, Watch]] = []
        tasks: list[asyncio.Task[None]] = []
        try:
            listed: list[Change] = []
            for wanted in self._live.watched(self._visit.parameter, self._visit.query):
                watched, page = await self._listed(wanted)
                listed += [Change(watched.kind, Happened.MODIFIED, body) for body in page.items]
                opened.append((watched, page.version, await self._watch(watched, page.version)))
            html = await self._made(listed)
            await self._send([*html, self._live_again()])
            tasks += [asyncio.create_task(self._collect(*item)) for item in opened]
            await self._tell()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for _, _, watch in opened:
                watch.close()

    async def _listed(self, wanted: Watched) -> tuple[Watched, ApiPage]:
        """Return from where a watch goes on; who may not look everywhere looks in their own namespace."""
        try:
            return wanted, await self._reader.page(
                wanted.kind, wanted.namespace, selector=wanted.selector, most=1
            )
        except Refused:
            if wanted.namespace or not self._reader.namespace:
                raise
        own = replace(wanted, namespace=self._reader.namespace)
        return own, await self._reader.page(own.kind, own.namespace, selector=own.selector, most=1)

    async def _watch(self, watched: Watched, since: str) -> Watch:
        return await self._reader.watch(
            watched.kind, watched.namespace, selector=watched.selector, since=since
        )

    async def _collect(self, watched: Watched, since: str, watch: Watch) -> None:
        """Take what a watch tells; one that the API server ended is opened where it ended."""
        try:
            while True:
                async for event in watch:
                    since = event.version or since
                    self._inbox.add(watched.kind, event)
                watch.close()
                await asyncio.sleep(self._pauses.first)
                watch = await self._watch(watched, since)
        except Exception as error:  # noqa: BLE001 - raised where the inbox is read
            self._inbox.fail(error)
        finally:
            watch.close()

    async def _tell(self) -> None:
        """Send what comes, the page made again not more often than it may be."""
        due: float | None = None
        news = ""
        while True:
            pause = (
                min(self._pauses.comment, self._pauses.pulse)
                if due is None
                else max(due - time.monotonic(), 0)
            )
            if await self._inbox.holds(pause):
                await asyncio.sleep(self._pauses.collect)
            changes, overflowed = self._inbox.take()
            due = self._made_at if await self._has_another_pulse() else due
            update = self._following.update(changes) if changes else Update()
            if overflowed or update.again:
                due = self._made_at + self._live.pause if due is None else due
            morphs = [self._morph(item) for item in update.morphs]
            if due is not None and time.monotonic() >= due:
                due, morphs = None, await self._made()
            news = update.news or news
            if morphs and news:
                morphs.append(self._macros.morph("news", self._macros.news(news)))
                news = ""
            await self._send(morphs)

    async def _has_another_pulse(self) -> bool:
        """Return whether the page says another thing of the operator's Lease than would be said now."""
        if time.monotonic() < self._pulse_due:
            return False
        self._pulse_due = time.monotonic() + self._pauses.pulse
        return await self._visit.site.pulse.warning(self._reader) != self._warning

    async def _made(self, listed: Sequence[Change] = ()) -> list[str]:
        """Make the page; return what the browser has to change where it shows another one."""
        self._made_at = time.monotonic()
        try:
            part = await self._work(self._visit)
            assert isinstance(part, Part)  # noqa: S101 - what a visit for a stream is answered with
        except NotFound as error:
            view = Fault(title="Not found", message=str(error), status=HTTPStatus.NOT_FOUND)
            context = {"view": view, "path": self._visit.request.url.path, "is_part": True}
            part = Part(view, visiting.page(self._visit.site, "fault.html", context, HTTPStatus.NOT_FOUND))
        self._warning = part.view.operator_warning if isinstance(part.view, PageView) else None
        self._following.start(part.view, listed)
        shown, self._shown = self._shown, visiting.digest(part.view)
        if shown == self._shown:
            return []
        as_of = self._macros.as_of(self._reader.now())
        main = Markup(bytes(part.body).decode().strip())  # noqa: S704 - it was rendered, so it is escaped
        return [self._macros.morph("main", main), self._macros.morph("as-of", as_of)]

    def _morph(self, morph: Morph) -> str:
        templates = self._visit.site.templates
        macro = getattr(templates.get_template(morph.template).module, morph.macro)
        self._shown = ""  # not made of a view as a whole any more
        return str(self._macros.morph(morph.id, macro(morph.view, self._reader.now()).strip()))

    def _live_again(self) -> str:
        text = f"Live again since {self._time()}" if self._is_down else "Live"
        self._is_down = False
        return str(self._macros.morph("live", self._macros.state(text, True)))

    async def _down(self, error: OperatorError) -> None:
        """Say since when and why the page does not follow; once, because the first reason is the best."""
        if not self._is_down:
            self._is_down = True
            text = f"Not live since {self._time()}: {error}"
            await self._send([self._macros.morph("live", self._macros.state(text, False))])

    def _time(self) -> str:
        return f"{self._reader.now():%H:%M} UTC"

    async def _send(self, morphs: Sequence[str]) -> None:
        """Send a message, or with nothing to say a comment."""
        if not morphs:
            await self._say(b":\n\n")
            return
        self._number += 1
        await self._say(message(self._number, "\n".join(morphs)))

    async def _rest(self, seconds: float) -> None:
        while seconds > 0:
            await asyncio.sleep(min(seconds, self._pauses.comment))
            seconds -= self._pauses.comment
            await self._send([])


class _Inbox:
    """What watches have told since it was read last."""

    def __init__(self) -> None:
        self._pending, self._wake = Pending(), asyncio.Event()
        self._failure: Exception | None = None

    def add(self, kind: Kind, event: Event) -> None:
        """Take an event."""
        if event.happened is not Happened.BOOKMARK:
            self._pending.add(kind, event)
            self._wake.set()

    def fail(self, error: Exception) -> None:
        """Take why there is nothing more to come."""
        self._failure = error
        self._wake.set()

    async def holds(self, seconds: float) -> bool:
        """Wait so long for something to come, and return whether it has; raise what a watch has failed with."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        if self._failure is not None:
            raise self._failure
        return self._wake.is_set()

    def take(self) -> tuple[Sequence[Change], bool]:
        """Return what has come, and whether it was more than is kept."""
        self._wake.clear()
        if self._failure is not None:
            self._wake.set()
        return self._pending.take()


def _not_at_all(site: Site, why: str, pauses: Pauses) -> bytes:
    macros: Any = site.templates.get_template("live.html").module
    html = macros.morph("live", macros.state(f"Not live: {why}", False))
    return f"retry: {pauses.full * 1000:.0f}\n".encode() + message(0, html)
