"""Gated pins: a version that the alias never held has to pass before an edit of spec.version moves it."""

from typing import Any

import pytest

from modelalias.ports import Dataset
from tests.support.harness import MODEL, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import gated

GATE = {"champion": {"maxRegression": 0}}
EVALUATED = {"name": "holdout", "metric": "holdout_auc", "threshold": 0.8, "metricFrom": "Evaluation"}


def _policy(*gates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**gated(*gates)["policy"], "pins": "Gated", **more}


@in_virtual_time
async def test_a_pin_that_the_gates_refuse_moves_nothing_and_says_why() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.8, aliases={"champion": "1"})
        it.add_alias(policy=_policy(GATE))
        await it.settle()
        it.edit_alias(version="2")
        await it.settle()

        assert await it.aliases() == {"champion": "1"}
        stalled = it.condition("Stalled")
        assert (stalled.status, stalled.reason) == ("True", "GatesFailed")
        assert (
            stalled.message
            == "the pin of version 2 is refused: gate auc: val_auc 0.8 is not >= 0.9 (champion 0.9 - 0), "
            "short by 0.1"
        )
        verdict = it.alias().status.pin
        assert verdict is not None
        assert (verdict.version, verdict.champion, [item.result for item in verdict.gates]) == (
            "2",
            "1",
            ["Failed"],
        )
        assert [event.reason for event in it.objects.events].count("GatesFailed") == 1
        await it.assert_settled()


@in_virtual_time
async def test_a_pin_that_passes_moves_the_alias() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy=_policy(GATE))
        await it.settle()
        it.edit_alias(version="2")
        await it.settle()

        assert await it.aliases() == {"champion": "2"}
        assert it.is_true("Ready")
        verdict = it.alias().status.pin
        assert verdict is not None
        assert verdict.explanation == "it passed"
        assert it.alias().status.history[-1].evidence is not None
        await it.assert_settled()


@in_virtual_time
async def test_a_version_of_the_history_is_taken_back_without_a_question() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy=_policy({"threshold": 0.85}))
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "Succeeded"
        it.edit_alias(version="1")
        await it.settle()

        assert await it.aliases() == {"champion": "1"}
        assert it.alias().status.pin is None


@in_virtual_time
async def test_a_pin_that_cannot_be_judged_is_refused_even_where_people_approve_requests() -> None:
    async with Cluster() as it:
        await it.model(0.8, None, aliases={"champion": "1"})
        approval = {"required": "OnInconclusive"}
        it.add_alias(policy=_policy({"threshold": 0.5, "onMissing": "Inconclusive"}, approval=approval))
        await it.settle()
        it.edit_alias(version="2")
        await it.settle()

        assert it.condition("Stalled").reason == "Inconclusive"
        assert await it.aliases() == {"champion": "1"}


@in_virtual_time
async def test_a_pin_is_evaluated_by_a_job_of_the_alias() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.jobs.add_cron_job(NAMESPACE, "holdout")
        it.add_alias(policy=_policy(EVALUATED, evaluation={"cronJob": "holdout"}))
        await it.settle()
        it.edit_alias(version="2")
        await it.settle()
        (job,) = it.jobs.started
        assert (job.owner.kind, job.owner.name) == ("ModelAlias", "churn-champion")
        assert it.condition("Ready").reason == "Evaluating"
        assert not it.is_true("Stalled")
        await it.registry.log_metric(job.run_id, "holdout_auc", 0.85)
        await it.registry.log_dataset(job.run_id, Dataset(name="holdout", digest="1"))
        it.jobs.finish(job.ref)
        await it.settle()

        assert await it.aliases() == {"champion": "2"}
        await it.assert_settled()


@in_virtual_time
async def test_a_pin_that_is_taken_away_leaves_no_job() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.jobs.add_cron_job(NAMESPACE, "holdout")
        it.add_alias(policy=_policy(EVALUATED, evaluation={"cronJob": "holdout"}))
        it.edit_alias(version="2")
        await it.settle()
        assert len(it.jobs.jobs) == 1
        it.edit_alias(version=None)
        await it.settle()

        assert it.jobs.jobs == {}
        assert it.alias().status.pin is None
        assert not it.is_true("Stalled")
        await it.assert_settled()


@in_virtual_time
async def test_a_pin_waits_for_its_soak() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "staging": "2"})
        it.add_alias(
            policy=_policy({"threshold": 0.5}, eligibility={"soak": {"alias": "staging", "for": "1h"}})
        )
        await it.settle()
        it.edit_alias(version="2")
        await it.settle(1800)
        assert it.condition("Ready").reason == "Soaking"
        await it.settle(1900)

        assert (await it.aliases())["champion"] == "2"
        assert (await it.registry.version(MODEL, "2")).version == "2"


@in_virtual_time
async def test_a_pin_of_what_was_moved_there_by_hand_is_compared_with_what_was_before() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.5, aliases={"champion": "1"})
        it.add_alias(policy=_policy(GATE))
        await it.settle()
        await it.registry.set_alias(MODEL, "champion", "2")
        await it.settle(60)
        it.edit_alias(version="2")
        await it.settle()

        assert it.condition("Stalled").reason == "GatesFailed"
        verdict = it.alias().status.pin
        assert verdict is not None
        assert (verdict.champion, verdict.gates[0].champion) == ("1", "0.9")


@in_virtual_time
async def test_another_pin_leaves_no_job_of_the_one_before() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, 0.95, aliases={"champion": "1", "staging": "3"})
        it.jobs.add_cron_job(NAMESPACE, "holdout")
        compared = {**EVALUATED, "threshold": None, "champion": {"maxRegression": 0}}
        gates = {key: value for key, value in compared.items() if value is not None}
        it.add_alias(policy=_policy(gates, evaluation={"cronJob": "holdout"}), version="2")
        await it.settle()
        runs = [job.run_id for job in it.jobs.started]
        assert len(runs) == 2
        soak = {"soak": {"alias": "staging", "for": "1h"}}
        it.edit_alias(version="3", policy=_policy(gates, evaluation={"cronJob": "holdout"}, eligibility=soak))
        await it.settle()

        assert it.jobs.jobs == {}
        assert [(await it.registry.read_run(run)).status for run in runs] == ["KILLED", "KILLED"]


@in_virtual_time
async def test_a_pin_that_is_not_eligible_is_not_asked_for_again_and_again() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy=_policy(GATE, eligibility={"requireAlias": "smoke"}), version="2")
        await it.settle()
        before = len(it.registry.called("version"))
        await it.settle(300)

        assert len(it.registry.called("version")) == before


@in_virtual_time
@pytest.mark.parametrize("by_hand", ["before it is pinned", "while it is judged"])
@pytest.mark.parametrize(("on_no_champion", "passes"), [("Pass", True), ("Fail", False)])
async def test_a_version_is_no_yardstick_for_itself(by_hand: str, on_no_champion: str, passes: bool) -> None:
    """The alias named nothing at first sight, and somebody made the pinned version champion by hand."""
    async with Cluster() as it:
        await it.model(0.9, 0.8)
        it.add_alias(policy=_policy({**GATE, "onNoChampion": on_no_champion}))
        await it.settle()
        await it.registry.set_alias("churn", "champion", "2")
        if by_hand == "before it is pinned":
            await it.settle(60)
        it.edit_alias(version="2")
        await it.settle(60)

        assert it.is_true("Stalled") is not passes
        verdict = it.alias().status.pin
        assert verdict is not None
        assert verdict.champion is None
        assert [item.champion for item in verdict.gates] == [None]
