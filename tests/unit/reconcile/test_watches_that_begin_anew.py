"""What was deleted while nothing was watched is found when the watches begin anew, and not only at the next resync.

Whatever the API server answers to that look, it is tried again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.core.errors import InvalidRequest, OperatorError, StaleObject, Unavailable
from modelalias.reconcile.engine import FIRST_LISTING_SECONDS, LISTING_SECONDS
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import NAME


@in_virtual_time
async def test_a_model_alias_that_went_unseen_gives_its_alias_free() -> None:
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        it.add_alias("younger")
        await it.settle()
        assert it.condition("Stalled", "younger").reason == "Conflict"
        del it.objects.aliases[NAMESPACE, NAME]
        await it.settle()
        assert it.condition("Stalled", "younger").reason == "Conflict"

        assert it.engine is not None
        it.engine.watches_began_anew()
        await it.settle()

        assert not it.is_true("Stalled", "younger")


@in_virtual_time
async def test_a_watch_that_lists_anew_has_missed_what_was_deleted() -> None:
    """The first listing follows on no gap: everything has just been read then, and is not read twice."""
    async with Cluster() as it:
        await it.model(0.7, aliases={"champion": "1"})
        it.add_alias()
        it.add_alias("younger")
        lists = 0
        every_alias = it.objects.every_alias

        async def counted(namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
            nonlocal lists
            lists += 1
            async for alias in every_alias(namespaces):
                yield alias

        it.objects.every_alias = counted  # type: ignore[method-assign]
        it.start()
        assert it.engine is not None
        for _ in range(20):
            it.engine.listed()
            await asyncio.sleep(LISTING_SECONDS / 2)
        await it.settle(FIRST_LISTING_SECONDS)
        assert lists == 1
        del it.objects.aliases[NAMESPACE, NAME]
        await it.settle()
        assert it.condition("Stalled", "younger").reason == "Conflict"

        for _ in range(6):
            it.engine.listed()
            await asyncio.sleep(LISTING_SECONDS / 2)
        await it.settle(2 * LISTING_SECONDS)
        assert not it.is_true("Stalled", "younger")
        assert lists == 2

        it.engine.listed()  # another watch, which lost its place later, as after the API server's restart
        await it.settle(2 * LISTING_SECONDS)
        assert lists == 3


@in_virtual_time
@pytest.mark.parametrize(
    "error", [Unavailable("no answer"), StaleObject("Conflict"), InvalidRequest("bad request")]
)
@pytest.mark.parametrize("listed", ["every_policy", "every_alias", "every_request"])
async def test_a_list_that_is_answered_by_an_error_is_asked_for_again(
    error: OperatorError, listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        asked: list[str] = []

        async def fails(_: object) -> AsyncIterator[object]:
            asked.append(listed)
            raise error
            yield

        assert it.engine is not None
        with monkeypatch.context() as patched:
            patched.setattr(it.objects, listed, fails)
            it.engine.watches_began_anew()
            await it.settle(20)
        assert len(asked) > 1
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
