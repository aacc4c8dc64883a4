"""The requests of an alias: each has a way that one can follow, also those that moved nothing."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from modelalias.api.request import PromotionRequest
from modelalias.web import asked_before, phases
from tests.support.cli_cluster import GATE, condition, ended
from tests.support.cli_cluster import body as request_body
from tests.support.web_site import Cluster, alias, browser

PATH = "/a/ml/churn-champion"
QUEUED: Mapping[str, Any] = {"phase": "Queued", "explanation": "number 1 in the queue", "resolved": None}


def filed(day: int, version: str, spec: Mapping[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """Return a request of that day."""
    asked = {"source": {"version": version}, **(spec or {})}
    resolved = {"version": version, "champion": "3", "from": f"version {version}"}
    found = request_body(asked, **{"resolved": resolved, **status})
    at = f"2025-12-{day:02}T00:00:00Z"
    found["metadata"].update(name=f"churn-v{version}-{day}", uid=f"u-{day}", creationTimestamp=at)
    return found


def read(*bodies: Mapping[str, Any]) -> list[PromotionRequest]:
    return [PromotionRequest.model_validate(item) for item in bodies]


def test_what_is_open_stands_first_and_then_the_newest_and_the_rest_is_folded() -> None:
    old = [filed(day, "3", **ended()) for day in range(1, 12)]

    found = asked_before.of(read(*old, filed(12, "4"), filed(13, "5", **QUEUED), filed(14, "6", **ended())))

    assert [item.name for item in found.rows] == [
        *("churn-v5-13", "churn-v4-12", "churn-v6-14"),
        *(f"churn-v3-{day}" for day in range(11, 4, -1)),
    ]
    assert [item.name for item in found.older] == [f"churn-v3-{day}" for day in range(4, 0, -1)]


def test_a_refused_version_leads_to_its_request_with_why() -> None:
    text = (
        browser(Cluster([alias()], [filed(1, "4", **ended("Rejected", "version 4 refused: auc"))]))
        .get(PATH)
        .text
    )

    (row,) = re.findall(r"<tr[^>]*><th[^>]*><a href=\"/r/ml/churn-v4-1\">.*?</tr>", text, re.DOTALL)
    assert ">4</td>" in row
    assert "Rejected</span>" in row
    assert ">ana</td>" in row
    assert "version 4 refused: auc" in row
    assert "dry run" not in row


@pytest.mark.parametrize(
    ("status", "word"),
    [
        pytest.param(ended("Succeeded"), "Would pass", id="passes"),
        pytest.param(ended("Rejected"), "Would be refused", id="refused"),
        pytest.param(
            ended("Succeeded", conditions=[condition("Complete", "True", "NoOp")]),
            "Nothing to do",
            id="there-already",
        ),
        pytest.param(
            ended("Succeeded", gates=[{**GATE, "result": "Inconclusive"}]), "Would ask people", id="unclear"
        ),
        pytest.param(
            ended("Succeeded", gates=[GATE, {**GATE, "name": "b", "result": "Skipped"}]),
            "Passes so far",
            id="not-all-judged",
        ),
        pytest.param(
            ended("Succeeded", gates=[GATE, {**GATE, "result": "Inconclusive", "enforcement": "Advise"}]),
            "Would pass",
            id="advice",
        ),
        pytest.param({"phase": "Evaluating"}, "Evaluating", id="under-way"),
        pytest.param(ended("Aborted"), "Aborted", id="no-verdict"),
    ],
)
def test_a_dry_run_says_what_would_be(status: Mapping[str, Any], word: str) -> None:
    body = filed(1, "4", {"dryRun": True}, **status)
    text = browser(Cluster([alias()], [body])).get(PATH).text

    assert phases.of(*read(body)).word == word
    assert f"{word}</span>" in text
    assert '<span class="tag">dry run</span>' in text


def test_a_promotion_that_ended_says_how_it_ended() -> None:
    assert phases.of(*read(filed(1, "4", **ended("Succeeded")))).word == "Succeeded"


def test_who_waits_behind_whom() -> None:
    waiting = filed(2, "4")
    others = read(
        filed(1, "3", **ended()),
        waiting,
        filed(3, "5", **QUEUED),
        filed(4, "6", {"dryRun": True}, **QUEUED),
        filed(5, "7", phase="Pending"),
    )
    (asked,) = read(waiting)

    assert [item.name for item in asked_before.ahead(others)] == ["churn-v4-2", "churn-v5-3"]
    assert asked_before.behind(others, asked) == 1
    assert [item.name for item in asked_before.asking_for(others, "5")] == ["churn-v5-3"]
    assert asked_before.asking_for(others, "3") == ()
    assert asked_before.asking_for(others, "6") == ()


@pytest.mark.parametrize(
    ("status", "says", "never"),
    [
        pytest.param(QUEUED, 'version <b class="version">4</b>', "not known yet", id="queued"),
        pytest.param(
            ended("Aborted", resolved={"version": "4", "from": "version 4"}, gates=[]),
            "It ended before it was judged.",
            "no champion",
            id="ended-unjudged",
        ),
        pytest.param(
            ended("Rejected", resolved=None, gates=[]), "ended before", "Not judged yet", id="ended"
        ),
    ],
)
def test_a_request_says_what_is_known_of_it(status: Mapping[str, Any], says: str, never: str) -> None:
    text = browser(Cluster([alias()], [request_body(**status)])).get("/r/ml/go").text

    assert says in text
    assert never not in text


def test_an_abort_that_has_come_to_its_end_is_not_told_as_under_way() -> None:
    text = (
        browser(Cluster([alias()], [request_body({"abort": True}, **ended("Aborted"))])).get("/r/ml/go").text
    )

    assert "The abort was requested" not in text
