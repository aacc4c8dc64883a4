"""A status is written after those that are under way, and not after all that another namespace wants to write."""

import asyncio
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.reconcile import status_writes
from tests.support.fake_objects import FakeObjects
from tests.support.harness import DEFAULT, Cluster
from tests.support.virtual_loop import in_virtual_time

CROWD = 100
WRITE_SECONDS = 0.01


@in_virtual_time
async def test_a_crowd_of_one_namespace_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server writes one after another here, as one that is busy does."""
    busy, written, write = asyncio.Lock(), list[str](), FakeObjects.write_alias_status
    is_under_way = asyncio.Event()

    async def one_after_another(self: FakeObjects, *args: Any) -> ModelAlias:
        async with busy:
            await asyncio.sleep(WRITE_SECONDS)
            alias = await write(self, *args)
        written.append(alias.metadata.namespace)
        is_under_way.set()
        return alias

    monkeypatch.setattr(FakeObjects, "write_alias_status", one_after_another)
    async with Cluster({**DEFAULT, "workers": CROWD + 1}) as it:
        for number in range(CROWD):
            await it.model(0.7, aliases={"champion": "1"}, model=f"model-{number}")
            it.add_alias(f"alias-{number}", namespace="crowd", model=f"model-{number}")
        await it.model(0.7, aliases={"champion": "1"}, model="one")
        it.start()
        await is_under_way.wait()
        it.add_alias("one", namespace="alone", model="one")
        await it.settle()

    behind = CROWD - len(written[: written.index("alone")])
    assert written.index("alone") <= 2 * status_writes.AT_ONCE
    assert behind > CROWD / 2
