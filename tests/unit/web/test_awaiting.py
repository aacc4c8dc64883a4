"""`/approvals`: those that ask me first, those that wait longest before others, and what is not known is said."""

from typing import Any

import pytest

from modelalias.cli.cluster import Who
from modelalias.core.errors import Refused
from tests.support.cli_cluster import approval, body
from tests.support.web_site import Cluster, alias, browser

JSON = {"Accept": "application/json"}


def _asks(
    name: str, spec: dict[str, Any] | None = None, since: str = "2026-01-01T10:00:00Z", **named: Any
) -> dict[str, Any]:
    found = body(spec, approvals={"required": 2, "valid": 1, "since": since, **named})
    found["metadata"] |= {"name": name, "uid": f"u-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return found


def _shown(
    *requests: dict[str, Any], lacks: set[str] | None = None, who: Who | None = None
) -> dict[str, Any]:
    cluster = Cluster(
        [alias(spec={"policy": {"approval": {"required": "Always", "waitFor": "24h"}}})], requests
    )
    cluster.me, cluster.lacks = who or Who(user="bo", groups=("ml-leads",)), lacks or set()
    values: dict[str, Any] = browser(cluster).get("/approvals", headers=JSON).json()
    return values


def _names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_those_that_ask_me_come_first_and_the_oldest_before_others() -> None:
    shown = _shown(
        _asks("others", groups=["admins"]),
        _asks("by-group", groups=["ml-leads"]),
        _asks("by-name", users=["bo"], since="2026-01-01T09:00:00Z"),
        _asks("anybody", since="2026-01-01T11:00:00Z"),
        _asks("own", {"requestedBy": "bo"}, groups=["ml-leads"]),
        _asks("decided", {"approvals": [approval("bo")]}, groups=["ml-leads"]),
    )

    assert _names(shown["mine"]) == ["by-name", "by-group", "anybody"]
    assert set(_names(shown["others"])) == {"others", "own", "decided"}


def test_what_asks_anybody_asks_only_those_with_the_verb() -> None:
    shown = _shown(_asks("anybody"), lacks={"approve"})

    assert (_names(shown["mine"]), _names(shown["others"])) == ([], ["anybody"])


def test_a_row_says_what_is_asked_of_whom_and_until_when() -> None:
    (row,) = _shown(_asks("go", groups=["ml-leads"]))["mine"]

    assert (row["given"], row["required"], row["asked"]) == (1, 2, ["group ml-leads"])
    assert (row["version"], row["champion"], row["requestedBy"]) == ("4", "3", "ana")
    assert row["verdict"] == "1/1 gates passed: auc 0.9 against 0.8"
    assert (row["since"], row["lapses"]) == ("2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z")


def test_one_that_cannot_be_read_is_named() -> None:
    odd = _asks("odd")
    odd["spec"]["operation"] = "OfANewerRelease"

    shown = _shown(odd, _asks("go", users=["bo"]))

    assert _names(shown["mine"]) == ["go"]
    assert "cannot read request odd in namespace ml" in shown["notices"][0]["text"]


@pytest.mark.parametrize("count", [0, 1])
def test_a_page_without_requests_says_so(count: int) -> None:
    text = browser(Cluster([alias()], [_asks("go")][:count])).get("/approvals").text

    assert ("No request waits for an approval" in text) is (count == 0)


def test_who_may_list_in_one_namespace_only_sees_that_one() -> None:
    other = _asks("elsewhere", users=["bo"])
    other["metadata"]["namespace"] = "risk"
    cluster = Cluster([alias()], [_asks("go", users=["bo"]), other])
    cluster.me = Who(user="bo")
    client = browser(cluster)
    cluster.error, cluster.only = Refused("may not list promotionrequests in the cluster"), "ml"

    shown = client.get("/approvals", headers=JSON).json()
    named = client.get("/approvals", headers=JSON, params={"namespace": "risk"})

    assert (_names(shown["mine"]), shown["namespace"]) == (["go"], "ml")
    assert shown["notices"][0]["text"].startswith(
        "Only namespace ml is shown: may not list promotionrequests"
    )
    assert named.status_code == 403
