"""Versions by their tags, asked of the fake and of a real MLflow server."""

import secrets

import pytest

from modelalias.core.errors import ModelNotFound
from modelalias.ports import Registry
from tests.support.registry_seeder import Seeder


async def numbers(registry: Registry, model: str, after: str | None = None, **tags: str) -> list[str]:
    return [item.version for item in await registry.newer_versions(model, tags, after)]


@pytest.fixture(params=["plain", "it's a model", 'a "model"'], ids=["plain", "a quote", "two quotes"])
async def model(request: pytest.FixtureRequest, seeder: Seeder) -> str:
    """A model with eleven versions."""
    name = f"{request.param} {secrets.token_hex(4)}"
    await seeder.create_model(name)
    for _ in range(11):
        await seeder.create_version(name, await seeder.create_run())
    return name


async def test_versions_with_all_the_tags_are_found_the_oldest_first(registry: Registry, model: str) -> None:
    await registry.tag_version(model, "2", {"by": "ci", "trained": "yes"})
    await registry.tag_version(model, "3", {"by": "ci"})
    await registry.tag_version(model, "9", {"by": "hand", "trained": "yes"})
    await registry.tag_version(model, "11", {"by": "ci", "trained": ""})

    assert await numbers(registry, model, by="ci", trained="*") == ["2", "11"]
    assert await numbers(registry, model, by="ci") == ["2", "3", "11"]
    assert await numbers(registry, model, "3", by="ci") == ["11"]
    assert await numbers(registry, model, "9", trained="yes") == []


async def test_a_value_is_a_text_and_no_pattern(registry: Registry, model: str) -> None:
    await registry.tag_version(model, "2", {"note": 'it\'s 100 % "fine"'})
    await registry.tag_version(model, "3", {"note": "100"})

    assert await numbers(registry, model, note='it\'s 100 % "fine"') == ["2"]
    assert await numbers(registry, model, note="%") == []
    assert await numbers(registry, model, note="1_0") == []


async def test_a_model_that_is_not_there_is_said_to_be_missing(registry: Registry) -> None:
    with pytest.raises(ModelNotFound):
        await registry.newer_versions(f"none-{secrets.token_hex(4)}", {"by": "ci"}, None)
