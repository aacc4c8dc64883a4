"""A request writes nothing that a policy reads: tags on the version, and the removal of an alias."""

import json
from typing import Any

import pytest

from tests.support.harness import MODEL, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import alias_spec

STRICT = {"eligibility": {"requireTags": {"validated_by": "*"}}}


def _tags(**tags: str) -> dict[str, Any]:
    return {"onSuccess": {"tags": tags}}


async def _two_aliases(it: Cluster, *, allowed: list[str], strict: dict[str, Any] | None = None) -> None:
    """Make a lax alias that a request moves, and a strict one of the same model that wants tags."""
    await it.model(0.8, 0.9, aliases={"champion": "1", "staging": "1"})
    it.add_alias(policy=STRICT if strict is None else strict)
    it.add_alias("churn-staging", alias="staging", policy={"requestTags": allowed})


@in_virtual_time
async def test_a_request_cannot_write_the_tag_that_the_strict_alias_of_the_model_asks_for() -> None:
    async with Cluster() as it:
        await _two_aliases(it, allowed=["*"])
        it.ask("lax", "2", of="churn-staging", **_tags(validated_by="qa"))
        await it.settle()
        it.ask("strict", "2")
        await it.settle()

        assert it.end("lax") == ("Rejected", "NotAllowed")
        assert it.says("lax") == (
            "onSuccess.tags sets validated_by, which ModelAlias churn-champion names in its policy: "
            "no request may write what a policy reads; file the request without it"
        )
        assert it.end("strict") == ("Rejected", "NotEligible")
        assert await it.aliases() == {"champion": "1", "staging": "1"}
        assert "validated_by" not in await it.tags("2")
        await it.assert_settled()


@in_virtual_time
@pytest.mark.parametrize(
    "strict",
    [
        {"eligibility": {"tagSchema": {"required": ["validated_by"]}}},
        {"eligibility": {"tagSchema": {"properties": {"validated_by": {"minLength": 2}}}}},
        {"retention": {"keep": 1, "tag": "validated_by"}},
    ],
    ids=["required by a schema", "with rules in a schema", "of the retention"],
)
async def test_a_request_cannot_write_a_tag_that_a_policy_names(strict: dict[str, Any]) -> None:
    async with Cluster() as it:
        await _two_aliases(it, allowed=["*"], strict=strict)
        it.ask("lax", "2", of="churn-staging", **_tags(validated_by="qa"))
        await it.settle()

        assert it.end("lax") == ("Rejected", "NotAllowed")
        assert await it.aliases() == {"champion": "1", "staging": "1"}


@in_virtual_time
@pytest.mark.parametrize("key", ["Validated_By", "VALIDATED_BY", "validated_by "])
async def test_what_a_store_takes_for_the_same_key_is_the_same_key(key: str) -> None:
    async with Cluster() as it:
        await _two_aliases(it, allowed=["*"])
        it.ask("lax", "2", of="churn-staging", **_tags(**{key: "qa"}))
        await it.settle()

        assert it.end("lax") == ("Rejected", "NotAllowed")


@in_virtual_time
async def test_a_policy_of_another_namespace_counts_and_is_not_named() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"staging": "1"})
        it.objects.add_alias("risk", "hers", alias_spec(policy=STRICT))
        it.add_alias(alias="staging", policy={"requestTags": ["*"]})
        it.ask("go", "2", **_tags(validated_by="qa"))
        await it.settle()

        assert it.end("go") == ("Rejected", "NotAllowed")
        assert "which a ModelAlias of another namespace names in its policy" in it.says("go")
        assert "hers" not in it.says("go")


@in_virtual_time
async def test_a_namespace_that_may_not_manage_the_model_keeps_no_tag_from_others() -> None:
    registry = {"uri": "http://mlflow", "allow": [{"namespaces": [NAMESPACE], "models": ["*"]}]}
    async with Cluster({"registries": {"default": registry}}) as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.objects.add_alias("risk", "hers", alias_spec(alias="other", policy=STRICT))
        it.add_alias(policy={"requestTags": ["validated_by"]})
        it.ask("go", "2", **_tags(validated_by="qa"))
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
@pytest.mark.parametrize("allowed", [[], ["owner", "ticket-*"]])
async def test_only_tags_that_the_owner_allows_are_written(allowed: list[str]) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"requestTags": allowed})
        it.ask("go", "2", **_tags(ticket="ML-12"))
        await it.settle()

        assert it.end("go") == ("Rejected", "NotAllowed")
        assert it.says("go") == (
            "onSuccess.tags sets ticket, which policy.requestTags of ModelAlias churn-champion does not allow: "
            "file the request without it, or ask the owner to allow it"
        )
        assert it.moves() == []


@in_virtual_time
async def test_a_tag_that_the_version_has_is_not_overwritten() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"Ticket": "ML-11"})
        it.add_alias(policy={"requestTags": ["tick?t"]})
        it.ask("go", "2", **_tags(ticket="ML-12"))
        await it.settle()

        assert it.end("go") == ("Rejected", "NotAllowed")
        assert it.says("go") == (
            "onSuccess.tags sets ticket to ML-12, but version 2 has Ticket=ML-11: no request may overwrite a tag; "
            "file the request without it"
        )
        assert it.request("go").status.resolved is not None


@in_virtual_time
async def test_a_tag_that_has_the_value_already_is_no_objection() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        await it.registry.tag_version(MODEL, "2", {"ticket": "ML-12"})
        it.add_alias(policy={"requestTags": ["ticket"]})
        it.ask("go", "2", **_tags(ticket="ML-12"))
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")


@in_virtual_time
async def test_a_tag_that_somebody_sets_while_the_pods_roll_is_left_as_it_is_and_that_is_told() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], policy={"requestTags": ["*"]})
        it.ask("go", "2", **_tags(ticket="ML-12", owner="ana"))
        await it.settle()
        await it.registry.tag_version(MODEL, "2", {"ticket": "ML-99"})
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert it.says("go") == (
            "churn@champion moved from version 1 to 2; left alone: tag ticket, which version 2 has as ML-99"
        )
        tags = await it.tags("2")
        assert (tags["ticket"], tags["owner"]) == ("ML-99", "ana")
        await it.assert_settled()


@in_virtual_time
async def test_a_tag_that_a_policy_came_to_ask_for_while_the_pods_roll_is_not_written() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}], policy={"requestTags": ["*"]})
        it.ask("go", "2", **_tags(ticket="ML-12", checked="yes"))
        await it.settle()
        it.add_alias("strict", alias="strict", policy={"eligibility": {"requireTags": {"checked": "yes"}}})
        await it.settle()
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert "not written: tag checked, which ModelAlias strict names in its policy" in it.says("go")
        tags = await it.tags("2")
        assert tags["ticket"] == "ML-12"
        assert "checked" not in tags
        await it.assert_settled()


@in_virtual_time
async def test_a_rollback_and_a_dry_run_ask_for_tags_as_a_promotion_does() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias()
        it.ask("up", "2")
        await it.settle()
        it.ask("back", "1", operation="Rollback", reason="worse", **_tags(ticket="ML-12"))
        it.ask("dry", "1", dryRun=True, **_tags(ticket="ML-12"))
        await it.settle()

        assert it.end("back") == ("Rejected", "NotAllowed")
        assert it.end("dry") == ("Rejected", "NotAllowed")


@in_virtual_time
async def test_the_tags_stand_in_the_verdict_and_in_the_result() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1"})
        it.add_alias(policy={"requestTags": ["*"], "approval": {"required": "Always"}})
        it.ask("go", "2", **_tags(ticket="ML-12"))
        await it.settle()

        assert it.phase("go") == "AwaitingApproval"
        assert it.request("go").status.tags == {"ticket": "ML-12"}
        resolved = it.resolved("go")
        it.edit_request(
            "go", approvals=[{"user": "bo", "evidence": resolved.evidence, "decision": "Approve"}]
        )
        await it.settle()
        assert it.end("go") == ("Succeeded", "Succeeded")
        assert json.loads(it.request("go").status.result or "{}")["tags"] == {"ticket": "ML-12"}


# The kind: what else a request writes that a policy reads


@in_virtual_time
@pytest.mark.parametrize(
    "reads", [{"requireAlias": "smoke"}, {"soak": {"alias": "smoke", "for": "1h"}}], ids=["alias", "soak"]
)
async def test_a_request_cannot_remove_the_alias_that_another_policy_reads(reads: dict[str, Any]) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "staging": "1", "smoke": "2"})
        it.add_alias(policy={"eligibility": reads})
        it.add_alias("churn-staging", alias="staging")
        asked: dict[str, Any] = {"source": {"alias": "smoke"}, "onSuccess": {"deleteSourceAlias": True}}
        it.ask("go", of="churn-staging", **asked)
        await it.settle()

        assert it.end("go") == ("Rejected", "NotAllowed")
        assert it.says("go") == (
            "onSuccess.deleteSourceAlias removes alias smoke, which ModelAlias churn-champion asks for in its "
            "policy: no request may write what a policy reads; file the request without it"
        )
        assert (await it.aliases())["smoke"] == "2"


@in_virtual_time
async def test_an_alias_that_a_policy_came_to_read_while_the_pods_roll_is_not_removed() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "smoke": "2"})
        it.workloads.add("api")
        it.add_alias(serving=[{"name": "api"}])
        it.ask("go", source={"alias": "smoke"}, onSuccess={"deleteSourceAlias": True})
        await it.settle()
        it.add_alias("strict", alias="strict", policy={"eligibility": {"requireAlias": "smoke"}})
        await it.settle()
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert "not removed: alias smoke, which ModelAlias strict asks for in its policy" in it.says("go")
        assert (await it.aliases())["smoke"] == "2"


@in_virtual_time
async def test_the_source_alias_that_only_the_own_policy_reads_is_removed() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "challenger": "2"})
        it.add_alias(policy={"eligibility": {"requireAlias": "challenger"}})
        it.ask("go", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True})
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "2"}


@in_virtual_time
async def test_the_record_that_a_refused_request_leaves_is_no_proof_for_another_policy() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.9, aliases={"champion": "1", "staging": "1"})
        it.add_alias(policy={"eligibility": {"requireTags": {"modelalias.staging": "*"}}})
        it.add_alias("churn-staging", alias="staging", policy={"eligibility": {"requireAlias": "never"}})
        it.ask("lax", "2", of="churn-staging")
        await it.settle()
        assert "modelalias.staging" in await it.tags("2")
        it.ask("strict", "2")
        await it.settle()

        assert it.end("strict") == ("Rejected", "NotEligible")
        assert it.says("strict") == (
            "version 2 refused: requireTags modelalias.staging=*: the operator writes modelalias.staging also when "
            "it refuses a version, so it proves nothing: ask for the alias with requireAlias or soak"
        )
