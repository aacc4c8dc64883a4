"""A form that could not be taken: a browser gets a page for it to which Back and reload lead, with what was typed."""

from typing import Any

import pytest

from modelalias.cli.kubeconfig import Access
from modelalias.web.identity import Person
from modelalias.web.kept import MOST, SECONDS, Kept
from tests.support.cli_cluster import EVIDENCE, body
from tests.support.web_site import ORIGIN, Cluster, alias, browser

ANA, BO = Person(Access(namespace="ana")), Person(Access(namespace="bo"))


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        ("/r/ml/go/reject", {"uid": "u-1", "evidence": EVIDENCE, "message": "x" * 1025}, "At most 1024"),
        ("/a/ml/churn-champion/pin", {"uid": "u-churn-champion", "number": "xfour"}, "give a number"),
        ("/a/ml/churn-champion/promote", {"uid": "u-churn-champion", "number": "xfour"}, "give a number"),
    ],
)
def test_a_mistake_is_a_page_with_what_was_typed_and_nothing_of_it_in_its_address(
    path: str, fields: dict[str, Any], says: str
) -> None:
    client = browser(Cluster([alias()], [body()]))
    client.headers["Accept"] = "text/html"

    answer = client.post(path, data=fields, headers={"Origin": ORIGIN})
    shown = [client.get(answer.headers["location"]) for _ in range(2)]

    assert answer.status_code == 303
    assert "x" * 9 not in answer.headers["location"]
    assert "four" not in answer.headers["location"]
    for page in shown:
        assert page.status_code == 422
        assert says in page.text
        assert (fields.get("number") or fields["message"]) in page.text
        assert "hx-sse:connect" not in page.text


def test_it_is_there_for_the_person_who_left_it_and_for_a_while() -> None:
    now = [0.0]
    kept: Kept[str] = Kept(lambda: now[0])
    word = kept.keep(ANA, "typed")

    assert (kept.find(ANA, word), kept.find(BO, word), kept.find(ANA, "other")) == ("typed", None, None)
    now[0] = SECONDS + 1
    assert kept.find(ANA, word) is None


def test_the_oldest_go_first() -> None:
    kept: Kept[int] = Kept()
    words = [kept.keep(ANA, number) for number in range(MOST + 1)]

    assert [kept.find(ANA, word) for word in words[:2]] == [None, 1]
