"""What a live page is told, when, and that nothing is lost in silence."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from modelalias.adapters.kubernetes_client import Expired
from modelalias.cli.changes import Event, Happened
from modelalias.cli.cluster import Heartbeat, Kind
from modelalias.core.errors import Refused, Unavailable
from modelalias.web import app as pages
from modelalias.web import live
from modelalias.web.app import app
from modelalias.web.event_stream import EventStream, Say
from modelalias.web.live_pages import LIVE
from modelalias.web.live_stream import Pauses
from modelalias.web.reading import MOST
from tests.support.cli_cluster import body
from tests.support.listener import Listener, listening
from tests.support.web_site import NOW, ORIGIN, Cluster, alias, site

PAUSES: Final = Pauses(collect=0.05, comment=5.0, first=0.02, longest=0.1)
ROW: Final = "row-ml_churn-champion"


class Browser:
    """One person's browser, signed in."""

    def __init__(self, cluster: Cluster, pauses: Pauses = PAUSES) -> None:
        self.site, session = site(cluster)
        self.app = app(self.site, pauses)
        client = TestClient(self.app, base_url=ORIGIN)
        client.get("/", params={"token": session.token})
        self.client = client
        self.cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())

    def stream_of(self, path: str = "/") -> str:
        text = self.client.get(path).text
        return text.partition('hx-sse:connect="')[2].partition('"')[0].replace("&amp;", "&")

    @asynccontextmanager
    async def listens(
        self, address: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Listener]:
        async with listening(self.app, address, {"cookie": self.cookie, **(headers or {})}) as listener:
            yield listener


@pytest.fixture(autouse=True)
def _the_board_is_made_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = {path: replace(item, pause=0.0) for path, item in LIVE.items()}
    monkeypatch.setattr(pages, "LIVE", quick)


@asynccontextmanager
async def board(cluster: Cluster, pauses: Pauses = PAUSES) -> AsyncIterator[tuple[Browser, Listener]]:
    browser = Browser(cluster, pauses)
    async with browser.listens(browser.stream_of()) as listener:
        await listener.shows("live", ">Live<")
        yield browser, listener


async def test_a_page_that_is_right_is_told_that_it_is_live_and_no_more() -> None:
    async with board(Cluster([alias()])) as (_, listener):
        pass

    assert [*listener.shown] == ["live"]
    assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert listener.headers["cache-control"] == "no-store"
    assert "content-length" not in listener.headers


async def test_what_has_happened_since_the_page_was_made_is_told_first() -> None:
    cluster = Cluster([alias()])
    browser = Browser(cluster)
    address = browser.stream_of()
    cluster.happens(Kind.ALIASES, alias(phase="Stalled"))

    async with browser.listens(address) as listener:
        await listener.shows("main", "Stalled")


async def test_a_browser_that_comes_back_is_told_the_page() -> None:
    browser = Browser(Cluster([alias()]))

    async with browser.listens(browser.stream_of(), {"Last-Event-ID": "4"}) as listener:
        await listener.shows("main", ROW)


async def test_a_row_is_morphed_with_what_the_page_shows_too() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (browser, listener):
        cluster.happens(
            Kind.ALIASES, alias(current={"version": "4", "since": "2026-01-01T00:00:00Z", "actor": "bo"})
        )
        await listener.shows(ROW, ">4<")

    assert "main" not in listener.shown
    page = "".join(browser.client.get("/").text.split())
    assert "".join(listener.shown[ROW].split()) in page


async def test_a_phase_is_told_in_a_sentence_and_counted_anew() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (_, listener):
        cluster.happens(Kind.ALIASES, alias(phase="RollingOut"))
        await listener.shows("main", "Rolling out")

    assert 'aria-live="polite">churn-champion: Rolling out.<' in listener.shown["news"]


@pytest.mark.parametrize("happened", [Happened.ADDED, Happened.DELETED])
async def test_a_row_that_comes_or_goes_makes_the_board_again(happened: Happened) -> None:
    other = alias("other")
    cluster = Cluster([alias(), *([other] if happened is Happened.DELETED else [])])
    async with board(cluster) as (_, listener):
        cluster.happens(Kind.ALIASES, other, happened)
        await listener.until(lambda it: "main" in it.shown)

    assert ("row-ml_other" in listener.shown["main"]) is (happened is Happened.ADDED)


async def test_a_request_that_waits_makes_the_board_again() -> None:
    cluster = Cluster([alias()])
    waiting = body(phase="AwaitingApproval")
    waiting["metadata"]["namespace"] = "ml"
    async with board(cluster) as (_, listener):
        cluster.happens(Kind.REQUESTS, waiting, Happened.ADDED)
        await listener.shows("main", "approvals")


async def test_a_burst_is_one_message_with_the_last_of_each() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (_, listener):
        for version in range(4, 40):
            at = {"version": str(version), "since": "2026-01-01T00:00:00Z", "actor": "bo"}
            cluster.happens(Kind.ALIASES, alias(current=at))
        await listener.shows(ROW, ">39<")

    assert len([item for item in listener.messages if ROW in item]) == 1


@pytest.mark.parametrize("path", ["/a/ml/churn-champion", "/m/default/churn"])
async def test_another_page_is_made_again_whatever_changes(path: str) -> None:
    cluster = Cluster([alias()])
    browser = Browser(cluster)
    async with browser.listens(browser.stream_of(path)) as listener:
        await listener.shows("live", ">Live<")
        cluster.happens(Kind.ALIASES, alias(phase="Drifted"))
        await listener.shows("main", "Drifted")

    assert listener.shown["main"].startswith('<main id="main"')
    assert listener.shown["main"].endswith("</main>")
    assert "<html" not in listener.text


async def test_an_object_that_is_gone_and_comes_back_is_told() -> None:
    cluster = Cluster([alias()])
    browser = Browser(cluster)
    async with browser.listens(browser.stream_of("/a/ml/churn-champion")) as listener:
        await listener.shows("live", ">Live<")
        cluster.happens(Kind.ALIASES, alias(), Happened.DELETED)
        await listener.shows("main", "Not found")
        cluster.happens(Kind.ALIASES, alias(), Happened.ADDED)
        await listener.until(lambda it: "Not found" not in it.shown["main"])


async def test_hostile_text_stays_text() -> None:
    cluster = Cluster([alias(phase="Stalled")])
    hostile = "</hx-partial>\n\ndata: x\nid: 9\r<hx-partial id='main'><script>"
    broken = {
        "type": "Ready", "status": "False", "reason": "X", "message": hostile, "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    async with board(cluster) as (_, listener):
        cluster.happens(Kind.ALIASES, alias(phase="Stalled", conditions=[broken]))
        await listener.until(lambda it: ROW in it.shown)

    assert "&lt;/hx-partial&gt;" in listener.shown[ROW]
    assert "<script" not in listener.text
    assert all(
        line.startswith(("data: ", "id: ", "retry: ", ":")) for line in listener.text.split("\n") if line
    )
    assert "\r" not in listener.text
    assert "id: 9" not in [*listener.text.split("\n")]


async def test_too_many_changes_make_the_page_again_and_none_is_lost() -> None:
    many = [alias(f"alias-{number:03}") for number in range(live.MOST_WAITING + 20)]
    cluster = Cluster(many)
    async with board(cluster) as (_, listener):
        for item in many:
            at = {"version": "77", "since": "2026-01-01T00:00:00Z", "actor": "bo"}
            cluster.happens(Kind.ALIASES, alias(item["metadata"]["name"], current=at))
        await listener.until(lambda it: it.shown.get("main", "").count(">77<") == MOST)

    assert [*listener.shown] == ["live", "main", "as-of"]


async def test_a_browser_that_reads_nothing_is_told_the_page_when_it_does() -> None:
    many = [alias(f"alias-{number:03}") for number in range(live.MOST_WAITING + 20)]
    cluster = Cluster(many)
    async with board(cluster) as (_, listener):
        listener.reads.clear()
        for round_ in range(4, 8):
            at = {"version": str(round_ * 11), "since": "2026-01-01T00:00:00Z", "actor": "bo"}
            for item in many:
                cluster.happens(Kind.ALIASES, alias(item["metadata"]["name"], current=at))
            await asyncio.sleep(PAUSES.collect)
        listener.reads.set()
        await listener.until(lambda it: it.shown.get("main", "").count(">77<") == MOST)


async def test_a_watch_that_is_too_old_lists_again_without_a_word() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (_, listener):
        cluster.bodies[Kind.ALIASES] = [alias(phase="Failed")]  # what the watch did not tell
        for watch in cluster.open_watches:
            watch.fail(Expired("too old resource version"))
        await listener.shows("main", "Failed")
        await listener.until(lambda _: len(cluster.open_watches) == 2)

    assert "Not live" not in listener.text


async def test_a_watch_that_fails_is_told_with_when_and_why_and_comes_back() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (_, listener):
        cluster.watch_error = Unavailable("the API server cannot be reached")
        cluster.open_watches[0].fail(Unavailable("the connection broke off"))
        await listener.shows("live", "Not live since 00:00 UTC: the connection broke off")
        await asyncio.sleep(PAUSES.longest)
        assert listener.text.count("Not live") == 1
        cluster.watch_error = None
        cluster.bodies[Kind.ALIASES] = [alias(phase="Failed")]
        await listener.shows("live", "Live again since 00:00 UTC")
        await listener.shows("main", "Failed")

    assert 'class="live bad"' not in listener.shown["live"]


async def test_what_may_be_listed_and_not_watched_says_so_and_never_that_it_is_live() -> None:
    cluster = Cluster([alias()])
    cluster.watch_error = Refused("may not watch modelaliases")
    browser = Browser(cluster)
    async with browser.listens(browser.stream_of()) as listener:
        await listener.shows("live", "may not watch modelaliases")
        await asyncio.sleep(PAUSES.longest * 2)

    assert ">Live<" not in listener.text
    assert "Live again" not in listener.text


async def test_a_watch_is_closed_when_another_cannot_be_opened() -> None:
    cluster = Cluster([alias()])
    cluster.watch_error, cluster.unwatchable = Refused("may not watch promotionrequests"), Kind.REQUESTS
    browser = Browser(cluster)
    async with browser.listens(browser.stream_of()) as listener:
        await listener.shows("live", "may not watch promotionrequests")

    assert cluster.watches
    assert not cluster.open_watches


async def test_who_may_not_look_everywhere_watches_their_own_namespace() -> None:
    cluster = Cluster([alias()])
    cluster.error, cluster.only = Refused("may not list in the cluster"), "ml"
    async with board(cluster) as (_, listener):
        cluster.happens(Kind.ALIASES, alias(phase="Failed"))
        await listener.shows("main", "Failed")

    assert {watch.namespace for watch in cluster.watches} == {"ml"}


async def test_a_watch_that_the_api_server_ends_goes_on_where_it_ended() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (_, listener):
        first = cluster.open_watches[0]
        first.tell(Event(happened=Happened.BOOKMARK, body={"metadata": {"resourceVersion": "55"}}))
        first.end()
        await _until(lambda: first.is_closed and len(cluster.open_watches) == 2)
        cluster.happens(Kind.ALIASES, alias(phase="Failed"))
        await listener.shows("main", "Failed")

    assert cluster.watches[-1].since == "55"
    assert "Not live" not in listener.text


async def test_a_client_that_leaves_frees_its_watches_and_its_place_at_once() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (browser, listener):
        assert len(cluster.open_watches) == 2
        assert browser.site.streams.number == 1
        listener.leave()
        await _until(lambda: not cluster.open_watches, seconds=1)

    assert browser.site.streams.number == 0


async def test_a_client_that_leaves_while_nothing_is_read_frees_them_too() -> None:
    cluster = Cluster([alias()])
    async with board(cluster) as (browser, listener):
        listener.reads.clear()
        cluster.happens(Kind.ALIASES, alias(phase="Failed"))
        await asyncio.sleep(PAUSES.collect * 2)
        listener.leave()
        await _until(lambda: not cluster.open_watches, seconds=1)
        listener.reads.set()

    assert browser.site.streams.number == 0


async def test_one_page_too_many_says_so() -> None:
    cluster = Cluster([alias()])
    browser = Browser(cluster)
    browser.site.streams._most_of_a_person = 1  # noqa: SLF001 - the bound, brought within reach
    address = browser.stream_of()

    async with browser.listens(address) as first:
        await first.shows("live", ">Live<")
        async with browser.listens(address) as second:
            await second.shows("live", "Not live: you have 1 live pages open")
            await second.until(lambda it: it.is_over)

    assert "retry: 60000" in second.text
    async with browser.listens(address) as third:
        await third.shows("live", ">Live<")


async def test_a_stranger_hears_nothing() -> None:
    cluster = Cluster([alias()])
    browser = Browser(cluster)
    async with listening(browser.app, browser.stream_of()) as listener:
        await listener.until(lambda it: it.is_over)

    assert "Not live: This page opens with the address" in listener.shown["live"]
    assert not cluster.watches


async def test_an_open_page_says_by_itself_that_the_operator_is_silent_and_that_it_is_back() -> None:
    cluster, held = Cluster([alias()]), Heartbeat(holder="pod", renewed=NOW)
    async with board(cluster, replace(PAUSES, pulse=0.05)) as (browser, listener):
        browser.site.pulse.kept_seconds = 0.0
        cluster.lease = Heartbeat(holder="pod", renewed=NOW - timedelta(hours=1))

        await listener.until(lambda it: "statuses may be old" in it.shown.get("main", ""))

        cluster.lease = held
        await listener.until(lambda it: "statuses may be old" not in it.shown["main"])


async def test_silence_is_filled_with_comments() -> None:
    async with board(Cluster([alias()]), replace(PAUSES, comment=0.05)) as (_, listener):
        before = len(listener.text)
        await listener.until(lambda it: it.text[before:].count(":\n\n") >= 3)


async def test_a_stream_ends_when_its_time_is_over() -> None:
    ended = asyncio.Event()

    async def work(say: Say) -> None:
        try:
            await say(b": \n\n")
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with listening(EventStream(work, lasts=0.05), "/events/") as listener:
        await listener.until(lambda it: it.is_over)

    assert ended.is_set()


async def test_an_error_of_the_page_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    cluster = Cluster([alias()])
    browser = Browser(cluster)
    address = browser.stream_of()
    cluster.bodies.clear()
    async with browser.listens(address) as listener:
        await listener.shows("live", "Not live: An error of the page itself")

    assert "KeyError" not in listener.text
    assert "KeyError" in caplog.text


@pytest.mark.parametrize("path", LIVE)
def test_what_is_live_is_a_page(path: str) -> None:
    assert path in pages.PAGES


def test_head_of_a_stream_ends() -> None:
    browser = Browser(Cluster([alias()]))

    assert browser.client.head("/events/").status_code == 200


async def _until(holds: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - nothing tells that it holds
            await asyncio.sleep(0.01)
