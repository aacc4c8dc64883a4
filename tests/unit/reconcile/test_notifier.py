"""Who is told of what the operator did: after it was written, once, and never in the way."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import pytest

from modelalias.adapters.prometheus_telemetry import PrometheusTelemetry
from modelalias.core.errors import NotLeading, Refused, Unavailable
from modelalias.core.notifications import routes
from modelalias.core.notifications.notice import Notice
from modelalias.reconcile import notifier
from tests.support.fake_channel import FakeChannel
from tests.support.harness import DEFAULT, MODEL, Cluster, Leads
from tests.support.noticed import notice
from tests.support.scraped import Page
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

NEVER_READ: Final = {"cloudEvents": {"urlFile": "/nowhere/url"}}
LONG: Final = 600.0


def settings(**notifications: Any) -> dict[str, Any]:
    everything = {
        "channels": {"chat": {**NEVER_READ, "perMinute": 60}, "bus": {**NEVER_READ, "perMinute": 6_000}},
        "routes": [{"events": ["*"], "to": ["chat", "bus"]}],
    }
    return {**DEFAULT, "notifications": {**everything, **notifications}}


class Told(Cluster):
    """A cluster whose operator has a channel for people and one for programs."""

    def __init__(self, **notifications: Any) -> None:
        super().__init__(settings(**notifications))
        self.chat, self.bus = FakeChannel(), FakeChannel(is_for_people=False)
        self.channels = {"chat": self.chat, "bus": self.bus}
        self.counted = PrometheusTelemetry()
        self.telemetry = self.counted

    def count(self, channel: str, outcome: str) -> float | None:
        page = Page.of(self.counted)
        return page.value("modelalias_notifications_total", channel=channel, outcome=outcome)

    def dropped(self, channel: str) -> float | None:
        return Page.of(self.counted).value("modelalias_notifications_dropped_total", channel=channel)

    def tell(self, *notices: Notice) -> None:
        assert self.engine is not None
        self.engine.notifier.tell(lambda: notices)

    def happen(self, count: int) -> None:
        self.tell(*(notice(sentence=str(number), id=str(number)) for number in range(count)))

    def texts(self, channel: FakeChannel) -> list[str]:
        return [letter.text for letter in channel.letters]


async def promoted(it: Cluster, **policy: Any) -> None:
    await it.model(0.7, 0.9, aliases={"champion": "1"})
    it.workloads.add("api")
    it.add_alias(serving=[{"name": "api"}], policy={**gated({"threshold": 0.5})["policy"], **policy})
    it.ask("go", "2", requestedBy="ana", reason="retrained")
    await it.settle()
    await it.finish_rollout()


@in_virtual_time
async def test_a_promotion_is_told_after_it_was_written() -> None:
    async with Told() as it:
        await promoted(it)
        await it.settle()

        assert it.bus.letters[0].event["type"] == "dev.modelalias.alias.moved", "first sight"
        assert it.bus.occasions() == ["Moved", "Moved", "Succeeded"]
        moved, succeeded = (letter.event for letter in it.bus.letters[1:])
        move, data = moved["data"], succeeded["data"]
        assert isinstance(move, dict)
        assert (move["move"]["from"], move["move"]["to"], move["move"]["actor"]) == ("1", "2", "ana")
        assert isinstance(data, dict)
        assert (data["request"], data["phase"], data["version"], data["event"]) == (
            "go",
            "Succeeded",
            "2",
            "Succeeded",
        )
        assert data["gates"][0]["result"] == "Passed"
        assert succeeded["subject"] == "promotionrequests/go"
        meta = it.request("go").metadata
        assert str(succeeded["id"]).startswith(f"{meta.uid}/")
        assert len({letter.event["id"] for letter in it.bus.letters}) == 3
        assert "auc: Passed, val_auc 0.9, asked for >= 0.5" in it.chat.letters[-1].text
        assert it.count("bus", "sent") == 3


@in_virtual_time
@pytest.mark.parametrize("after", [False, True], ids=["not written", "answer lost"])
async def test_what_is_not_known_to_be_written_is_not_told(after: bool) -> None:
    async with Told() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        it.objects.fail_next(Unavailable("away"), call="write_alias_status", after=after, times=1_000)
        await it.settle(30)
        assert it.bus.tries == 0
        it.objects.heal()
        await it.settle(LONG)

        assert it.alias().status.history
        assert it.bus.occasions() == ([] if after else ["Moved"]), "at most once"


@in_virtual_time
async def test_people_are_asked_and_told_how_many_have_approved() -> None:
    async with Told() as it:
        await promoted(it, approval={"required": "Always", "minimum": 2})
        evidence = it.resolved("go").evidence
        it.edit_request("go", approvals=[{"user": "bo", "evidence": evidence, "decision": "Approve"}])
        await it.settle()

        assert sorted(it.chat.occasions()) == ["Approved", "AwaitingApproval", "Moved"], it.says("go")
        asked, approved = (letter for letter in it.chat.letters if not letter.title.startswith("Moved"))
        assert "kubectl modelalias approve go -n ml" in asked.text
        assert "approvals: 0 of 2" in asked.text
        assert approved.title.startswith("Approved: ")
        assert approved.text.splitlines()[0] == "1 of 2 approvals, by bo"


@in_virtual_time
async def test_only_what_a_route_asks_for_is_told() -> None:
    route = {"events": ["Succeeded"], "models": [MODEL], "to": ["chat"]}
    async with Told(routes=[route, {**route, "models": ["other"], "to": ["bus"]}]) as it:
        await promoted(it)

        assert it.chat.occasions() == ["Succeeded"]
        assert it.bus.letters == []


async def ended_after(it: Cluster) -> float:
    """Return when two promotions, one after the other, had ended."""
    await promoted(it)
    it.ask("back", "1")
    await it.settle()
    await it.finish_rollout()
    assert (it.phase("go"), it.phase("back")) == ("Succeeded", "Succeeded")
    return max(item.at.timestamp() for item in it.alias().status.history)


@in_virtual_time
@pytest.mark.parametrize("failure", ["hangs", "unavailable", "refused", "bug"])
async def test_a_channel_that_fails_never_delays_a_promotion(failure: str) -> None:
    async with Told() as it:
        began = it.wall().timestamp()
        without = await ended_after(it) - began
    async with Told() as it:
        began = it.wall().timestamp()
        for channel in (it.chat, it.bus):
            channel.hangs = failure == "hangs"
            error = {"unavailable": Unavailable("x"), "refused": Refused("x")}.get(failure, ValueError("x"))
            channel.failures = [error] * 100
        assert await ended_after(it) - began == without
        await it.settle(LONG)
        assert it.count("bus", "failed") == 5


@in_virtual_time
async def test_a_bug_in_what_is_told_delays_nothing_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "channels", lambda *_: 1 / 0)
    async with Told() as it:
        await promoted(it)

        assert it.phase("go") == "Succeeded"
        assert "ZeroDivisionError" in "".join(it.take_errors())


@in_virtual_time
async def test_a_letter_is_tried_three_times_and_as_late_as_the_other_side_asks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Told() as it:
        await it.settle()
        it.bus.failures = [Unavailable("away"), Unavailable("busy", retry_after=timedelta(seconds=60))]
        it.happen(1)
        await it.settle(notifier.PAUSES[0] + 1)
        assert (it.bus.tries, it.bus.letters) == (2, [])
        await it.settle(55)
        assert it.bus.tries == 2
        await it.settle(10)
        assert (it.bus.tries, len(it.bus.letters)) == (3, 1)

        it.bus.failures = [Unavailable("away")] * 3
        it.tell(notice(sentence="other"))
        await it.settle(LONG)
        assert (it.bus.tries, len(it.bus.letters)) == (6, 1)
        assert (it.count("bus", "sent"), it.count("bus", "failed")) == (1, 1)
        assert "channel bus was not told of 1: away" in caplog.text


@in_virtual_time
async def test_what_is_refused_is_not_tried_again() -> None:
    async with Told() as it:
        await it.settle()
        it.bus.failures = [Refused("no")]
        it.happen(1)
        await it.settle(LONG)

        assert it.bus.tries == 1
        assert it.count("bus", "failed") == 1


@in_virtual_time
async def test_what_nobody_thought_of_is_told_by_its_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with Told() as it:
        await it.settle()
        it.bus.failures = [ValueError("https://hooks.example/canary")]
        it.happen(1)
        await it.settle(LONG)

        assert "unexpected ValueError" in caplog.text
        assert "canary" not in caplog.text


@in_virtual_time
async def test_the_same_is_not_told_twice_within_five_minutes() -> None:
    async with Told() as it:
        await it.settle()
        for _ in range(3):
            it.tell(notice())
        await it.settle()
        assert len(it.bus.letters) == 1
        await it.settle(301)
        it.tell(notice())
        await it.settle()
        assert len(it.bus.letters) == 2


@in_virtual_time
async def test_a_channel_gets_no_more_than_it_may() -> None:
    async with Told() as it:
        await it.settle()
        it.happen(15)
        await it.settle(0.5)
        assert len(it.chat.letters) == notifier.BURST
        await it.settle(4)
        assert len(it.chat.letters) in {notifier.BURST + 4, notifier.BURST + 5}
        await it.settle(30)
        assert len(it.chat.letters) == 15


@in_virtual_time
async def test_many_that_wait_are_one_letter_to_people_and_one_each_to_programs() -> None:
    async with Told() as it:
        await it.settle()
        it.happen(60)
        await it.settle(10)

        assert it.chat.titles == ["60 notifications"]
        assert it.count("chat", "sent") == 60
        assert [letter.event["id"] for letter in it.bus.letters] == [str(number) for number in range(60)]


@in_virtual_time
async def test_the_oldest_are_dropped_and_people_learn_how_many() -> None:
    async with Told() as it:
        await it.settle()
        it.chat.hangs = True
        it.happen(1)
        await it.settle(1)
        it.tell(*(notice(sentence=f"more {number}") for number in range(notifier.MOST_WAITING + 7)))
        assert it.dropped("chat") == 7
        it.chat.hangs = False
        await it.settle(LONG)

        first, digest = it.chat.letters
        assert "7 other notifications were not delivered" in first.text
        assert digest.title == f"{notifier.MOST_WAITING} notifications"
        assert digest.text.splitlines()[0].endswith("more 7"), "the first that was kept"
        assert "not delivered" not in digest.text


@in_virtual_time
async def test_one_channel_that_hangs_holds_up_no_other() -> None:
    async with Told() as it:
        await it.settle()
        it.chat.hangs = True
        it.happen(3)
        await it.settle(1)

        assert len(it.bus.letters) == 3


@in_virtual_time
async def test_nothing_is_told_again_after_a_restart() -> None:
    async with Told() as it:
        await promoted(it)
        await it.settle()
        before = len(it.bus.letters)
        await it.stop()
        it.start()
        await it.settle(1_500)

        assert len(it.bus.letters) == before


@in_virtual_time
async def test_what_waits_when_the_process_ends_is_lost() -> None:
    async with Told() as it:
        await it.settle()
        it.chat.hangs = it.bus.hangs = True
        it.happen(3)
        await it.settle(1)
        await it.stop()

        assert it.dropped("bus") == 3
        it.chat.hangs = it.bus.hangs = False
        it.start()
        await it.settle(LONG)
        assert it.bus.letters == []


class Standby(Leads):
    """Another process leads."""

    async def acquired(self) -> None:
        await asyncio.Event().wait()

    def check(self) -> None:
        raise NotLeading("another leads")


class Lost(Leads):
    """This process led until a moment ago."""

    lost = False

    def check(self) -> None:
        if self.lost:
            raise NotLeading("another leads")


@in_virtual_time
async def test_a_standby_sends_nothing() -> None:
    async with Told() as it:
        it.lead = Standby()
        await promoted(it)
        it.happen(1)
        await it.settle(LONG)

        assert (it.chat.tries, it.bus.tries) == (0, 0)


@in_virtual_time
async def test_whoever_leads_no_more_sends_nothing_more() -> None:
    async with Told() as it:
        it.lead = lead = Lost()
        await it.settle()
        it.bus.failures = [Unavailable("away")]
        it.happen(1)
        await it.settle(1)
        lead.lost = True
        await it.settle(LONG)

        assert it.bus.letters == []
        assert it.bus.tries == 1
        assert it.dropped("bus") == 1


@in_virtual_time
async def test_what_an_alias_suffers_is_told_in_the_same_words_as_its_events() -> None:
    async with Told() as it:
        await promoted(it)
        await it.registry.set_alias(MODEL, "champion", "1")
        await it.settle(120)

        (drifted,) = (letter.event for letter in it.bus.letters if letter.title.startswith("Drifted"))
        data = drifted["data"]
        assert isinstance(data, dict)
        assert data["message"] == it.condition("InSync").message
        assert data["message"] in {event.message for event in it.objects.events}
