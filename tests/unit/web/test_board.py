"""The board: what a row says, what stands first, and what is read for it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from modelalias.api.alias_status import AliasPhase
from modelalias.api.request_status import Phase
from modelalias.core.errors import InvalidRequest, Refused
from modelalias.web import board, board_reading
from modelalias.web.board import Asked, Key
from modelalias.web.phases import Tone, of_alias, of_request
from tests.support.cli_cluster import body, condition
from tests.support.web_site import Cluster, alias, browser

JSON = {"Accept": "application/json"}
PLAN = {
    "operation": "Promote",
    "bearing": "Forward",
    "aliases": [{"name": "prev", "from": "2", "to": "3"}, {"name": "champion", "from": "3", "to": "4"}],
    "startedAt": "2026-01-01T12:00:00Z",
    "request": {"name": "go", "uid": "u-1"},
}
HELD = [
    condition(
        "Held", "True", "RolledBack", "held since noon: version 4 was rolled back; a promotion releases it"
    )
]
BREACHED = [condition("MonitorsPassing", "False", "Breached")]


def many(number: int, **status: Any) -> list[dict[str, Any]]:
    return [alias(f"a-{place:04d}", spec={"model": f"m-{place}"}, **status) for place in range(number)]


def shown(cluster: Cluster, address: str = "/") -> Mapping[str, Any]:
    answer = browser(cluster).get(address, headers=JSON)
    assert answer.status_code == 200, answer.text
    values: Mapping[str, Any] = answer.json()
    return values


def names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("found", "fields"),
    [
        (alias(), {"version": "3", "phase": of_alias(AliasPhase.READY), "needs_somebody": False}),
        (alias(phase=None, current=None), {"version": None, "since": None, "phase": of_alias(None)}),
        (alias(phase="Stalled"), {"needs_somebody": True}),
        (alias(phase="Failed"), {"needs_somebody": True}),
        (alias(phase="Drifted"), {"needs_somebody": True}),
        (alias(phase="Degraded"), {"needs_somebody": True}),
        (alias(phase="Unreachable"), {"needs_somebody": False}),
        (alias(phase="Suspended"), {"needs_somebody": False}),
        (
            alias(conditions=HELD),
            {"is_held": True, "needs_somebody": True, "hold": "held since noon: version 4 was rolled back"},
        ),
        (alias(conditions=BREACHED), {"is_breached": True, "needs_somebody": False}),
        (alias(spec={"version": "3"}), {"pinned": "3"}),
        (alias(queue=["one", "two"]), {"queued": 2}),
        (alias(previous={"version": "2", "since": "2026-01-01T00:00:00Z"}), {"previous": "2"}),
    ],
)
def test_a_row_says_where_an_alias_stands(found: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    row = board.row_of(found, {})

    assert {name: getattr(row, name) for name in fields} == fields


def test_a_time_stands_with_the_version_or_with_the_phase_that_it_is_of() -> None:
    drifted = {**condition("InSync", "False", "Drifted"), "lastTransitionTime": "2026-01-01T23:00:00Z"}
    cluster = Cluster([alias(phase="Drifted", conditions=[drifted]), alias("b", phase="Suspended")])

    page = browser(cluster).get("/").text

    words = [
        re.sub(r"<[^>]*>|\s+", " ", cell)
        for cell in re.findall(r'data-label="(?:V|P).*?</td>', page, re.DOTALL)
    ]
    cells = [" ".join(cell.partition(">")[2].split()) for cell in words]
    assert cells == ["3 since 1 d ago", "Drifted for 1 h", "3 since 1 d ago", "Suspended"]
    assert "Since</th>" not in page


def test_a_row_says_what_is_under_way_of_its_own_alias() -> None:
    move = board.row_of(alias(phase="RollingOut", plan=PLAN), {}).move

    assert move is not None
    assert (move.operation, move.left, move.to, move.is_undone, move.request) == (
        "Promote",
        "3",
        "4",
        False,
        "go",
    )


def test_a_row_says_who_is_waited_for() -> None:
    waiting = body(approvals={"required": 2, "valid": 1, "users": ["bo"], "groups": ["ml-leads"]})

    row = board.row_of(alias(), board.waits([waiting]))

    assert row.needs_somebody
    (wait,) = row.waits
    assert (wait.request, wait.version, wait.given, wait.required) == ("go", "4", 1, 2)
    assert wait.asked == ("bo", "group ml-leads")


@pytest.mark.parametrize(
    "broken", [{"spec": {}}, {"spec": None}, {"status": {"phase": "Newer"}}, {"status": {"plan": 1}}]
)
def test_what_cannot_be_understood_is_a_row_that_says_so(broken: Mapping[str, Any]) -> None:
    row = board.row_of({**alias(), **broken}, {})

    assert (row.name, row.message) == ("churn-champion", board.UNREADABLE)


def test_a_request_that_cannot_be_understood_hides_no_other() -> None:
    assert len(board.waits([{"metadata": {"name": "x"}}, body()])) == 1


@pytest.mark.parametrize("phase", [*AliasPhase, *Phase])
def test_each_phase_has_a_word_and_an_icon(phase: AliasPhase | Phase) -> None:
    badge = of_alias(phase) if isinstance(phase, AliasPhase) else of_request(phase)

    assert badge.word.replace(" ", "").casefold() == phase.casefold()
    assert badge.icon
    assert badge.tone in Tone


def test_who_needs_somebody_stands_first_however_late_in_the_list() -> None:
    found = [
        *many(150),
        alias("z-held", conditions=HELD, hold={"reason": "RolledBack", "since": "2026-01-01T00:00:00Z"}),
    ]
    found += [alias("z-stalled", phase="Stalled"), alias("z-waits", spec={"model": "other"})]
    cluster = Cluster(found, [body({"aliasRef": {"name": "z-waits"}})])

    view = shown(cluster)

    assert names(view["needs"]) == ["z-held", "z-stalled", "z-waits"]
    assert len(view["rows"]) == 100
    assert view["total"] == 153
    assert {count["phase"]: count["number"] for count in view["counts"]} == {"Ready": 152, "Stalled": 1}


def test_nobody_stands_on_the_board_twice() -> None:
    cluster = Cluster([alias("one", phase="Stalled"), alias("two")], [body({"aliasRef": {"name": "one"}})])

    view = shown(cluster)

    assert names(view["needs"]) == ["one"]
    assert names(view["rows"]) == ["two"]


def test_every_alias_is_on_one_page_of_the_list() -> None:
    cluster = Cluster(many(250))
    found, address = [], "/"
    while address:
        view = shown(cluster, address)
        found += names(view["rows"])
        address = Asked().address(after=view["after"]) if view["after"] else ""

    assert found == [f"a-{place:04d}" for place in range(250)]


def test_more_than_can_be_shown_first_are_behind_a_link() -> None:
    cluster = Cluster(many(120, phase="Failed"))

    view, page = shown(cluster), browser(cluster).get("/").text
    all_in_need = shown(cluster, "/?show=needs")

    assert len(view["needs"]) == board_reading.MOST_FIRST
    assert view["areMoreInNeed"]
    assert "/?show=needs" in page
    assert len(all_in_need["rows"]) == 100
    assert len(shown(cluster, f"/?show=needs&after={all_in_need['after']}")["rows"]) == 20


def test_too_many_to_count_are_said_to_be_more() -> None:
    cluster = Cluster(many(1100, phase="Unreachable"))

    view, page = shown(cluster), browser(cluster).get("/").text

    assert view["areMoreCounted"]
    assert view["counts"] == [
        {
            "badge": {"word": "Unreachable", "tone": "bad", "icon": "cross"},
            "phase": "Unreachable",
            "number": 1000,
        }
    ]
    assert "at least </span>1\N{NARROW NO-BREAK SPACE}000" in page


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/?phase=Failed", ["b-failed"]),
        ("/?phase=Nonsense", ["a", "b-failed", "c"]),
        ("/?namespace=other", ["c"]),
        ("/?namespace=nobody", []),
        ("/?q=FAIL", ["b-failed"]),
        ("/?q=churn@champ", ["a", "b-failed"]),
        ("/?q=other/c", ["c"]),
        ("/?q=ml/rain", []),
        ("/?q=nothing", []),
        ("/?q=b-&phase=Ready", []),
        ("/?q=rain", ["c"]),
    ],
)
def test_filters(address: str, found: list[str]) -> None:
    cluster = Cluster(
        [alias("a"), alias("b-failed", phase="Failed"), alias("c", "other", spec={"model": "brain,1=2"})]
    )

    view = shown(cluster, address)

    assert sorted(names([*view["needs"], *view["rows"]])) == found


def test_a_search_finds_every_name_once_over_its_pages() -> None:
    cluster = Cluster([*many(1300), alias("needle", spec={"model": "x"})])
    found, address = [], "/?q=a-00"
    while address:
        view = shown(cluster, address)
        found += names(view["rows"])
        assert len(view["rows"]) <= 25
        address = Asked(text="a-00").address(after=view["after"]) if view["after"] else ""

    assert sorted(found) == [f"a-00{place:02d}" for place in range(100)]


def test_a_search_for_a_model_needs_no_looking_through() -> None:
    cluster = Cluster(many(30))

    assert names(shown(cluster, "/?q=m-7")["rows"]) == ["a-0007"]


def test_who_may_list_only_in_a_namespace_sees_that() -> None:
    cluster = Cluster([alias(), alias("foreign", "other")])
    client = browser(cluster)
    cluster.error, cluster.only = Refused("may not list modelaliases.modelalias.dev in the cluster"), "ml"

    view = client.get("/", headers=JSON).json()

    assert names(view["rows"]) == ["churn-champion"]
    assert view["notices"][0]["text"].startswith("Only namespace ml is shown: may not list")


@pytest.mark.parametrize("page", ["/", "/approvals"])
@pytest.mark.parametrize(
    ("namespace", "status", "says"),
    [
        ("other", 403, "You may not list modelaliases in namespace other."),
        ("DOES NOT", 400, "“DOES NOT” cannot be the name of a namespace"),
    ],
)
def test_a_namespace_that_cannot_be_shown_leaves_the_field_to_name_another(
    page: str, namespace: str, status: int, says: str
) -> None:
    cluster = Cluster([alias()])
    client = browser(cluster)
    cluster.error, cluster.only = Refused("may not list modelaliases in namespace other"), "ml"

    answer = client.get(page, params={"namespace": namespace})

    assert answer.status_code == status
    assert says in answer.text
    assert re.search(rf'name="namespace" value="{namespace}"', answer.text)
    assert "There is no" not in answer.text
    assert "No request waits" not in answer.text


@pytest.mark.parametrize(
    "error", [Refused("may not list requests"), InvalidRequest("field label not supported")]
)
def test_aliases_are_shown_to_who_may_not_see_requests_and_with_older_crds(error: Exception) -> None:
    cluster = Cluster([alias(phase="Failed")])
    cluster.refused_selectors = {board_reading.WAITING: error, board_reading.HELD: error}

    assert names(shown(cluster)["needs"]) == ["churn-champion"]


def test_an_alias_that_is_gone_or_hidden_is_left_out() -> None:
    cluster = Cluster([alias("here")], [body({"aliasRef": {"name": "gone"}})])

    view = shown(cluster)

    assert names([*view["needs"], *view["rows"]]) == ["here"]


def test_the_first_page_takes_few_calls_however_many_there_are() -> None:
    cluster = Cluster(many(1000))
    client = browser(cluster)

    answer = client.get("/")

    assert len(cluster.calls) <= 6
    assert len(answer.content) < 300_000


def test_a_full_first_page_is_below_its_budget() -> None:
    long = [condition("Ready", "False", "X", "somebody has to change a thing, " * 4)]
    found = [*many(100, phase="RollingOut", plan=PLAN, conditions=long)]
    found += [alias(f"f-{place}", phase="Failed", conditions=long) for place in range(60)]

    answer = browser(Cluster(found)).get("/")

    assert answer.text.count('id="row-') == 150
    assert len(answer.content) < 300_000


def test_the_longest_wait_is_read_first() -> None:
    early, late = (
        body({"aliasRef": {"name": name}}, approvals={"required": 1, "since": f"2026-01-0{day}T00:00:00Z"})
        for name, day in (("early", 1), ("late", 2))
    )

    assert board.longest_first(board.waits([late, early])) == [Key("ml", "early"), Key("ml", "late")]


def test_an_address_keeps_the_other_filters_and_quotes_them() -> None:
    asked = Asked(text="a&b=c", namespace="ml", after="token")

    assert asked.address(phase="Failed") == "/?q=a%26b%3Dc&namespace=ml&phase=Failed"
    assert Asked().address() == "/"
