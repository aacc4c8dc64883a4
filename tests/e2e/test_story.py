"""Act 0 and three stories on real pods with the operator's image, and what each must leave behind."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hack.cluster.host import NODE_ADDRESS
from hack.demo import act_zero
from hack.demo.act_zero import Judged
from hack.demo.overlay import NAMESPACE
from hack.demo.story import ALIAS, Story
from tests.e2e import whole_pipeline
from tests.e2e.guarded import GUARDED, guard, promote
from tests.support import asked
from tests.support.operator_account import HOME, NAME
from tests.support.prometheus_server import running_prometheus
from tests.support.scraped_pods import scraped_pods
from tests.support.stage import condition

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def act_zero_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def judged(act_zero_folder: Path) -> Sequence[Judged]:
    return act_zero.play(act_zero_folder, print)


@pytest.fixture(scope="module")
def prometheus(
    kubeconfig: str, cluster: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str | None]:
    """The address of a Prometheus that scrapes the demonstration's pods and that these reach; None where no
    process of this machine can be that."""
    if cluster["provider"] != "node":
        yield None
        return
    with (
        running_prometheus(tmp_path_factory.mktemp("prometheus"), host=NODE_ADDRESS) as server,
        scraped_pods(server, kubeconfig, [NAMESPACE]),
    ):
        yield server.uri


@pytest.fixture(scope="module")
def story(
    kubeconfig: str,
    images: None,  # noqa: ARG001 - the pods run them
    act_zero_folder: Path,
    judged: Sequence[Judged],
    prometheus: str | None,
) -> Story:
    assert len(judged) == 3
    story = Story(Path(kubeconfig), print)
    story.install(act_zero_folder / act_zero.STORE, prometheus)
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


def test_the_whole_pipeline_goes_its_way_and_back_without_a_hand(
    story: Story, prometheus: str | None
) -> None:
    if prometheus is None:
        pytest.skip("Prometheus runs on this machine, which reaches the pods of the provider node alone")

    told = whole_pipeline.play(story)

    for step, seconds in told.times.items():
        story.say(f"{seconds:6.1f} s  {step}")
    story.say(f"somebody who asked heard {told.heard}, and afterwards {told.afterwards}")
    first, second, back = told.requests.values()
    operator = f"system:serviceaccount:{HOME}:{NAME}"
    assert {request["spec"]["requestedBy"] for request in told.requests.values()} == {operator}
    assert [request["status"]["phase"] for request in (first, second, back)] == ["Succeeded"] * 3
    floor, beats = second["status"]["gates"]
    assert (floor["result"], beats["result"]) == ("Passed", "Passed")
    assert Decimal(beats["candidate"]) > Decimal(beats["champion"]) + Decimal("0.05")
    assert back["spec"]["operation"] == "Rollback"
    assert back["spec"]["reason"].startswith("monitor sure-of-staying was breached with version 2: 0.4")
    history = [(entry["operation"], entry["to"], entry["actor"]) for entry in told.alias["history"]]
    assert history == [("Promote", "1", operator), ("Promote", "2", operator), ("Rollback", "1", operator)]
    assert told.registry["champion"] == "1"
    assert "challenger" not in told.registry
    assert condition(told.alias, "Held")[0] == "True"
    assert set(told.heard) == {"version 1: answered", "version 2: answered"}, "an answer did not come"
    assert set(told.afterwards) == {"version 1: answered"}
