"""Metrics that jobs measure in production, asked of the fake and of a real MLflow server."""

import math
import secrets
from decimal import Decimal

import pytest

from modelalias.ports import EvaluationRun, Registry
from tests.support.registry_seeder import Seeder

MODEL = "churn"
LIMIT = Decimal("1.7976931348623157E+308")


@pytest.fixture
def experiment() -> str:
    """Return the name of an experiment that is not there yet."""
    return f"drift {secrets.token_hex(4)}/o'neil"


async def measured(
    registry: Registry,
    seeder: Seeder,
    experiment: str,
    *values: float,
    model: str = MODEL,
    version: str = "3",
) -> str:
    """Make a run whose tags name a version, as a job does that measures it, and return its id."""
    tags = (("modelalias.model", model), ("modelalias.version", version))
    run_id = await registry.evaluation_run(
        EvaluationRun(key=secrets.token_hex(16), experiment=experiment, name="drift", tags=tags)
    )
    for step, value in enumerate(values):
        await seeder.log_metric(run_id, "psi", value, step=step)
    return run_id


async def value_of(registry: Registry, experiment: str, model: str = MODEL, version: str = "3") -> str | None:
    found = await registry.live_metric(experiment, "psi", model, version)
    return None if found is None else str(found.value)


async def test_the_newest_run_counts(registry: Registry, seeder: Seeder, experiment: str) -> None:
    await measured(registry, seeder, experiment, 0.1)
    newest = await measured(registry, seeder, experiment, 0.2)

    found = await registry.live_metric(experiment, "psi", MODEL, "3")

    assert found is not None
    assert (found.run_id, found.value) == (newest, Decimal("0.2"))


async def test_the_last_value_of_a_run_counts(registry: Registry, seeder: Seeder, experiment: str) -> None:
    await measured(registry, seeder, experiment, 0.1, 0.3)

    assert await value_of(registry, experiment) == "0.3"


async def test_a_run_that_has_not_logged_it_yet_hides_none(
    registry: Registry, seeder: Seeder, experiment: str
) -> None:
    await measured(registry, seeder, experiment, 0.1)
    for _ in range(4):
        await measured(registry, seeder, experiment)

    assert await value_of(registry, experiment) == "0.1"


async def test_many_runs_without_it_do(registry: Registry, seeder: Seeder, experiment: str) -> None:
    await measured(registry, seeder, experiment, 0.1)
    for _ in range(5):
        await measured(registry, seeder, experiment)

    assert await value_of(registry, experiment) is None


async def test_other_versions_models_and_experiments_are_passed_over(
    registry: Registry, seeder: Seeder, experiment: str
) -> None:
    await measured(registry, seeder, experiment, 0.1)
    await measured(registry, seeder, experiment, 0.2, version="33")
    await measured(registry, seeder, experiment, 0.3, model="churn2")
    await measured(registry, seeder, experiment, 0.4, model="Churn")
    await measured(registry, seeder, f"{experiment}-2", 0.5)

    assert await value_of(registry, experiment) == "0.1"
    assert await value_of(registry, experiment, version="4") is None


@pytest.mark.parametrize(
    "model",
    [
        "o'neil",
        'six"inch',
        "both'\"",
        "back\\slash",
        "back`tick",
        "x' OR tags.`modelalias.version` = '3",
        "100%",
        "Ünïcode",
        "a -- b",
    ],
)
async def test_a_name_does_not_leave_its_filter(
    registry: Registry, seeder: Seeder, experiment: str, model: str
) -> None:
    await measured(registry, seeder, experiment, 0.1, model=model)
    await measured(registry, seeder, experiment, 0.2)

    assert await value_of(registry, experiment, model) == "0.1"


@pytest.mark.parametrize("metric", ["psi of tenure", "psi/tenure", "psi'"])
async def test_any_metric_can_be_asked_for(
    registry: Registry, seeder: Seeder, experiment: str, metric: str
) -> None:
    await measured(registry, seeder, experiment, 0.1)

    assert await registry.live_metric(experiment, metric, MODEL, "3") is None


async def test_no_such_experiment_has_no_number(registry: Registry, experiment: str) -> None:
    assert await value_of(registry, experiment) is None


async def test_a_deleted_experiment_has_no_number(
    registry: Registry, seeder: Seeder, experiment: str
) -> None:
    await measured(registry, seeder, experiment, 0.1)
    await seeder.delete_experiment(experiment)

    assert await value_of(registry, experiment) is None


async def test_a_deleted_run_is_passed_over(registry: Registry, seeder: Seeder, experiment: str) -> None:
    await measured(registry, seeder, experiment, 0.1)
    await seeder.delete_run(await measured(registry, seeder, experiment, 0.2))

    assert await value_of(registry, experiment) == "0.1"


async def test_nan_stays_nan(registry: Registry, seeder: Seeder, experiment: str) -> None:
    await measured(registry, seeder, experiment, 0.1)
    await measured(registry, seeder, experiment, math.nan)

    assert await value_of(registry, experiment) == "NaN"


@pytest.mark.parametrize(("value", "read"), [(math.inf, LIMIT), (-math.inf, -LIMIT)])
async def test_infinity_is_what_mlflow_stores_for_it(
    registry: Registry, seeder: Seeder, experiment: str, value: float, read: Decimal
) -> None:
    await measured(registry, seeder, experiment, value)

    assert await value_of(registry, experiment) == str(read)
