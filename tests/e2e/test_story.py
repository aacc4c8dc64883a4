"""The demonstration's story on real pods with the operator's image, and what each act must leave behind."""

from pathlib import Path

import pytest

from tests.e2e.story import ALIAS, Story

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]


@pytest.fixture
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
