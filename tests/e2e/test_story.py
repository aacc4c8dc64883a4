"""Act 0 and two stories on real pods with the operator's image, and what each must leave behind."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from hack.demo import act_zero
from hack.demo.act_zero import Judged
from hack.demo.story import ALIAS, Story
from tests.e2e.guarded import GUARDED, guard, promote
from tests.support import asked

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def act_zero_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def judged(act_zero_folder: Path) -> Sequence[Judged]:
    return act_zero.play(act_zero_folder, print)


@pytest.fixture(scope="module")
def story(
    kubeconfig: str,
    images: None,  # noqa: ARG001 - the pods run them
    act_zero_folder: Path,
    judged: Sequence[Judged],
) -> Story:
    assert len(judged) == 3
    story = Story(Path(kubeconfig), print)
    story.install(act_zero_folder / act_zero.STORE)
    return story


def test_act_zero_judges_as_the_later_acts_do(judged: Sequence[Judged]) -> None:
    baseline, better, worse = judged

    assert [version.version for version in judged] == ["1", "2", "3"]
    assert better.auc >= baseline.auc + 0.002
    assert [version.status for version in judged] == [0, 0, 1]
    assert "no version was accepted yet, so there is no champion" in baseline.verdict
    assert f"val_auc {worse.auc:.6g} is not >= {baseline.auc + 0.002:.6g}" in worse.verdict


def test_the_four_acts(story: Story, judged: Sequence[Judged]) -> None:
    before = story.aliases()
    story.apply_alias()

    first = story.request("v1")
    first_pods = story.answers()
    second = story.request("v2")
    second_pods = story.answers()
    third = story.request("v3")
    third_pods = story.answers()
    pinned = story.pin("1")
    last_pods = story.answers()

    assert "champion" not in before, "act 0 must leave no champion behind"
    assert first["phase"] == "Succeeded"
    assert {answer["version"] for answer in first_pods.values()} == {"1"}
    assert second["phase"] == "Succeeded"
    assert second["gates"][1]["result"] == "Passed"
    assert {answer["version"] for answer in second_pods.values()} == {"2"}
    assert not set(first_pods) & set(second_pods), "the pods were not rolled"
    assert third["phase"] == "Rejected"
    assert f"val_auc {judged[2].auc:.6g}" in third["explanation"]
    assert third_pods == second_pods, "a refused version must not touch the pods"
    assert pinned["current"]["version"] == "1"
    assert {answer["version"] for answer in last_pods.values()} == {"1"}
    assert story.aliases()["champion"] == "1"
    assert [entry["outcome"] for entry in story.status("modelalias", ALIAS)["history"]] == ["Succeeded"] * 3


def test_nobody_who_asks_the_service_is_left_without_an_answer(story: Story) -> None:
    story.serve("1")

    promotion, failure, rollback = asked.play(story, print)

    assert [move.phase for move in (promotion, failure, rollback)] == ["Succeeded", "RolledBack", "Succeeded"]
    assert [move.failed for move in (promotion, failure, rollback)] == [0, 0, 0], (
        promotion,
        failure,
        rollback,
    )
    assert (promotion.versions, failure.versions, rollback.versions) == (("1", "2"), ("2",), ("2", "1"))
    assert story.aliases()["champion"] == "1"


def test_fresh_holdout_refuses_what_the_own_metrics_would_let_through(story: Story) -> None:
    guard(story)
    champion = story.train("good", GUARDED)

    first = promote(story, champion.version)
    promotion, better = story.train("better", GUARDED, "promotion"), story.train("better", GUARDED)
    refused = promote(story, promotion.version)
    between = story.aliases(GUARDED)
    passed = promote(story, better.version)

    assert first["phase"] == "Succeeded", first
    assert refused["phase"] == "Rejected", refused
    own, holdout = refused["gates"]
    assert (own["name"], own["result"]) == ("beats-champion", "Passed")
    assert Decimal(own["candidate"]) - Decimal(own["champion"]) > Decimal("0.05")
    assert (holdout["name"], holdout["result"]) == ("holdout", "Failed")
    assert Decimal(holdout["candidate"]) < Decimal(holdout["champion"]) - Decimal("0.05")
    assert "churn-holdout-fresh" in holdout["dataset"]
    assert between["champion"] == champion.version
    assert passed["phase"] == "Succeeded", passed
    assert [gate["result"] for gate in passed["gates"]] == ["Passed", "Passed"]
    assert story.aliases(GUARDED)["champion"] == better.version
