"""A version that a monitor shows to be bad is gone back from, once, and only where that is certain."""

import asyncio
from typing import Any

import pytest

from modelalias.api.alias import MonitorState
from modelalias.api.fields import timestamp_text
from modelalias.api.metadata import RELEASE_HOLD
from modelalias.core.errors import Refused, Unavailable
from modelalias.settings import Settings
from tests.support import watched_alias
from tests.support.fake_objects import OPERATOR
from tests.support.harness import NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.watched_alias import BREACHED, ERRORS, breach, own, query, said
from tests.support.world import MODEL, alias_spec

BAD = 0.12
FAILURES = 3
"""Readings in a row that are a breach."""


async def promoted(it: Cluster, *monitors: dict[str, Any], **fields: Any) -> None:
    """Let version 2 be promoted over version 1, and wait until its monitors pass."""
    await watched_alias.promoted(it, *monitors, **fields)
    assert it.is_true("MonitorsPassing"), it.condition("MonitorsPassing")


@in_virtual_time
async def test_a_breach_is_gone_back_from_by_a_request_that_tells_the_numbers() -> None:
    async with Cluster() as it:
        await promoted(it)

        breach(it)
        await it.settle(BREACHED)

        (name,) = own(it)
        assert name.startswith(f"{NAME}-breach-2-")
        assert it.end(name) == ("Succeeded", "Succeeded")
        spec = it.request(name).spec
        assert (spec.operation, spec.expected_current) == ("Rollback", "2")
        assert "error-rate was breached with version 2: 0.12, wanted <= 0.05" in (spec.reason or "")
        assert (await it.aliases())["champion"] == "1"
        status = it.alias().status
        entry = status.history[-1]
        assert (entry.operation, entry.to, entry.actor, entry.reason) == (
            "Rollback",
            "1",
            OPERATOR,
            spec.reason,
        )
        assert [(item.version, item.reason) for item in status.rolled_back] == [("2", "Breached")]
        assert [(item.version, item.monitor, item.value) for item in status.breached] == [
            ("2", "error-rate", "0.12")
        ]
        assert it.is_true("Held")
        assert it.is_true("Ready")
        assert [item.reason for item in it.objects.events].count("Breached") == 1


@in_virtual_time
async def test_a_breach_tells_only_where_the_owner_wants_that() -> None:
    async with Cluster() as it:
        await promoted(it, {**ERRORS, "onBreach": "Alert"})

        breach(it)
        await it.settle(BREACHED)

        assert own(it) == []
        assert it.condition("MonitorsPassing").reason == "Breached"
        assert [item.version for item in it.alias().status.breached] == ["2"]
        assert [item.reason for item in it.objects.events].count("Breached") == 1


@in_virtual_time
async def test_an_alias_that_is_pinned_is_left_where_it_is() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.pin("2", "ana")

        breach(it)
        await it.settle(BREACHED)

        assert own(it) == []
        assert "nothing is rolled back: spec.version pins version 2" in said(it)


@in_virtual_time
async def test_a_suspended_alias_is_gone_back_from_once_it_goes_on() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.edit_alias(suspend=True)

        breach(it)
        await it.settle(BREACHED)
        assert own(it) == []
        assert "suspended" in said(it)

        it.edit_alias(suspend=False)
        await it.settle(BREACHED)
        assert [it.phase(name) for name in own(it)] == ["Succeeded"]


@in_virtual_time
@pytest.mark.parametrize("version", ["3", None], ids=["to another version", "away"])
async def test_nothing_is_filed_for_an_alias_that_somebody_moves_in_that_moment(
    monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    """Nobody has told the operator yet: its request would be rejected, and so would the next one."""
    async with Cluster() as it:
        await promoted(it, drift="Restore")
        read, bad = it.prometheus.query, []

        async def read_and_moved(text: str) -> float | None:
            value = await read(text)
            bad.extend([value] if value == BAD else [])
            if len(bad) == FAILURES:
                it.registry.move(MODEL, "champion", version)
            return value

        monkeypatch.setattr(it.prometheus, "query", read_and_moved)
        breach(it, value=BAD)
        await it.settle(BREACHED)

        ended = {name: (it.phase(name), it.request(name).status.explanation) for name in own(it)}
        assert [phase for phase, _ in ended.values()] == ["Succeeded"], ended


@in_virtual_time
async def test_nothing_moves_when_the_version_before_is_no_better() -> None:
    async with Cluster() as it:
        await promoted(it)

        breach(it, "1", 0.3)
        breach(it)
        await it.settle(BREACHED)

        assert own(it) == []
        assert "version 1 is no better: 0.3" in said(it)

        breach(it, "1", 0.01)
        await it.settle(BREACHED)
        assert [it.phase(name) for name in own(it)] == ["Succeeded"]


@in_virtual_time
async def test_nothing_moves_while_somebody_has_moved_the_alias_by_hand() -> None:
    async with Cluster() as it:
        await promoted(it)
        await it.registry.set_alias(MODEL, "champion", "3")
        await it.settle(60)

        breach(it)
        await it.settle(BREACHED)

        assert own(it) == []
        assert "by hand" in said(it)


@in_virtual_time
@pytest.mark.parametrize("number", [None, float("nan"), float("inf")], ids=str)
async def test_without_a_number_nothing_moves_and_after_a_while_that_is_told(number: float | None) -> None:
    async with Cluster() as it:
        await promoted(it)

        it.prometheus.numbers[query("2")] = number
        await it.settle(BREACHED)
        condition = it.condition("MonitorsPassing")
        assert (condition.status, condition.reason) == ("Unknown", "NotCountedYet")

        await it.settle(300)
        assert it.condition("MonitorsPassing").reason == "NoData"
        assert [item.reason for item in it.objects.events].count("NoData") == 1
        assert own(it) == []

        it.prometheus.numbers[query("2")] = 0.01
        await it.settle(60)
        assert it.is_true("MonitorsPassing")


@in_virtual_time
async def test_a_dead_prometheus_moves_nothing_and_saves_nothing() -> None:
    async with Cluster() as it:
        await promoted(it)
        breach(it)
        it.prometheus.fail_next(Unavailable("the Prometheus does not answer"), times=100_000)

        await it.settle(3_600)
        assert own(it) == []
        assert "does not answer" in said(it)

        it.prometheus.heal()
        await it.settle(BREACHED)
        assert [it.phase(name) for name in own(it)] == ["Succeeded"]


@in_virtual_time
async def test_a_registry_that_is_away_is_waited_for() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.registry.fail_next(Unavailable("away"), times=100_000)
        await it.settle(60)

        breach(it)
        await it.settle(BREACHED)
        assert own(it) == []
        (monitor,) = it.alias().status.monitors
        assert monitor.state is MonitorState.BREACHED
        assert "registry does not answer" in monitor.follows

        it.registry.heal()
        await it.settle(BREACHED)
        assert [it.phase(name) for name in own(it)] == ["Succeeded"]


@in_virtual_time
@pytest.mark.parametrize(("by_now", "follows"), [(0.01, []), (None, []), (0.3, ["Succeeded"])], ids=str)
async def test_an_operator_that_was_away_reads_the_number_again_before_it_goes_back(
    by_now: float | None, follows: list[str]
) -> None:
    async with Cluster() as it:
        await promoted(it)
        it.edit_alias(suspend=True)
        breach(it)
        await it.settle(BREACHED)
        assert it.condition("MonitorsPassing").reason == "Breached"

        await it.stop()
        await asyncio.sleep(3_600)
        it.prometheus.numbers[query("2")] = by_now
        it.edit_alias(suspend=False)
        await it.settle(2 * BREACHED)

        assert [it.phase(name) for name in own(it)] == follows


@in_virtual_time
async def test_never_two_in_a_row_without_a_person() -> None:
    async with Cluster() as it:
        await promoted(it)
        breach(it)
        await it.settle(BREACHED)
        assert (await it.aliases())["champion"] == "1"

        breach(it, "1")
        await it.settle(BREACHED)
        assert len(own(it)) == 1
        assert "the alias came back to this version" in said(it)

        hold = it.alias().status.hold
        assert hold is not None
        it.objects.annotate_alias(NAMESPACE, NAME, **{RELEASE_HOLD: f"{timestamp_text(hold.since)} ana"})
        await it.settle(BREACHED)
        assert len(own(it)) == 1
        assert "the alias came back to this version" in said(it)
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_a_promotion_that_a_person_asked_for_arms_it_again() -> None:
    async with Cluster() as it:
        await promoted(it)
        breach(it)
        await it.settle(BREACHED)

        it.ask("next", "3")
        await it.settle(BREACHED)
        assert (await it.aliases())["champion"] == "3"
        breach(it, "3")
        await it.settle(BREACHED)

        assert (await it.aliases())["champion"] == "1", "not 2, which was breached"
        assert len(own(it)) == 2


@in_virtual_time
async def test_a_version_that_was_breached_is_nothing_to_go_back_to() -> None:
    async with Cluster() as it:
        await promoted(it, {**ERRORS, "onBreach": "Alert"})
        breach(it)
        await it.settle(BREACHED)
        it.ask("next", "3")
        await it.settle(BREACHED)

        it.edit_alias(monitors=[ERRORS])
        breach(it, "3")
        breach(it, "2", 0.01)
        await it.settle(2 * BREACHED)

        assert own(it) == []
        assert "breached with version 2 too" in said(it)


@in_virtual_time
async def test_a_version_stays_breached_when_the_alias_is_set_back_to_it() -> None:
    async with Cluster() as it:
        await promoted(it, {**ERRORS, "onBreach": "Alert"}, drift="Restore")
        breach(it)
        await it.settle(BREACHED)
        breach(it, value=0.01)
        await it.settle(60)

        await it.registry.set_alias(MODEL, "champion", "3")
        await it.settle(BREACHED)

        assert (await it.aliases())["champion"] == "2"
        assert [item.version for item in it.alias().status.breached] == ["2"]


@in_virtual_time
async def test_without_a_former_version_it_is_told() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.prometheus.numbers[query("1")] = 0.3
        it.add_alias(monitors=[ERRORS])

        await it.settle(BREACHED)

        assert own(it) == []
        assert "no former version" in said(it)


@in_virtual_time
async def test_a_rollback_that_a_person_aborted_is_not_filed_again() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.workloads.rolls_at_once = False
        breach(it)
        await it.settle(60)
        (name,) = own(it)

        it.edit_request(name, abort=True)
        it.workloads.rolls_at_once = True
        await it.finish_rollout()
        await it.settle(2 * BREACHED)

        assert own(it) == [name]
        assert it.phase(name) == "Aborted"
        assert (await it.aliases())["champion"] == "2"
        assert "ended Aborted" in said(it)
        assert not it.is_true("MonitorsPassing")


@in_virtual_time
async def test_a_rollback_that_cannot_be_filed_is_told_and_tried_again() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.objects.fail_next(Refused("may not create promotionrequests"), call="create_request", times=1_000)

        breach(it)
        await it.settle(BREACHED)
        assert "cannot file a rollback: may not create" in said(it)
        assert not [item for item in it.objects.events if "asks to go back" in item.message]

        it.objects.heal()
        await it.settle(BREACHED)
        assert [it.phase(name) for name in own(it)] == ["Succeeded"]


@in_virtual_time
@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_in_the_middle_files_one_request_and_goes_on(at: int, *, after: bool) -> None:
    async with Cluster() as it:
        await promoted(it)
        breach(it)
        it.trip.arm(at, after=after)
        await it.settle(BREACHED)
        await it.stop()
        it.trip.arm(0, after=False)

        await it.settle(2 * BREACHED)

        assert [it.phase(name) for name in own(it)] == ["Succeeded"]
        assert (await it.aliases())["champion"] == "1"
        assert [str(item.operation) for item in it.alias().status.history].count("Rollback") == 1


@in_virtual_time
async def test_a_version_that_was_breached_is_not_promoted_by_itself_again() -> None:
    async with Cluster() as it:
        auto = {"autoPromote": {"fromAlias": "challenger", "deleteSourceAlias": False}}
        await promoted(it, policy=auto)
        await it.registry.set_alias(MODEL, "challenger", "3")
        await it.settle(BREACHED)
        assert (await it.aliases())["champion"] == "3"

        breach(it, "3")
        await it.settle(BREACHED)
        assert (await it.aliases())["champion"] == "2"
        hold = it.alias().status.hold
        assert hold is not None
        it.objects.annotate_alias(NAMESPACE, NAME, **{RELEASE_HOLD: f"{timestamp_text(hold.since)} ana"})
        await it.settle(BREACHED)

        assert (await it.aliases())["champion"] == "2"
        seen = it.alias().status.auto_promote
        assert seen is not None
        assert seen.message.startswith("it was rolled back")


@in_virtual_time
async def test_when_many_aliases_breach_at_once_none_is_rolled_back() -> None:
    async with Cluster() as it:
        it.objects.clock = it.wall
        names = [f"m{number}" for number in range(8)]
        for name in names:
            await it.model(0.7, 0.8, aliases={"champion": "1"}, model=name)
            for number in ("1", "2"):
                it.prometheus.numbers[query(number, name)] = 0.01
            it.objects.add_alias(NAMESPACE, name, alias_spec(model=name, monitors=[ERRORS]))
            it.ask(f"{name}-go", "2", of=name)
        await it.settle(BREACHED)

        for name in names:
            it.prometheus.numbers[query("2", name)] = 0.3
        await it.settle(BREACHED)

        assert own(it) == []
        assert {it.condition("MonitorsPassing", name).reason for name in names} == {"MassBreach"}
        assert all(not it.alias(name).status.breached for name in names)

        for name in names[:-1]:
            it.prometheus.numbers[query("2", name)] = 0.01
        await it.settle(2 * BREACHED)
        assert own(it) == [], "the last of many rolls nothing back either"

        it.prometheus.numbers[query("2", names[-1])] = 0.01
        await it.settle(60)
        it.prometheus.numbers[query("2", names[-1])] = 0.3
        await it.settle(BREACHED)
        assert len(own(it)) == 1


@in_virtual_time
async def test_no_experiment_is_read_for_a_namespace_that_may_no_longer_manage_the_model() -> None:
    async with Cluster() as it:
        drift = {
            "name": "drift",
            "experiment": {"name": "drift", "metric": "psi"},
            "direction": "LowerIsBetter",
            "threshold": 0.2,
        }
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias(monitors=[drift])
        await it.settle(BREACHED)
        assert it.registry.called("live_metric")

        await it.stop()
        registries = {"default": {"uri": "http://mlflow", "allow": [{"models": ["fraud"]}]}}
        it.settings = Settings.model_validate({"registries": registries})
        asked = len(it.registry.called("live_metric"))
        await it.settle(BREACHED)

        assert len(it.registry.called("live_metric")) == asked


@in_virtual_time
async def test_a_request_of_somebody_else_with_its_name_keeps_no_rollback_from_being_filed() -> None:
    async with Cluster() as it:
        await promoted(it)
        current = it.alias().status.current
        assert current is not None
        name = f"{NAME}-breach-2-{int(current.since.timestamp()):x}"
        it.ask(name, "2", requestedBy="eve")
        await it.settle(30)

        breach(it)
        await it.settle(BREACHED)

        assert own(it) == [f"{name}-2"]
        assert (await it.aliases())["champion"] == "1"


@in_virtual_time
async def test_a_rollback_that_was_aborted_and_deleted_is_not_filed_again() -> None:
    async with Cluster() as it:
        await promoted(it)
        it.workloads.rolls_at_once = False
        breach(it)
        await it.settle(60)
        (name,) = own(it)
        it.edit_request(name, abort=True)
        it.workloads.rolls_at_once = True
        await it.finish_rollout()
        await it.settle(BREACHED)

        it.objects.remove_request(NAMESPACE, name)
        await it.stop()
        await it.settle(2 * BREACHED)

        assert own(it) == []
        assert "was filed for it, and is gone" in said(it)


@in_virtual_time
async def test_a_process_that_has_just_started_reads_the_version_before_first() -> None:
    async with Cluster() as it:
        await promoted(it)
        breach(it, "1", 0.3)
        breach(it)
        await it.settle(BREACHED)
        assert "version 1 is no better" in said(it)

        for _ in range(5):
            await it.stop()
            await it.settle(7)

        assert own(it) == []


@in_virtual_time
async def test_a_query_that_names_no_version_is_followed_too() -> None:
    async with Cluster() as it:
        whole = f'errors{{model="{MODEL}"}}'
        it.prometheus.numbers[whole] = 0.01
        await promoted(it, {**ERRORS, "prometheus": {"query": whole}})

        it.prometheus.numbers[whole] = 0.3
        await it.settle(BREACHED)

        assert [it.phase(name) for name in own(it)] == ["Succeeded"]
