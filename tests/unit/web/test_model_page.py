"""The page of a model: versions beside aliases, and metrics by the code of `compare`."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from modelalias.core.errors import InvalidRequest, OperatorError, Refused, Unavailable
from modelalias.ports import Dataset, Registry
from modelalias.web import mlflow_links
from modelalias.web.mlflow_links import Links
from modelalias.web.registries import Registries, RegistrySite
from tests.support.cli_cluster import body, ended
from tests.support.fake_registry import FakeRegistry
from tests.support.web_site import Cluster, alias, browser

JSON = {"Accept": "application/json"}
PATH = "/m/default/churn"
SINCE = "2026-01-01T00:00:00Z"
GATE = {"name": "auc", "metric": "auc", "direction": "HigherIsBetter", "champion": {"minImprovement": 0.01}}
GATED = {"policy": {"gates": [GATE]}}


async def registry_with(*values: float) -> FakeRegistry:
    registry = FakeRegistry()
    await registry.create_model("churn")
    data = Dataset(name="holdout", digest="9f3c", context="validation", rows=1500)
    for value in values:
        await registry.create_version(
            "churn", await registry.create_run([("auc", value, 0)], datasets=[data])
        )
    return registry


def site(registry: FakeRegistry, error: OperatorError | None = None, ui: str = "") -> Registries:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Registry]:
        if error is not None:
            raise error
        yield registry

    return Registries({"default": RegistrySite(opened, Links(ui))})


def shown(client: TestClient) -> Mapping[str, Any]:
    answer = client.get(PATH, headers=JSON)
    assert answer.status_code == 200, answer.text
    values: Mapping[str, Any] = answer.json()
    return values


def marks(view: Mapping[str, Any]) -> Mapping[str, list[list[str]]]:
    return {
        version["number"]: [[mark["badge"]["word"] for mark in each] for each in version["marks"]]
        for version in view["versions"]
    }


def entry(to: str, outcome: str = "Succeeded", **fields: Any) -> Mapping[str, Any]:
    return {"to": to, "at": SINCE, "operation": "Promote", "outcome": outcome, **fields}


def test_each_version_says_what_it_is_to_each_alias_in_all_namespaces() -> None:
    one = alias(
        "one",
        previous={"version": "2", "since": SINCE},
        observed={"version": "9", "at": SINCE},
        history=[entry("1"), entry("2"), entry("8", "RolledBack"), entry("3")],
        rolledBack=[{"version": "8", "reason": "RolledBack", "at": SINCE}],
    )
    plan = {
        "operation": "Promote",
        "aliases": [{"name": "champion", "from": "3", "to": "4"}],
        "startedAt": SINCE,
    }
    other = alias("other", "team", plan=plan)

    view = shown(browser(Cluster([one, other, alias("else", spec={"model": "fraud"})])))

    assert [(row["namespace"], row["name"]) for row in view["rows"]] == [("ml", "one"), ("team", "other")]
    assert marks(view) == {
        "9": [["In the registry"], []],
        "8": [["Rolled back"], []],
        "4": [[], ["On its way"]],
        "3": [["Current"], ["Current"]],
        "2": [["Previous"], []],
        "1": [["Earlier"], []],
    }


def test_what_the_registry_names_is_said_only_where_it_is_another_version() -> None:
    view = shown(browser(Cluster([alias(observed={"version": "3", "at": SINCE})])))

    assert marks(view) == {"3": [["Current"]]}


def test_an_alias_of_the_same_model_in_another_registry_is_not_its() -> None:
    answer = browser(Cluster([alias(spec={"registry": "other"})])).get(PATH)

    assert answer.status_code == 404
    assert "nothing is known of a model churn in registry default" in answer.text


@pytest.mark.parametrize(
    ("spec", "status", "word"),
    [
        pytest.param({}, {}, "Awaiting approval", id="waits"),
        pytest.param({}, ended("Rejected"), "Rejected", id="refused"),
        pytest.param({"dryRun": True}, ended("Rejected"), "Would be refused", id="dry-run"),
    ],
)
def test_a_version_that_only_a_request_names_says_what_became_of_it(
    spec: Mapping[str, Any], status: Mapping[str, Any], word: str
) -> None:
    client = browser(Cluster([alias()], [body(spec, **status)]))

    assert marks(shown(client)) == {"4": [[word]], "3": [["Current"]]}
    assert 'href="/r/ml/go"' in client.get(PATH).text


def asked_for_2(name: str, phase: str, at: str) -> Any:
    request = body({"source": {"version": "2"}}, **ended(phase))
    request["metadata"].update(name=name, creationTimestamp=at)
    request["status"].update(resolved={"version": "2", "from": "version 2"}, completedAt=at)
    return request


def test_a_state_names_the_request_that_led_to_it_and_a_later_one_stands_for_itself() -> None:
    old = asked_for_2("old", "Succeeded", "2025-12-01T00:00:00Z")
    new = asked_for_2("new", "Rejected", "2026-02-02T00:00:00Z")
    history = [entry("2", request="old"), entry("3")]
    client = browser(Cluster([alias(history=history)], [old, new]))

    assert marks(shown(client)) == {"3": [["Current"]], "2": [["Previous", "Rejected"]]}
    assert re.findall(r'href="/r/ml/([a-z]+)"', client.get(PATH).text) == ["old", "new"]


@pytest.mark.parametrize("name", ["old", "earlier"])
def test_a_request_that_ended_before_a_state_began_is_not_beside_it(name: str) -> None:
    before = asked_for_2(name, "Rejected", "2025-01-01T00:00:00Z")
    client = browser(Cluster([alias(history=[entry("2", request="old"), entry("3")])], [before]))

    assert marks(shown(client))["2"] == [["Previous"]]
    assert re.findall(r'href="/r/ml/([a-z]+)"', client.get(PATH).text) == ["old"]


def test_the_current_version_names_the_request_that_moved_the_alias_to_it() -> None:
    current = {"version": "2", "since": SINCE, "request": "went"}
    later = asked_for_2("nothing-to-do", "Succeeded", "2026-02-02T00:00:00Z")
    client = browser(Cluster([alias(current=current)], [later]))

    assert marks(shown(client)) == {"2": [["Current", "Succeeded"]]}
    assert re.findall(r'href="/r/ml/([a-z-]+)"', client.get(PATH).text) == ["went", "nothing-to-do"]


def test_the_page_of_a_model_does_not_lead_to_itself() -> None:
    assert f'href="{PATH}"' not in browser(Cluster([alias()])).get(PATH).text


def test_without_a_registry_the_numbers_are_those_on_which_versions_were_accepted() -> None:
    judged = [{"metric": "auc", "value": "0.91"}]
    current = {"version": "3", "since": SINCE, "judged": judged}
    found = alias(
        current=current, history=[entry("2", judged=[{"metric": "auc", "value": "0.88"}])], spec=GATED
    )

    view = shown(browser(Cluster([found])))

    assert view["metrics"] == ["auc"]
    assert [(item["number"], item["values"][0]["shown"]) for item in view["versions"]] == [
        ("3", "0.91"),
        ("2", "0.88"),
    ]
    assert view["sentences"] == []
    assert "Aliases in MLflow" not in browser(Cluster([found])).get(PATH).text


async def test_with_a_registry_all_versions_are_compared_as_compare_does() -> None:
    registry = await registry_with(0.8, 0.9, 0.7, float("nan"))
    registry.move("churn", "champion", "3")
    client = browser(Cluster([alias(spec=GATED)]), registries=site(registry))

    view, page = shown(client), client.get(PATH).text

    values = {item["number"]: item["values"][0] for item in view["versions"]}
    assert list(values) == ["4", "3", "2", "1"]
    assert [number for number, value in values.items() if value["isBest"]] == ["2"]
    assert values["4"]["note"] == "auc is NaN, which cannot be compared"
    assert view["sentences"][0].startswith(
        "best by auc (higher is better): version 2 with 0.9, of 3 on holdout"
    )
    assert "Aliases in MLflow" in page
    assert [item["aliases"] for item in view["versions"]] == [[], ["champion"], [], []]
    assert "href" not in page.split("Versions</h2>")[1].split("</main>")[0]


async def test_links_lead_to_the_configured_address_only() -> None:
    registry = await registry_with(0.8, 0.9)
    client = browser(Cluster([alias(spec=GATED)]), registries=site(registry, ui="https://mlflow.example"))

    view = shown(client)

    assert view["link"] == "https://mlflow.example/#/models/churn"
    assert view["versions"][0]["link"] == "https://mlflow.example/#/models/churn/versions/3"
    assert view["comparison"].startswith(
        "https://mlflow.example/#/compare-model-versions?name=%22churn%22&runs=%7B%22"
    )


@pytest.mark.parametrize(
    "error", [Unavailable("MLflow does not answer"), Refused("set MLFLOW_TRACKING_TOKEN")]
)
async def test_a_registry_that_cannot_be_read_leaves_what_the_cluster_knows(error: OperatorError) -> None:
    client = browser(Cluster([alias(spec=GATED)]), registries=site(FakeRegistry(), error))

    view = shown(client)

    assert marks(view) == {"3": [["Current"]]}
    assert str(error) in view["notices"][0]["text"]
    assert view["notices"][0]["isError"]


async def test_a_model_that_the_registry_does_not_have_is_told() -> None:
    client = browser(Cluster([alias()]), registries=site(FakeRegistry()))

    assert "registry could not be read" in shown(client)["notices"][0]["text"]


def test_who_may_list_only_in_a_namespace_sees_that() -> None:
    cluster = Cluster([alias(), alias("foreign", "other")])
    client = browser(cluster)
    cluster.error, cluster.only = Refused("may not list"), "ml"

    view = shown(client)

    assert [row["name"] for row in view["rows"]] == ["churn-champion"]
    assert "namespace ml" in view["notices"][0]["text"]


def test_many_versions_are_cut_and_those_that_stand_somewhere_stay() -> None:
    history = [entry(str(number)) for number in range(100, 150)]

    view = shown(
        browser(Cluster([alias(history=history), alias("b", current={"version": "1", "since": SINCE})]))
    )

    assert len(view["versions"]) == 52
    assert [item["number"] for item in view["versions"]][-2:] == ["3", "1"]


class TestLinks:
    @pytest.mark.parametrize(
        "text",
        [
            "javascript:alert(1)",
            "ftp://x",
            "https://",
            "https://user:secret@mlflow",
            "//mlflow",
            "mlflow:5000",
            "",
        ],
    )
    def test_another_address_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidRequest) as raised:
            mlflow_links.address(text)

        assert "secret" not in str(raised.value)

    def test_an_address_ends_where_paths_begin(self) -> None:
        assert mlflow_links.address("https://host:1/mlflow/?x#y") == "https://host:1/mlflow"

    def test_names_cannot_leave_their_place(self) -> None:
        links = Links("https://m")

        assert links.version('a/../"?#', "1") == "https://m/#/models/a%2F..%2F%22%3F%23/versions/1"
        assert links.comparison('a"b', {'r"': "1", "s": "2"}) == (
            "https://m/#/compare-model-versions?name=%22a%5C%22b%22&runs=%7B%22r%5C%22%22%3A%20%221%22%2C%20%22s%22%3A%20%222%22%7D"
        )

    def test_one_version_is_no_comparison(self) -> None:
        assert Links("https://m").comparison("a", {"r": "1"}) == ""


class TestChoosingInAForm:
    """What promoting and pinning offer is what the page of the model knows."""

    async def test_the_newest_versions_of_the_registry_are_offered_and_older_ones_counted(self) -> None:
        registry = await registry_with(*(0.5 + number / 100 for number in range(15)))
        found = browser(Cluster([alias(spec=GATED)]), registries=site(registry))

        for deed in ("promote", "pin"):
            choices = found.get(f"/a/ml/churn-champion/{deed}", headers=JSON).json()["choices"]

            newest = range(15, 0, -1) if deed == "pin" else [*range(15, 3, -1), 2, 1]
            assert [item["version"] for item in choices["offered"]] == [*map(str, newest)][:12]
            assert choices["offered"][0]["values"] == ["auc 0.64"]
            assert choices["leftOut"] == (3 if deed == "pin" else 2), "to the current one nobody promotes"

    async def test_a_registry_that_does_not_answer_leaves_what_the_alias_remembers_and_says_so(self) -> None:
        registries = site(FakeRegistry(), Unavailable("no answer within 10 s"))

        found = alias(previous={"version": "2", "since": SINCE})

        page = browser(Cluster([found]), registries=registries).get("/a/ml/churn-champion/promote").text

        assert re.findall(r'type="radio" name="version" value="(\d+)"', page) == ["2"]
        assert "The registry could not be read, so that this is what the cluster knows: no answer" in page

    def test_who_may_not_list_in_all_namespaces_chooses_by_those_of_the_alias(self) -> None:
        known = alias(previous={"version": "2", "since": SINCE})
        cluster = Cluster([known, alias("other", "team", current={"version": "9", "since": SINCE})])
        cluster.error, cluster.only = Refused("may not list modelaliases in the cluster"), "ml"

        page = browser(cluster).get("/a/ml/churn-champion/promote").text

        assert re.findall(r'type="radio" name="version" value="(\d+)"', page) == ["2"]
        assert "may not list" not in page

    def test_who_may_list_nowhere_chooses_by_what_the_alias_remembers(self) -> None:
        cluster = Cluster([alias(previous={"version": "2", "since": SINCE})])
        cluster.error, cluster.only = Refused("may not list modelaliases"), "nowhere"

        page = browser(cluster).get("/a/ml/churn-champion/promote").text

        assert re.findall(r'type="radio" name="version" value="(\d+)"', page) == ["2"]
