"""The page of a ModelAlias: what was read of it, part by part, and what a part that fails leaves of the others."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from modelalias.api.workload import WorkloadKind
from modelalias.cli.cluster import Kind
from modelalias.cli.object_events import ObjectEvent
from modelalias.core.errors import Refused
from modelalias.kinds import KINDS
from modelalias.ports import Pod, PodRef, Workload
from modelalias.web import alias_reading, serving_panel
from modelalias.web.alias_reading import MOST_REQUESTS, MOST_WORKLOADS, as_yaml
from tests.support import cli_cluster
from tests.support.cli_cluster import FakeCluster
from tests.support.web_site import Cluster, alias, browser

PATH = "/a/ml/churn-champion"
AT = datetime(2026, 1, 1, tzinfo=UTC)
LOAD = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
SERVING = {"serving": [{"name": "api", "load": LOAD}]}
HOSTILE = "<script>alert(1)</script>\" onload='x' \u202egnp"


def shown(cluster: Cluster) -> dict[str, Any]:
    answer = browser(cluster).get(PATH, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def text(cluster: Cluster) -> str:
    """Return what a person reads of the page, with each run of spaces as one."""
    answer = browser(cluster).get(PATH)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


def workload() -> Workload:
    body = {
        "metadata": {"name": "api", "namespace": "ml", "uid": "u-1", "resourceVersion": "1", "generation": 1},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "api"}]}}},
    }
    found: Workload = KINDS[WorkloadKind.DEPLOYMENT].parse(body)
    return found


def pod(name: str, version: str, **fields: Any) -> Pod:
    known = {
        "ref": PodRef(namespace="ml", name=name, uid=name),
        "created": AT,
        "ready": True,
        "containers": {"api": {"MODEL_URI": f"models:/churn/{version}"}},
        **fields,
    }
    return Pod.model_validate(known)


def with_pods(*pods: Pod, error: Refused | None = None) -> Cluster:
    cluster, found = Cluster([alias(spec=SERVING)]), FakeCluster()
    found.workloads, found.pods_of, found.pods_error = {"api": workload()}, {"api": pods}, error
    cluster.namespaces["ml"] = found
    return cluster


def test_pods_are_shown_with_the_version_that_they_serve() -> None:
    cluster = with_pods(pod("api-1", "3"), pod("api-2", "2", ready=False, trouble="crashes", restarts=4))

    (found,) = shown(cluster)["workloads"]
    page = text(cluster)

    assert [(item["name"], item.get("version"), item["readiness"]) for item in found["pods"]] == [
        ("api-2", "2", "no"),
        ("api-1", "3", "yes"),
    ]
    assert "api-2 2 no 1 d ago 4 crashes" in page
    assert "Pods of Deployment api 2" in page


def test_many_pods_are_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_panel, "MOST_PODS", 1)

    page = text(with_pods(pod("api-1", "3"), pod("api-2", "3", ready=False)))

    assert "1 more pods are not shown" in page
    assert "api-2" in page
    assert "api-1" not in page


def test_who_may_not_list_pods_sees_the_rest_and_why() -> None:
    page = text(with_pods(error=Refused("may not list pods in namespace ml")))

    assert "Pods of Deployment api cannot be shown: may not list pods in namespace ml" in page
    assert "churn @ champion is version 3" in page.replace("\xa0", " ")


def test_pods_of_many_workloads_are_not_read() -> None:
    cluster = Cluster([alias(spec={"serving": [{"name": f"w{number}"} for number in range(20)]})])

    unread = [item for item in shown(cluster)["workloads"] if item["podsUnread"]]

    assert len(unread) == 20 - MOST_WORKLOADS
    assert unread[0]["podsUnread"] == "only the pods of the first 16 workloads are shown here"


def waiting(name: str = "go", **status: Any) -> dict[str, Any]:
    body = cli_cluster.body(**status)
    body["metadata"].update(name=name, uid=f"u-{name}")
    return body


def test_the_head_tells_since_when_the_phase_lasts_and_since_when_the_version_is_current() -> None:
    drifted = {
        **cli_cluster.condition("InSync", "False", "Drifted"),
        "lastTransitionTime": "2026-01-01T23:00:00Z",
    }

    page = text(Cluster([alias(phase="Drifted", conditions=[drifted])]))

    assert "is version 3 Drifted for 1 h version 3 since 1 d ago , by ana" in page


def test_who_is_waited_for_stands_there() -> None:
    approvals = {"required": 2, "valid": 1, "groups": ["ml-leads"], "since": "2026-01-01T22:00:00Z"}
    cluster = Cluster([alias()], [waiting(approvals=approvals)])

    assert "go for version 4 waits for approval: 1 of 2, from group ml-leads, since 2 h ago ." in text(
        cluster
    )


def test_requests_of_another_alias_are_not_told() -> None:
    other = waiting()
    other["spec"]["aliasRef"]["name"] = "churn-champion-2"

    found = shown(Cluster([alias()], [other]))

    assert found["row"]["waits"] == found["gates"]["charts"] == []


def test_the_queue_says_what_each_waits_for() -> None:
    queued = waiting("later", phase="Queued", explanation="waits for go")
    found = shown(Cluster([alias(queue=["later", "gone"])], [queued]))

    assert [(item["request"], item["explanation"]) for item in found["queue"]] == [
        ("later", "waits for go"),
        ("gone", ""),
    ]


def test_more_requests_than_are_read_are_said_to_be_there() -> None:
    many = [waiting(f"r{number:03}", phase="Rejected") for number in range(MOST_REQUESTS + 1)]

    page = text(Cluster([alias()], many))

    assert "There are more than 200 requests: numbers are from the first 200, by name." in page


def test_the_numbers_of_a_gate_are_in_the_page() -> None:
    page = text(Cluster([alias()], [waiting()]))

    assert "val_auc by version · gate auc" in page
    assert "champion, version 3: 0.8" in page
    assert "asked: >= 0.81 (champion 0.8 + 0.01) (request go )" in page
    assert "4 0.9 Passed request go" in page


@pytest.mark.parametrize("missing", [Kind.REQUESTS, Kind.ALIASES])
def test_a_list_that_may_not_be_read_takes_nothing_else_along(missing: Kind) -> None:
    class Closed(Cluster):
        async def page(self, kind: Kind, namespace: str, **fields: Any) -> Any:
            if kind is missing:
                raise Refused("may not list here")
            return await super().page(kind, namespace, **fields)

    page = text(Closed([alias()], [waiting()]))

    assert "is version 3" in page
    assert ("and verdicts, cannot be shown: may not list here" in page) is (missing is Kind.REQUESTS)
    assert ("apiVersion: modelalias.dev/v1alpha1" in page) is (missing is not Kind.ALIASES)


def test_events_are_shown_and_their_want_is_told() -> None:
    cluster = Cluster([alias()])
    cluster.told = [ObjectEvent(at=AT, reason="MassDrift", message="many moved", is_warning=True, times=3)]
    closed = Cluster([alias()])
    closed.told = Refused("may not list events")

    assert "1 d ago MassDrift warning many moved 3" in text(cluster)
    assert "They cannot be shown: may not list events" in text(closed)


def test_many_events_are_cut_and_said_to_be() -> None:
    cluster = Cluster([alias()])
    cluster.told = [ObjectEvent(at=AT, reason=f"R{number}", message="") for number in range(25)]

    found = shown(cluster)["events"]

    assert (len(found["rows"]), found["leftOut"]) == (20, 5)


FLOOR = {"name": "floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.5}
TOLD: Mapping[str, Any] = {
    "sources": ["ClusterPromotionPolicy/base"],
    "rules": [{"rule": "policy.gates[floor]", "from": "ClusterPromotionPolicy/base"}],
}


def cluster_policy(name: str = "base", **policy: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"appliesTo": {}, "policy": policy}}


def test_the_rules_of_a_policy_are_read_where_it_holds() -> None:
    cluster = Cluster([alias(policy=TOLD)])
    cluster.bodies[Kind.CLUSTER_POLICIES] = [
        cluster_policy(gates=[FLOOR]),
        cluster_policy("other", pins="Gated"),
    ]

    page = text(cluster)

    assert "floor: val_auc at least 0.5 ClusterPromotionPolicy/base" in page
    assert "Beside its own rules those of ClusterPromotionPolicy/base hold." in page
    assert "a pin is not judged" in page


@pytest.mark.parametrize("policies", [[], [cluster_policy(pins="Gated", gates=[{"name": "floor"}])]])
def test_a_policy_that_is_not_there_or_not_understood_leaves_the_names(policies: list[Any]) -> None:
    cluster = Cluster([alias(policy=TOLD)])
    cluster.bodies[Kind.CLUSTER_POLICIES] = policies

    page = text(cluster)

    assert "policy.gates[floor]: its value stands there ClusterPromotionPolicy/base" in page
    assert alias_reading.NOT_TOGETHER in page
    assert "nobody has to approve" not in page


def test_the_object_as_yaml_has_not_what_nobody_reads() -> None:
    body = alias()
    body["metadata"] |= {
        "managedFields": [{"manager": "kubectl"}],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"},
    }

    page = text(Cluster([body]))

    assert "apiVersion: modelalias.dev/v1alpha1 kind: ModelAlias metadata: name: churn-champion" in page
    assert "note: kept" in page
    assert "manager" not in page.partition("apiVersion:")[2]
    assert "last-applied" not in page
    assert "yaml" not in shown(Cluster([body]))


def test_a_long_object_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alias_reading, "MOST_YAML", 40)

    assert re.search(r"# cut off here: \d+ more characters$", as_yaml([alias()]).strip())


def test_hostile_text_is_text_in_every_part() -> None:
    status: dict[str, Any] = {
        "history": [
            {
                "at": "2026-01-01T00:00:00Z",
                "operation": "Promote",
                "outcome": "Failed",
                "to": "3",
                "actor": HOSTILE,
                "approvers": [HOSTILE],
                "reason": HOSTILE,
                "failure": HOSTILE[:64],
                "message": HOSTILE,
            }
        ],
        "hold": {"reason": HOSTILE, "since": "2026-01-01T00:00:00Z"},
        "serving": [{"kind": "Deployment", "name": "api", "state": "Failed", "message": HOSTILE}],
        "monitors": [
            {
                "name": "psi",
                "rule": HOSTILE,
                "value": HOSTILE,
                "message": HOSTILE,
                "follows": HOSTILE,
                "points": [
                    {"at": "2026-01-01T00:00:00Z", "value": "1"},
                    {"at": "2026-01-01T00:01:00Z", "value": "2"},
                ],
            }
        ],
    }
    approval = {"required": "Always", "checklist": [HOSTILE], "groups": [HOSTILE]}
    request = waiting(
        gates=[{**cli_cluster.GATE, "metric": HOSTILE, "rule": HOSTILE, "message": HOSTILE, "candidate": "1"}]
    )
    cluster = Cluster([alias(spec={"policy": {"approval": approval}}, **status)], [request])
    cluster.told = [ObjectEvent(at=None, reason=HOSTILE, message=HOSTILE)]

    page = browser(cluster).get(PATH).text

    assert page.count("&lt;script&gt;alert(1)") > 15
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert not re.search(r"<[^>]*\sonload=", re.sub(r'"[^"]*"', "", page))


def test_sections_have_headings_and_drawings_say_what_they_show() -> None:
    history = [
        {"at": f"2025-12-0{day}T00:00:00Z", "operation": "Promote", "outcome": "Succeeded", "to": str(day)}
        for day in (1, 2, 3)
    ]

    page = browser(Cluster([alias(history=history)], [waiting()])).get(PATH).text

    labels = re.findall(r'aria-labelledby="([^"]+)"', page)
    assert set(labels) <= set(re.findall(r'<h2 id="([^"]+)"', page))
    drawings = re.findall(r"<svg[^>]*>", page)
    assert all(
        'aria-hidden="true"' in item or re.search(r'role="img" aria-label="[^"]+"', item) for item in drawings
    )
    assert 'aria-label="The version over time: 2025-12-01 00:00 UTC: 1; ' in page


HOLD: dict[str, Any] = {"hold": {"reason": "RolledBack", "since": "2026-01-01T00:00:00Z"}}


def test_the_message_of_a_hold_ends_before_its_time_is_told() -> None:
    held = cli_cluster.condition("Held", "True", "RolledBack", "version 4 was rolled back")

    assert "version 4 was rolled back. Since " in text(Cluster([alias(**HOLD, conditions=[held])]))


def test_that_the_rest_is_from_before_is_said_before_it() -> None:
    ready = cli_cluster.condition("Ready", "True", "Suspended", "version 3; suspended")
    found = alias(conditions=[ready], observedGeneration=1)
    found["metadata"]["generation"] = 2

    page = text(Cluster([found]))

    unseen = (
        "The operator has not looked at the latest edit of the ModelAlias yet; what follows is from before."
    )
    assert page.count(unseen) == 1
    assert page.index(unseen) < page.index("version 3; suspended")


def test_who_may_end_what_stops_it_has_a_form() -> None:
    page = browser(Cluster([alias(**HOLD)])).get(PATH).text

    assert page.count(f'href="{PATH}/release">Release the hold…</a>') == 2, (
        "where it stands and among the acts"
    )
    assert "modelalias release" not in page


def test_who_may_not_has_the_command_for_somebody_who_may() -> None:
    cluster = Cluster([alias(**HOLD)])
    cluster.lacks = {"release"}

    page = text(cluster)

    assert "Somebody who may release: modelalias release churn-champion -n ml Copy" in page
    assert "To end the hold:" not in page


def test_where_only_looking_is_allowed_there_is_ones_own_command() -> None:
    page = browser(Cluster([alias(**HOLD)]), may_write=False).get(PATH).text

    assert "To end the hold:" in page
    assert "<code>modelalias release churn-champion -n ml</code>" in page


def test_a_version_that_was_promoted_is_not_said_to_be_gone_back_to() -> None:
    entry = {"at": "2026-01-01T00:00:00Z", "outcome": "Succeeded", "operation": "Promote"}
    steps = [(None, "1"), ("1", "2"), ("2", "1")]
    history = [{**entry, "from": left, "to": to} for left, to in steps]
    current = {"version": "1", "since": entry["at"]}

    page = text(Cluster([alias(current=current, previous={**current, "version": "2"}, history=history)]))

    assert "gone back to" not in page
    assert "; the one before: version 2" in page


def test_after_going_back_all_parts_of_the_page_agree_on_the_version_before() -> None:
    entry = {"at": "2026-01-01T00:00:00Z", "outcome": "Succeeded"}
    history = [
        {**entry, "from": None, "to": "1", "operation": "Promote"},
        {**entry, "from": "1", "to": "2", "operation": "Promote"},
        {**entry, "from": "2", "to": "4", "operation": "Promote"},
        {**entry, "from": "4", "to": "2", "operation": "Rollback"},
    ]
    cluster = Cluster(
        [
            alias(
                current={"version": "2", "since": entry["at"]},
                previous={"version": "4", "since": entry["at"]},
                history=history,
                rolledBack=[{"version": "4", "reason": "RolledBack", "at": entry["at"]}],
            )
        ]
    )

    page, form = text(cluster), browser(cluster).get(f"{PATH}/rollback").text

    assert "; gone back from version 4; the one before: version 1" in page
    assert "before it version 4" not in page
    assert "nothing to go back to" not in page
    found = re.findall(r'type="radio" name="version" value="(\d+)"( checked)?', form)
    assert found == [("1", " checked"), ("4", "")]


def test_numbers_lead_to_the_request_that_says_so_and_no_line_is_explained_that_is_not_drawn() -> None:
    rule = "needs a champion"
    request = cli_cluster.body(gates=[{**cli_cluster.GATE, "rule": rule}])

    page = browser(Cluster([alias()], [request])).get(PATH).text

    figure = page[page.index("· gate auc") : page.index("</figure>", page.index("· gate auc"))]
    assert 'request <a href="/r/ml/go">go</a></td>' in figure
    assert f"asked: {rule}" in figure
    assert figure.count('<svg class="key"') == 1, "the champion's line alone is drawn"
