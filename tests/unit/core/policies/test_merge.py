"""What a ModelAlias may add to the rules of policies, and what it may not."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import duration
from modelalias.api.metadata import Metadata
from modelalias.api.policy import Approval, Pins, Policy
from modelalias.api.promotion_policy import AppliesTo, PolicyKind, PromotionPolicySpec
from modelalias.api.request import GivenApproval, PromotionRequestSpec
from modelalias.core.judging import approvals, eligibility
from modelalias.core.judging.eligibility import Signature, Traits
from modelalias.core.policies import merge
from modelalias.core.policies.effective import Applying, Effective, effective
from modelalias.ports import GivenPolicy
from tests.support.world import alias_spec

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
Rules = Mapping[str, Any]


def _gate(name: str = "auc", threshold: float = 0.8) -> dict[str, Any]:
    return {"name": name, "metric": "val_auc", "direction": "HigherIsBetter", "threshold": threshold}


def _monitor(name: str) -> dict[str, Any]:
    return {"name": name, "prometheus": {"query": "up"}, "direction": "LowerIsBetter", "threshold": 1}


def _policy(name: str, **spec: Any) -> GivenPolicy:
    return GivenPolicy(
        kind=PolicyKind.CLUSTER,
        metadata=Metadata(name=name),
        applies_to=AppliesTo(),
        spec=PromotionPolicySpec.model_validate(spec),
    )


def _under(policies: Sequence[Rules], own: Rules, **spec: Any) -> Effective:
    """Return an alias with its own rules under cluster policies a, b, ... with these."""
    above = (_policy(chr(97 + number), policy=rules) for number, rules in enumerate(policies))
    alias = ModelAlias(metadata=Metadata(name="churn", namespace="ml"), spec=alias_spec(policy=own, **spec))
    return effective(alias, Applying(tuple(above)))


def _rules(result: Effective) -> dict[str, Any]:
    assert result.view.problem is None, result.view.problem
    policy = result.alias.spec.policy
    return policy.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _sources(result: Effective) -> list[tuple[str, str]]:
    assert result.view.shown is not None
    return [(item.rule, item.from_) for item in result.view.shown.rules]


def test_every_field_of_a_policy_is_merged_in_a_way_that_was_chosen() -> None:
    chosen = {
        "eligibility",
        "gates",
        "evaluation",
        "wait_for_run",
        "approval",
        "concurrency",
        "request_tags",
        "pins",
        "auto_promote",
        "retention",
        "windows",
    }
    assert set(merge.POLICY) == chosen, "a new field: choose in core/policies/merge.py how it is merged"


def _window(kind: str, cron: str = "0 18 * * 5") -> dict[str, Any]:
    return {"kind": kind, "cron": cron, "duration": "60h"}


def test_windows_that_deny_add_up() -> None:
    deny, allow, night = _window("Deny"), _window("Allow"), _window("Deny", "0 0 * * *")

    merged = _under([{"windows": [deny, allow]}], {"windows": [night]})

    assert _rules(merged) == {"windows": [deny, allow, night]}


def test_windows_that_allow_stand_in_one_source_or_the_second_would_open_what_the_first_closes() -> None:
    merged = _under([{"windows": [_window("Allow")]}], {"windows": [_window("Allow", "0 0 * * *")]})

    problem = merged.view.problem
    assert problem is not None
    assert problem.reason == "PolicyConflict"
    assert "policy.windows of kind Allow" in problem.message


HOLDOUT: Final = {"cronJob": "holdout"}
TRAINED: Final = {"fromVersions": {"tags": {"trained": "*"}}}


@pytest.mark.parametrize(
    ("policy", "own", "merged"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({"gates": [_gate("a")]}, {}, {"gates": [_gate("a")]}, id="a gate of the policy alone"),
        pytest.param(
            {"gates": [_gate("a")]},
            {"gates": [_gate("b")]},
            {"gates": [_gate("a"), _gate("b")]},
            id="gates of both",
        ),
        pytest.param({"pins": "Gated"}, {"pins": "Trusted"}, {"pins": "Gated"}, id="gated pins stay"),
        pytest.param({"pins": "Trusted"}, {"pins": "Gated"}, {"pins": "Gated"}, id="pins become gated"),
        pytest.param({"evaluation": HOLDOUT}, {}, {"evaluation": HOLDOUT}, id="the policy's evaluation"),
        pytest.param({}, {"evaluation": HOLDOUT}, {"evaluation": HOLDOUT}, id="the alias's evaluation"),
        pytest.param(
            {"evaluation": HOLDOUT},
            {"evaluation": HOLDOUT},
            {"evaluation": HOLDOUT},
            id="the same evaluation",
        ),
        pytest.param({"waitForRun": "2h"}, {"waitForRun": "1d"}, {"waitForRun": "2h"}, id="the shorter wait"),
        pytest.param({"waitForRun": "2h"}, {"waitForRun": "60m"}, {"waitForRun": "60m"}, id="a shorter wait"),
        pytest.param({"concurrency": "Supersede"}, {}, {"concurrency": "Supersede"}, id="concurrency"),
        pytest.param({"autoPromote": TRAINED}, {}, {"autoPromote": TRAINED}, id="candidates by a policy"),
        pytest.param(
            {}, {"requestTags": ["a"]}, {"requestTags": ["a"]}, id="tags where the policy says nothing"
        ),
        pytest.param(
            {"requestTags": ["a", "b-*"]}, {"requestTags": ["b-*"]}, {"requestTags": ["b-*"]}, id="fewer tags"
        ),
        pytest.param({"requestTags": []}, {"requestTags": ["a"]}, {"requestTags": []}, id="no tags at all"),
    ],
)
def test_an_alias_adds_and_tightens(policy: Rules, own: Rules, merged: Rules) -> None:
    assert _rules(_under([policy], own)) == merged


@pytest.mark.parametrize(
    ("policy", "own", "merged"),
    [
        pytest.param(
            {"requireTags": {"a": "1"}},
            {"requireTags": {"b": "2"}},
            {"requireTags": {"a": "1", "b": "2"}},
            id="tags of both",
        ),
        pytest.param(
            {"requireTags": {"a": "*"}},
            {"requireTags": {"a": "1"}},
            {"requireTags": {"a": "1"}},
            id="a value for any",
        ),
        pytest.param(
            {"requireTags": {"a": "1"}},
            {"requireTags": {"a": "*"}},
            {"requireTags": {"a": "1"}},
            id="any for a value",
        ),
        pytest.param(
            {"tagSchema": {"required": ["b"], "properties": {"a": {"format": "date"}}}},
            {"tagSchema": {"required": ["a", "b"], "properties": {"c": {"const": "x"}}}},
            {
                "tagSchema": {
                    "required": ["a", "b"],
                    "properties": {"a": {"format": "date"}, "c": {"const": "x"}},
                }
            },
            id="schemas of different tags",
        ),
        pytest.param(
            {"tagSchema": {"properties": {"a": {"pattern": "^x", "description": "ours"}}}},
            {"tagSchema": {"properties": {"a": {"pattern": "y$", "allOf": [{"minLength": 2}]}}}},
            {
                "tagSchema": {
                    "required": [],
                    "properties": {
                        "a": {
                            "pattern": "^x",
                            "description": "ours",
                            "allOf": [{"pattern": "y$"}, {"minLength": 2}],
                        }
                    },
                }
            },
            id="rules of both on one tag",
        ),
        pytest.param({"requireAlias": "smoke"}, {}, {"requireAlias": "smoke"}, id="an alias of the policy"),
        pytest.param(
            {"requireSignature": True},
            {"requireSignature": False},
            {"requireSignature": True},
            id="the signature stays required",
        ),
        pytest.param(
            {"soak": {"alias": "s", "for": "24h"}},
            {"soak": {"alias": "s", "for": "2d"}},
            {"soak": {"alias": "s", "for": "2d"}},
            id="a longer soak",
        ),
        pytest.param(
            {"soak": {"alias": "s", "for": "24h"}},
            {"soak": {"alias": "s", "for": "1h"}},
            {"soak": {"alias": "s", "for": "24h"}},
            id="no shorter soak",
        ),
    ],
)
def test_eligibility_is_tightened(policy: Rules, own: Rules, merged: Rules) -> None:
    assert _rules(_under([{"eligibility": policy}], {"eligibility": own})) == {"eligibility": merged}


@pytest.mark.parametrize(
    ("policy", "own", "merged"),
    [
        pytest.param(
            {"required": "Always"}, {"required": "Never"}, {"required": "Always"}, id="asked all the same"
        ),
        pytest.param(
            {"required": "OnInconclusive"},
            {"required": "Always"},
            {"required": "Always"},
            id="asked more often",
        ),
        pytest.param({"minimum": 2}, {"minimum": 1}, {"minimum": 2}, id="as many people"),
        pytest.param({"minimum": 2}, {"minimum": 3}, {"minimum": 3}, id="more people"),
        pytest.param(
            {"users": ["ana", "bo"], "groups": ["leads"]},
            {"users": ["bo"]},
            {"users": ["bo"], "groups": []},
            id="fewer people",
        ),
        pytest.param(
            {"groups": ["leads"]}, {"users": []}, {"users": [], "groups": ["leads"]}, id="nobody named"
        ),
        pytest.param(
            {"groups": ["leads"]},
            {"groups": ["leads", "team"]},
            {"users": [], "groups": ["leads"]},
            id="no more people",
        ),
        pytest.param({}, {"users": ["bo"]}, {"users": ["bo"], "groups": []}, id="named where anyone could"),
        pytest.param({"waitFor": "24h"}, {"waitFor": "72h"}, {"waitFor": "24h"}, id="the shorter wait"),
        pytest.param(
            {"checklist": ["a", "b"]},
            {"checklist": ["c", "a"]},
            {"checklist": ["a", "b", "c"]},
            id="more to confirm",
        ),
    ],
)
def test_approval_is_tightened(policy: Rules, own: Rules, merged: Rules) -> None:
    rules = _rules(_under([{"approval": policy}], {"approval": own}))

    assert rules == {"approval": {**merged, "allowSelf": False}}


@pytest.mark.parametrize(
    ("policies", "own", "allowed"),
    [
        pytest.param([{"required": "Always"}], True, False, id="left out by the policy"),
        pytest.param([{"allowSelf": True}], None, True, id="left out by the alias"),
        pytest.param([{"allowSelf": True}], False, False, id="forbidden by the alias"),
        pytest.param([{"allowSelf": True}, {"required": "Always"}], True, False, id="left out by another"),
        pytest.param([{"required": "Always"}, {"allowSelf": True}], True, False, id="the other way round"),
        pytest.param([], True, True, id="no policy asks for approvals"),
    ],
)
def test_ones_own_request_is_approved_only_where_every_policy_lets_one(
    policies: Sequence[Rules], own: bool | None, allowed: bool
) -> None:
    mine = {} if own is None else {"approval": {"allowSelf": own}}

    result = _under([*({"approval": item} for item in policies), {}], mine)

    assert _rules(result)["approval"]["allowSelf"] is allowed


@pytest.mark.parametrize(
    ("policies", "own", "message"),
    [
        pytest.param(
            [{"gates": [_gate()]}],
            {"gates": [_gate(threshold=0.1)]},
            "policy.gates[auc] stands in ClusterPromotionPolicy/a and again in ModelAlias",
            id="a gate redefined",
        ),
        pytest.param(
            [{"gates": [_gate()]}, {"gates": [_gate()]}],
            {},
            "policy.gates[auc] stands in ClusterPromotionPolicy/a and again in ClusterPromotionPolicy/b",
            id="a gate of two policies",
        ),
        pytest.param(
            [{"eligibility": {"requireTags": {"a": "1"}}}],
            {"eligibility": {"requireTags": {"a": "2"}}},
            "policy.eligibility.requireTags[a] has one value in ClusterPromotionPolicy/a and another in ModelAlias",
            id="another value of a tag",
        ),
        pytest.param(
            [{"eligibility": {"tagSchema": {"required": [f"a{n}" for n in range(20)]}}}],
            {"eligibility": {"tagSchema": {"required": [f"b{n}" for n in range(20)]}}},
            "do not fit together",
            id="more tags than a schema may have",
        ),
        pytest.param(
            [{"eligibility": {"requireAlias": "smoke"}}],
            {"eligibility": {"requireAlias": "other"}},
            "policy.eligibility.requireAlias stands in ClusterPromotionPolicy/a and otherwise in ModelAlias",
            id="another alias",
        ),
        pytest.param(
            [{"eligibility": {"soak": {"alias": "staging", "for": "24h"}}}],
            {"eligibility": {"soak": {"alias": "other", "for": "48h"}}},
            "of one alias, and is of other in ModelAlias, staging in ClusterPromotionPolicy/a",
            id="a soak of another alias",
        ),
        pytest.param(
            [{"evaluation": HOLDOUT}],
            {"evaluation": {"cronJob": "mine"}},
            "policy.evaluation stands in ClusterPromotionPolicy/a and otherwise in ModelAlias",
            id="another evaluation",
        ),
        pytest.param(
            [{"approval": {"groups": ["leads"]}}],
            {"approval": {"groups": ["team"]}},
            "policy.approval.users and groups: ClusterPromotionPolicy/a and ModelAlias name different ones",
            id="another group",
        ),
        pytest.param(
            [{"approval": {"groups": ["leads"]}}],
            {"approval": {"users": ["eve"]}},
            "policy.approval.users and groups: ClusterPromotionPolicy/a and ModelAlias name different ones",
            id="a user beside a group",
        ),
        pytest.param(
            [{"requestTags": ["b"]}],
            {"requestTags": ["a"]},
            "policy.requestTags: ClusterPromotionPolicy/a and ModelAlias name different ones",
            id="another tag",
        ),
        pytest.param(
            [{"concurrency": "Queue"}],
            {"concurrency": "Supersede"},
            "policy.concurrency stands in ClusterPromotionPolicy/a and otherwise in ModelAlias",
            id="another concurrency",
        ),
        pytest.param(
            [{"gates": [_gate(f"a{n}") for n in range(20)]}],
            {"gates": [_gate(f"b{n}") for n in range(20)]},
            "do not fit together: policy.gates: Tuple should have at most 32 items",
            id="more gates than fit",
        ),
        pytest.param(
            [{"approval": {"checklist": [f"a{n}" for n in range(20)]}}],
            {"approval": {"checklist": [f"b{n}" for n in range(20)]}},
            "do not fit together: checklist: Tuple should have at most 32 items",
            id="more to confirm than fits",
        ),
    ],
)
def test_what_contradicts_is_told_and_nothing_is_merged(
    policies: Sequence[Rules], own: Rules, message: str
) -> None:
    result = _under(policies, own)

    assert result.view.problem is not None
    assert result.view.problem.reason == "PolicyConflict"
    assert message in result.view.problem.message
    assert result.alias.spec.policy == Policy.model_validate(own)


def test_each_rule_names_its_source() -> None:
    result = _under(
        [
            {"gates": [_gate("a")], "approval": {"required": "Always", "minimum": 1, "checklist": ["x"]}},
            {"approval": {"minimum": 2, "checklist": ["y"]}},
        ],
        {"gates": [_gate("b")], "approval": {"minimum": 2, "checklist": ["x"]}},
        rollout={"stableSeconds": 5},
        monitors=[_monitor("errors")],
    )

    a, b, own = "ClusterPromotionPolicy/a", "ClusterPromotionPolicy/b", "ModelAlias"
    assert _sources(result) == [
        ("policy.gates[a]", a),
        ("policy.gates[b]", own),
        ("policy.approval.required", a),
        ("policy.approval.minimum", b),
        ("policy.approval.allowSelf", a),
        ("policy.approval.checklist", a),
        ("policy.approval.checklist", b),
        ("rollout.stableSeconds", own),
        ("monitors[errors]", own),
    ]
    assert result.view.shown is not None
    assert result.view.shown.sources == (a, b)


def test_the_closest_default_of_a_rollout_wins() -> None:
    above = (
        _policy("a", rollout={"deadlineSeconds": 100, "stableSeconds": 1, "requireWhole": True}),
        _policy("b", rollout={"deadlineSeconds": 200}),
    )
    alias = ModelAlias(
        metadata=Metadata(name="churn", namespace="ml"), spec=alias_spec(rollout={"stableSeconds": 7})
    )

    rollout = effective(alias, Applying(above)).alias.spec.rollout

    assert (rollout.deadline_seconds, rollout.stable_seconds, rollout.require_whole) == (200, 7, True)
    assert rollout.on_failure == "Rollback"


def test_monitors_of_both_are_watched_and_none_is_redefined() -> None:
    above = (_policy("a", monitors=[_monitor("errors")]),)

    def under(name: str) -> Effective:
        spec = alias_spec(monitors=[_monitor(name)])
        return effective(ModelAlias(metadata=Metadata(name="churn"), spec=spec), Applying(above))

    assert [item.name for item in under("drift").alias.spec.monitors] == ["errors", "drift"]
    problem = under("errors").view.problem
    assert problem is not None
    assert problem.message.startswith("monitors[errors] stands in ClusterPromotionPolicy/a and again in")


def test_without_policies_nothing_changes() -> None:
    alias = ModelAlias(metadata=Metadata(name="churn"), spec=alias_spec())

    result = effective(alias, Applying())

    assert result.alias is alias
    assert (result.view.shown, result.view.problem) == (None, None)


def test_a_policy_that_cannot_be_read_lets_nothing_pass() -> None:
    unread = GivenPolicy(
        kind=PolicyKind.CLUSTER, metadata=Metadata(name="new"), problem="spec.policy.novel: unknown"
    )
    alias = ModelAlias(metadata=Metadata(name="churn"), spec=alias_spec())

    problem = effective(alias, Applying((unread,))).view.problem

    assert problem is not None
    assert problem.reason == "Invalid"
    assert "ClusterPromotionPolicy/new: spec.policy.novel" in problem.message


# Whatever is refused by a policy alone is refused by what results

_tags = st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2", "*"]), max_size=2)
_soaks = st.fixed_dictionaries({"alias": st.sampled_from(["s", "t"]), "for": st.sampled_from(["1h", "5h"])})
_some: Any = lambda **fields: st.fixed_dictionaries({}, optional=fields)  # noqa: E731 - a name for a strategy
_rule = _some(enum=st.sampled_from([["1"], ["2"], ["1", "2"]]), const=st.sampled_from("12"))
_schemas = _some(
    required=st.lists(st.sampled_from("ab"), max_size=2),
    properties=st.dictionaries(st.sampled_from("ab"), _rule, max_size=2),
)
_eligibility = _some(
    tagSchema=_schemas,
    requireTags=_tags,
    requireAlias=st.sampled_from(["s", "t"]),
    soak=_soaks,
    requireSignature=st.booleans(),
)
_people = st.lists(st.sampled_from(["ana", "bo", "cy"]), max_size=3, unique=True)
_groups = st.lists(st.sampled_from(["x", "y"]), max_size=2, unique=True)
_approval = _some(
    required=st.sampled_from(["Never", "Always", "OnInconclusive"]),
    minimum=st.integers(1, 3),
    users=_people,
    groups=_groups,
    allowSelf=st.booleans(),
    checklist=st.lists(st.sampled_from(["p", "q"]), max_size=2, unique=True),
)
_gates = st.lists(
    st.builds(_gate, st.sampled_from("abc"), st.sampled_from([0.1, 0.9])),
    max_size=2,
    unique_by=lambda g: g["name"],
)
_policies = _some(
    eligibility=_eligibility, approval=_approval, gates=_gates, pins=st.sampled_from(["Trusted", "Gated"])
)
_traits = st.builds(
    lambda **known: Traits(name="version 4", **known),
    tags=st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2),
    aliases=st.frozensets(st.sampled_from(["s", "t"])),
    soaking_since=st.sampled_from([None, NOW - timedelta(hours=2), NOW - timedelta(hours=9)]),
    signature=st.sampled_from([True, False, None]).map(lambda there: Signature(there=there)),
)
_given = st.builds(
    lambda user, group, checklist: GivenApproval.model_validate(
        {
            "user": user,
            "group": group,
            "checklist": checklist,
            "decision": "Approve",
            "evidence": f"sha256:{64 * 'a'}",
        }
    ),
    st.sampled_from(["ana", "bo", "cy"]),
    st.sampled_from([None, "x", "y"]),
    st.lists(st.sampled_from(["p", "q"]), max_size=2, unique=True),
)


def _is_approved(rules: Approval, words: Sequence[GivenApproval]) -> bool:
    """Return whether a request of ana's has the approvals that it needs where a gate is Inconclusive."""
    if not approvals.is_needed(rules, inconclusive=True):
        return True
    spec = PromotionRequestSpec.model_validate(
        {"aliasRef": {"name": "c"}, "source": {"version": "4"}, "requestedBy": "ana"}
    ).model_copy(update={"approvals": tuple(words)})
    return len(approvals.count(rules, spec, f"sha256:{64 * 'a'}").approved) >= rules.minimum


def _is_eligible(policy: Policy, traits: Traits) -> bool:
    checks = () if policy.eligibility is None else eligibility.judge(policy.eligibility, traits, NOW).checks
    return not eligibility.refused(checks) and not eligibility.unclear(checks)


@given(first=_policies, second=_policies, own=_policies, traits=_traits, words=st.lists(_given, max_size=4))
def test_merging_never_weakens(
    first: Rules, second: Rules, own: Rules, traits: Traits, words: Sequence[GivenApproval]
) -> None:
    result = _under([first, second], own)
    if result.view.problem is not None:
        return
    merged = result.alias.spec.policy

    for alone in (Policy.model_validate(rules) for rules in (first, second)):
        assert set(alone.gates) <= set(merged.gates)
        assert _is_eligible(alone, traits) or not _is_eligible(merged, traits)
        assert _is_approved(alone.approval, words) or not _is_approved(merged.approval, words)
        assert merged.pins is Pins.GATED or alone.pins is Pins.TRUSTED


def _unordered(approval: Approval) -> Approval:
    """Return the rules with their lists sorted: who approves and what they confirm has no order."""
    lists = ("users", "groups", "checklist")
    return approval.changed(**{name: tuple(sorted(getattr(approval, name))) for name in lists})


@given(first=_policies, second=_policies)
def test_the_names_of_cluster_policies_do_not_decide_what_results(first: Rules, second: Rules) -> None:
    one, other = _under([first, second], {}), _under([second, first], {})

    assert (one.view.problem is None) == (other.view.problem is None)
    if one.view.problem is None:
        mine, its = one.alias.spec.policy, other.alias.spec.policy
        assert set(mine.gates) == set(its.gates)
        assert mine.eligibility == its.eligibility
        assert _unordered(mine.approval) == _unordered(its.approval)
        assert duration(mine.wait_for_run) == duration(its.wait_for_run)
