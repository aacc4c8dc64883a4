"""A record counts where the operator signed it for this very version, and nowhere else."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from modelalias.core.errors import InvalidRequest, Unavailable
from tests.support.fake_keys import ELSEWHERE, FakeSigningKeys, private_key
from tests.support.harness import NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import MODEL, PINNED, gated

KEY: Final = "modelalias.champion"
BACK: Final[dict[str, Any]] = {"operation": "Rollback", "reason": "complaints"}
SERVED: Final[dict[str, Any]] = {"serving": [{"name": "api"}], "rollout": {"deadlineSeconds": 60}}


async def _record(it: Cluster, version: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((await it.tags(version))[KEY])
    return record


async def _promoted(it: Cluster, *versions: str) -> None:
    for version in versions:
        it.ask(f"go-{version}", version)
        await it.settle()
        assert it.phase(f"go-{version}") == "Succeeded", it.says(f"go-{version}")


async def _forged(_: Cluster) -> str:
    return '{"archived":{"held":true},"operation":"Promote"}'


async def _of_another_version(it: Cluster) -> str:
    return (await it.tags("1"))[KEY]


async def _of_another_alias(it: Cluster) -> str:
    it.add_alias("churn-lax", alias="lax")
    it.ask("lax", "3", of="churn-lax")
    await it.settle()
    return (await it.tags("3"))["modelalias.lax"]


async def _of_another_model(it: Cluster) -> str:
    await it.model(0.5, 0.6, 0.7, model="toy")
    it.add_alias("toy", model="toy")
    it.ask("toy", "3", of="toy")
    await it.settle()
    return (await it.tags("3", "toy"))[KEY]


async def _with_another_key(_: Cluster) -> str:
    async with Cluster() as other:
        await other.model(0.7, 0.8, 0.9)
        other.keys.private = private_key(7)
        other.add_alias()
        await _promoted(other, "3")
        return (await other.tags("3"))[KEY]


async def _changed(it: Cluster) -> str:
    text = (await it.tags("3"))[KEY]
    assert '"Rejected ' in text
    return text.replace('"done":', '"operation":"Promote","done":')


async def _truncated(it: Cluster) -> str:
    return (await it.tags("1"))[KEY][:-9]


CAVEATS: Final = {
    _forged: "is not signed",
    _of_another_version: "wrong signature",
    _of_another_alias: "wrong signature",
    _of_another_model: "wrong signature",
    _with_another_key: "unknown key",
    _changed: "wrong signature",
    _truncated: "is not signed",
}


@pytest.mark.parametrize("forge", CAVEATS, ids=lambda forge: forge.__name__)
@in_virtual_time
async def test_a_record_that_was_not_signed_for_the_version_leads_nowhere(
    forge: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.95, 0.1)
        it.add_alias(**gated({"threshold": 0.5}))
        await _promoted(it, "1", "2")
        it.ask("bad", "3")
        await it.settle()
        await it.registry.tag_version(MODEL, "3", {KEY: await forge(it)})

        it.ask("back", "3", **BACK)
        await it.settle()

        assert it.end("back") == ("Rejected", "NeverHeld")
        assert (await it.aliases())["champion"] == "2"
        told = [item for item in caplog.records if item.msg.startswith("a record is not believed")]
        assert CAVEATS[forge] in told[-1].getMessage()


@in_virtual_time
async def test_a_forged_end_keeps_no_request_from_being_carried_out() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        it.ask("go", "2", reason="retrained")
        await it.settle()
        done = (await _record(it, "2"))["done"]
        async with Cluster() as other:
            await other.model(0.7, 0.8, aliases={"champion": "1"})
            await other.registry.tag_version(MODEL, "2", {KEY: json.dumps({"done": done})})
            other.add_alias("aside", alias="aside")  # so that the request has another uid
            other.add_alias()

            other.ask("go", "2", reason="retrained")
            await other.settle()

            assert other.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_nothing_of_a_forged_record_is_carried_over_into_a_signed_one() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        forged = {"archived": {"held": True}, "again": True, "earlier": [{"operation": "Promote"}], "x": 1}
        for version in ("1", "2", "3"):
            await it.registry.tag_version(MODEL, version, {KEY: json.dumps(forged)})

        it.ask("go", "2")
        await it.settle()
        it.ask("rejected", "3", expectedCurrent="1")
        await it.settle()

        assert (await _record(it, "2")).keys().isdisjoint({"again", "earlier", "archived", "x"})
        assert (await _record(it, "1")).keys() == {"archived", "signed"}
        assert (await _record(it, "3")).keys() == {"done", "signed"}


@in_virtual_time
async def test_what_somebody_set_by_hand_was_not_held_though_its_replacement_is_signed() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.1, 0.95, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        await it.settle()
        it.registry.move(MODEL, "champion", "2")
        await it.settle(60)
        await _promoted(it, "3")
        it.objects.delete_alias(NAMESPACE, "churn-champion")
        await it.settle(60)
        it.add_alias()  # it remembers nothing but what is signed

        it.ask("back", "2", **BACK)
        await it.settle()

        assert it.end("back") == ("Rejected", "NeverHeld")


@in_virtual_time
async def test_a_record_says_succeeded_only_after_the_rollout() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(**SERVED)
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"
        assert KEY not in await it.tags("2")

        await it.finish_rollout()

        record = await _record(it, "2")
        assert (record["outcome"], *record["done"].values()) == (
            "Succeeded",
            f"Succeeded {it.request('go').metadata.uid[:8]} {it.keys.cluster[:8]}",
        )


@pytest.mark.parametrize("mode", [{}, {"load": PINNED}], ids=["alias", "pinned"])
@in_virtual_time
async def test_a_rollout_that_failed_is_recorded_once_when_all_is_back(mode: dict[str, Any]) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(**{**SERVED, "serving": [{"name": "api", **mode}]})
        it.ask("go", "2")

        await it.settle(70)
        assert it.phase("go") == "RollingBack"
        assert KEY not in await it.tags("2")
        await it.finish_rollout()

        record = await _record(it, "2")
        assert it.phase("go") == record["outcome"] == "RolledBack"
        assert [item for item in it.registry_writes() if item[0] == "tag_version" and item[2] == "2"] != []
        assert sum(item[0] == "tag_version" for item in it.registry_writes()) == 1


@in_virtual_time
async def test_a_promotion_that_could_not_be_taken_back_is_recorded_as_failed() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(**SERVED)
        it.ask("go", "2")

        await it.settle(200)  # neither the rollout nor the way back comes to its end

        assert it.phase("go") == "Failed", it.says("go")
        assert (await _record(it, "2"))["outcome"] == "Failed"


@in_virtual_time
async def test_no_success_is_recorded_where_the_last_steps_were_refused() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(policy={"requestTags": ["ticket"]})
        it.registry.fail_next(InvalidRequest("the tag is too long"), call="tag_version")
        it.ask("go", "2", onSuccess={"tags": {"ticket": "ML-1"}})

        await it.settle()

        records = [
            json.loads(text)
            for name, *_, tags in it.registry_writes()
            if name == "tag_version" and isinstance(tags, dict)
            for text in tags.values()
            if text.startswith("{")
        ]
        assert it.phase("go") == "RolledBack", it.says("go")
        assert {record.get("outcome") for record in records} <= {"RolledBack", None}
        assert (await _record(it, "2"))["outcome"] == "RolledBack"


@in_virtual_time
async def test_a_record_keeps_the_evidence_of_each_time() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(**gated({"threshold": 0.5}))
        it.ask("first", "2", requestedBy="ana")
        await it.settle()
        evidence = (await _record(it, "2"))["evidence"]
        it.ask("away", source={"previous": True}, **BACK)
        await it.settle()
        it.ask("back", "2", **BACK)
        await it.settle()

        record = await _record(it, "2")

        (first,) = record["earlier"]
        assert (record["operation"], record["request"]) == ("Rollback", "back")
        assert (first["operation"], first["request"], first["by"], first["outcome"], first["evidence"]) == (
            "Promote",
            "first",
            "ana",
            "Succeeded",
            evidence,
        )
        assert first["verdict"]["gates"] == [{"name": "auc", "result": "Passed", "candidate": "0.8"}]
        assert first["replaced"]["replacedBy"] == "1"


@in_virtual_time
async def test_a_record_keeps_the_last_five_promotions_and_that_there_were_more() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        for number in range(7):
            it.ask(f"to-2-{number}", "2")
            await it.settle()
            it.ask(f"to-1-{number}", "1", **BACK)
            await it.settle()

        record = await _record(it, "2")

        assert [record["request"], *(item["request"] for item in reversed(record["earlier"]))] == [
            f"to-2-{number}" for number in range(6, 1, -1)
        ]
        assert record["again"] is True
        assert len((await it.tags("2"))[KEY]) < 5_000


@pytest.mark.parametrize(
    ("serving", "calls"),
    [([], 9), ([{"name": "api"}], 10), ([{"name": "api", "load": PINNED}], 10)],
    ids=["no workload", "alias", "pinned"],
)
@in_virtual_time
async def test_a_promotion_asks_few_things_of_the_registry(serving: list[dict[str, Any]], calls: int) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.9, aliases={"champion": "1"})
        if serving:
            it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        policy = gated({"threshold": 0.5}, {"name": "better", "champion": {"maxRegression": 0.1}})
        it.add_alias(serving=serving, previousAlias="prev", **policy)
        await it.settle()
        it.registry.calls.clear()

        it.ask("go", "2")
        await it.settle()
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        made = [call.name for call in it.registry.calls if call.name != "snapshot"]
        assert len(made) == calls, made


# Another cluster with the same key


@asynccontextmanager
async def _beside(it: Cluster, **fields: Any) -> AsyncIterator[Cluster]:
    """Run another cluster on the same registry, with the same key and what the same Git directory holds."""
    async with Cluster() as other:
        other.registry = it.registry
        other.keys = FakeSigningKeys(ELSEWHERE)
        other.keys.private = it.keys.private
        other.workloads.add("api")
        other.add_alias(**fields)
        await other.settle()
        yield other


@in_virtual_time
async def test_a_cluster_brings_its_workloads_up_to_date_for_what_another_promoted() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(**SERVED)
        async with _beside(it, **SERVED) as other:
            it.ask("go", "2")
            await it.settle()
            await it.finish_rollout()
            before = it.moves()

            other.ask("go", "2")
            await other.settle()
            await other.finish_rollout()

            assert other.end("go") == ("Succeeded", "Succeeded"), other.says("go")
            assert other.mark("api") is not None
            assert it.moves() == before
            current = other.alias().status.current
            assert current is not None
            assert current.version == "2"


@in_virtual_time
async def test_what_another_cluster_promoted_and_the_registry_no_longer_names_is_over() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        async with _beside(it, **SERVED) as other:
            await _promoted(it, "2")
            it.ask("back", "1", **BACK)
            await it.settle()
            before = it.moves()

            other.ask("go-2", "2")
            await other.settle()

            assert other.end("go-2") == ("Succeeded", "AlreadyProcessed")
            assert it.moves() == before


@in_virtual_time
async def test_who_succeeded_where_stays_known_after_the_other_cluster_wrote_the_record_too() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias()
        async with _beside(it, **SERVED) as other:
            await _promoted(it, "2")
            other.ask("late", "2", expectedCurrent="7")
            await other.settle()
            assert (await _record(it, "2"))["signed"]["cluster"] == ELSEWHERE

            it.ask("copy", "2")
            other.ask("go-2", "2")
            await other.settle()
            await other.finish_rollout()

            assert it.end("copy")[0] == "Succeeded"
            assert other.end("go-2") == ("Succeeded", "Succeeded"), other.says("go-2")


# A cluster whose state was restored


def _restore(it: Cluster, alias: Any, requests: dict[Any, Any]) -> None:
    """Put the API server back to what it held, as a restored etcd does; the operator is not running."""
    it.objects.aliases[NAMESPACE, "churn-champion"] = alias
    it.objects.requests.clear()
    it.objects.requests.update(requests)


@in_virtual_time
async def test_a_promotion_and_its_rollback_that_a_restore_forgot_are_not_done_again() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.add_alias(suspend=True)
        it.ask("go", "2")
        await it.settle()
        saved = it.alias(), dict(it.objects.requests)
        it.edit_alias(suspend=False)
        await it.settle()
        assert it.phase("go") == "Succeeded"
        it.ask("back", "1", **BACK)
        await it.settle()
        await it.stop()
        before = it.moves()

        _restore(it, *saved)
        it.edit_alias(suspend=False)
        await it.settle()

        assert it.end("go") == ("Succeeded", "AlreadyProcessed")
        assert it.moves() == before
        await it.assert_settled()


@in_virtual_time
async def test_a_rollback_that_a_restore_forgot_does_not_take_back_what_came_after_it() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        await _promoted(it, "1", "2")
        it.edit_alias(suspend=True)
        it.ask("back", source={"previous": True}, **BACK)
        await it.settle()
        saved = it.alias(), dict(it.objects.requests)
        it.edit_alias(suspend=False)
        await it.settle()
        assert it.end("back") == ("Succeeded", "Succeeded")
        await _promoted(it, "3")
        await it.stop()
        before = it.moves()

        _restore(it, *saved)
        it.edit_alias(suspend=False)
        await it.settle()

        assert it.end("back") == ("Succeeded", "AlreadyProcessed")
        assert it.moves() == before


@pytest.mark.parametrize("mode", [{}, {"load": PINNED}], ids=["alias", "pinned"])
@pytest.mark.parametrize("since", ["rolled back", "gone back from", "replaced"])
@in_virtual_time
async def test_a_plan_of_a_restored_status_that_ended_since_is_not_carried_out_again(
    mode: dict[str, Any], since: str
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api", containers={"main": {"MODEL_URI": "models:/churn/1"}})
        it.add_alias(**{**SERVED, "serving": [{"name": "api", **mode}]})
        it.ask("go", "2")
        await it.settle()
        saved = it.alias(), dict(it.objects.requests)
        assert it.alias().status.plan is not None
        if since == "rolled back":
            await it.settle(70)
        await it.finish_rollout()
        if since == "gone back from":
            it.ask("back", "1", **BACK)
        if since == "replaced":
            it.ask("next", "3")
        await it.settle()
        await it.finish_rollout()
        await it.stop()
        before, uri, rolls = it.moves(), it.uri("api"), len(it.workloads.rolls)

        _restore(it, *saved)
        await it.settle()
        await it.finish_rollout()

        assert it.alias().status.plan is None
        assert it.moves() == before
        assert (it.uri("api"), len(it.workloads.rolls)) == (uri, rolls)
        assert "older than that" in it.says("go")
        await it.assert_settled()


# The key


@in_virtual_time
async def test_without_a_key_nothing_is_done_and_nothing_is_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.keys.failure = Unavailable("the API server cannot be reached")
        it.add_alias()
        it.ask("go", "2")

        await it.settle(60)
        assert (it.registry_writes(), it.objects.writes) == ([], [])
        told = [item for item in caplog.messages if item.startswith("cannot read the key")]
        (only,) = told
        assert only.endswith("nothing is done until then: the API server cannot be reached")
        it.keys.failure = None
        await it.settle(10)

        assert it.phase("go") == "Succeeded"


@in_virtual_time
async def test_another_key_is_taken_up_without_a_restart_and_what_the_old_one_signed_stays_valid() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, 0.9)
        it.add_alias()
        await _promoted(it, "1", "2")
        old = (await _record(it, "2"))["signed"]["key"]

        it.keys.private = private_key(9)
        await it.settle(120)
        await _promoted(it, "3")
        it.ask("back", "1", **BACK)
        await it.settle()

        assert (await _record(it, "3"))["signed"]["key"] != old
        assert it.phase("back") == "Succeeded"
        assert len(it.keys.published) == 2


@in_virtual_time
async def test_a_key_that_changes_while_pods_roll_signs_what_is_written_afterwards() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", "2")
        await it.settle()
        first = await it.keys.load()

        it.keys.private = private_key(9)
        await it.settle(120)
        await it.finish_rollout()

        assert it.phase("go") == "Succeeded"
        assert (await _record(it, "2"))["signed"]["key"] != first.key
        await it.assert_settled()


@in_virtual_time
async def test_a_key_that_was_withdrawn_proves_nothing() -> None:
    async with Cluster() as it:
        await it.model(0.7, 0.8)
        it.add_alias()
        await _promoted(it, "1", "2")
        it.keys.private = private_key(9)
        it.keys.published.clear()
        await it.settle(120)
        it.objects.delete_alias(NAMESPACE, "churn-champion")
        await it.settle()
        it.add_alias()

        it.ask("back", "1", **BACK)
        await it.settle()

        assert it.end("back") == ("Rejected", "NeverHeld")
