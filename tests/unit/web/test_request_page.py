"""The page of a request: logs and Events where they may be read, what may be done, and the commands for it."""

from datetime import timedelta
from typing import Any

import pytest

from modelalias.adapters.kubernetes_client import CredentialsRefused
from modelalias.cli.object_events import ObjectEvent
from modelalias.core.errors import OperatorError, Refused, Unavailable
from modelalias.web.mlflow_links import Links
from modelalias.web.registries import Registries, RegistrySite
from tests.support.cli_cluster import body, condition, ended
from tests.support.web_site import NOW, Cluster, alias, browser

JSON = {"Accept": "application/json"}
MEASURED = [
    {"side": "Candidate", "version": "4", "job": "eval-c", "state": "Running"},
    {
        "side": "Champion",
        "version": "3",
        "job": "eval-b",
        "state": "Failed",
        "lastLines": "KeyError: 'label'",
    },
]


def _cluster(**status: Any) -> Cluster:
    return Cluster([alias()], [body(**status)])


def test_last_lines_are_those_of_the_status_or_of_the_log() -> None:
    cluster = _cluster(evaluation=MEASURED)
    cluster.logs = {"eval-c": "loaded 12000 rows", "eval-b": "never asked for"}

    text = browser(cluster).get("/r/ml/go").text

    assert "loaded 12000 rows" in text
    assert "KeyError: &#39;label&#39;" in text
    assert "never asked for" not in text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param({}, "It ended before it was judged.", id="promote"),
        pytest.param({"operation": "Rollback", "reason": "slow"}, "Only promotions are judged.", id="back"),
    ],
)
def test_what_no_gate_judges_did_not_end_before_it_was_judged(spec: dict[str, Any], words: str) -> None:
    status = {**ended("Aborted"), "gates": None, "resolved": None, "approvals": None}

    assert words in browser(Cluster([alias()], [body(spec, **status)])).get("/r/ml/go").text


def test_a_request_that_waits_is_not_said_to_go_on() -> None:
    waits = _cluster(phase="Pending", explanation="waits: ModelAlias churn-champion is suspended")

    following = browser(waits).get("/r/ml/go", headers=JSON).json()["following"]

    assert following["purpose"] == "It has not ended yet. To wait for its end:"


def test_a_request_that_a_pin_rejected_comes_back_by_two_commands() -> None:
    why = condition("Succeeded", "False", "AliasPinned")
    pinned = {**ended("Rejected"), "conditions": [condition("Complete", "True", "AliasPinned"), why]}

    following = browser(_cluster(**pinned)).get("/r/ml/go", headers=JSON).json()["following"]

    unpin, retry = following["line"].split("\n")
    assert unpin.startswith("modelalias unpin churn-champion -n ml")
    assert retry.startswith("modelalias retry go -n ml")


@pytest.mark.parametrize("error", [Refused("may not list pods in namespace ml"), Unavailable("no answer")])
def test_what_may_not_be_read_is_told_and_the_rest_is_there(error: OperatorError) -> None:
    cluster = _cluster(evaluation=MEASURED)
    cluster.logs, cluster.told = {"eval-c": error}, error

    values = browser(cluster).get("/r/ml/go", headers=JSON).json()

    told = "You may not list pods in namespace ml." if isinstance(error, Refused) else "No answer."
    assert (values["noEvents"], values["evaluation"][0]["noLines"]) == (told, told)
    assert values["evaluation"][1]["lastLines"] == "KeyError: 'label'"
    assert values["verdict"]["gates"][0]["candidate"] == {"text": "0.9", "exact": "0.9"}


def test_credentials_whose_time_is_over_are_no_missing_permission() -> None:
    cluster = _cluster()
    cluster.told = CredentialsRefused("the API server does not accept your credentials")

    assert browser(cluster).get("/r/ml/go").status_code == 401


def test_events_are_the_newest_and_not_many() -> None:
    cluster = _cluster()
    cluster.told = [
        ObjectEvent(at=NOW - timedelta(minutes=number), reason=f"Reason{number}", message="m", times=2)
        for number in range(30)
    ]

    events = browser(cluster).get("/r/ml/go", headers=JSON).json()["events"]

    assert [event["reason"] for event in events] == [f"Reason{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("lacks", "offered"),
    [
        (set[str](), ["approve", "reject", "abort"]),
        ({"approve"}, ["abort"]),
        ({"promote"}, ["approve", "reject"]),
        ({"patch"}, []),
    ],
)
def test_what_one_may_not_is_a_command_and_no_button(lacks: set[str], offered: list[str]) -> None:
    cluster = _cluster()
    cluster.me, cluster.lacks = cluster.me.changed(user="bo"), lacks

    text = browser(cluster).get("/r/ml/go").text

    for deed in ("approve", "reject", "abort"):
        assert (f'href="/r/ml/go/{deed}"' in text) is (deed in offered)
        assert (deed in offered) or f"<code>modelalias {deed} go -n ml" in text


def test_a_request_of_an_alias_that_is_gone_has_its_page() -> None:
    assert "version 4 refused" in browser(Cluster([], [body(**ended())])).get("/r/ml/go").text


def test_the_result_and_the_object_are_there_for_programs() -> None:
    text = browser(_cluster(**ended(result='{"phase":"Rejected","version":"4"}'))).get("/r/ml/go").text

    assert "&#34;phase&#34;: &#34;Rejected&#34;" in text
    assert "aliasRef:\n    name: churn-champion" in text
    assert "kubectl get promotionrequests.modelalias.dev go -n ml -o yaml" in text


def test_the_verdict_leads_to_the_version_and_its_run_in_mlflow() -> None:
    resolved = {
        "version": "4",
        "from": "version 4",
        "runId": "8f2c",
        "registry": "default",
        "model": "churn & co",
    }
    cluster = Cluster([alias()], [body(resolved=resolved)])
    registries = Registries({"default": RegistrySite(links=Links("https://ml"))})

    linked, bare = (
        browser(cluster, registries=registries).get("/r/ml/go").text,
        browser(cluster).get("/r/ml/go").text,
    )

    assert '<a href="https://ml/#/models/churn%20%26%20co/versions/4">version 4</a>' in linked
    assert '<a href="https://ml/#/runs/8f2c">its run</a>' in linked
    assert "In MLflow" not in bare
