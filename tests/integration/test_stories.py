"""Four teams' rules, each on a real MLflow and a real API server: a version that is promoted and one that is
refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.kube_api import Person
from tests.support.seeding import Data, Seeding
from tests.support.stage import Object, Stage, condition

ANA = Person("ana")
BO = Person("bo", ("ml-leads",))


def _serves(stage: Stage, name: str, alias: str) -> str | None:
    """Return the mark that says which version a Deployment's pods were rolled for."""
    found = stage.get("deployment", name)["spec"]["template"]["metadata"].get("annotations", {})
    mark: str | None = found.get(f"modelalias.dev/{alias}")
    return mark


def _numbers(status: Object) -> list[tuple[Any, ...]]:
    """Return how each gate came out, with both numbers."""
    return [
        (item["name"], item["result"], item.get("candidate"), item.get("champion"))
        for item in status["gates"]
    ]


@pytest.mark.usefixtures("shared_operator")
def test_churn_is_promoted_when_it_beats_the_champion_by_enough(stage: Stage, seeded: Seeding) -> None:
    validated = {"validated_by": "qa", "training_data": "9f3c"}
    for auc in (0.85, 0.852, 0.8539):
        seeded.version(tags=validated, val_auc=auc)
    seeded.version(val_auc=0.99)
    seeded.client.set_registered_model_alias(seeded.model, "challenger", "2")
    stage.deployment("churn-api", IMAGE)
    gate = {
        "name": "beats-champion",
        "metric": "val_auc",
        "direction": "HigherIsBetter",
        "champion": {"minImprovement": 0.002},
    }
    spec = {
        "model": seeded.model,
        "alias": "champion",
        "previousAlias": "prev-champion",
        "serving": [{"name": "churn-api"}],
        "policy": {
            "eligibility": {"requireTags": {"validated_by": "qa", "training_data": "*"}},
            "gates": [gate],
        },
    }
    stage.apply("ModelAlias", "churn-champion", spec)

    stage.request("first", "churn-champion", source={"version": "1"})
    first = stage.complete("first")
    stage.request(
        "better", "churn-champion", source={"alias": "challenger"}, onSuccess={"deleteSourceAlias": True}
    )
    better = stage.complete("better")
    stage.requests(
        "churn-champion", {"too-close": {"source": {"version": "3"}}, "unseen": {"source": {"version": "4"}}}
    )
    refused = stage.ended("too-close", "unseen")

    assert _numbers(first) == [("beats-champion", "Passed", "0.85", None)]
    assert better["phase"] == "Succeeded"
    assert better["gates"][0]["rule"] == ">= 0.852 (champion 0.85 + 0.002)", "equality passes"
    assert refused["too-close"]["explanation"] == (
        "version 3 refused: gate beats-champion: val_auc 0.8539 is not >= 0.854 (champion 0.852 + 0.002), "
        "short by 0.0001"
    )
    assert condition(refused["too-close"], "GatesPassed") == ("False", "GatesFailed")
    assert refused["unseen"]["explanation"] == (
        "version 4 refused: requireTags training_data=*: version 4 has no tag training_data; "
        "requireTags validated_by=qa: version 4 has no tag validated_by"
    )
    assert condition(refused["unseen"], "Eligible") == ("False", "NotEligible")
    assert seeded.aliases() == {"champion": "2", "prev-champion": "1"}
    kept = json.loads(seeded.tags("3")["modelalias.champion"])["refused"]
    assert (kept["request"], kept["by"], kept["gates"][0]["candidate"]) == ("too-close", stage.user, "0.8539")
    assert _serves(stage, "churn-api", "churn-champion") == "2.2"
    stage.announces("churn-champion", "from 1 to 2")
    stage.announces("too-close", "Rejected: ", "0.8539")


LEVELS: Mapping[str, Mapping[str, Any]] = {
    "ci-smoke": {"eligibility": {"requireSignature": True}, "gates": [{"threshold": 1.2}]},
    "smoke": {"eligibility": {"requireAlias": "ci-smoke"}, "gates": [{"threshold": 1.1}]},
    "candidate": {
        "eligibility": {"requireAlias": "smoke"},
        "gates": [{"champion": {"maxRegression": 0.005}}],
    },
    "champion": {
        "eligibility": {"requireAlias": "candidate"},
        "gates": [{"champion": {"maxRegression": 0.002}}],
    },
}
"""Four levels of trust, each stricter than the last, on a log loss."""


@pytest.mark.usefixtures("shared_operator")
def test_match_prediction_climbs_four_levels_and_a_refusal_is_an_answer(
    stage: Stage, seeded: Seeding
) -> None:
    for log_loss in (0.98, 0.985, 0.9901):
        seeded.logged_version(log_loss=log_loss)
    for level, policy in LEVELS.items():
        gates = [
            {"name": level, "metric": "log_loss", "direction": "LowerIsBetter", **gate}
            for gate in policy["gates"]
        ]
        stage.apply(
            "ModelAlias", level, {"model": seeded.model, "alias": level, "policy": {**policy, "gates": gates}}
        )

    def ask(version: str, level: str) -> Object:
        below = list(LEVELS)[list(LEVELS).index(level) - 1]
        source = {"version": version} if level == "ci-smoke" else {"alias": below}
        stage.request(f"v{version}-{level}", level, source=source)
        return stage.complete(f"v{version}-{level}")

    first = {level: ask("1", level) for level in LEVELS}
    second = {level: ask("2", level) for level in LEVELS}
    third = {level: ask("3", level) for level in ("ci-smoke", "smoke", "candidate")}
    stage.request("no-detour", "champion", source={"version": "3"})
    detour = stage.complete("no-detour")

    assert {item["phase"] for item in first.values()} == {"Succeeded"}
    assert first["champion"]["resolved"]["from"] == "alias candidate"
    assert first["champion"]["gates"][0]["message"] == "no version was accepted yet, so there is no champion"
    assert [item["phase"] for item in second.values()] == ["Succeeded", "Succeeded", "Succeeded", "Rejected"]
    assert second["candidate"]["gates"][0]["rule"] == "<= 0.985 (champion 0.98 + 0.005)", "equality passes"
    told = json.loads(second["champion"]["result"])
    assert (told["alias"], told["version"], told["champion"], told["phase"]) == (
        "champion",
        "2",
        "1",
        "Rejected",
    )
    assert (told["gates"][0]["candidate"], told["gates"][0]["rule"]) == (
        "0.985",
        "<= 0.982 (champion 0.98 + 0.002)",
    )
    assert [item["phase"] for item in third.values()] == ["Succeeded", "Succeeded", "Rejected"]
    assert condition(detour, "Complete") == ("True", "NotEligible")
    assert "requireAlias candidate: version 3 does not have alias candidate" in detour["explanation"]
    assert seeded.aliases() == {"ci-smoke": "3", "smoke": "3", "candidate": "2", "champion": "1"}


@pytest.mark.usefixtures("shared_operator")
def test_forecast_goes_to_staging_by_a_bar_and_to_production_by_a_person(
    stage: Stage, seeded: Seeding
) -> None:
    for rmspe in (0.1, 0.1001, 0.08):
        seeded.version(rmspe=rmspe)
    bar = {"name": "bar", "metric": "rmspe", "direction": "LowerIsBetter", "threshold": 0.10}
    stage.apply(
        "ModelAlias", "staging", {"model": seeded.model, "alias": "staging", "policy": {"gates": [bar]}}
    )
    policy = {
        "eligibility": {"requireAlias": "staging"},
        "approval": {"required": "Always", "groups": ["ml-leads"], "checklist": ["holdout looked at"]},
    }
    spec = {"model": seeded.model, "alias": "production", "previousAlias": "archived", "policy": policy}
    stage.apply("ModelAlias", "production", spec)
    stage.bind({ANA: "edit", BO: "modelalias-approver"})

    for version in ("1", "2", "3"):
        stage.request(f"stage-{version}", "staging", who=ANA, source={"version": version})
        stage.complete(f"stage-{version}")
        if version == "2":
            continue
        stage.request(
            f"release-{version}", "production", who=ANA, source={"alias": "staging"}, reason="the quarter"
        )
        waiting = stage.reaches(f"release-{version}", "AwaitingApproval")["status"]
        not_hers = stage.approve(f"release-{version}", ANA, check=False)
        stage.approve(
            f"release-{version}", BO, group="ml-leads", checklist=["holdout looked at"], message="fine"
        )
        released = stage.complete(f"release-{version}")

    refused = stage.status("promotionrequest", "stage-2")
    assert refused["explanation"] == "version 2 refused: gate bar: rmspe 0.1001 is not <= 0.1, over by 0.0001"
    assert waiting["explanation"] == "waits for 1 approval from group ml-leads; there are no gates"
    assert "ana may not approve modelaliases/production" in not_hers
    assert condition(released, "Approved") == ("True", "Approved")
    assert json.loads(released["result"])["approvedBy"] == ["bo"]
    assert seeded.aliases() == {"staging": "3", "production": "3", "archived": "1"}
    entry = stage.status("modelalias", "production")["history"][-1]
    assert (entry["actor"], entry["approvers"], entry["reason"]) == ("ana", ["bo"], "the quarter")
    assert entry["evidence"] == released["resolved"]["evidence"]
    assert json.loads(seeded.tags("3")["modelalias.production"])["approvers"] == ["bo"]


@pytest.mark.usefixtures("shared_operator")
def test_fraud_keeps_its_recall_and_loses_little_precision_on_the_same_data(
    stage: Stage, seeded: Seeding
) -> None:
    autumn, winter = Data("transactions", "q3"), Data("transactions", "q4")
    for recall, precision, data in (
        (0.81, 0.9, autumn),
        (0.8, 0.891, autumn),
        (0.79, 0.95, autumn),
        (0.9, 0.88, autumn),
        (0.9, 0.95, winter),
    ):
        seeded.logged_version(data=data, recall=recall, precision=precision)
    for name in ("fraud-api", "fraud-batch"):
        stage.deployment(name, IMAGE)
    common = {"direction": "HigherIsBetter", "metricFrom": "LoggedModel"}
    versus = {"maxRegression": 0.01, "mode": "Relative"}
    gates = [
        {**common, "name": "recall-floor", "metric": "recall", "threshold": 0.8},
        {
            **common,
            "name": "precision",
            "metric": "precision",
            "champion": versus,
            "dataset": "SameAsChampion",
        },
    ]
    spec = {
        "model": seeded.model,
        "alias": "production",
        "serving": [{"name": "fraud-api"}, {"name": "fraud-batch"}],
        "policy": {"eligibility": {"requireSignature": True}, "gates": gates},
    }
    stage.apply("ModelAlias", "fraud", spec)

    for version in ("1", "2"):
        stage.request(f"v{version}", "fraud", source={"version": version})
        promoted = stage.complete(f"v{version}")
    bad = {"recall": "3", "precision": "4", "other-data": "5", "again": "2"}
    stage.requests("fraud", {name: {"source": {"version": version}} for name, version in bad.items()})
    ended = stage.ended(*bad)

    assert _numbers(promoted) == [
        ("recall-floor", "Passed", "0.8", None),
        ("precision", "Passed", "0.891", "0.9"),
    ]
    assert promoted["gates"][1]["rule"] == ">= 0.891 (champion 0.9 - 0.01 of it)", "equality passes"
    assert promoted["gates"][1]["dataset"] == str(autumn)
    assert {name: condition(status, "Complete")[1] for name, status in ended.items()} == {
        "recall": "GatesFailed",
        "precision": "GatesFailed",
        "other-data": "Inconclusive",
        "again": "NoOp",
    }
    assert _numbers(ended["recall"]) == [
        ("recall-floor", "Failed", "0.79", None),
        ("precision", "Passed", "0.95", "0.891"),
    ]
    assert (
        "gate precision: precision 0.88 is not >= 0.88209 (champion 0.891 - 0.01 of it)"
        in ended["precision"]["explanation"]
    )
    assert f"the candidate on {winter}, the champion on {autumn}" in ended["other-data"]["explanation"]
    assert seeded.aliases() == {"production": "2"}
    assert [_serves(stage, name, "fraud") for name in ("fraud-api", "fraud-batch")] == ["2.2", "2.2"]
