"""A promotion from request to end, told as stories."""

from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time


@in_virtual_time
async def test_cold_start_moves_an_alias_that_named_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.9)
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], previousAlias="prev")
        it.ask("first", "1")

        await it.settle()
        assert it.phase("first") == "RollingOut", it.says("first")
        await it.finish_rollout()

        assert it.end("first") == ("Succeeded", "Succeeded"), it.says("first")
        assert await it.aliases() == {"champion": "1"}
        assert it.mark("api") == "1.1"
        assert it.alias().status.current is not None
        await it.assert_settled()
