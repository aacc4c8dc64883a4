"""What all pages have in common: failures as sentences, hostile text as text, and the same as JSON."""

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest
from jinja2 import UndefinedError

from modelalias.adapters.kubernetes_client import CredentialsRefused
from modelalias.cli.cluster import Heartbeat
from modelalias.core.errors import InvalidRequest, OperatorError, Refused, StaleObject, Unavailable
from modelalias.web import rendering
from modelalias.web.app import PAGES
from tests.support.cli_cluster import body
from tests.support.web_site import NOW, Cluster, alias, browser

HOSTILE = "<script>alert(1)</script>\" onload='x' \u202egnp \x07{{ 7 * 7 }}"
ADDRESSES = [
    path.format(
        namespace="ml",
        name="go" if path.startswith("/r") else "churn-champion",
        registry="default",
        model="churn",
    )
    for path in PAGES
]
JSON = {"Accept": "application/json"}


def world() -> Cluster:
    return Cluster([alias()], [body()])


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_page_is_a_page_and_json(path: str) -> None:
    client = browser(world())

    page, values, head = client.get(path), client.get(path, headers=JSON), client.head(path)

    assert page.status_code == values.status_code == head.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert values.headers["content-type"] == "application/json"
    assert isinstance(values.json(), dict)
    assert head.text == ""
    assert '<html lang="en">' in page.text
    assert page.text.count("<h1>") == page.text.count("<main") == 1
    assert "signed in as</span> ana" in page.text


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unavailable("the API server did not answer"), 503),
        (Refused("may not list"), 403),
        (CredentialsRefused("the API server does not accept your credentials"), 401),
        (InvalidRequest("that is wrong"), 400),
        (StaleObject("changed"), 409),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_a_sentence_with_a_status(path: str, error: OperatorError, status: int) -> None:
    cluster = world()
    client = browser(cluster)
    cluster.error = error

    page, values = client.get(path), client.get(path, headers=JSON)

    assert (page.status_code, values.status_code) == (status, status)
    assert str(error) in page.text
    assert values.json()["message"] == str(error)


def test_an_error_of_the_page_tells_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    cluster = world()
    client = browser(cluster)
    cluster.bodies.clear()

    answer = client.get("/")

    assert answer.status_code == 500
    assert "KeyError" not in answer.text
    assert "KeyError" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/a/ml", 404),
        ("GET", "/a/ml/nope", 404),
        ("GET", "/r/ml/nope", 404),
        ("OPTIONS", "/", 403),
    ],
)
def test_what_is_not_there_is_told(method: str, path: str, status: int) -> None:
    assert browser(world()).request(method, path).status_code == status


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize(
    ("lease", "words"),
    [
        (
            Heartbeat(holder="pod", renewed=NOW - timedelta(days=1)),
            "00:00 UTC: statuses may be old",
        ),
        (Heartbeat(holder="", renewed=NOW), "No operator holds the Lease at the moment"),
        (Heartbeat(holder="pod", renewed=NOW), ""),
        (None, ""),
        (Refused("may not get leases"), ""),
    ],
    ids=["old", "free", "held", "none", "hidden"],
)
def test_every_page_says_that_an_operator_is_silent(
    path: str, lease: Heartbeat | OperatorError | None, words: str
) -> None:
    cluster = world()
    cluster.lease = lease
    client = browser(cluster)

    page, values = client.get(path).text, client.get(path, headers=JSON).json()

    assert ("statuses may be old" in page) is bool(words)
    assert words in page
    assert words in values.get("operatorWarning", "")


@pytest.mark.parametrize("path", ADDRESSES)
def test_hostile_text_stays_text(path: str) -> None:
    conditions = [
        {
            "type": "Ready",
            "status": "False",
            "reason": "X",
            "message": HOSTILE,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ]
    waiting = body(explanation=HOSTILE)
    waiting["status"]["approvals"] = {"required": 1, "valid": 0, "groups": [HOSTILE]}
    cluster = Cluster([alias(conditions=conditions)], [waiting])
    cluster.me = cluster.me.changed(user=HOSTILE)

    text = browser(cluster).get(path).text

    assert "<script>alert" not in text
    assert (
        "&lt;script&gt;alert(1)&lt;/script&gt;&#34; onload=&#39;x&#39; \N{REPLACEMENT CHARACTER}gnp" in text
    )
    assert "{{ 7 * 7 }}" in text
    assert not re.search(r"[\u202e\x07]", text)


def test_an_odd_name_of_a_model_is_an_address() -> None:
    name = 'fraud? 100% "été" #1&x=1,2'
    cluster = Cluster([alias(spec={"model": name})])
    client = browser(cluster)

    link = re.findall(r'href="(/m/[^"]*)"', client.get("/").text)[0]
    found = client.get(link, headers=JSON).json()

    assert found["model"] == name
    assert [row["model"] for row in found["rows"]] == [name]


def test_a_name_that_a_template_misspells_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendering.environment().from_string("{{ nobody }}").render()


def test_styles_and_handlers_stand_in_no_page(path_texts: Mapping[str, str]) -> None:
    for path, text in path_texts.items():
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?! src=)|hx-on|js:", text), path
        assert not re.search(r"(?:src|href)=\"(?!/|#)", text), path


@pytest.fixture
def path_texts() -> Mapping[str, str]:
    client = browser(world())
    return {path: client.get(path).text for path in ADDRESSES}
