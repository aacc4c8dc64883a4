"""Snapshots of a registry: what moved is told, an outage is probed and told once."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

from modelalias.api.conditions import Reason
from modelalias.core.errors import InvalidRequest, Refused, Unanswerable, Unavailable
from modelalias.reconcile.registry_watch import AT_ONCE, MODEL_EVERY, RegistryWatch
from tests.support.fake_registry import FakeRegistry
from tests.support.virtual_loop import in_virtual_time


class Watched:
    """A watch on a fake registry with two models, and what it told."""

    def __init__(self) -> None:
        self.registry, self.told = FakeRegistry(), list[tuple[str, ...] | None]()
        self.managed: tuple[str, ...] = ()
        self.expected: tuple[str, ...] = ()
        self.watch = RegistryWatch(
            "default",
            self.registry,
            timedelta(seconds=30),
            self._moved,
            asyncio.get_running_loop().time,
            managed=lambda: self.managed,
            expected=lambda: self.expected,
        )

    def _moved(self, registry: str, models: Iterable[str] | None) -> None:
        assert registry == "default"
        self.told.append(None if models is None else tuple(sorted(models)))

    async def begin(self) -> None:
        for model in ("churn", "fraud"):
            await self.registry.create_model(model)
            await self.registry.create_version(model)
            await self.registry.set_alias(model, "champion", "1")
        await self.watch.look()
        assert self.told == [None]
        self.told.clear()


@in_virtual_time
async def test_before_the_first_snapshot_nothing_is_known() -> None:
    it = Watched()

    assert it.watch.model_snapshot("churn", None) is None
    assert it.watch.problem is None


@in_virtual_time
async def test_only_models_whose_aliases_moved_are_told() -> None:
    it = Watched()
    await it.begin()

    await it.watch.look()
    assert it.told == []
    await it.registry.delete_alias("fraud", "champion")
    await it.watch.look()
    assert it.told == [("fraud",)]
    await it.registry.delete_model("churn")
    await it.watch.look()

    assert it.told == [("fraud",), ("churn",)]
    gone = it.watch.model_snapshot("churn", None)
    assert gone is not None
    assert gone.aliases is None


@in_virtual_time
async def test_a_snapshot_that_began_before_the_last_write_is_not_settled() -> None:
    it = Watched()
    await it.begin()
    now = asyncio.get_running_loop().time()

    before, after = it.watch.model_snapshot("churn", now - 1), it.watch.model_snapshot("churn", now)

    assert before is not None
    assert before.after_last_write
    assert after is not None
    assert not after.after_last_write


@in_virtual_time
async def test_a_part_of_a_snapshot_is_worth_nothing() -> None:
    it = Watched()
    await it.begin()
    await it.registry.delete_model("churn")
    it.registry.fail_next(Unavailable("page 2"))

    await it.watch.look()

    snapshot = it.watch.model_snapshot("churn", None)
    assert snapshot is not None
    assert snapshot.aliases == {"champion": "1"}


@in_virtual_time
async def test_an_outage_is_told_when_it_begins_and_when_it_ends() -> None:
    it = Watched()
    await it.begin()
    for text in ("refused", "refused again", "another text"):
        it.registry.fail_next(Unavailable(text))
        await it.watch.look()

    assert it.told == [None]
    assert it.watch.problem == (Reason.UNREACHABLE, "refused")
    await it.watch.look()
    assert it.told == [None, None]
    assert it.watch.problem is None


def _busy(seconds: float) -> Unavailable:
    return Unavailable("busy", retry_after=timedelta(seconds=seconds))


@in_virtual_time
async def test_a_pause_that_is_shorter_than_a_probe_is_no_outage_and_is_kept() -> None:
    it = Watched()
    await it.begin()
    it.registry.calls.clear()
    it.registry.fail_next(_busy(2))
    runs = asyncio.create_task(it.watch.run())

    await asyncio.sleep(1.9)
    asked = [call.name for call in it.registry.calls]
    await it.registry.delete_alias("churn", "champion")
    await asyncio.sleep(0.2)
    runs.cancel()

    assert asked == ["snapshot"]
    assert it.watch.problem is None
    assert it.told == [("churn",)], "it was looked at again after the pause, not after the interval"


@in_virtual_time
async def test_one_that_asks_for_pauses_again_and_again_is_out_after_a_probes_time() -> None:
    it = Watched()
    await it.begin()
    it.registry.fail_next(_busy(0), times=1_000)
    runs = asyncio.create_task(it.watch.run())

    await asyncio.sleep(4)
    before, asked = it.watch.problem, len(it.registry.calls)
    await asyncio.sleep(2)
    after = it.watch.problem
    it.registry.heal()
    await asyncio.sleep(6)
    it.registry.fail_next(_busy(2))
    await it.watch.look()
    runs.cancel()

    assert before is None
    assert asked < 12, "a pause of no length is no loop"
    assert after == (Reason.UNREACHABLE, "busy")
    assert it.watch.problem is None, "what was before it answered does not count"


@in_virtual_time
async def test_a_pause_as_long_as_a_probe_is_an_outage() -> None:
    it = Watched()
    await it.begin()
    it.registry.fail_next(_busy(5))

    await it.watch.look()

    assert it.watch.problem == (Reason.UNREACHABLE, "busy")


@in_virtual_time
async def test_refused_credentials_are_another_problem_than_silence() -> None:
    it = Watched()
    await it.begin()
    it.registry.fail_next(Unavailable("refused"))
    await it.watch.look()
    it.registry.fail_next(Refused("401"))
    await it.watch.look()

    assert it.told == [None, None]
    assert it.watch.problem == (Reason.AUTH_FAILED, "401")


@in_virtual_time
async def test_another_refusal_is_told_and_the_same_one_is_not_told_again() -> None:
    it = Watched()
    await it.begin()
    for text in ("403", "403", "401", "401"):
        it.registry.fail_next(Refused(text))
        await it.watch.look()

    assert it.told == [None, None]
    assert it.watch.problem == (Reason.AUTH_FAILED, "401")


@in_virtual_time
async def test_an_answer_that_cannot_be_used_is_an_outage_too() -> None:
    it = Watched()
    it.registry.fail_next(InvalidRequest("no such endpoint"))

    await it.watch.look()

    assert it.watch.problem == (Reason.UNREACHABLE, "no such endpoint")


@in_virtual_time
async def test_snapshots_come_on_an_interval_when_poked_and_as_the_probe_of_an_outage() -> None:
    it = Watched()
    running = asyncio.create_task(it.watch.run())

    await asyncio.sleep(95)
    assert len(it.registry.called("snapshot")) == 4
    it.watch.poke()
    await asyncio.sleep(1)
    assert len(it.registry.called("snapshot")) == 5
    it.registry.fail_next(Unavailable("refused"), times=1_000)
    it.watch.poke()
    await asyncio.sleep(21)
    assert len(it.registry.called("snapshot")) == 10
    running.cancel()
    await asyncio.wait({running})


@in_virtual_time
async def test_a_bug_on_an_answer_is_an_outage_of_that_registry_and_no_end() -> None:
    it = Watched()
    await it.begin()
    it.registry.fail_next(KeyError("aliases"))

    await it.watch.look()

    assert it.watch.problem is not None
    assert it.watch.problem[0] is Reason.UNREACHABLE
    await it.watch.look()
    assert it.watch.problem is None


@in_virtual_time
async def test_where_only_the_list_of_all_models_fails_the_managed_ones_are_read_and_nothing_is_out() -> None:
    it = Watched()
    await it.begin()
    it.managed = ("churn", "gone")
    await it.registry.delete_alias("churn", "champion")
    it.registry.fail_next(Unavailable("the list does not end"), call="snapshot", times=3)

    await it.watch.look()

    assert (it.watch.problem, it.told) == (None, [("churn", "fraud")])
    churn, fraud = it.watch.model_snapshot("churn", None), it.watch.model_snapshot("fraud", None)
    assert churn is not None
    assert churn.aliases == {}
    assert fraud is not None
    assert fraud.aliases is None, "it is not managed, and nothing is known of it"
    await it.watch.look()
    assert it.told == [("churn", "fraud")], "the same is told once"


@in_virtual_time
async def test_a_managed_model_that_cannot_be_answered_for_is_no_outage() -> None:
    it = Watched()
    await it.begin()
    it.managed = ("churn", "fraud")
    it.registry.fail_next(Unavailable("the list does not end"), call="snapshot")
    it.registry.fail_next(Unanswerable("too large"), call="aliases")

    await it.watch.look()

    assert (it.watch.problem, it.told) == (None, [("churn",)])


@in_virtual_time
async def test_an_outage_is_what_no_managed_model_answers_and_ends_with_the_first_that_does() -> None:
    it = Watched()
    await it.begin()
    it.managed = ("churn", "fraud")
    it.registry.calls.clear()
    it.registry.fail_next(Unavailable("connection refused"), times=10)

    await it.watch.look()
    assert [call.name for call in it.registry.calls] == ["snapshot", "aliases", "aliases"]
    assert it.watch.problem is not None
    it.registry.calls.clear()
    await it.watch.look()
    assert [call.name for call in it.registry.calls] == ["snapshot"], "a known outage is probed by one call"
    it.registry.heal()
    it.registry.fail_next(Unavailable("the list does not end"), call="snapshot", times=100)
    for _ in range(MODEL_EVERY):
        await it.watch.look()

    assert it.watch.problem is None


@in_virtual_time
async def test_a_model_that_fails_by_itself_makes_no_outage_for_the_others() -> None:
    it = Watched()
    await it.begin()
    it.managed = ("..", "churn", "fraud")
    it.registry.fail_next(Unavailable("the list does not end"), call="snapshot")
    it.registry.fail_next(Refused("not this one"), call="aliases")

    await it.watch.look()

    assert it.watch.problem is None


@in_virtual_time
async def test_lists_without_aliases_are_made_up_for_by_reading_what_is_managed() -> None:
    it = Watched()
    it.managed = ("gone", "fraud", "churn")
    await it.begin()
    it.registry.lists_aliases = False
    await it.registry.set_alias("churn", "challenger", "1")

    await it.watch.look()

    snapshot = it.watch.model_snapshot("churn", None)
    assert snapshot is not None
    assert snapshot.aliases == {"champion": "1", "challenger": "1"}
    assert it.told == [("churn",)], "nothing else moved, and nothing is missing"


@in_virtual_time
async def test_where_lists_show_no_alias_a_few_models_are_read_each_time_until_one_has_some() -> None:
    it = Watched()
    it.managed = tuple(f"model-{number:02}" for number in range(12))
    for model in it.managed:
        await it.registry.create_model(model)
    await it.registry.create_version("model-11")
    it.registry.lists_aliases = False
    await it.watch.look()
    it.registry.calls.clear()

    await it.watch.look()
    before = [call.name for call in it.registry.calls]
    await it.registry.set_alias("model-11", "champion", "1")
    await it.watch.look()

    snapshot = it.watch.model_snapshot("model-11", None)
    assert before == ["snapshot", *["aliases"] * 5]
    assert snapshot is not None
    assert snapshot.aliases == {"champion": "1"}


@in_virtual_time
async def test_a_list_that_lacks_the_aliases_of_a_managed_model_is_not_believed() -> None:
    it = Watched()
    it.managed = ("churn",)
    await it.begin()
    it.registry.listed_bare = {"churn", "fraud"}
    await it.registry.set_alias("iris", "champion", (await _made(it.registry, "iris")))

    await it.watch.look()

    churn, fraud = it.watch.model_snapshot("churn", None), it.watch.model_snapshot("fraud", None)
    assert churn is not None
    assert churn.aliases == {"champion": "1"}
    assert fraud is not None
    assert fraud.aliases == {}, "nobody here goes by it, so it costs no read"
    assert it.told == [("fraud", "iris")]


@in_virtual_time
async def test_the_first_list_is_not_believed_either_where_an_alias_should_be() -> None:
    it = Watched()
    it.managed, it.expected = ("churn", "young", "missing"), ("churn",)
    await _made(it.registry, "young")
    it.registry.listed_bare = {"churn"}

    await it.begin()

    snapshot = it.watch.model_snapshot("churn", None)
    assert snapshot is not None
    assert snapshot.aliases == {"champion": "1"}
    assert [call.arguments for call in it.registry.calls if call.name == "aliases"] == [("churn",)]


@in_virtual_time
async def test_a_list_that_lacks_the_aliases_of_very_many_is_believed_but_for_some() -> None:
    it = Watched()
    it.managed = it.expected = tuple(f"model-{number:03}" for number in range(AT_ONCE + 1))
    await it.begin()

    await it.watch.look()
    await it.watch.look()

    asked = {call.arguments for call in it.registry.calls if call.name == "aliases"}
    assert asked == {(model,) for model in it.managed}, "each in its turn"
    assert len([call for call in it.registry.calls if call.name == "aliases"]) <= 3 * AT_ONCE
    assert it.told == []


@in_virtual_time
async def test_a_list_that_goes_on_lacking_some_is_made_up_for_each_time() -> None:
    it = Watched()
    it.managed = it.expected = ("churn", "fraud", "iris")
    await it.begin()
    await it.registry.set_alias("iris", "champion", await _made(it.registry, "iris"))
    await it.registry.set_alias("other", "champion", await _made(it.registry, "other"))
    await it.watch.look()
    it.registry.listed_bare = set(it.managed)
    it.told.clear()

    for _ in range(5):
        await it.watch.look()

    assert it.told == []


@in_virtual_time
async def test_a_model_that_a_list_lacks_and_that_gives_no_answer_is_what_it_was() -> None:
    it = Watched()
    it.managed = ("churn", "fraud")
    await it.begin()
    it.registry.listed_bare = {"churn"}
    it.registry.fail_next(Unavailable("no answer"), call="aliases")

    await it.watch.look()

    snapshot = it.watch.model_snapshot("churn", None)
    assert snapshot is not None
    assert snapshot.aliases == {"champion": "1"}
    assert it.watch.problem is None
    assert it.told == []


async def _made(registry: FakeRegistry, model: str) -> str:
    await registry.create_model(model)
    return await registry.create_version(model)
