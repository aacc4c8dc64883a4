"""Where a version's files lie, asked of the fake and of a real MLflow server."""

import secrets
from urllib.parse import urlsplit

import pytest

from modelalias.core.errors import ModelNotFound, VersionNotFound
from modelalias.ports import Registry
from tests.support.registry_seeder import Seeder


@pytest.fixture
async def model(seeder: Seeder) -> str:
    """A model with a version that a run made, and one that nothing made."""
    name = f"model-{secrets.token_hex(4)}"
    await seeder.create_model(name)
    await seeder.create_version(name, await seeder.create_run())
    await seeder.create_version(name)
    return name


@pytest.mark.parametrize("version", ["1", "2"])
async def test_the_address_is_of_storage_and_not_of_the_registry(
    registry: Registry, model: str, version: str
) -> None:
    address = urlsplit(await registry.artifact_address(model, version))

    assert address.scheme
    assert address.scheme not in {"models", "runs"}
    assert address.path


async def test_each_version_has_its_own(registry: Registry, model: str) -> None:
    one, two = [await registry.artifact_address(model, version) for version in ("1", "2")]

    assert one != two


@pytest.mark.parametrize("version", ["3", "01", "latest"])
async def test_a_version_that_is_not_there(registry: Registry, model: str, version: str) -> None:
    with pytest.raises(VersionNotFound):
        await registry.artifact_address(model, version)


async def test_a_model_that_is_not_there(registry: Registry) -> None:
    with pytest.raises(ModelNotFound):
        await registry.artifact_address(f"model-{secrets.token_hex(4)}", "1")
