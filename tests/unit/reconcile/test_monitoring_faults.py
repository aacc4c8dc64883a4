"""Many monitors, sources that fail, and trouble that all have in common."""

import asyncio
from datetime import timedelta
from typing import Final

from modelalias.api.alias import MonitorState
from modelalias.core.errors import Refused, Unavailable
from tests.support.monitored import monitor_body
from tests.support.monitoring_desk import DRIFT, Desk, Slow, alias
from tests.support.virtual_loop import in_virtual_time

BAD, GOOD = 0.2, 0.01
MINUTE, HOUR = 60, 3600
AWAY: Final = Unavailable("no answer within 10 s")


def body(query: str, **fields: object) -> dict[str, object]:
    return monitor_body(prometheus={"query": query}, **fields)


def names(count: int) -> list[str]:
    return [f"model-{number}" for number in range(count)]


class TestTheSameQuestion:
    @in_virtual_time
    async def test_it_is_asked_once_for_all(self) -> None:
        async with Desk() as it:
            it.prometheus.numbers["up"] = BAD
            for number, name in enumerate(names(200)):
                it.see(alias(name, body("up"), namespace=f"team-{number % 3}"))
            await asyncio.sleep(MINUTE)
            assert it.prometheus.queries == ["up"]
            assert {
                it.status(name, namespace=f"team-{number % 3}").failures
                for number, name in enumerate(names(200))
            } == {1}

            await asyncio.sleep(9 * MINUTE)
            assert it.prometheus.queries == ["up"] * 10

    @in_virtual_time
    async def test_different_questions_spread_over_the_interval(self) -> None:
        async with Desk() as it:
            for name in names(300):
                it.see(alias(name, body(name)))
            counts = []
            for _ in range(60):
                before = len(it.prometheus.queries)
                await asyncio.sleep(1)
                counts.append(len(it.prometheus.queries) - before)

            assert sum(counts) == 300
            assert max(counts) <= 20

    @in_virtual_time
    async def test_each_is_read_on_time(self) -> None:
        async with Desk() as it:
            for name in names(50):
                it.see(alias(name, body(name, interval="17s")))
            await asyncio.sleep(17 * 10)

            assert {it.prometheus.queries.count(name) for name in names(50)} == {10}

    @in_virtual_time
    async def test_one_that_comes_back_is_not_asked_twice(self) -> None:
        async with Desk() as it:
            for version in ("3", "4", "3", "4", "3"):
                it.see(alias(version=version))
                await asyncio.sleep(2)
            it.prometheus.queries.clear()
            await asyncio.sleep(10 * MINUTE)

            assert it.prometheus.queries == ['errors{version="3"}'] * 10


class TestADeadSource:
    @in_virtual_time
    async def test_all_learn_soon_that_it_is_dead(self) -> None:
        async with Desk() as it:
            it.prometheus.fail_next(AWAY, times=100_000)
            for name in names(100):
                it.see(alias(name, body(name)))
            await asyncio.sleep(MINUTE + 6)

            assert {it.stands(name) for name in names(100)} == {("NoData", 0)}

    @in_virtual_time
    async def test_an_hour_without_answers_is_nothing_but_no_data(self) -> None:
        async with Desk() as it:
            for name in names(100):
                it.prometheus.numbers[name] = BAD
                it.see(alias(name, body(name)))
            await asyncio.sleep(2 * MINUTE)
            assert {it.stands(name) for name in names(100)} == {("Failing", 2)}
            for name in names(100):  # which are many; here they count for themselves
                it.prometheus.numbers[name] = GOOD
            await asyncio.sleep(MINUTE)
            it.prometheus.queries.clear()

            it.prometheus.fail_next(AWAY, times=100_000)
            await asyncio.sleep(HOUR)
            assert {it.stands(name) for name in names(100)} == {("NoData", 0)}
            assert {it.status(name).message for name in names(100)} == {
                "the Prometheus named default cannot be read: no answer within 10 s"
            }
            assert len(it.prometheus.queries) <= HOUR / 5 + 8
            it.wakes()
            await asyncio.sleep(HOUR)
            assert it.wakes() == 0

            it.prometheus.heal()
            await asyncio.sleep(MINUTE + 5)
            assert {it.stands(name) for name in names(100)} == {("Passing", 0)}

    @in_virtual_time
    async def test_one_that_asks_for_a_pause_gets_it_and_all_are_told(self) -> None:
        async with Desk() as it:
            it.prometheus.fail_next(Unavailable("busy", retry_after=timedelta(minutes=9)))
            for name in names(100):
                it.prometheus.numbers[name] = GOOD
                it.see(alias(name, body(name)))
            await asyncio.sleep(MINUTE + 6)
            assert {it.stands(name) for name in names(100)} == {("NoData", 0)}

            await asyncio.sleep(7 * MINUTE)
            assert len(it.prometheus.queries) == 1
            await asyncio.sleep(2 * MINUTE + 6)
            assert {it.stands(name) for name in names(100)} == {("Passing", 0)}

    @in_virtual_time
    async def test_the_words_stay_the_same(self) -> None:
        async with Desk() as it:
            it.see(alias())
            it.prometheus.fail_next(AWAY)
            it.prometheus.fail_next(Unavailable("connection refused"), times=1_000)
            messages = set()
            for _ in range(10):
                await asyncio.sleep(MINUTE)
                messages.add(it.status().message)

            assert messages == {"the Prometheus named default cannot be read: no answer within 10 s"}

    @in_virtual_time
    async def test_credentials_that_are_refused_are_no_storm(self) -> None:
        async with Desk() as it:
            for name in names(100):
                it.see(alias(name, body(name)))
            it.prometheus.fail_next(Refused("the credentials are not accepted"), times=100_000)
            await asyncio.sleep(10 * MINUTE)

            assert len(it.prometheus.queries) <= 600 / 5 + 8
            assert it.stands("model-0") == ("NoData", 0)

    @in_virtual_time
    async def test_one_question_that_fails_takes_no_others_number_away(self) -> None:
        """A query that is too heavy looks like a source that is away."""
        heavy = Heavy()
        async with Desk({"busy": heavy}) as it:
            for name in (*names(60), "heavy"):
                it.see(alias(name, monitor_body(prometheus={"server": "busy", "query": name})))
            stood = set()
            for _ in range(10 * MINUTE):
                await asyncio.sleep(1)
                stood |= {it.status(name).state for name in names(60)}

            assert stood == {MonitorState.WAITING, MonitorState.PASSING}
            assert it.stands("heavy") == ("NoData", 0)

    @in_virtual_time
    async def test_a_registry_that_is_away_is_left_alone_too(self) -> None:
        async with Desk() as it:
            for name in names(100):
                it.see(alias(name, monitor_body(**DRIFT), model=name))
            it.registry.fail_next(Unavailable("away"), call="live_metric", times=100_000)
            await asyncio.sleep(10 * MINUTE)

            assert len(it.registry.called("live_metric")) <= 600 / 5 + 8
            assert it.status("model-0").message == "the registry named default cannot be read: away"

    @in_virtual_time
    async def test_a_bug_on_one_answer_is_no_data(self) -> None:
        async with Desk() as it:
            it.prometheus.fail_next(ZeroDivisionError("a bug"), times=3)
            it.see(alias())
            await asyncio.sleep(MINUTE)
            assert it.stands() == ("NoData", 0)
            assert "does not understand" in it.status().message

            it.yields(GOOD)
            await asyncio.sleep(3 * MINUTE)
            assert it.stands() == ("Passing", 0)


class TestASlowSource:
    @in_virtual_time
    async def test_it_delays_no_other_and_piles_nothing_up(self) -> None:
        slow = Slow(45, GOOD)
        async with Desk({"slow": slow}) as it:
            for name in names(100):
                it.see(alias(name, monitor_body(prometheus={"server": "slow", "query": name})))
            it.yields(GOOD)
            it.see(alias())
            tasks = set()
            for _ in range(10):
                await asyncio.sleep(MINUTE)
                tasks.add(len(asyncio.all_tasks()))

            assert len(it.prometheus.queries) == 10
            assert slow.most == 8
            assert len(slow.queries) <= 8 * (600 / 45 + 1)
            assert max(tasks) <= 8 + 4

    @in_virtual_time
    async def test_one_that_never_answers_delays_no_other(self) -> None:
        stuck = Slow(1e9, GOOD)
        async with Desk({"slow": stuck}) as it:
            for name in names(100):
                it.see(alias(name, monitor_body(prometheus={"server": "slow", "query": name})))
            it.yields(GOOD)
            it.see(alias())
            await asyncio.sleep(HOUR)

            assert (len(stuck.queries), len(it.prometheus.queries)) == (8, 60)

    @in_virtual_time
    async def test_a_new_leader_asks_again_what_was_under_way(self) -> None:
        slow = Slow(45, GOOD)
        it = Desk({"slow": slow})
        it.see(alias("churn", monitor_body(prometheus={"server": "slow", "query": "x"})))
        async with it:
            await slow.asked.wait()
        async with it:
            await asyncio.sleep(3 * MINUTE)

            assert it.stands() == ("Passing", 0)


class TestMassBreach:
    @in_virtual_time
    async def test_too_many_at_once_are_disarmed_before_any_is_breached(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=50)
            assert it.view("model-0").mass_breach
            assert {it.status(name).disarmed for name in names(6)} == {True}
            assert {it.status(name).state for name in names(6)} == {MonitorState.FAILING}
            assert {key.name for key in it.woken} >= set(names(6))

    @in_virtual_time
    async def test_a_few_are_the_models(self) -> None:
        async with Desk() as it:
            await _fail(it, 5, of=5)

            assert not it.view("model-0").mass_breach
            assert not it.status("model-0").disarmed

    @in_virtual_time
    async def test_less_than_a_tenth_are_the_models(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=60)

            assert not it.view("model-0").mass_breach

    @in_virtual_time
    async def test_with_one_reading_enough_the_others_are_seen_first(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=6, failureLimit=1)

            assert {it.status(name).disarmed for name in names(6)} == {True}
            assert MonitorState.BREACHED not in {it.status(name).state for name in names(6)}

    @in_virtual_time
    async def test_who_recovers_late_stays_disarmed(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=20)
            await asyncio.sleep(3 * MINUTE)
            for name in names(6)[1:]:
                it.prometheus.numbers[name] = GOOD
            it.woken.clear()
            await asyncio.sleep(MINUTE)
            assert not it.view("model-0").mass_breach
            assert (it.stands("model-0"), it.status("model-0").disarmed) == (("Breached", 3), True)
            assert {key.name for key in it.woken} == set(names(6))
            assert not any(it.status(name).disarmed for name in names(6)[1:])

            it.prometheus.numbers["model-0"] = GOOD
            await asyncio.sleep(MINUTE)
            it.prometheus.numbers["model-0"] = BAD
            await asyncio.sleep(3 * MINUTE)
            assert (it.stands("model-0"), it.status("model-0").disarmed) == (("Breached", 3), False)

    @in_virtual_time
    async def test_who_comes_later_is_disarmed_too(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=20)
            it.prometheus.numbers["model-9"] = BAD
            await asyncio.sleep(MINUTE)

            assert it.status("model-9").disarmed

    @in_virtual_time
    async def test_a_listing_that_has_only_begun_is_no_mass(self) -> None:
        it = Desk()
        written = []
        async with it:
            await _fail(it, 6, of=100)
            written = [it.status(name) for name in names(6)]

        async with Desk() as it:
            for name, status in zip(names(6), written, strict=True):
                it.prometheus.numbers[name] = BAD
                it.see(alias(name, body(name), statuses=(status,)))
            for name in names(100)[6:]:
                it.prometheus.numbers[name] = GOOD
                it.see(alias(name, body(name)))
            await asyncio.sleep(MINUTE)

            assert not it.view("model-0").mass_breach
            assert not it.status("model-0").disarmed

    @in_virtual_time
    async def test_a_version_that_was_left_fails_no_more(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=20)
            it.see(alias("model-0", body("model-0"), version="4", since=it.wall()))
            await asyncio.sleep(MINUTE)

            assert not it.view("model-2").mass_breach

    @in_virtual_time
    async def test_an_alias_that_is_gone_fails_no_more(self) -> None:
        async with Desk() as it:
            await _fail(it, 6, of=20)
            it.monitoring.drop(next(key for key in it.woken if key.name == "model-0"))
            await asyncio.sleep(MINUTE)

            assert not it.view("model-2").mass_breach


class Heavy:
    """A Prometheus that can answer all queries but one."""

    async def query(self, query: str) -> float | None:
        if query == "heavy":
            await asyncio.sleep(10)
            raise AWAY
        return GOOD

    async def close(self) -> None:
        return


async def _fail(it: Desk, failing: int, *, of: int, **fields: object) -> None:
    """Let so many of so many aliases fail, each with a query of its own, and an interval pass."""
    for number, name in enumerate(names(of)):
        it.prometheus.numbers[name] = BAD if number < failing else GOOD
        it.see(alias(name, body(name, **fields)))
    await asyncio.sleep(MINUTE)
