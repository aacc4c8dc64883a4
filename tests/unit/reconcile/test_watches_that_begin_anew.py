"""What was deleted while nothing was watched is found when the watches begin anew, and not only at the next resync."""

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
