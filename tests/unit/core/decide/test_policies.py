"""Policies: rules that hold for many aliases, whether or not these ask for them."""

from collections import Counter
from typing import Any, Final

import pytest

from modelalias.api.alias import ModelAliasSpec, PolicyStatus
from modelalias.api.promotion_policy import PromotionPolicySpec
from modelalias.core.errors import Unavailable
from tests.support.harness import MODEL, NAME, NAMESPACE, Cluster
from tests.support.virtual_loop import in_virtual_time
from tests.support.world import PINNED, alias_spec

AUC: Final[dict[str, Any]] = {"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter"}
STRICT: Final[dict[str, Any]] = {"gates": [{**AUC, "threshold": 0.85}]}
LENIENT: Final[dict[str, Any]] = {"gates": [{**AUC, "threshold": 0.5}]}
TEAM: Final[dict[str, Any]] = {"policyRef": {"name": "team"}}
BASE: Final = "ClusterPromotionPolicy/base"


def _spec(**fields: Any) -> PromotionPolicySpec:
    return PromotionPolicySpec.model_validate(fields)


def _policy(it: Cluster) -> PolicyStatus:
    found = it.alias().status.policy
    assert found is not None, it.alias().status
    return found


def _rules(it: Cluster) -> list[tuple[str, str]]:
    return [(item.rule, item.from_) for item in _policy(it).rules if item.rule.startswith("policy.")]


@in_virtual_time
async def test_a_cluster_policy_refuses_without_being_named_and_its_edit_lets_pass() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.put_cluster_policy(**STRICT)
        it.add_alias()
        it.ask("strict", "2")
        await it.settle()

        assert it.end("strict") == ("Rejected", "GatesFailed")
        assert _rules(it) == [("policy.gates[auc]", BASE)]

        it.put_cluster_policy(**LENIENT)
        it.ask("lenient", "2")
        await it.settle()

        assert it.end("lenient") == ("Succeeded", "Succeeded")
        assert it.alias().spec == alias_spec(), "what is stored has its own rules and no others"
        await it.assert_settled()


@pytest.mark.parametrize(
    ("applies_to", "holds"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"namespaces": ["m?"], "models": ["x", "CH*"]}, True, id="patterns"),
        pytest.param({"namespaces": ["prod-*"]}, False, id="other namespaces"),
        pytest.param({"models": ["fraud"]}, False, id="other models"),
    ],
)
@in_virtual_time
async def test_a_cluster_policy_holds_for_what_it_applies_to(applies_to: dict[str, Any], holds: bool) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.put_cluster_policy(applies_to=applies_to, **STRICT)
        it.add_alias()
        it.ask("go", "2")
        await it.settle()

        assert it.phase("go") == ("Rejected" if holds else "Succeeded")
        assert (it.alias().status.policy is not None) == holds


@in_virtual_time
async def test_without_the_policy_that_it_names_nothing_begins() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "1"})
        it.add_alias(**TEAM)
        it.ask("go", "2")
        await it.settle()

        assert it.condition("Stalled").reason == "PolicyMissing"
        assert "make it, or change spec.policyRef" in it.condition("Stalled").message
        assert it.phase("go") == "Pending"
        assert "there is no PromotionPolicy team in namespace ml" in it.says("go")
        await it.assert_settled()

        it.put_policy(**STRICT)
        await it.settle()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert _rules(it) == [("policy.gates[auc]", "PromotionPolicy/team")]

        it.objects.delete_policy("team", NAMESPACE)
        await it.settle()

        assert it.condition("Stalled").reason == "PolicyMissing"


@in_virtual_time
async def test_a_pin_waits_for_the_policy_that_says_whether_it_is_judged() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.8, aliases={"champion": "1"})
        it.add_alias(**TEAM, version="2")
        await it.settle()
        assert await it.aliases() == {"champion": "1"}

        it.put_policy(**LENIENT, pins="Gated")
        await it.settle()

        assert await it.aliases() == {"champion": "2"}
        assert it.alias().status.pin is not None


@in_virtual_time
async def test_a_policy_of_another_namespace_is_another_policy() -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        it.objects.put_policy("theirs", _spec(), "other")
        it.add_alias(policyRef={"name": "theirs"})
        await it.settle()

        assert it.condition("Stalled").reason == "PolicyMissing"


@in_virtual_time
async def test_rules_that_contradict_each_other_stall_the_alias_until_one_is_edited() -> None:
    async with Cluster() as it:
        await it.model(0.6, 0.6, aliases={"champion": "1"})
        it.put_cluster_policy(**STRICT)
        it.add_alias(policy=LENIENT)
        it.ask("go", "2")
        await it.settle()

        assert it.condition("Stalled").reason == "PolicyConflict"
        assert (
            f"policy.gates[auc] stands in {BASE} and again in ModelAlias" in it.condition("Stalled").message
        )
        assert _policy(it) == PolicyStatus(sources=(BASE,))
        assert it.phase("go") == "Pending"

        it.edit_alias(policy={"gates": [{**AUC, "name": "mine", "threshold": 0.5}]})
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert [(item.name, item.result) for item in it.request("go").status.gates] == [
            ("auc", "Failed"),
            ("mine", "Passed"),
        ]


@in_virtual_time
async def test_of_a_cluster_and_a_team_policy_both_hold() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "1"})
        it.put_cluster_policy(approval={"required": "Always", "groups": ["leads"]})
        it.put_policy(**LENIENT)
        it.add_alias(**TEAM)
        it.ask("go", "2", requestedBy="ana")
        await it.settle()

        assert it.says("go") == "waits for 1 approval from group leads; 1/1 gates passed"
        assert _policy(it).sources == (BASE, "PromotionPolicy/team")

        it.edit_alias(policyRef=None)
        await it.settle()

        assert it.phase("go") == "AwaitingApproval", "the cluster's rules hold without being named"
        assert _policy(it).sources == (BASE,)


@in_virtual_time
async def test_an_edit_of_a_policy_voids_approvals_as_one_of_the_alias_does() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "1"})
        it.put_cluster_policy(**LENIENT, approval={"required": "Always", "minimum": 2})
        it.add_alias()
        it.ask("go", "2", requestedBy="ana")
        await it.settle()
        before = it.resolved("go").evidence
        it.edit_request("go", approvals=[{"user": "bo", "evidence": before, "decision": "Approve"}])
        await it.settle()
        assert "(1 of 2 given)" in it.says("go")

        it.put_cluster_policy(**STRICT, approval={"required": "Always", "minimum": 2})
        await it.settle()

        assert it.resolved("go").evidence != before
        assert it.says("go").startswith("waits for 2 approvals")
        given = it.request("go").status.approvals
        assert given is not None
        assert given.void == ("Approve by bo: it is about evidence that has changed since",)


@in_virtual_time
async def test_a_rule_that_moves_into_a_policy_leaves_the_evidence_as_it_is() -> None:
    async with Cluster() as it:
        rules = {**LENIENT, "approval": {"required": "Always", "allowSelf": False}}
        await it.model(0.9, 0.9, aliases={"champion": "1"})
        it.add_alias(policy=rules)
        it.ask("go", "2", requestedBy="ana")
        await it.settle()
        before = it.resolved("go").evidence

        it.edit_alias(policy=None)
        it.put_cluster_policy(**rules)
        await it.settle()

        assert before is not None
        assert it.resolved("go").evidence == before


@pytest.mark.parametrize("edit", ["gone", "contradicting"])
@in_virtual_time
async def test_a_rollback_goes_where_the_rules_are_not_known_and_ends_what_waited_for_them(edit: str) -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, 0.9, aliases={"champion": "2"})
        it.put_policy(**LENIENT)
        it.add_accepted_alias("1", "2", **TEAM)
        await it.settle()
        if edit == "gone":
            it.objects.delete_policy("team", NAMESPACE)
        else:
            it.put_cluster_policy(**LENIENT)
        it.ask("forward", "3")
        await it.settle()
        assert it.phase("forward") == "Pending"

        it.ask("back", operation="Rollback", source={"previous": True}, reason="wrong")
        await it.settle()

        assert it.end("back") == ("Succeeded", "Succeeded")
        assert it.end("forward") == ("Superseded", "Superseded")
        assert await it.aliases() == {"champion": "1"}
        assert it.is_true("Stalled")


@in_virtual_time
async def test_a_rollback_that_sets_tags_waits_for_the_rules_that_say_which() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "2"})
        it.add_accepted_alias("1", "2", **TEAM, policy={"requestTags": ["*"]})
        tags = {"tags": {"validated": "yes"}}
        it.ask("back", operation="Rollback", source={"previous": True}, reason="wrong", onSuccess=tags)
        await it.settle()

        assert it.phase("back") == "Pending"


@in_virtual_time
async def test_a_soak_goes_on_while_the_rules_are_not_known() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "1", "staging": "2"})
        it.put_policy(eligibility={"soak": {"alias": "staging", "for": "24h"}})
        it.add_alias(**TEAM)
        await it.settle(60)
        before = it.alias().status.soaking

        it.objects.delete_policy("team", NAMESPACE)
        await it.settle(60)

        assert it.is_true("Stalled")
        assert before is not None
        assert it.alias().status.soaking == before


@pytest.mark.parametrize("edit", ["stricter", "gone", "contradicting"])
@in_virtual_time
async def test_a_plan_under_way_is_finished_as_it_was_planned(edit: str) -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.put_policy(**LENIENT)
        it.workloads.add("api")
        it.add_alias(**TEAM, serving=[{"name": "api", "load": PINNED}])
        it.ask("go", "2")
        await it.settle()
        assert it.phase("go") == "RollingOut"

        if edit == "stricter":
            it.put_policy(**STRICT)
        elif edit == "gone":
            it.objects.delete_policy("team", NAMESPACE)
        else:
            it.put_cluster_policy(**LENIENT)
        await it.finish_rollout()

        assert it.end("go") == ("Succeeded", "Succeeded")
        assert await it.aliases() == {"champion": "2"}
        assert it.is_true("Stalled") == (edit != "stricter")


@in_virtual_time
async def test_what_a_policy_says_of_rollouts_is_a_default() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.objects.put_policy("team", _spec(rollout={"deadlineSeconds": 100, "stableSeconds": 50}), NAMESPACE)
        it.workloads.add("api")
        it.add_alias(**TEAM, serving=[{"name": "api", "load": PINNED}], rollout={"stableSeconds": 7})
        it.ask("go", "2")
        await it.settle()

        plan = it.alias().status.plan
        assert plan is not None
        assert (plan.rollout.deadline_seconds, plan.rollout.stable_seconds) == (100, 7)


@in_virtual_time
async def test_a_policy_has_pins_judged() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.8, aliases={"champion": "1"})
        it.put_cluster_policy(**STRICT, pins="Gated")
        it.add_alias(policy={"pins": "Trusted"})
        await it.settle()
        it.pin("2")
        await it.settle()

        assert await it.aliases() == {"champion": "1"}
        assert it.condition("Stalled").reason == "GatesFailed"


@pytest.mark.parametrize("whose", ["its own", "another's of the model"])
@in_virtual_time
async def test_a_tag_that_a_policy_requires_is_not_set_by_a_request(whose: str) -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "1"})
        it.put_policy(eligibility={"requireTags": {"validated": "yes"}})
        it.add_alias(policy={"requestTags": ["*"]}, **(TEAM if whose == "its own" else {}))
        it.add_alias("other", alias="other", **TEAM)
        await it.registry.tag_version(MODEL, "2", {"validated": "yes"})
        it.ask("go", "2", onSuccess={"tags": {"validated": "yes"}})
        await it.settle()

        assert it.end("go") == ("Rejected", "NotAllowed")


@in_virtual_time
async def test_an_alias_that_a_policy_requires_is_one_that_its_own_modelalias_accepted() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, 0.9, aliases={"champion": "1", "staging": "2"})
        it.put_policy(eligibility={"requireAlias": "staging"})
        it.add_alias(**TEAM)
        it.add_alias("churn-staging", alias="staging")
        await it.settle()
        it.ask("accepted", "2")
        await it.settle()
        await it.registry.set_alias(MODEL, "staging", "3")
        await it.settle(60)
        it.ask("by hand", "3")
        await it.settle()

        assert it.end("accepted") == ("Succeeded", "Succeeded")
        assert it.end("by hand") == ("Rejected", "NotEligible")
        assert "the ModelAlias of staging did not accept it" in it.says("by hand")


@in_virtual_time
async def test_the_status_changes_when_rules_come_or_go_and_not_with_their_values() -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        it.put_cluster_policy(**LENIENT)
        it.add_alias()
        await it.settle()
        before = it.counts()

        it.put_cluster_policy(**STRICT)
        await it.settle()
        assert it.counts() == before

        it.put_cluster_policy(gates=[*STRICT["gates"], {**AUC, "name": "more", "threshold": 0.1}])
        await it.settle()
        assert _rules(it) == [("policy.gates[auc]", BASE), ("policy.gates[more]", BASE)]

        it.objects.delete_policy("base")
        await it.settle()
        assert it.alias().status.policy is None


@in_virtual_time
async def test_what_changed_while_nobody_looked_is_known_before_anything_is_judged() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.put_cluster_policy("gone", gates=[{**AUC, "name": "all", "threshold": 1}])
        it.add_alias()
        await it.settle()
        await it.stop()

        it.objects.delete_policy("gone")
        it.put_cluster_policy(**STRICT)
        it.ask("go", "2")
        await it.settle()

        assert it.end("go") == ("Rejected", "GatesFailed")
        assert [item.name for item in it.request("go").status.gates] == ["auc"]


@in_virtual_time
async def test_a_deletion_that_no_watch_told_of_is_found() -> None:
    async with Cluster() as it:
        await it.model(0.9, aliases={"champion": "1"})
        it.put_cluster_policy(**STRICT)
        it.add_alias()
        await it.settle()

        it.objects.policies.clear()
        assert it.engine is not None
        it.engine.watches_began_anew()
        await it.settle()

        assert it.alias().status.policy is None


@in_virtual_time
async def test_policies_that_came_back_from_a_backup_hold_as_they_are() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.put_cluster_policy(**LENIENT)
        it.add_alias()
        await it.settle()
        backup = it.objects.backup()
        it.put_cluster_policy(gates=[*STRICT["gates"], {**AUC, "name": "more", "threshold": 0.1}])
        await it.settle()

        it.objects.restore(backup)
        assert it.engine is not None
        it.engine.watches_began_anew()
        await it.settle()

        assert _rules(it) == [("policy.gates[auc]", BASE)]


@in_virtual_time
async def test_while_the_policies_cannot_be_listed_nothing_is_judged() -> None:
    async with Cluster() as it:
        await it.model(0.8, 0.8, aliases={"champion": "1"})
        it.put_cluster_policy(**STRICT)
        it.add_alias()
        it.ask("go", "2")
        it.objects.fail_next(Unavailable("not served yet"), call="every_policy", times=3)
        await it.settle()
        assert it.request("go").status.phase is None

        await it.settle(30)

        assert it.end("go") == ("Rejected", "GatesFailed")


@in_virtual_time
async def test_one_edit_of_a_policy_of_300_aliases_is_no_burst_and_delays_no_request() -> None:
    async with Cluster() as it:
        await it.model(0.9, 0.9, aliases={"champion": "1"})
        it.put_cluster_policy(**LENIENT, approval={"required": "Always"})
        for number in range(300):
            spec = {"model": f"m{number:03}", "alias": "champion"}
            await it.registry.create_model(spec["model"])
            it.objects.add_alias(NAMESPACE, f"a{number:03}", ModelAliasSpec.model_validate(spec))
        it.add_alias()
        it.ask("go", "2", requestedBy="ana")
        await it.settle(60)
        evidence, written = it.resolved("go").evidence, len(it.objects.writes)
        seconds: Counter[int] = Counter()
        it.objects.listeners.append(lambda *_: seconds.update([int(it.wall().timestamp())]))

        it.put_cluster_policy(**STRICT, approval={"required": "Always"})
        await it.settle(0.1)
        assert it.resolved("go").evidence != evidence, "whoever has an open request is looked at first"
        await it.settle(60)
        assert len(it.objects.writes) == written + 1, "values stand in the policy, and no status has them"

        seconds.clear()
        it.put_cluster_policy(gates=[*STRICT["gates"], {**AUC, "name": "more", "threshold": 0.1}])
        await it.settle(60)

        names = [item.name for item in it.objects.writes[written + 1 :] if item.kind == "ModelAlias"]
        assert Counter(names) == {NAME: names.count(NAME), **{f"a{number:03}": 1 for number in range(300)}}
        assert max(seconds.values()) <= 60
        assert len(seconds) >= 6
