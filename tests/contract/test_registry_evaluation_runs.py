"""Runs that evaluation Jobs log into, asked of the fake and of a real MLflow server."""

import asyncio
import secrets
from decimal import Decimal

import pytest

from modelalias.core.errors import InvalidRequest
from modelalias.ports import Dataset, EvaluationRun, Registry, RunStatus
from tests.support.registry_seeder import Seeder

UNKNOWN_RUN = "0123456789abcdef0123456789abcdef"
ENDS = [RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED]


@pytest.fixture
def wanted() -> EvaluationRun:
    """A run in an experiment that is not there yet."""
    return EvaluationRun(
        key=secrets.token_hex(32),
        experiment=f"evals {secrets.token_hex(4)}/o'neil",
        name="churn-v4",
        tags=(("alias", "it's"),),
    )


class TestOpening:
    async def test_a_run_is_made_running_with_its_name_and_tags(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        run_id = await registry.evaluation_run(wanted)

        run = await seeder.read_run(run_id)
        assert (run.name, run.experiment, run.status, run.ended) == (
            "churn-v4",
            wanted.experiment,
            "RUNNING",
            False,
        )
        assert run.tags == {"alias": "it's", "modelalias.evaluation": wanted.key}

    async def test_the_same_key_is_the_same_run(self, registry: Registry, wanted: EvaluationRun) -> None:
        first = await registry.evaluation_run(wanted)

        again = await registry.evaluation_run(wanted.model_copy(update={"name": "another", "tags": ()}))

        assert again == first

    async def test_a_run_that_ended_is_the_same_run(self, registry: Registry, wanted: EvaluationRun) -> None:
        first = await registry.evaluation_run(wanted)
        await registry.end_run(first, wanted.key, RunStatus.FAILED)

        assert await registry.evaluation_run(wanted) == first

    async def test_another_key_or_experiment_is_another_run(
        self, registry: Registry, wanted: EvaluationRun
    ) -> None:
        others = [
            wanted,
            wanted.model_copy(update={"key": wanted.key[:-1]}),
            wanted.model_copy(update={"experiment": f"{wanted.experiment}-2"}),
        ]

        runs = [await registry.evaluation_run(one) for one in others]

        assert len(set(runs)) == 3

    async def test_concurrent_calls_make_one_run(self, registry: Registry, wanted: EvaluationRun) -> None:
        found = await asyncio.gather(*(registry.evaluation_run(wanted) for _ in range(6)))

        assert len(set(found)) == 1

    async def test_concurrent_calls_for_one_new_experiment_all_answer(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        each = [wanted.model_copy(update={"key": f"{number:02x}"}) for number in range(6)]

        found = await asyncio.gather(*(registry.evaluation_run(one) for one in each))

        assert len(set(found)) == 6
        assert {(await seeder.read_run(run_id)).experiment for run_id in found} == {wanted.experiment}

    async def test_a_deleted_run_is_made_anew(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        first = await registry.evaluation_run(wanted)
        await seeder.delete_run(first)

        assert await registry.evaluation_run(wanted) != first

    async def test_a_deleted_experiment_must_be_restored(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        await registry.evaluation_run(wanted)
        await seeder.delete_experiment(wanted.experiment)

        with pytest.raises(InvalidRequest, match=f"{wanted.experiment} is deleted .* restore it"):
            await registry.evaluation_run(wanted)

    @pytest.mark.parametrize("key", ["", "A1", "g", "a" * 65, "a' OR '1' = '1", "ab\n", "٣"])
    async def test_a_key_that_is_none_is_a_bug(
        self, registry: Registry, wanted: EvaluationRun, key: str
    ) -> None:
        with pytest.raises(ValueError, match="hexadecimal"):
            await registry.evaluation_run(wanted.model_copy(update={"key": key}))

    async def test_what_a_job_logs_is_read(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        run_id = await registry.evaluation_run(wanted)
        holdout = Dataset(name="holdout", digest="e7a1", context="evaluation")

        await seeder.log_metric(run_id, "auc", 0.5)
        await seeder.log_dataset(run_id, holdout)

        run = (await registry.runs([run_id]))[run_id]
        assert (run.finished, run.metrics, run.datasets) == (False, {"auc": Decimal("0.5")}, (holdout,))
        assert run.evaluation == wanted.key


class TestEnding:
    @pytest.mark.parametrize("status", ENDS)
    async def test_a_running_run_ends(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun, status: RunStatus
    ) -> None:
        run_id = await registry.evaluation_run(wanted)

        await registry.end_run(run_id, wanted.key, status)

        run = await seeder.read_run(run_id)
        assert (run.status, run.ended) == (status, True)
        assert (run.name, run.tags["alias"]) == ("churn-v4", "it's")

    async def test_the_first_end_stays(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        run_id = await registry.evaluation_run(wanted)
        await registry.end_run(run_id, wanted.key, RunStatus.FAILED)

        await registry.end_run(run_id, wanted.key, RunStatus.FINISHED)

        assert (await seeder.read_run(run_id)).status == "FAILED"

    async def test_only_the_run_of_that_very_evaluation_ends(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        other = wanted.model_copy(update={"key": secrets.token_hex(32)})
        run_id = await registry.evaluation_run(wanted)
        of_nobody = await seeder.create_run(models=[])

        for one in (run_id, of_nobody):
            await registry.end_run(one, other.key, RunStatus.KILLED)

        assert (await seeder.read_run(run_id)).status == "RUNNING"
        assert (await seeder.read_run(of_nobody)).status == "FINISHED"

    async def test_a_deleted_run_stays_as_it_is(
        self, registry: Registry, seeder: Seeder, wanted: EvaluationRun
    ) -> None:
        run_id = await registry.evaluation_run(wanted)
        await seeder.delete_run(run_id)

        await registry.end_run(run_id, wanted.key, RunStatus.FINISHED)

        assert (await seeder.read_run(run_id)).status == "RUNNING"

    @pytest.mark.parametrize("run_id", [UNKNOWN_RUN, "", "' OR 1", "../x"])
    async def test_a_run_that_is_not_there_is_fine(
        self, registry: Registry, wanted: EvaluationRun, run_id: str
    ) -> None:
        await registry.end_run(run_id, wanted.key, RunStatus.FINISHED)

    @pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.SCHEDULED])
    async def test_a_status_that_is_no_end_is_a_bug(
        self, registry: Registry, wanted: EvaluationRun, status: RunStatus
    ) -> None:
        run_id = await registry.evaluation_run(wanted)

        with pytest.raises(ValueError, match="does not end"):
            await registry.end_run(run_id, wanted.key, status)
