"""Numbers count for a version only from the run that made its model, whatever stands beside them."""

from typing import Any

import pytest

from modelalias.ports import Dataset
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time

RUN = {"name": "own", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.9}
LOGGED = {**RUN, "name": "logged", "metricFrom": "LoggedModel"}
BEATS = {
    "name": "beats",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "champion": {"minImprovement": 0},
    "metricFrom": "LoggedModel",
}
HOLDOUT = {
    "name": "holdout",
    "metric": "holdout_auc",
    "direction": "HigherIsBetter",
    "threshold": 0.5,
    "metricFrom": "Evaluation",
}


async def _version(it: Cluster, value: float, **fields: Any) -> tuple[str, str]:
    """Make a version whose run and logged model have the value; return its number and the logged model."""
    run = await it.registry.create_run([("val_auc", value, 0)])
    number = await it.registry.create_version("churn", run, **fields)
    model_id = it.registry.versions("churn")[number].model_id
    assert model_id is not None
    await it.registry.log_measurement(model_id, "val_auc", value)
    return number, model_id


@in_virtual_time
@pytest.mark.parametrize("gates", [[RUN], [LOGGED]], ids=["gates on runs", "gates on logged models"])
async def test_a_version_that_names_a_better_run_than_its_own_cannot_be_judged(gates: list[Any]) -> None:
    async with Cluster() as it:
        await it.model()
        better = await it.registry.create_run([("val_auc", 0.99, 0)])
        forged, model_id = await _version(it, 0.5, says=better)
        it.add_alias(policy={"gates": gates})
        it.ask("go", forged)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert better in it.says("go")
        assert model_id in it.says("go")


@in_virtual_time
async def test_a_run_that_lists_no_models_does_not_vouch_for_one() -> None:
    async with Cluster() as it:
        await it.model()
        better = await it.registry.create_run([("val_auc", 0.99, 0)], models=())
        forged, model_id = await _version(it, 0.5, says=better)
        it.add_alias(policy={"gates": [RUN]})
        it.ask("go", forged)
        await it.settle()

        assert it.end("go") == ("Rejected", "Inconclusive")
        assert model_id in it.says("go")


@in_virtual_time
async def test_gates_on_runs_read_no_logged_model() -> None:
    async with Cluster() as it:
        await it.model(aliases={})
        good, _ = await _version(it, 0.95)
        it.add_alias(policy={"gates": [RUN]})
        it.ask("go", good)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.registry.called("measured") == ()
        assert len(it.registry.called("runs")) == 1


@in_virtual_time
async def test_what_a_strangers_run_logs_onto_the_champions_model_lowers_no_bar() -> None:
    async with Cluster() as it:
        await it.model()
        (first, champion), (second, _) = await _version(it, 0.8), await _version(it, 0.7)
        stranger = await it.registry.create_run()
        await it.registry.log_measurement(champion, "val_auc", 0.1, run_id=stranger, step=10**9)
        await it.registry.set_alias("churn", "champion", first)
        it.add_alias(policy={"gates": [BEATS]})
        it.ask("go", second)
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert "champion 0.8" in it.says("go")


@in_virtual_time
async def test_nor_does_it_raise_a_candidate_or_hide_what_its_own_run_logged() -> None:
    async with Cluster() as it:
        await it.model()
        (bad, of_bad), (good, of_good) = await _version(it, 0.5), await _version(it, 0.95)
        stranger = await it.registry.create_run()
        await it.registry.log_measurement(of_bad, "val_auc", 0.99, run_id=stranger, step=10**9)
        other = Dataset(name="another", digest="1")
        await it.registry.log_measurement(of_good, "val_auc", 0.1, other, run_id=stranger, step=10**9)
        it.add_alias(policy={"gates": [LOGGED]})
        it.ask("bad", bad)
        it.ask("good", good)
        await it.settle()

        assert it.end("bad") == ("Rejected", "GatesFailed")
        assert it.end("good") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_what_its_evaluation_logs_onto_the_model_counts() -> None:
    async with Cluster() as it:
        await it.model()
        run = await it.registry.create_run([])
        number = await it.registry.create_version("churn", run)
        model_id = it.registry.versions("churn")[number].model_id
        assert model_id is not None
        it.jobs.add_cron_job(NAMESPACE, "churn-holdout")
        it.add_alias(
            policy={
                "gates": [{**LOGGED, "onMissing": "Inconclusive"}, HOLDOUT],
                "evaluation": {"cronJob": "churn-holdout"},
                "approval": {"required": "OnInconclusive"},
            }
        )
        it.ask("go", number, requestedBy="ana")
        await it.settle()
        (job,) = it.jobs.started
        await it.registry.log_metric(job.run_id, "holdout_auc", 0.9)
        await it.registry.log_measurement(model_id, "val_auc", 0.95, run_id=job.run_id)
        it.jobs.finish(job.ref)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
