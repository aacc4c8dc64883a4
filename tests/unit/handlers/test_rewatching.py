"""Kopf's tasks are started anew when a kind comes, and when their watch ended because its kind is gone."""

import asyncio
from collections.abc import Collection
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest

from modelalias.core.errors import OperatorError, Unavailable
from modelalias.handlers.rewatching import keep_watching
from modelalias.rest import Resource
from tests.support.virtual_loop import in_virtual_time

OURS = Resource(group="modelalias.dev", version="v1alpha1", plural="modelaliases")
APPS = Resource(group="apps", version="v1", plural="deployments")
ROLLOUTS = Resource(group="argoproj.io", version="v1alpha1", plural="rollouts")
SECONDS = 10.0
"""Within which everything has to be noticed."""


class _KopfError(Exception):
    """What a watch of Kopf ends with."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class _World:
    """An API server that serves some kinds, and Kopf's tasks that watch what was served when they started."""

    def __init__(self, *there: Resource) -> None:
        self.there = frozenset(there)
        self.error: OperatorError | None = None
        self.asked = 0
        self.sessions: list[frozenset[Resource]] = []
        self.restarts = 0
        self._watches: list[asyncio.Task[Any]] = []
        self._fail: asyncio.Event = asyncio.Event()
        self._status = 0

    async def served(self, wanted: Collection[Resource]) -> frozenset[Resource]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.there & frozenset(wanted)

    async def start(self) -> Collection["asyncio.Task[Any]"]:
        self.sessions.append(self.there)
        self._fail = asyncio.Event()
        self._watches = [asyncio.create_task(self._watch()), asyncio.create_task(asyncio.Event().wait())]
        return self._watches

    async def _watch(self) -> None:
        await self._fail.wait()
        raise _KopfError(self._status)

    def end_a_watch(self, status: int = HTTPStatus.NOT_FOUND) -> None:
        self._status = status
        self._fail.set()

    def again(self) -> None:
        self.restarts += 1

    @property
    def watched(self) -> frozenset[Resource]:
        assert all(not task.done() for task in self._watches)
        return self.sessions[-1]


@asynccontextmanager
async def _running(world: _World) -> Any:
    task = asyncio.create_task(
        keep_watching(world.start, world.served, frozenset({OURS, APPS, ROLLOUTS}), world.again)
    )
    await asyncio.sleep(0.1)
    yield task
    task.cancel()
    await asyncio.wait({task})


@in_virtual_time
async def test_kinds_that_come_later_are_watched_within_seconds() -> None:
    world = _World(APPS)
    async with _running(world):
        assert world.watched == {APPS}
        world.there |= {OURS}
        await asyncio.sleep(SECONDS)
        assert world.watched == {APPS, OURS}

        world.there |= {ROLLOUTS}
        await asyncio.sleep(SECONDS)
        assert world.watched == {APPS, OURS, ROLLOUTS}
        assert (len(world.sessions), world.restarts) == (3, 2)


@in_virtual_time
async def test_where_everything_is_served_nothing_is_asked_any_more() -> None:
    world = _World(APPS, OURS, ROLLOUTS)
    async with _running(world):
        await asyncio.sleep(3600)

        assert world.asked == 1
        assert len(world.sessions) == 1


@in_virtual_time
async def test_where_something_stays_away_nothing_begins_anew() -> None:
    world = _World(APPS, OURS)
    async with _running(world):
        await asyncio.sleep(3600)

        assert len(world.sessions) == 1


@in_virtual_time
async def test_a_kind_that_goes_and_comes_again_is_watched_again() -> None:
    world = _World(APPS, OURS, ROLLOUTS)
    async with _running(world):
        world.there -= {OURS}
        world.end_a_watch()
        await asyncio.sleep(SECONDS)
        assert world.watched == {APPS, ROLLOUTS}

        world.there |= {OURS}
        await asyncio.sleep(SECONDS)
        assert world.watched == {APPS, OURS, ROLLOUTS}


@in_virtual_time
async def test_a_kind_that_was_away_for_a_moment_only_is_watched_again() -> None:
    world = _World(APPS, OURS, ROLLOUTS)
    async with _running(world):
        world.end_a_watch()
        await asyncio.sleep(SECONDS)

        assert world.watched == {APPS, OURS, ROLLOUTS}
        assert world.restarts == 1


@in_virtual_time
async def test_what_is_not_known_of_the_api_server_ends_nothing_and_begins_nothing() -> None:
    world = _World(APPS, OURS)
    async with _running(world):
        world.error = Unavailable("the API server does not answer")
        await asyncio.sleep(60)
        assert len(world.sessions) == 1

        world.error = None
        world.there |= {ROLLOUTS}
        await asyncio.sleep(SECONDS)
        assert world.watched == {APPS, OURS, ROLLOUTS}


@pytest.mark.parametrize("status", [HTTPStatus.CONFLICT, HTTPStatus.INTERNAL_SERVER_ERROR])
@in_virtual_time
async def test_a_watch_that_is_answered_by_an_error_begins_anew(status: int) -> None:
    world = _World(APPS, OURS, ROLLOUTS)
    async with _running(world):
        world.end_a_watch(status)
        await asyncio.sleep(SECONDS)

        assert world.watched == {APPS, OURS, ROLLOUTS}
        assert world.restarts == 1


@in_virtual_time
async def test_an_error_that_stays_is_asked_for_less_and_less_often() -> None:
    world = _World(APPS, OURS, ROLLOUTS)
    async with _running(world):
        for _ in range(3600):
            world.end_a_watch(HTTPStatus.INTERNAL_SERVER_ERROR)
            await asyncio.sleep(1)

        assert 12 <= world.restarts <= 16


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED])
@in_virtual_time
async def test_a_watch_that_this_account_may_not_read_ends_all(status: int) -> None:
    world = _World(APPS, OURS, ROLLOUTS)
    async with _running(world) as running:
        world.end_a_watch(status)
        await asyncio.sleep(2 * SECONDS)

        assert isinstance(running.exception(), _KopfError)
        assert len(world.sessions) == 1


@in_virtual_time
async def test_who_ends_it_ends_the_watches() -> None:
    world = _World(APPS)
    tasks = list(asyncio.all_tasks())
    async with _running(world):
        pass

    assert sorted(map(str, asyncio.all_tasks())) == sorted(map(str, tasks))
