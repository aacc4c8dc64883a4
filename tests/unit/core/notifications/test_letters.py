"""What a channel gets: a text for people, a CloudEvent for programs."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelalias.core.notifications import letters
from modelalias.core.status.occasions import Occasion
from modelalias.ports import Letter, Severity
from tests.support.noticed import notice


def letter(*, lost: int = 0, cluster: str = "", dashboard: str = "", **fields: Any) -> Letter:
    return letters.letter([notice(**fields)], lost=lost, cluster=cluster, dashboard=dashboard)


def test_a_letter_says_what_happened_to_what_and_what_to_type() -> None:
    told = letter(
        occasion=Occasion.AWAITING_APPROVAL,
        request="go",
        sentence="waits for 1 approval",
        details=("auc: Passed",),
        command="kubectl modelalias approve go -n ml",
        cluster="eu",
        dashboard="https://models.example/",
    )

    assert told.title == "AwaitingApproval: churn@\u200bchampion (ml/churn-champion)"
    assert told.text.splitlines() == [
        "waits for 1 approval",
        "auc: Passed",
        "in cluster eu",
        "kubectl modelalias approve go -n ml",
        "https://models.example/r/ml/go",
    ]
    assert told.severity is Severity.WARNING


def test_the_link_of_what_has_no_request_leads_to_the_alias() -> None:
    assert letter(dashboard="https://m").text.splitlines()[-1] == "https://m/a/ml/churn-champion"


def test_a_letter_says_how_many_were_lost_before_it() -> None:
    assert "3 other notifications were not delivered" in letter(lost=3).text
    assert "not delivered" not in letter().text


def test_a_letter_without_a_model_names_the_alias_that_there_is_not() -> None:
    assert letter(model="", alias="").title == "Moved: (ml/churn-champion)"


def test_an_event_is_a_cloud_event() -> None:
    event = letter(occasion=Occasion.ROLLED_BACK, request="go", cluster="eu", data={"a": 1}).event

    assert event == {
        "specversion": "1.0",
        "id": "u-1/7/0",
        "source": "/clusters/eu/namespaces/ml/modelaliases/churn-champion",
        "type": "dev.modelalias.request.rolledback",
        "subject": "promotionrequests/go",
        "time": "2026-01-01T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {"a": 1},
    }
    other = letter().event
    assert (other["type"], other["source"]) == (
        "dev.modelalias.alias.moved",
        "/namespaces/ml/modelaliases/churn-champion",
    )
    assert "subject" not in other
    json.dumps(event)


@pytest.mark.parametrize("occasion", list(Occasion))
def test_everything_has_a_type_and_a_severity(occasion: Occasion) -> None:
    told = letter(occasion=occasion)

    assert re.fullmatch(r"dev\.modelalias\.(request|alias)\.[a-z]+", str(told.event["type"]))
    assert told.severity in set(Severity)


@pytest.mark.parametrize(
    "text",
    ["@everyone", "<!channel>", "<@U123>", "<#C1>", "[go](http://x)", "<a href='x'>", "</b>", "<AT>x"],
)
def test_nothing_that_a_tenant_writes_calls_people_or_dresses_up_a_link(text: str) -> None:
    told = letter(sentence=f"because {text}", details=(text,), model=text)

    assert text not in told.text + told.title
    assert text in (told.text + told.title).replace("\u200b", "")
    many = letters.digest([notice(sentence=text, model=text)] * 2, lost=0, cluster="", dashboard="")
    assert text not in many.text


@given(st.text(max_size=2_000))
def test_whatever_a_tenant_writes_stays_one_short_line(text: str) -> None:
    told = letter(sentence=text).text

    assert len(told.splitlines() or [""]) == 1
    assert all(character.isprintable() or character == "\u200b" for character in told)
    assert len(told.replace("\u200b", "")) <= letters.LONGEST_LINE


@given(st.lists(st.sampled_from(Occasion), min_size=2, max_size=60), st.integers(0, 5))
def test_a_digest_is_short_and_as_grave_as_its_worst(occasions: list[Occasion], lost: int) -> None:
    told = letters.digest(
        [notice(item) for item in occasions], lost=lost, cluster="eu", dashboard="https://m"
    )

    assert told.title == f"{len(occasions)} notifications from eu"
    assert len(told.text.splitlines()) <= letters.MOST_IN_A_DIGEST + 3
    ranks = list(Severity)
    assert ranks.index(told.severity) == max(ranks.index(letters.severity(item)) for item in occasions)
    assert ("not delivered" in told.text) == (lost > 0)
    assert told.event == {}
