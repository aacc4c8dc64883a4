"""Two stories on real pods with the operator's image, and what each must leave behind."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.story import ALIAS, GUARDED, Story

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def story(kubeconfig: str) -> Story:
    story = Story(Path(kubeconfig), print)
    story.load_images()
    story.install()
    return story


def test_the_four_acts(story: Story) -> None:
    baseline, better = story.train("good"), story.train("better")
    story.apply_example("churn-champion.yaml")

    first = story.request("v1")
    first_pods = story.answers()
    second = story.request("v2")
    second_pods = story.answers()
    worse = story.train("worse")
    third = story.request("v3")
    third_pods = story.answers()
    pinned = story.pin("1")
    last_pods = story.answers()

    assert better.auc >= baseline.auc + 0.002
    assert first["phase"] == "Succeeded"
    assert {answer["version"] for answer in first_pods.values()} == {"1"}
    assert second["phase"] == "Succeeded"
    assert second["gates"][1]["result"] == "Passed"
    assert {answer["version"] for answer in second_pods.values()} == {"2"}
    assert not set(first_pods) & set(second_pods), "the pods were not rolled"
    assert third["phase"] == "Rejected"
    assert f"val_auc {worse.auc}" in third["explanation"]
    assert third_pods == second_pods, "a refused version must not touch the pods"
    assert pinned["current"]["version"] == "1"
    assert {answer["version"] for answer in last_pods.values()} == {"1"}
    assert "'champion': 1" in story.aliases() or "'champion': '1'" in story.aliases()
    assert [entry["outcome"] for entry in story.status("modelalias", ALIAS)["history"]] == ["Succeeded"] * 3


def test_fresh_holdout_refuses_what_the_own_metrics_would_let_through(story: Story) -> None:
    story.guard()
    champion = story.train("good", GUARDED)

    first = story.promote(GUARDED, champion.version)
    promotion, better = story.train("better", GUARDED, "promotion"), story.train("better", GUARDED)
    refused = story.promote(GUARDED, promotion.version)
    between = story.aliases(GUARDED)
    passed = story.promote(GUARDED, better.version)

    assert first["phase"] == "Succeeded", first
    assert refused["phase"] == "Rejected", refused
    own, holdout = refused["gates"]
    assert (own["name"], own["result"]) == ("beats-champion", "Passed")
    assert Decimal(own["candidate"]) - Decimal(own["champion"]) > Decimal("0.05")
    assert (holdout["name"], holdout["result"]) == ("holdout", "Failed")
    assert Decimal(holdout["candidate"]) < Decimal(holdout["champion"]) - Decimal("0.05")
    assert "churn-holdout-fresh" in holdout["dataset"]
    assert f"'champion': '{champion.version}'" in between
    assert passed["phase"] == "Succeeded", passed
    assert [gate["result"] for gate in passed["gates"]] == ["Passed", "Passed"]
    assert f"'champion': '{better.version}'" in story.aliases(GUARDED)
