"""Passes over thousands of aliases leave the event loop to others, such as the probe, also where none of them waits."""

import asyncio

import pytest

from modelalias.reconcile.alias import AliasReconciler
from modelalias.reconcile.queue import Key
from tests.support.harness import DEFAULT, Cluster
from tests.support.virtual_loop import in_virtual_time

ALIASES = 60
WORKERS = 3


@in_virtual_time
async def test_each_worker_does_one_pass_before_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once, most, looked_at, reconcile = 0, 0, set[Key](), AliasReconciler.reconcile

    def others() -> None:
        nonlocal at_once
        at_once = 0

    async def counted(self: AliasReconciler, key: Key) -> object:
        nonlocal at_once, most
        if not at_once:
            asyncio.get_running_loop().call_soon(others)
        at_once += 1
        most = max(most, at_once)
        looked_at.add(key)
        return await reconcile(self, key)

    async with Cluster({**DEFAULT, "workers": WORKERS}) as it:
        for number in range(ALIASES):
            await it.model(0.7, aliases={"champion": "1"}, model=f"model-{number}")
            it.add_alias(f"alias-{number}", model=f"model-{number}")
        await it.settle()
        await it.stop()
        monkeypatch.setattr(AliasReconciler, "reconcile", counted)
        it.start()  # there is nothing to write any more
        await it.settle()

    assert len(looked_at) == ALIASES
    assert most <= WORKERS
