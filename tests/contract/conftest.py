"""The registry that a contract is asked of: the fake, and a real MLflow server."""

from collections.abc import AsyncIterator

import pytest

from modelalias.ports import Registry
from tests.support.both_registries import KINDS, opened_registry
from tests.support.registry_seeder import Seeder


@pytest.fixture(params=KINDS)
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Registry, Seeder]]:
    async with opened_registry(request) as opened:
        yield opened


@pytest.fixture
def registry(both: tuple[Registry, Seeder]) -> Registry:
    return both[0]


@pytest.fixture
def seeder(both: tuple[Registry, Seeder]) -> Seeder:
    return both[1]
