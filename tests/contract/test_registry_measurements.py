"""What a logged model was measured at, asked of the fake and of a real MLflow server."""

import secrets
from decimal import Decimal

import pytest

from modelalias.core.errors import LoggedModelNotFound
from modelalias.ports import Dataset, Measurement, Registry
from tests.support.registry_seeder import Seeder

HOLDOUT = Dataset(name="holdout", digest="9f3c")
SLICE = Dataset(name="slice", digest="77aa")
NAN = float("nan")

pytestmark = pytest.mark.needs_mlflow("3.0", "logged models")


@pytest.fixture
async def model_id(registry: Registry, seeder: Seeder) -> str:
    """A logged model without metrics, made by a run of its own."""
    return await _logged_model(registry, seeder)


async def test_each_dataset_has_its_own_value(registry: Registry, seeder: Seeder, model_id: str) -> None:
    await seeder.log_measurement(model_id, "auc", 0.1 + 0.2, HOLDOUT)
    await seeder.log_measurement(model_id, "auc", 0.1, SLICE)
    await seeder.log_measurement(model_id, "auc", 3)
    await seeder.log_measurement(model_id, "loss", -0.5, HOLDOUT)

    found = (await registry.measured(model_id, ["loss", "auc"])).measurements

    assert found == (
        Measurement(key="auc", value=Decimal("3.0"), dataset=None),
        Measurement(key="auc", value=Decimal("0.30000000000000004"), dataset=HOLDOUT),
        Measurement(key="auc", value=Decimal("0.1"), dataset=SLICE),
        Measurement(key="loss", value=Decimal("-0.5"), dataset=HOLDOUT),
    )


async def test_one_name_with_two_digests_is_two_datasets(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    other = Dataset(name="holdout", digest="0000")
    await seeder.log_measurement(model_id, "auc", 0.5, HOLDOUT)
    await seeder.log_measurement(model_id, "auc", 0.6, other)

    found = (await registry.measured(model_id, ["auc"])).measurements

    assert {item.dataset: item.value for item in found} == {HOLDOUT: Decimal("0.5"), other: Decimal("0.6")}


async def test_only_the_keys_asked_for_are_read(registry: Registry, seeder: Seeder, model_id: str) -> None:
    await seeder.log_measurement(model_id, "auc", 0.5)
    await seeder.log_measurement(model_id, "auc_slice", 0.6)

    assert [item.key for item in (await registry.measured(model_id, ["auc", "f1"])).measurements] == ["auc"]
    assert (await registry.measured(model_id, [])).measurements == ()


@pytest.mark.parametrize(
    ("logged", "last"),
    [
        ([(0.1, 1, 10), (0.2, 2, 20)], "0.2"),
        ([(0.9, 3, 10), (0.1, 1, 20)], "0.9"),
        ([(0.9, 1, 20), (0.1, 1, 10)], "0.9"),
        ([(0.9, 1, 10), (0.1, 1, 20)], "0.1"),
        ([(0.9, -2, 20), (0.1, -1, 10)], "0.1"),
    ],
    ids=["in order", "a lower step later", "one step, logged backwards", "one step, later", "negative steps"],
)
async def test_the_last_value_is_by_step_then_by_time(
    registry: Registry, seeder: Seeder, model_id: str, logged: list[tuple[float, int, int]], last: str
) -> None:
    for value, step, time in logged:
        await seeder.log_measurement(model_id, "auc", value, HOLDOUT, step=step, time=time)

    assert (await registry.measured(model_id, ["auc"])).measurements == (_at(last),)


async def test_nan_is_told_though_the_table_of_logged_models_stores_zero(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    await seeder.log_measurement(model_id, "loss", NAN, HOLDOUT)
    await seeder.log_measurement(model_id, "loss", 0.0, SLICE)

    nan, zero = (await registry.measured(model_id, ["loss"])).measurements

    assert (nan.dataset, nan.value.is_nan()) == (HOLDOUT, True)
    assert (zero.dataset, zero.value) == (SLICE, Decimal("0.0"))


async def test_nan_that_was_logged_last_hides_the_number_before(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    await seeder.log_measurement(model_id, "auc", 0.9, HOLDOUT, step=1)
    await seeder.log_measurement(model_id, "auc", NAN, HOLDOUT, step=2)

    (found,) = (await registry.measured(model_id, ["auc"])).measurements

    assert found.value.is_nan()


async def test_nan_beside_a_number_at_the_same_moment_makes_it_nan(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    """Of two values in one millisecond the table of logged models holds one, the run's history both."""
    evaluation = await seeder.create_run(models=[])
    await seeder.log_measurement(model_id, "auc", 0.9, HOLDOUT, run_id=evaluation, step=1, time=10)
    other = await _logged_model(registry, seeder)
    await seeder.log_measurement(other, "auc", NAN, HOLDOUT, run_id=evaluation, step=1, time=10)

    (found,) = (await registry.measured(model_id, ["auc"], [evaluation])).measurements

    assert found.value.is_nan()


@pytest.mark.parametrize(
    ("value", "stored"), [("inf", "1.7976931348623157E+308"), ("-inf", "-1.7976931348623157E+308")]
)
async def test_infinity_is_what_mlflow_stores_for_it(
    registry: Registry, seeder: Seeder, model_id: str, value: str, stored: str
) -> None:
    await seeder.log_measurement(model_id, "auc", float(value), HOLDOUT)

    assert (await registry.measured(model_id, ["auc"])).measurements == (_at(stored),)


async def test_what_an_evaluation_measured_counts_beside_what_the_model_s_own_run_did(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    evaluation = await seeder.create_run(models=[])
    await seeder.log_measurement(model_id, "auc", 0.4, HOLDOUT)
    await seeder.log_measurement(model_id, "auc", 0.6, HOLDOUT, run_id=evaluation)
    await seeder.log_measurement(model_id, "auc", 0.5, SLICE)

    found = (await registry.measured(model_id, ["auc"], [evaluation])).measurements

    assert [(item.dataset, item.value) for item in found] == [
        (HOLDOUT, Decimal("0.6")),
        (SLICE, Decimal("0.5")),
    ]


@pytest.mark.parametrize("step", [0, 1_000_000_000])
async def test_what_a_strangers_run_logged_neither_counts_nor_hides_what_does(
    registry: Registry, seeder: Seeder, model_id: str, step: int
) -> None:
    stranger = await seeder.create_run()
    await seeder.log_measurement(model_id, "auc", 0.4, HOLDOUT)
    await seeder.log_measurement(model_id, "auc", 0.99, HOLDOUT, run_id=stranger, step=step)
    await seeder.log_measurement(model_id, "auc", 0.99, SLICE, run_id=stranger, step=step)

    found = await registry.measured(model_id, ["auc"])

    assert found.measurements == (_at("0.4"),)
    assert found.run_id not in {None, stranger}


async def test_it_tells_the_run_that_made_the_model_whatever_a_version_says(
    registry: Registry, seeder: Seeder
) -> None:
    name = f"model-{secrets.token_hex(4)}"
    await seeder.create_model(name)
    maker, better = await seeder.create_run(), await seeder.create_run([("auc", 0.99, 0)])
    number = await seeder.create_version(name, maker, says=better)

    version = await registry.version(name, number)
    assert version.run_id == better
    assert version.model_id is not None
    runs = await registry.runs([maker, better])
    assert version.model_id in runs[maker].models
    assert version.model_id not in runs[better].models
    assert len(runs[better].models) == 1
    assert (await registry.measured(version.model_id, [])).run_id == maker


@pytest.mark.needs_mlflow("3.10", "models of a run in a search of runs")
async def test_runs_that_are_searched_tell_their_models_as_one_does(
    registry: Registry, seeder: Seeder
) -> None:
    maker = await seeder.create_run()
    others = [await seeder.create_run(models=[]) for _ in range(8)]  # so many that they are searched for

    alone = (await registry.runs([maker]))[maker]
    many = await registry.runs([maker, *others])

    assert len(alone.models) == 1
    assert many[maker].models == alone.models


async def test_what_a_deleted_run_measured_is_left_out_and_hides_what_was_before(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    evaluation = await seeder.create_run(models=[])
    await seeder.log_measurement(model_id, "auc", 0.4, HOLDOUT)
    await seeder.log_measurement(model_id, "auc", 0.6, HOLDOUT, run_id=evaluation)
    await seeder.log_measurement(model_id, "auc", 0.5, SLICE)

    await seeder.delete_run(evaluation)

    assert (await registry.measured(model_id, ["auc"], [evaluation])).measurements == (_at("0.5", SLICE),)


async def test_what_the_history_does_not_hold_is_left_out(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    evaluation = await seeder.create_run(models=[])
    await seeder.log_measurement(model_id, "auc", 0.6, HOLDOUT, run_id=evaluation, step=1)
    await seeder.log_measurement(model_id, "f1", 0.7, HOLDOUT, run_id=evaluation, step=1)

    await seeder.forget_history(evaluation, "auc")
    await seeder.log_metric(evaluation, "auc", 0.6, step=1)

    assert [
        item.key for item in (await registry.measured(model_id, ["auc", "f1"], [evaluation])).measurements
    ] == ["f1"]


async def test_another_value_at_that_moment_is_left_out(
    registry: Registry, seeder: Seeder, model_id: str
) -> None:
    evaluation = await seeder.create_run(models=[])
    other = await _logged_model(registry, seeder)
    await seeder.log_measurement(model_id, "auc", 0.6, HOLDOUT, run_id=evaluation, step=1, time=10)
    await seeder.forget_history(evaluation, "auc")

    await seeder.log_measurement(other, "auc", 0.5, HOLDOUT, run_id=evaluation, step=1, time=10)

    assert (await registry.measured(model_id, ["auc"], [evaluation])).measurements == ()
    assert (await registry.measured(other, ["auc"], [evaluation])).measurements == (_at("0.5"),)


@pytest.mark.parametrize(
    "missing", ["m-0123456789abcdef0123456789abcdef", "m-../../x", "churn", "", "M-01", "m-01\n"]
)
async def test_a_logged_model_that_is_not_there(registry: Registry, missing: str) -> None:
    with pytest.raises(LoggedModelNotFound):
        await registry.measured(missing, ["auc"])


async def test_a_deleted_logged_model_is_not_there(registry: Registry, seeder: Seeder, model_id: str) -> None:
    await seeder.delete_logged_model(model_id)

    with pytest.raises(LoggedModelNotFound, match=model_id):
        await registry.measured(model_id, ["auc"])


async def _logged_model(registry: Registry, seeder: Seeder) -> str:
    name = f"model-{secrets.token_hex(4)}"
    await seeder.create_model(name)
    version = await seeder.create_version(name, await seeder.create_run())
    found = (await registry.version(name, version)).model_id
    assert found is not None
    return found


def _at(value: str, dataset: Dataset = HOLDOUT) -> Measurement:
    return Measurement(key="auc", value=Decimal(value), dataset=dataset)
