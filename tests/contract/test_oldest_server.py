"""What the port promises, asked of the oldest MLflow that is supported, whose runs have no logged models.

Here are the parts where it is another server than today's. `make compatibility` asks it the whole suite.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from hack.mlflow_releases import OLDEST, python_of
from modelalias.ports import Registry
from tests.contract.test_registry import TestVersionOfRun, model
from tests.contract.test_registry_signature import test_the_file_says_so
from tests.support.both_registries import opened_registry
from tests.support.mlflow_server import Server, running_mlflow
from tests.support.registry_seeder import Seeder

__all__ = ["TestVersionOfRun", "model", "test_the_file_says_so"]


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
