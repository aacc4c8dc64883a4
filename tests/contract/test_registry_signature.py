"""Whether a version's MLmodel file names a signature, asked of the fake and of a real MLflow server."""

import secrets

import pytest

from modelalias.core.errors import ModelNotFound, Unreadable, VersionNotFound
from modelalias.ports import Registry
from tests.support.registry_seeder import Seeder
from tests.support.seeded import ModelFile

UNREADABLE = [ModelFile.NO_YAML, ModelFile.NO_MAPPING]


@pytest.fixture
async def model(seeder: Seeder) -> str:
    """A model with one version, whose logged model has no files."""
    name = f"model-{secrets.token_hex(4)}"
    await seeder.create_model(name)
    await seeder.create_version(name, await seeder.create_run())
    return name


@pytest.mark.parametrize(
    ("file", "signed"),
    [(ModelFile.SIGNED, True), (ModelFile.UNSIGNED, False), (ModelFile.NO_SIGNATURE, False)],
)
async def test_the_file_says_so(
    registry: Registry, seeder: Seeder, model: str, file: ModelFile, signed: bool
) -> None:
    await seeder.write_model_file(model, "1", file)

    assert await registry.has_signature(model, "1") is signed


async def test_each_version_has_its_own_file(registry: Registry, seeder: Seeder, model: str) -> None:
    other = await seeder.create_version(model, await seeder.create_run())
    await seeder.write_model_file(model, "1", ModelFile.UNSIGNED)
    await seeder.write_model_file(model, other, ModelFile.SIGNED)

    assert [await registry.has_signature(model, version) for version in ("1", other)] == [False, True]


@pytest.mark.parametrize("file", UNREADABLE)
async def test_a_file_without_sense_is_unreadable(
    registry: Registry, seeder: Seeder, model: str, file: ModelFile
) -> None:
    await seeder.write_model_file(model, "1", file)

    with pytest.raises(Unreadable, match=f"the MLmodel file of version 1 of model {model}"):
        await registry.has_signature(model, "1")


@pytest.mark.needs_mlflow("3.0", "models without files")
async def test_no_file_is_unreadable(registry: Registry, model: str) -> None:
    with pytest.raises(Unreadable, match=f"the MLmodel file of version 1 of model {model}"):
        await registry.has_signature(model, "1")


async def test_what_stands_elsewhere_is_unreadable(registry: Registry, seeder: Seeder, model: str) -> None:
    version = await seeder.create_version(model)

    with pytest.raises(Unreadable) as failure:
        await registry.has_signature(model, version)

    assert "s3" not in str(failure.value)


@pytest.mark.parametrize("version", ["2", "01", "latest", "9" * 30])
async def test_a_version_that_is_not_there(registry: Registry, model: str, version: str) -> None:
    with pytest.raises(VersionNotFound, match=model):
        await registry.has_signature(model, version)


async def test_a_model_that_is_not_there(registry: Registry) -> None:
    with pytest.raises(ModelNotFound):
        await registry.has_signature(f"model-{secrets.token_hex(4)}", "1")


@pytest.mark.parametrize("suffix", ["a b", "模型", "100#?&=+", "../x"])
async def test_a_model_of_an_odd_name(registry: Registry, seeder: Seeder, suffix: str) -> None:
    name = f"model-{secrets.token_hex(4)}{suffix}".replace("/", "")
    await seeder.create_model(name)
    await seeder.create_version(name, await seeder.create_run())
    await seeder.write_model_file(name, "1", ModelFile.SIGNED)

    assert await registry.has_signature(name, "1") is True
