"""What Events say for programs, and what they never say."""

from collections.abc import Mapping

from modelalias.core.status import annotations
from tests.support.harness import Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import MODEL

_ALIAS = {"registry": "default", "model": "churn", "alias": "champion"}
_MOVE = {**_ALIAS, "from": "1", "to": "2", "operation": "Promote", "request": "go", "actor": "ann"}


def _said(it: Cluster, kind: str, reason: str) -> Mapping[str, str]:
    """Return the annotations of the last event of that reason, without their prefix."""
    events = [item for item in it.objects.events if item.about.kind == kind and item.reason == reason]
    assert events, [(item.about.kind, item.reason) for item in it.objects.events]
    return {key.removeprefix("modelalias.dev/"): value for key, value in events[-1].annotations.items()}


@in_virtual_time
async def test_a_promotion_is_told_on_alias_request_and_workload() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2", requestedBy="ann")
        await it.settle()
        await it.finish_rollout()

        assert _said(it, "ModelAlias", "PromoteSucceeded") == {**_MOVE, "outcome": "Succeeded"}
        assert _said(it, "PromotionRequest", "Succeeded") == {**_MOVE, "outcome": "Succeeded"}
        assert _said(it, "PromotionRequest", "RollingOut") == _MOVE
        assert _said(it, "Deployment", "ModelRolled") == _MOVE


@in_virtual_time
async def test_a_rollout_that_is_undone_is_told_in_its_direction() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], rollout={"deadlineSeconds": 60})
        it.ask("go", "2", requestedBy="ann")
        await it.settle(90)

        assert _said(it, "Deployment", "ModelRolled") == {**_MOVE, "from": "2", "to": "1"}
        await it.finish_rollout()
        assert _said(it, "ModelAlias", "PromoteRolledBack") == {**_MOVE, "outcome": "RolledBack"}


@in_virtual_time
async def test_what_is_no_move_says_which_alias_it_is_about() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        await it.settle()
        await it.registry.set_alias(MODEL, "champion", "2")
        await it.settle(90)

        assert _said(it, "ModelAlias", "Drifted") == _ALIAS


@in_virtual_time
async def test_no_event_names_a_run() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2")
        await it.settle()

        runs = {version.run_id for version in it.registry.versions(MODEL).values()}
        said = " ".join(" ".join(item.annotations.values()) for item in it.objects.events)
        assert len(it.objects.events) > 2
        assert not [run for run in runs if run is not None and run in said]


@in_virtual_time
async def test_a_long_name_is_cut() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2")
        await it.settle()
        request = it.request("go")
        spec = request.spec.model_copy(update={"requested_by": "u" * 2_000})

        said = annotations.of_request(it.alias(), request.model_copy(update={"spec": spec}), request.status)

        assert len(said["modelalias.dev/actor"]) == annotations.LONGEST
