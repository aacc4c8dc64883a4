"""What one promotion alone costs a real MLflow: each call of it, whatever the operator calls it inside."""

import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.settings import RegistrySettings
from tests.support.harness import Cluster
from tests.support.mlflow_server import Server
from tests.support.raw_api import until
from tests.support.registry_seeder import MlflowSeeder
from tests.support.world import gated

SNAPSHOT: Final = "registered-models/search"
WITHOUT_GATES: Final = {
    "model-versions/search": 1,  # the candidate and what it replaces
    "registered-models/get": 2,  # before the first write, and to read both back
    "registered-models/set-alias": 2,
    "model-versions/set-tag": 2,
}
VERSIONS: Final = 12
MOVES: Final = 4
PATIENCE_SECONDS: Final = 30.0


@pytest.mark.parametrize(
    ("policy", "beside"),
    [
        ({}, {}),
        (gated({"threshold": 0.5}, {"name": "better", "champion": {"maxRegression": 1}}), {"runs/search": 1}),
    ],
    ids=["without gates", "with gates"],
)
async def test_a_promotion_alone_with_a_previous_alias(
    mlflow_server: Server, policy: dict[str, Any], beside: dict[str, int]
) -> None:
    calls, model = Counter[str](), f"promoted-{secrets.token_hex(4)}"
    seeder = MlflowSeeder(mlflow_server, model)
    await seeder.create_model(model)
    for _ in range(VERSIONS):
        await seeder.create_version(model, await seeder.create_run([("val_auc", 0.8, 0)]))
    registry = MlflowRegistry(
        RegistrySettings(uri=mlflow_server.uri), called=lambda name, *_: calls.update((name,))
    )
    await registry.set_alias(model, "champion", "1")
    told: list[dict[str, int]] = []

    async with Cluster() as it:
        it.registry = registry  # type: ignore[assignment]  # the engine wants no more than the port
        it.add_alias(model=model, previousAlias="prev", **policy)
        it.start()
        await _until(lambda: it.alias().status.current is not None, "the alias is taken up")
        for number in range(MOVES):
            name = f"go-{number}"
            calls.clear()
            it.ask(name, str(VERSIONS) if number % 2 == 0 else "1")
            await _until(partial(_has_succeeded, it, name), f"{name} has succeeded")
            told.append({call: count for call, count in calls.items() if call != SNAPSHOT})
    await registry.close()
    seeder.leave()

    # where the machine does much else, what was read is too old to write by, and is read again
    assert min(told, key=lambda each: sum(each.values())) == WITHOUT_GATES | beside


def _has_succeeded(it: Cluster, name: str) -> bool:
    return it.phase(name) == "Succeeded"


async def _until(holds: Callable[[], bool], what: str) -> None:
    async def now() -> bool:
        return holds()

    await until(now, what, PATIENCE_SECONDS)
