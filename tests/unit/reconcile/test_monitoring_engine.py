"""Monitors in the engine: read while it leads, and stopped with it."""

from tests.support.harness import Cluster
from tests.support.monitored import monitor_body
from tests.support.virtual_loop import in_virtual_time


@in_virtual_time
async def test_monitors_of_an_accepted_version_are_read_while_the_engine_runs() -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        it.add_accepted_alias("1", monitors=[monitor_body()])

        await it.settle(5 * 60 + 3)
        asked = len(it.prometheus.queries)
        await it.stop()
        await it.registry.aliases("churn")

        assert asked == 5
        assert set(it.prometheus.queries) == {'errors{version="1"}'}

        await it.settle(5 * 60 + 3)
        assert len(it.prometheus.queries) == 2 * asked


@in_virtual_time
async def test_an_alias_that_is_deleted_is_read_no_more() -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        alias = it.add_accepted_alias("1", monitors=[monitor_body()])
        await it.settle(60 + 3)

        it.objects.delete_alias(alias.metadata.namespace, alias.metadata.name)
        await it.settle(600)

        assert len(it.prometheus.queries) == 1
