"""What the port promises, asked of the oldest MLflow that is supported, whose runs have no logged models.

Here are the parts where it is another server than today's. `make compatibility` asks it the whole suite.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

from hack.mlflow_releases import OLDEST, python_of
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.ports import EvaluationRun, Registry
from modelalias.settings import RegistrySettings
from tests.contract.test_registry import TestVersionOfRun, model
from tests.contract.test_registry_crowd import (
    test_two_versions_of_one_model_are_one_call_however_many_lie_between,
)
from tests.contract.test_registry_signature import test_the_file_says_so
from tests.support.both_registries import opened_registry
from tests.support.mlflow_server import Server, running_mlflow
from tests.support.registry_seeder import MlflowSeeder, Seeder
from tests.support.shared_mlflow import shared_mlflow
from tests.support.whole_run import WholeRun

__all__ = [
    "TestVersionOfRun",
    "model",
    "test_the_file_says_so",
    "test_two_versions_of_one_model_are_one_call_however_many_lie_between",
]


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("oldest")
    with running_mlflow(folder, python=str(python_of(OLDEST))) as server:
        yield server


@pytest.fixture(params=["mlflow"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Registry, Seeder]]:
    async with opened_registry(request) as opened:
        yield opened


def test_it_is_the_oldest(mlflow_server: Server) -> None:
    assert mlflow_server.release == OLDEST


async def test_the_runs_of_another_server_are_read_and_made_there(
    mlflow_server: Server, whole_run: WholeRun
) -> None:
    name, tracking = f"model-{secrets.token_hex(4)}", shared_mlflow(whole_run)
    runs, models = MlflowSeeder(tracking, name), MlflowSeeder(mlflow_server, name)
    run_id = await runs.create_run([("auc", 0.9, 0)])
    await models.create_model(name)
    version = await models.create_version_by_name(name, run_id)
    alone, both = (
        MlflowRegistry(RegistrySettings(uri=mlflow_server.uri, tracking_uri=uri))
        for uri in (None, tracking.uri)
    )

    named = (await both.version(name, version)).run_id or ""
    evaluation = await both.evaluation_run(EvaluationRun(key="9f", experiment=name, name="eval", tags=()))
    found = [await registry.runs([named, evaluation]) for registry in (alone, both)]
    for registry in (alone, both):
        await registry.close()

    assert found[0] == {}
    assert found[1][run_id].metrics == {"auc": Decimal("0.9")}
    assert (await runs.read_run(evaluation)).experiment == name
