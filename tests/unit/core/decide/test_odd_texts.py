"""What a registry takes as a text is no reason to stop: neither the request that meets it, nor others, nor a plan."""

import pytest

from modelalias.core.errors import Unavailable
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time

FLOOR = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}
RUNS = {"a dash": "a-b", "an underline": "a_b", "quotes": "a' OR '1' = '1", "long": "r" * 1_000}


@in_virtual_time
@pytest.mark.parametrize("run_id", RUNS.values(), ids=RUNS)
async def test_a_version_of_a_run_with_an_odd_id_is_promoted_and_gone_back_from(run_id: str) -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        odd = await it.registry.create_version_by_name("churn", run_id)
        it.add_alias()
        it.ask("go", odd)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        current = it.alias().status.current
        assert current is not None
        assert current.run_id == (run_id if len(run_id) < 300 else None)
        it.ask("back", operation="Rollback", source={"previous": True}, reason="no")
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize("pins", ["Trusted", "Gated"])
async def test_a_pin_of_such_a_version_is_judged(pins: str) -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        odd = await it.registry.create_version_by_name("churn", "a-b")
        it.add_alias(policy={"gates": [FLOOR], "pins": pins}, version=odd)
        await it.settle()

        assert (await it.aliases())["champion"] == (odd if pins == "Trusted" else "1")
        if pins == "Gated":
            assert "run a-b of version 2 is not there" in it.condition("Stalled").message


@in_virtual_time
async def test_it_holds_up_neither_a_good_request_nor_what_the_owner_sets() -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        odd = await it.registry.create_version_by_name("churn", "a-b")
        run = await it.registry.create_run([("val_auc", 0.9, 0)])
        good = await it.registry.create_version("churn", run)
        it.add_alias(policy={"gates": [FLOOR]}, suspend=True)
        it.ask("bad", odd)
        it.ask("good", good)
        await it.settle()
        it.edit_alias(suspend=False)
        await it.settle()

        assert it.end("bad") == ("Rejected", "Inconclusive")
        assert it.end("good") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_model_may_be_named_as_mlflow_takes_it() -> None:
    async with Cluster() as it:
        name = """churn's 50% "new" `one` \\"""
        await it.model(0.9, 0.8, aliases={"champion": "1"}, model=name)
        it.add_alias(model=name, policy={"requestTags": ["team:*"]})
        it.ask("go", "2", onSuccess={"tags": {"team:ticket": "ML-1"}})
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert (await it.tags("2", name))["team:ticket"] == "ML-1"


@in_virtual_time
async def test_a_registry_that_cannot_answer_a_replay_breaks_no_request() -> None:
    """With Supersede the newest promotion is looked up first of all."""
    async with Cluster() as it:
        await it.model(0.9, 0.8, aliases={"champion": "1"})
        it.add_alias(policy={"concurrency": "Supersede"})
        await it.settle()
        it.registry.fail_next(Unavailable("the registry answered 500"), call="versions_tagged", times=4)
        it.registry.move("churn", "challenger", "2")
        it.ask("go", source={"alias": "challenger"})
        await it.settle(120)

        assert it.end("go") == ("Succeeded", "Succeeded")
