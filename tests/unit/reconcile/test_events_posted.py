"""Events are posted behind everything else, in order for each object, and never in the way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.ports import EventType, Involved
from modelalias.reconcile import events_posted
from modelalias.reconcile.events_posted import EventsPosted

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Posting:
    """Takes Events, and keeps those about one object until the test lets them."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.held: Mapping[str, asyncio.Event] = {}
        self.broken: set[str] = set()
        self.changed = asyncio.Event()

    async def post_event(self, about: Involved, _: EventType, reason: str, *__: Any, **___: Any) -> None:
        if about.name in self.held:
            await self.held[about.name].wait()
        if reason in self.broken:
            raise KeyError(reason)
        self.posted.append((about.name, reason))
        self.changed.set()


@asynccontextmanager
async def running(objects: Posting) -> AsyncIterator[EventsPosted]:
    events = EventsPosted(objects)  # type: ignore[arg-type]  # the one call that is made of the port
    task = asyncio.create_task(events.run())
    try:
        yield events
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def tell(events: EventsPosted, name: str, reason: str) -> None:
    about = Involved(api_version="v1", kind="ModelAlias", namespace="ml", name=name, uid=name)
    events.post(about, EventType.NORMAL, reason, "said", now=NOW)


async def until_posted(objects: Posting, count: int) -> None:
    async with asyncio.timeout(5):
        while len(objects.posted) < count:
            objects.changed.clear()
            await objects.changed.wait()


async def test_events_of_an_object_come_in_their_order_and_one_that_hangs_holds_up_no_lane_but_its_own() -> (
    None
):
    objects, free = Posting(), asyncio.Event()
    objects.held = {"slow": free}
    async with running(objects) as events:
        for number in range(20):
            tell(events, "slow", f"{number}")
            tell(events, f"quick-{number}", "told")
        await until_posted(objects, 1)
        assert all(name != "slow" for name, _ in objects.posted)
        free.set()
        await until_posted(objects, 40)

    assert [reason for name, reason in objects.posted if name == "slow"] == [
        f"{number}" for number in range(20)
    ]


async def test_of_too_many_the_oldest_are_dropped_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events_posted, "MOST_WAITING", 3)
    objects = Posting()
    events = EventsPosted(objects)  # type: ignore[arg-type]  # as above
    with caplog.at_level(logging.WARNING):
        for number in range(10):
            tell(events, "one", f"{number}")
    task = asyncio.create_task(events.run())
    await until_posted(objects, 3)
    task.cancel()

    assert objects.posted == [("one", "7"), ("one", "8"), ("one", "9")]
    assert len(caplog.records) == 1


async def test_a_bug_in_one_event_keeps_back_no_other() -> None:
    objects = Posting()
    objects.broken = {"bad"}
    async with running(objects) as events:
        tell(events, "one", "bad")
        tell(events, "one", "good")
        await until_posted(objects, 1)

    assert objects.posted == [("one", "good")]


async def test_what_waits_at_the_end_is_posted_as_far_as_that_takes_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events_posted, "LAST_SECONDS", 0.05)
    objects = Posting()
    objects.held = {"hangs": asyncio.Event()}
    async with running(objects) as events:
        await asyncio.sleep(0)
        for number in range(8):
            tell(events, f"quick-{number}", "told")
        tell(events, "hangs", "never")

    assert len(objects.posted) >= 1
    assert ("hangs", "never") not in objects.posted
