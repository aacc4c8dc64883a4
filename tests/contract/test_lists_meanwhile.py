"""What a registry's list of all models says while models come and go, and what the operator makes of it."""

import asyncio
import secrets
from datetime import timedelta

from mlflow import MlflowClient

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.reconcile.registry_watch import RegistryWatch
from modelalias.settings import RegistrySettings
from tests.support.both_registries import SMALL_PAGE
from tests.support.mlflow_server import Server
from tests.support.registry_seeder import MlflowSeeder

LOOKS = 60
MODELS = 4


async def test_no_look_at_a_registry_in_which_models_come_and_go_loses_an_alias(
    mlflow_server: Server,
) -> None:
    mark = secrets.token_hex(4)
    registry = MlflowRegistry(RegistrySettings(uri=mlflow_server.uri), page_size=SMALL_PAGE)
    seeder = MlflowSeeder(mlflow_server, f"lists-{mark}")
    names = [f"lists-{mark}-{number}" for number in range(MODELS)]
    for name in names:
        await seeder.create_model(name)
        await seeder.create_version(name, await seeder.create_run())
        await registry.set_alias(name, "champion", "1")
    watch = RegistryWatch(
        "default",
        registry,
        timedelta(seconds=30),
        lambda *_: None,
        asyncio.get_running_loop().time,
        managed=lambda: names,
        expected=lambda: names,
    )

    client, end = MlflowClient(mlflow_server.uri), asyncio.Event()

    def come_and_go() -> None:
        while not end.is_set():
            client.create_registered_model(f"a-{mark}")
            client.delete_registered_model(f"a-{mark}")

    others = asyncio.create_task(asyncio.to_thread(come_and_go))
    try:
        for _ in range(LOOKS):
            await watch.look()
            told = {name: watch.model_snapshot(name, None) for name in names}
            assert {name: item and item.aliases for name, item in told.items()} == {
                name: {"champion": "1"} for name in names
            }
    finally:
        end.set()
        await others
        seeder.leave()
        await registry.close()
