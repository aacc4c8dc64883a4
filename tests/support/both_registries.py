"""A registry and who changes it from outside, in memory or on a real MLflow server, for the suites that run
on both."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import pytest

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.ports import Aliases, Registry
from modelalias.settings import RegistrySettings
from tests.support.fake_registry import FakeRegistry
from tests.support.mlflow_server import Server
from tests.support.registry_seeder import MlflowSeeder, Seeder

KINDS: Final = ("fake", "mlflow")
SMALL_PAGE: Final = 2
TRIES: Final = 5


@asynccontextmanager
async def opened_registry(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Registry, Seeder]]:
    """Open the registry that the fixture's parameter names; the server is the session's own."""
    if request.param == "fake":
        fake = FakeRegistry()
        seeder: Seeder = fake
        yield fake, seeder
        return
    server: Server = request.getfixturevalue("mlflow_server")
    registry = MlflowRegistry(RegistrySettings(uri=server.uri), page_size=SMALL_PAGE)
    real = MlflowSeeder(server, f"contract-{secrets.token_hex(4)}")
    yield registry, real
    real.leave()
    await registry.close()


async def listed(registry: Registry, *names: str) -> Mapping[str, Aliases]:
    """Return what a snapshot has of these models.

    MLflow's pages are offsets: where others delete models meanwhile one can be passed over, or be told without its
    aliases, so it is asked again.
    """
    for _ in range(TRIES):
        found = await registry.snapshot()
        if all(found.get(name) for name in names):
            break
    return {name: found[name] for name in names}
