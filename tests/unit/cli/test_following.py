"""Objects are followed across ends of watches, lost connections and expired credentials."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import pytest

from modelalias.cli import following
from modelalias.cli.changes import Event, Happened, Watch
from modelalias.cli.cluster import Kind, Page
from modelalias.cli.following import Key, Wanted
from modelalias.cli.waiting import Clock
from modelalias.core.errors import OperatorError, Refused, Unavailable
from tests.support.cli_cluster import FakeCluster

WANTED = Wanted(kind=Kind.REQUESTS, namespace="ml", selector="metadata.name=a", labels="team=risk")


def _body(name: str, version: str = "1") -> Mapping[str, Any]:
    return {"metadata": {"namespace": "ml", "name": name, "resourceVersion": version}}


def _page(*names: str, after: str = "", version: str = "7") -> Page:
    return Page(items=tuple(_body(name) for name in names), after=after, left=0, version=version)


def _event(happened: Happened, name: str, version: str = "2") -> Event:
    return Event(happened=happened, body=_body(name, version))


async def _pause(_: float) -> None:
    await asyncio.sleep(0)


async def _until(cluster: FakeCluster, *names: str, told: list[str] | None = None) -> None:
    """Follow until these objects are there, and no other."""
    tell = (told if told is not None else []).append
    async with aclosing(following.follow(cluster, WANTED, tell, Clock(lambda: 0.0, _pause))) as looks:
        async for objects in looks:
            if {key.name for key in objects} == {*names}:
                return


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (_event(Happened.ADDED, "b"), {"a", "b"}),
        (_event(Happened.MODIFIED, "a"), {"a"}),
        (_event(Happened.DELETED, "a"), set()),
        (_event(Happened.BOOKMARK, ""), {"a"}),
    ],
)
def test_an_event_changes_what_is_there(event: Event, names: set[str]) -> None:
    found = following.after({Key("ml", "a"): _body("a")}, event)

    assert {key.name for key in found} == names
    versions = {following.version_of(body) for key, body in found.items() if key.name == "a"}
    assert versions <= ({"2"} if event.happened is Happened.MODIFIED else {"1"})


async def test_all_pages_are_listed_and_the_watch_goes_on_from_there() -> None:
    cluster = FakeCluster()
    cluster.pages = [_page("a", after="more"), _page("b")]
    cluster.told_at_once = [_event(Happened.ADDED, "c")]

    await _until(cluster, "a", "b", "c")

    assert [after for _, _, after in cluster.listed] == ["", "more"]
    watch = cluster.watches[0]
    assert (watch.kind, watch.namespace, watch.selector) == (Kind.REQUESTS, "ml", "metadata.name=a,team=risk")
    assert watch.since == "7"
    assert watch.is_closed


@pytest.mark.parametrize("end", [Unavailable("it is over"), None], ids=["failed", "ended"])
async def test_a_watch_that_ends_is_begun_again_with_a_list(end: OperatorError | None) -> None:
    cluster, told = FakeCluster(), list[str]()
    cluster.pages = [_page("a"), _page("b", version="9")]
    cluster.told_at_once = [end]

    await _until(cluster, "b", told=told)

    assert [watch.since for watch in cluster.watches][-1] == "9"
    assert told == []


async def test_a_lost_connection_is_told_once() -> None:
    cluster, told = FakeCluster(), list[str]()
    cluster.pages = [Unavailable("no answer"), Unavailable("no answer"), _page("a")]

    await _until(cluster, "a", told=told)

    assert told == ["no answer; trying again"]


async def test_refused_credentials_are_renewed_once() -> None:
    cluster = FakeCluster()
    cluster.pages = [Refused("who are you"), _page("a"), Refused("no"), Refused("no")]
    cluster.told_at_once = [Unavailable("over")]

    with pytest.raises(Refused, match="no"):
        await _until(cluster)

    assert cluster.renewals == 2


class _Unwatched(FakeCluster):
    """Lists, and lets nobody watch."""

    async def watch(self, *_: object, **__: object) -> Watch:
        raise Refused("may not watch requests")


async def test_who_may_list_and_not_watch_is_told() -> None:
    cluster, told = _Unwatched(), list[str]()

    with pytest.raises(Refused, match="may not watch"):
        await asyncio.wait_for(_until(cluster, "never", told=told), 5)

    assert cluster.renewals == 1
    assert len(cluster.listed) == 2


class _Ending(FakeCluster):
    """Ends each watch as soon as it is begun, as a proxy may."""

    async def watch(self, kind: Kind, namespace: str, **query: Any) -> Watch:
        assert len(self.watches) < 20, "watches are begun without a pause"
        self.told_at_once = [None]
        return await super().watch(kind, namespace, **query)


async def test_watches_that_end_at_once_are_begun_later_and_later() -> None:
    cluster, pauses = _Ending(), list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async with aclosing(following.follow(cluster, WANTED, print, Clock(lambda: 0.0, pause))) as looks:
        async for _ in looks:
            if len(cluster.watches) > 8:
                break

    between_lists = [seconds for seconds in pauses if seconds != following.COLLECT_SECONDS]
    assert between_lists == sorted(between_lists)
    assert between_lists[-1] == 4
