"""Versions that an alias has left behind carry a tag, those that it may go back to do not."""

from typing import Any, Final

import pytest

from modelalias.api.alias import ArchivedVersion
from modelalias.api.conditions import AliasCondition, find
from modelalias.cli import alias_report
from modelalias.core.automatic.retention import RETRY
from modelalias.core.errors import Refused, Unavailable
from modelalias.core.explanation import explain
from tests.support.harness import MODEL, NAMESPACE, START, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import alias_spec

KEEP_TWO: Final[dict[str, Any]] = {"policy": {"retention": {"keep": 2}}}
VALIDATED: Final[dict[str, Any]] = {"retention": {"keep": 1, "tag": "validated_by"}}
TAG_CALLS: Final = ("version", "tag_version", "untag_version", "aliases")


async def _archived(it: Cluster, model: str = MODEL, tag: str = "archived") -> dict[str, str]:
    """Return the tag of each version that has it."""
    versions = it.registry.versions(model)
    return {number: item.tags[tag] for number, item in versions.items() if tag in item.tags}


async def _promoted(it: Cluster, *versions: str, of: str = "churn-champion") -> None:
    """Let the alias come to each of these versions, one after another."""
    for version in versions:
        name = f"to-{version}-{len(it.objects.requests)}"
        it.ask(name, version, of=of, reason=name)
        await it.settle(30)
        assert it.phase(name) == "Succeeded", it.says(name)


async def _five(it: Cluster, *, aliases: dict[str, str] | None = None, **fields: Any) -> None:
    await it.model(0.5, 0.6, 0.7, 0.8, 0.9, aliases={"champion": "1", **(aliases or {})})
    it.add_alias(**{**KEEP_TWO, **fields})


def _noted(it: Cluster) -> list[str]:
    return [item.version for item in it.alias().status.archived]


@in_virtual_time
async def test_what_is_no_longer_among_the_last_is_tagged_once_with_the_alias_and_when_it_left() -> None:
    async with Cluster() as it:
        await _five(it)
        await _promoted(it, "2")
        assert await _archived(it) == {}

        await _promoted(it, "3", "4")

        left = {entry.from_: entry.at for entry in it.alias().status.history}
        assert await _archived(it) == {
            version: f"champion {left[version]:%Y-%m-%dT%H:%M:%SZ}" for version in ("1", "2")
        }
        assert _noted(it) == ["1", "2"]
        writes = [call.arguments for call in it.registry.writes if call.name == "tag_version"]
        assert len([item for item in writes if "archived" in item[2]]) == 2  # type: ignore[operator]
        told = [item.message for item in it.objects.events if item.reason == "VersionArchived"]
        assert told == [f"churn@champion: tag archived was set on version {number}" for number in "12"]
        await it.assert_settled()


@in_virtual_time
async def test_without_the_rule_nothing_is_tagged_and_with_it_what_was_left_before_is() -> None:
    async with Cluster() as it:
        await _five(it, policy={})
        await _promoted(it, "2", "3", "4")
        assert await _archived(it) == {}

        it.edit_alias(policy={"retention": {"keep": 1, "tag": "old"}})
        await it.settle()

        assert list(await _archived(it, tag="old")) == ["1", "2", "3"]

        it.edit_alias(policy={})
        await _promoted(it, "5")

        assert list(await _archived(it, tag="old")) == ["1", "2", "3"], "the tags stay, and no more come"


@in_virtual_time
async def test_a_version_that_is_gone_back_to_loses_the_tag() -> None:
    async with Cluster() as it:
        await _five(it)
        await _promoted(it, "2", "3", "4")
        assert list(await _archived(it)) == ["1", "2"]

        it.ask("back", operation="Rollback", source={"version": "1"}, reason="complaints")
        await it.settle(30)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert list(await _archived(it)) == ["2", "3"]
        assert _noted(it) == ["2", "3"]
        told = [item.message for item in it.objects.events if item.reason == "VersionUnarchived"]
        assert told == ["churn@champion: tag archived was removed from version 1"]
        await it.assert_settled()


@in_virtual_time
async def test_a_version_that_another_alias_names_is_not_tagged_until_that_leaves_it() -> None:
    async with Cluster() as it:
        await _five(it, aliases={"staging": "1"})
        await _promoted(it, "2", "3", "4")
        assert list(await _archived(it)) == ["2"]

        await it.registry.set_alias(MODEL, "staging", "2")
        await it.settle(90)
        assert list(await _archived(it)) == ["1"]

        await it.registry.delete_alias(MODEL, "staging")
        await it.settle(90)
        assert list(await _archived(it)) == ["1", "2"]
        await it.assert_settled()


@in_virtual_time
async def test_previous_alias_protects_the_former_version_from_the_tag() -> None:
    async with Cluster() as it:
        await _five(it, previousAlias="prev", policy={"retention": {"keep": 1}})
        await _promoted(it, "2", "3")

        assert await it.aliases() == {"champion": "3", "prev": "2"}
        assert list(await _archived(it)) == ["1"]


@in_virtual_time
async def test_where_nothing_is_to_be_tagged_the_registry_is_asked_nothing_more() -> None:
    async def calls(*, retention: bool) -> list[str]:
        async with Cluster() as it:
            await _five(it, **(KEEP_TWO if retention else {"policy": {}}))
            await _promoted(it, "2", "3")
            it.registry.calls.clear()
            it.edit_alias(historyLimit=30)
            await it.settle(120)
            it.ask("wrong", "1", expectedCurrent="1")
            await it.settle(120)
            return [call.name for call in it.registry.calls if call.name in TAG_CALLS]

    assert await calls(retention=True) == await calls(retention=False)


@in_virtual_time
@pytest.mark.parametrize(
    "error", [Unavailable("it does not answer"), Refused("no tags for you")], ids=["away", "refused"]
)
async def test_a_registry_that_does_not_take_the_tag_keeps_no_promotion_from_its_end(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Cluster() as it:
        await _five(it)
        await _promoted(it, "2")
        takes_all = it.registry.tag_version

        async def takes_no_such_tag(model: str, version: str, tags: dict[str, str]) -> None:
            if "archived" in tags:
                raise error
            await takes_all(model, version, tags)

        monkeypatch.setattr(it.registry, "tag_version", takes_no_such_tag)

        await _promoted(it, "3", "4")

        assert it.alias().status.history[-1].outcome == "Succeeded"
        assert await _archived(it) == {}
        assert _noted(it) == []

        monkeypatch.undo()
        await it.settle(RETRY.total_seconds() + 5)

        assert list(await _archived(it)) == ["1", "2"]
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize("value", ["by hand", "champion of ours", "champion 2026-01-02"])
async def test_a_tag_of_that_name_by_somebody_else_is_left_alone(value: str) -> None:
    async with Cluster() as it:
        await _five(it)
        await it.registry.tag_version(MODEL, "1", {"archived": value})
        await _promoted(it, "2", "3")
        assert it.alias().status.archived == (ArchivedVersion(version="1"),)

        it.ask("back", operation="Rollback", source={"version": "1"}, reason="complaints")
        await it.settle(30)

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert (await _archived(it))["1"] == value
        await it.assert_settled()


@in_virtual_time
async def test_a_version_that_is_gone_or_was_made_anew_gets_none() -> None:
    async with Cluster() as it:
        await _five(it, policy={})
        await _promoted(it, "2", "3", "4")
        await it.registry.delete_version(MODEL, "1")
        it.edit_alias(**KEEP_TWO)
        await it.settle()

        assert list(await _archived(it)) == ["2"]
        assert [item.tag for item in it.alias().status.archived] == [None, "archived"]
        await it.assert_settled()


@in_virtual_time
async def test_another_name_of_the_tag_takes_the_place_of_the_first() -> None:
    async with Cluster() as it:
        await _five(it)
        await _promoted(it, "2", "3")

        it.edit_alias(policy={"retention": {"keep": 2, "tag": "retired"}})
        await it.settle()

        assert await _archived(it) == {}
        assert list(await _archived(it, tag="retired")) == ["1"]
        await it.assert_settled()


@in_virtual_time
async def test_a_suspended_alias_and_one_whose_rules_are_not_known_tag_nothing() -> None:
    async with Cluster() as it:
        await _five(it)
        await _promoted(it, "2", "3")
        it.edit_alias(suspend=True, policy={"retention": {"keep": 1}})
        await it.settle()
        assert list(await _archived(it)) == ["1"]

        it.edit_alias(suspend=False, policyRef={"name": "team"})
        await it.settle()
        assert list(await _archived(it)) == ["1"]

        it.put_policy()
        await it.settle(30)
        assert list(await _archived(it)) == ["1", "2"]


@in_virtual_time
async def test_the_closest_source_of_the_rule_decides() -> None:
    async with Cluster() as it:
        it.put_cluster_policy(retention={"keep": 1})
        await _five(it)
        await it.registry.create_model("fraud")
        for _ in range(3):
            await it.registry.create_version("fraud", await it.registry.create_run([("val_auc", 0.5, 0)]))
        await it.registry.set_alias("fraud", "champion", "1")
        it.objects.add_alias(NAMESPACE, "fraud", alias_spec(model="fraud"))
        await _promoted(it, "2", "3")
        await _promoted(it, "2", "3", of="fraud")

        assert list(await _archived(it)) == ["1"]
        assert list(await _archived(it, "fraud")) == ["1", "2"]


@in_virtual_time
async def test_an_alias_made_anew_takes_its_tag_from_the_versions_that_it_finds_and_comes_to() -> None:
    async with Cluster() as it:
        await it.model(0.5, 0.6, 0.7, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "3", {"archived": "champion"})
        await it.registry.tag_version(MODEL, "1", {"archived": "champion 2026-01-02T03:04:05Z"})
        await it.registry.tag_version(MODEL, "2", {"archived": "champion-eu 2026-01-02T03:04:05Z"})
        it.add_alias(**KEEP_TWO)
        await it.settle()

        assert list(await _archived(it)) == ["2", "3"]
        await _promoted(it, "2", "3")
        assert await _archived(it) == {
            "1": f"champion {it.alias().status.history[1].at:%Y-%m-%dT%H:%M:%SZ}",
            "2": "champion-eu 2026-01-02T03:04:05Z",
        }, "another alias wrote that of version 2"
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize(
    "policy",
    [
        {"eligibility": {"requireTags": {"Validated_By ": "*"}}},
        {"eligibility": {"tagSchema": {"properties": {"validated_by": {"pattern": "^risk"}}}}},
        {"eligibility": {"tagSchema": {"required": ["validated_by"]}}},
        {"autoPromote": {"fromVersions": {"tags": {"validated_by": "*"}}}},
    ],
    ids=["required", "pattern", "schema", "candidates"],
)
async def test_a_tag_that_another_alias_of_the_model_reads_is_not_written(policy: dict[str, Any]) -> None:
    async with Cluster() as it:
        await it.model(0.5, 0.6, 0.7, aliases={"champion": "1", "staging": "1"})
        it.add_alias(policy=policy)
        it.add_alias("churn-staging", alias="staging", policy=VALIDATED)
        await _promoted(it, "2", "3", of="churn-staging")

        assert await _archived(it, tag="validated_by") == {}
        staging = it.alias("churn-staging")
        why = (
            "no version is tagged as left behind: ModelAlias churn-champion reads tag validated_by in its policy, and the "
            "operator would write it; choose another policy.retention.tag"
        )
        assert staging.status.not_archived == why
        assert why in alias_report.head(staging, START)
        assert f"{why[1:]}." in explain(staging, START)
        await it.assert_settled()


@in_virtual_time
async def test_the_tag_of_one_alias_is_no_tag_that_the_policy_of_another_one_asks_for() -> None:
    async with Cluster() as it:
        await it.model(0.5, 0.6, 0.7, aliases={"champion": "1", "staging": "1"})
        it.add_alias(policy={"eligibility": {"requireTags": {"validated_by": "*"}}})
        it.add_alias("churn-staging", alias="staging", policy=VALIDATED)
        await _promoted(it, "2", "3", of="churn-staging")

        it.ask("strict", "2")
        await it.settle()

        assert it.end("strict") == ("Rejected", "NotEligible")


@in_virtual_time
async def test_a_tag_that_another_alias_begins_to_read_is_taken_away_and_comes_back_when_it_reads_it_no_more() -> (
    None
):
    async with Cluster() as it:
        await it.model(0.5, 0.6, 0.7, aliases={"champion": "1", "staging": "1"})
        it.add_alias()
        it.add_alias("churn-staging", alias="staging", policy=VALIDATED)
        await _promoted(it, "2", "3", of="churn-staging")
        assert list(await _archived(it, tag="validated_by")) == ["2"]
        await it.registry.tag_version(MODEL, "1", {"validated_by": "risk"})

        it.edit_alias(policy={"eligibility": {"requireTags": {"validated_by": "*"}}})
        await it.settle(5)

        assert await _archived(it, tag="validated_by") == {"1": "risk"}
        assert it.alias("churn-staging").status.archived == ()

        it.edit_alias(policy={})
        await it.settle(5)

        assert list(await _archived(it, tag="validated_by")) == ["1", "2"]
        assert it.alias("churn-staging").status.not_archived is None
        await it.assert_settled()


@in_virtual_time
async def test_a_tag_that_somebody_else_may_have_written_is_not_taken_for_its_own_where_a_policy_reads_it() -> (
    None
):
    async with Cluster() as it:
        await it.model(0.5, 0.6, aliases={"champion": "1", "staging": "1"})
        await it.registry.tag_version(MODEL, "2", {"validated_by": "staging"})
        it.add_alias(policy={"eligibility": {"requireTags": {"validated_by": "*"}}})
        it.add_alias("churn-staging", alias="staging", policy=VALIDATED)
        await _promoted(it, "2", of="churn-staging")

        assert await _archived(it, tag="validated_by") == {"2": "staging"}


@in_virtual_time
@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (
            {"eligibility": {"requireTags": {"ARCHIVED": "no"}}, "retention": {"keep": 1}},
            "archived is a tag that its own policy reads, and the operator would write it",
        ),
        (
            {"autoPromote": {"fromVersions": {"tags": {"archived": "*"}}}, "retention": {"keep": 1}},
            "archived is a tag that its own policy reads, and the operator would write it",
        ),
        (
            {"retention": {"keep": 1, "tag": "modelalia\N{LATIN SMALL LETTER LONG S}.requests"}},
            (
                "modelalia\N{LATIN SMALL LETTER LONG S}.requests begins with modelalias. or mlflow., as far as every "
                "store of MLflow can tell"
            ),
        ),
    ],
    ids=["required", "candidates", "reserved"],
)
async def test_a_tag_that_contradicts_the_own_rules_stalls_the_alias_and_is_not_written(
    rules: dict[str, Any], says: str
) -> None:
    async with Cluster() as it:
        await _five(it, policy={})
        await _promoted(it, "2", "3")
        before = {number: item.tags for number, item in it.registry.versions(MODEL).items()}
        it.edit_alias(policy=rules)
        await it.settle()

        stalled = find(it.alias().status.conditions, AliasCondition.STALLED)
        assert stalled is not None
        assert (stalled.status, stalled.reason) == ("True", "Invalid")
        assert stalled.message == f"spec.policy.retention.tag: {says}: nothing is tagged; choose another one"
        after = {number: item.tags for number, item in it.registry.versions(MODEL).items()}
        tag = rules["retention"].get("tag", "archived")
        assert all(tag not in tags for tags in after.values())
        assert before["1"] == after["1"]


@in_virtual_time
async def test_a_registry_that_takes_no_tag_is_asked_again_every_five_minutes_only_however_often_it_is_looked() -> (
    None
):
    async with Cluster() as it:
        await _five(it, policy={})
        await _promoted(it, "2", "3")
        asked = list[tuple[object, ...]]()

        async def refused(*arguments: object) -> None:
            asked.append(arguments)
            raise Refused("may not tag")

        it.registry.tag_version = refused  # type: ignore[method-assign]
        it.edit_alias(policy={"retention": {"keep": 1}})
        await it.settle()
        it.registry.calls.clear()
        for number in range(28):
            it.edit_alias(historyLimit=20 + number)
            await it.settle(10)
        assert len(asked) == 2, "one for each version"
        assert [call.name for call in it.registry.calls if call.name == "version"] == []

        await it.settle(RETRY.total_seconds() - 280)
        assert len(asked) == 4
