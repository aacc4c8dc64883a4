"""What a ModelAlias's page says in words: the rules with their sources, what stops it, and the ledger."""

from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.web import ledger, policy_words, serving_panel, stops, traffic_panel
from modelalias.web.phases import Tone
from modelalias.web.verdict import Number
from tests.support import cli_cluster, web_site
from tests.support.cli_cluster import condition

EVIDENCE = f"sha256:{'1' * 64}"
AT = "2026-01-01T00:00:00Z"


def alias(spec: Mapping[str, Any] | None = None, **status: Any) -> ModelAlias:
    return ModelAlias.model_validate(web_site.alias(spec=spec, **status))


def rules(spec: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    found = alias(spec)
    return [(item.text, item.sources) for item in policy_words.of(found, found).lines]


def gate(**fields: Any) -> dict[str, Any]:
    return {
        "policy": {"gates": [{"name": "auc", "metric": "val_auc", "direction": "HigherIsBetter", **fields}]}
    }


OWN = ("ModelAlias",)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (gate(threshold=0.85), "auc: val_auc at least 0.85"),
        (gate(threshold=0.85, direction="LowerIsBetter"), "auc: val_auc at most 0.85"),
        (
            gate(champion={"minImprovement": 0.002}),
            "auc: val_auc higher than the champion's by at least 0.002",
        ),
        (gate(champion={"minImprovement": 0}), "auc: val_auc as good as the champion's or higher"),
        (
            gate(champion={"maxRegression": 0.01, "mode": "Relative"}, direction="LowerIsBetter"),
            "auc: val_auc at most 0.01 of its value above the champion's",
        ),
        (
            gate(champion={"maxRegression": 0.01}, dataset="SameAsChampion", onNoChampion="Fail"),
            "auc: val_auc at most 0.01 below the champion's; on the same data as the champion; fails without a champion",
        ),
        (
            gate(threshold=1, metricFrom="LoggedModel", enforcement="Advise", onMissing="Inconclusive"),
            (
                "auc: val_auc at least 1; of the logged model; inconclusive where the metric is missing; "
                "advises only, and stops nothing"
            ),
        ),
        ({"policy": {"eligibility": {"requireTags": {"reviewed": "yes"}}}}, "tag reviewed must be yes"),
        ({"policy": {"eligibility": {"requireTags": {"ticket": "*"}}}}, "tag ticket must be there"),
        (
            {"policy": {"eligibility": {"tagSchema": {"required": ["a"]}}}},
            "tag a must be there",
        ),
        (
            {
                "policy": {
                    "eligibility": {"tagSchema": {"properties": {"a": {"enum": ["x", "y"], "maxLength": 3}}}}
                }
            },
            "tag a, if it is there: one of x, y; at most 3 characters",
        ),
        (
            {"policy": {"eligibility": {"requireAlias": "smoke"}}},
            "alias smoke must name the version when it is judged",
        ),
        (
            {"policy": {"eligibility": {"soak": {"alias": "staging", "for": "24h"}}}},
            "alias staging must have named the version for 24h, and still name it",
        ),
        ({"policy": {"eligibility": {"requireSignature": True}}}, "the model must have a signature"),
        ({"policy": {"approval": {"required": "Always"}}}, "people have to approve"),
        (
            {"policy": {"approval": {"required": "OnInconclusive"}}},
            "people have to approve where a gate is inconclusive",
        ),
        ({"policy": {"pins": "Gated"}}, "a pin has to pass eligibility and gates"),
        (
            {"policy": {"concurrency": "Supersede"}},
            "a newer request replaces older ones that have not begun",
        ),
        ({"policy": {"requestTags": ["ticket-*"]}}, "requests may set tags ticket-*"),
        (
            {"policy": {"autoPromote": {"fromAlias": "challenger"}}},
            "the operator asks for each version that alias challenger names, which is removed afterwards",
        ),
        (
            {"policy": {"autoPromote": {"fromVersions": {"tags": {"ok": "yes", "x": "*"}}}}},
            "the operator asks for the newest version with tags ok=yes, x",
        ),
        (
            {"policy": {"retention": {"keep": 3}}},
            "all but the last 3 versions that the alias had are tagged archived",
        ),
        (
            {"policy": {"windows": [{"name": "w", "kind": "Deny", "cron": "0 18 * * 5", "duration": "60h"}]}},
            "w: nothing begins during 0 18 * * 5 (UTC) for 60h, except Rollback, Swap",
        ),
        (
            {"policy": {"windows": [{"kind": "Allow", "cron": "0 8 * * 1", "duration": "8h", "except": []}]}},
            "something begins only during 0 8 * * 1 (UTC) for 8h",
        ),
        ({"rollout": {"onFailure": "Hold"}}, "if it fails, everything stays as it is until a person decides"),
        ({"rollout": {"requireWhole": True}}, "begins only when all replicas are available"),
        (
            {
                "monitors": [
                    {
                        "name": "psi",
                        "prometheus": {"query": "q"},
                        "direction": "LowerIsBetter",
                        "threshold": 0.2,
                        "champion": {"maxRegression": 0.1, "mode": "Relative"},
                        "onBreach": "Alert",
                    }
                ]
            },
            (
                "psi at most 0.2 and at most 0.1 of it above the version before, read every 60s, counted from 5m after a "
                "move; 3 in a row beyond it are a breach: people are told"
            ),
        ),
    ],
)
def test_a_rule_of_the_modelalias_in_words(spec: Mapping[str, Any], text: str) -> None:
    assert (text, OWN) in rules(spec)


def test_what_nobody_says_is_a_default() -> None:
    assert rules({}) == [
        ("a run that has not finished is waited for, 24h at most", ("default",)),
        ("nobody has to approve", ("default",)),
        ("a pin is not judged: whoever may edit the ModelAlias decides", ("default",)),
        ("requests wait for their turn", ("default",)),
        ("fails if it takes longer than 600 s", ("default",)),
        ("if it fails, alias and workloads go back", ("default",)),
        ("pods have to stay available for 10 s", ("default",)),
    ]


POLICY: Mapping[str, Any] = {
    "sources": ["ClusterPromotionPolicy/base"],
    "rules": [
        {"rule": "policy.gates[floor]", "from": "ClusterPromotionPolicy/base"},
        {"rule": "policy.gates[auc]", "from": "ModelAlias"},
        {"rule": "policy.approval.checklist", "from": "ClusterPromotionPolicy/base"},
        {"rule": "policy.approval.checklist", "from": "ModelAlias"},
    ],
}


def test_each_rule_says_where_it_stands() -> None:
    own = alias(gate(threshold=0.85), policy=POLICY)
    floor = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}
    policy = {"gates": [floor, *gate(threshold=0.85)["policy"]["gates"]]}
    approval = {"required": "Always", "checklist": ["read the card"]}
    merged = alias({"policy": {**policy, "approval": approval}}, policy=POLICY)

    found = policy_words.of(own, merged)

    sources = {item.text: item.sources for item in found.lines}
    assert sources["floor: val_auc at least 0.5"] == ("ClusterPromotionPolicy/base",)
    assert sources["auc: val_auc at least 0.85"] == OWN
    assert sources["to confirm: read the card"] == ("ClusterPromotionPolicy/base", "ModelAlias")
    assert found.policies == ("ClusterPromotionPolicy/base",)


def test_a_value_that_may_not_be_read_is_named_and_no_default_stands_for_it() -> None:
    found = policy_words.of(alias(gate(threshold=0.85), policy=POLICY), None, "why not")

    assert [(item.text, item.sources) for item in found.lines] == [
        ("auc: val_auc at least 0.85", OWN),
        ("policy.gates[floor]: its value stands there", ("ClusterPromotionPolicy/base",)),
        ("policy.approval.checklist: its value stands there", ("ClusterPromotionPolicy/base",)),
    ]
    assert found.note == "why not"


def test_many_rules_are_cut_and_said_to_be() -> None:
    tags = {f"t{number}": "*" for number in range(32)}
    gates = [{**gate(threshold=1)["policy"]["gates"][0], "name": f"g{number}"} for number in range(32)]
    eligibility = {
        "requireTags": tags,
        "tagSchema": {"required": list(tags), "properties": {key: {"minLength": 1} for key in tags}},
    }
    found = alias({"policy": {"eligibility": eligibility, "gates": gates}})

    shown = policy_words.of(found, found)

    assert len(shown.lines) == policy_words.MOST_RULES
    assert shown.left_out == 4 * 32 + 7 - policy_words.MOST_RULES


DRIFTED = {"observed": {"version": "8", "at": AT, "epoch": 2}}


@pytest.mark.parametrize(
    ("spec", "status", "title", "line"),
    [
        pytest.param(
            {"drift": "Restore"},
            DRIFTED,
            "Drift",
            "modelalias ack churn-champion -n ml --context prod",
            id="drift that can be acknowledged",
        ),
        pytest.param(
            {},
            DRIFTED,
            "Drift",
            "modelalias promote churn-champion -n ml --version 8 --context prod",
            id="drift that is reported only",
        ),
        pytest.param(
            {},
            {"observed": {"at": AT}},
            "Drift",
            None,
            id="an alias that was removed",
        ),
        pytest.param(
            {},
            {"hold": {"reason": "RolledBack", "since": AT}},
            "Automatic steps are on hold: RolledBack",
            "modelalias release churn-champion -n ml --context prod",
            id="hold",
        ),
        pytest.param(
            {"suspend": True},
            {},
            "Suspended",
            "modelalias resume churn-champion -n ml --context prod",
            id="suspended",
        ),
        pytest.param(
            {"version": "4"},
            {},
            "Pinned to version 4",
            "modelalias unpin churn-champion -n ml --context prod",
            id="pinned",
        ),
        pytest.param(
            {},
            {"conditions": [condition("Stalled", "True", "PolicyConflict", "two say otherwise")]},
            "A person has to change something: PolicyConflict",
            None,
            id="stalled",
        ),
    ],
)
def test_what_stops_it_has_the_command_that_ends_it(
    spec: Mapping[str, Any], status: Mapping[str, Any], title: str, line: str | None
) -> None:
    (stop,) = stops.of(alias(spec, **status), "--context prod")

    assert (stop.title, stop.command and stop.command.line) == (title, line)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({}, id="at rest"),
        pytest.param({"observed": {"version": "3", "at": AT}}, id="in sync"),
        pytest.param(
            {
                "observed": {"version": "4", "at": AT},
                "plan": {
                    "operation": "Promote",
                    "aliases": [{"name": "champion", "from": "3", "to": "4"}],
                    "startedAt": AT,
                },
            },
            id="a move under way is no drift",
        ),
        pytest.param(
            {"conditions": [condition("Held", "False", "NeverHeld")]}, id="a condition that is not met"
        ),
    ],
)
def test_nothing_stops_it(status: Mapping[str, Any]) -> None:
    assert list(stops.of(alias(**status))) == []


def test_a_drift_is_told_in_the_words_of_the_condition() -> None:
    told = condition("InSync", "False", "MassDrift", "many were moved at once")

    (stop,) = stops.of(alias(**DRIFTED, conditions=[told]))

    assert stop.text == "many were moved at once"
    assert stop.command is not None
    assert stop.command.line == "modelalias ack churn-champion -n ml"


MOVE: Mapping[str, Any] = {
    "at": AT,
    "operation": "Promote",
    "outcome": "Succeeded",
    "from": "3",
    "to": "4",
    "request": "go",
    "uid": "u-1",
    "actor": "ana",
    "approvers": ["bo", "cy"],
    "reason": "weekly",
    "evidence": EVIDENCE,
    "judged": [{"metric": "val_auc", "value": "0.90000000000"}],
}


def test_a_move_is_told_with_who_why_and_numbers() -> None:
    older = {"at": AT, "operation": "Adopt", "outcome": "Succeeded", "to": "3"}
    request = PromotionRequest.model_validate(cli_cluster.body())

    found = ledger.of(alias(history=[older, dict(MOVE)]), [request])

    entry, first = found.entries
    assert (entry.left, entry.to, entry.operation, entry.outcome.word) == ("3", "4", "Promote", "Succeeded")
    assert (entry.actor, entry.approvers, entry.request, entry.reason) == (
        "ana",
        ("bo", "cy"),
        "go",
        "weekly",
    )
    assert (entry.evidence, [(one.metric, one.value) for one in entry.numbers]) == (
        EVIDENCE,
        [("val_auc", "0.9")],
    )
    (judged,) = entry.gates
    assert (judged.candidate, judged.champion, judged.rule, judged.result.tone) == (
        Number(text="0.9", exact="0.9"),
        Number(text="0.8", exact="0.8"),
        ">= 0.81 (champion 0.8 + 0.01)",
        Tone.GOOD,
    )
    assert first.is_first_sight
    assert found.kept == 20


def test_a_request_of_the_same_name_that_came_later_tells_nothing_of_the_move() -> None:
    other = cli_cluster.body()
    other["metadata"]["uid"] = "u-2"

    (entry,) = ledger.of(alias(history=[dict(MOVE)]), [PromotionRequest.model_validate(other)]).entries

    assert entry.gates == ()


@pytest.mark.parametrize(
    ("outcome", "word", "tone"),
    [
        ("Succeeded", "Succeeded", Tone.GOOD),
        ("Failed", "Failed", Tone.BAD),
        ("RolledBack", "Rolled back", Tone.BAD),
        ("Aborted", "Aborted", Tone.QUIET),
    ],
)
def test_an_outcome_is_a_word(outcome: str, word: str, tone: Tone) -> None:
    (entry,) = ledger.of(alias(history=[{**MOVE, "outcome": outcome}]), ()).entries

    assert (entry.outcome.word, entry.outcome.tone) == (word, tone)


@pytest.mark.parametrize(
    ("move", "left", "found"),
    [
        ({"drifted": True, "found": "8"}, "3", "8"),
        ({"drifted": True}, "3", "none"),
        ({"drifted": True, "found": "8", "operation": "Restore"}, "8", "8"),
        ({}, "3", None),
    ],
)
def test_what_somebody_had_moved_is_told(move: Mapping[str, Any], left: str, found: str | None) -> None:
    (entry,) = ledger.of(alias(history=[{**MOVE, **move}]), ()).entries

    assert (entry.left, entry.found) == (left, found)


def test_signatures_are_not_guessed_and_a_hostile_model_is_one_word_of_the_command() -> None:
    (command,) = ledger.of(alias({"model": "a b; rm -rf ~", "registry": "eu"}), ()).commands

    assert command.line.splitlines()[1] == (
        "modelalias verify 'a b; rm -rf ~@champion' --public-keys keys.yaml --registry eu"
    )
    assert ledger.of(alias(current=None), ()).commands == ()


SERVING: Mapping[str, Any] = {"kind": "Deployment", "name": "api", "state": "UpToDate"}


def test_workloads_stand_in_the_order_of_waves_and_none_is_lost() -> None:
    spec = {"serving": [{"name": "late", "wave": 2}, {"name": "api"}]}
    gone = {**SERVING, "name": "gone", "state": "Missing"}

    rows = serving_panel.rows(alias(spec, serving=[gone, SERVING]))

    assert [(item.name, item.state.word) for item in rows] == [
        ("api", "Up to date"),
        ("gone", "Missing"),
        ("late", "Not looked at"),
    ]


def test_traffic_has_two_sides_with_their_share() -> None:
    backends = [{"service": "b", "alias": "challenger"}, {"service": "a"}]
    spec = {"traffic": {"httpRoute": "churn", "backends": backends, "steps": [10, 50]}}
    weights = [{"service": "a", "weight": 90}, {"service": "b", "weight": 10}]
    told = {
        "httpRoute": "churn",
        "weights": weights,
        "split": "90/10",
        "version": "8",
        "step": 1,
        "reason": "Split",
        "message": "m",
    }

    panel = traffic_panel.of(alias(spec, traffic=told))
    unseen = traffic_panel.of(alias(spec))

    assert panel is not None
    assert [(item.service, item.alias, item.version, item.weight, item.share) for item in panel.sides] == [
        ("a", "champion", "3", 90, "90 %"),
        ("b", "challenger", "8", 10, "10 %"),
    ]
    assert (panel.widths, panel.step, panel.split) == ((90.0, 10.0), "step 1 of 2", "90/10")
    assert unseen is not None
    assert (unseen.widths, unseen.sides[0].share) == ((), "")
    assert traffic_panel.of(alias()) is None
