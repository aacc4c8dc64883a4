"""`modelalias events`: what was told of an alias with its requests and workloads, the newest last."""

import asyncio
import json
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.cli import events, main, object_events
from modelalias.cli.changes import Event, Happened
from modelalias.cli.cluster import Page
from modelalias.cli.waiting import Clock
from tests.support.cli_cluster import FakeCluster, body

OURS = {
    "modelalias.dev/registry": "default",
    "modelalias.dev/model": "churn",
    "modelalias.dev/alias": "champion",
}
ALIAS = {
    "metadata": {"name": "churn-champion", "namespace": "ml", "uid": "u-9"},
    "spec": {"model": "churn", "alias": "champion"},
}


def _event(name: str, at: str, *, uid: str = "", annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"event-{name}",
            "namespace": "ml",
            "resourceVersion": "1",
            "annotations": annotations,
        },
        "involvedObject": {"kind": "ModelAlias", "name": name, "uid": uid},
        "type": "Warning",
        "reason": "Drifted",
        "message": "moved by hand",
        "lastTimestamp": at,
        "count": 3,
    }


OLD, NEW = "2025-12-31T23:00:00Z", "2025-12-31T23:59:00Z"


def test_the_newest_stands_last_with_what_it_is_about() -> None:
    told = [object_events.read(_event("b", NEW)), object_events.read(_event("a", OLD))]
    told.sort(key=object_events.time_of)

    rows = events.text(told, FakeCluster().now()).splitlines()

    assert rows[0].split() == ["AGE", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"]
    assert rows[1].split("   ")[:4] == ["60m", "Warning", "Drifted", "ModelAlias/a"]
    assert [row.split()[3] for row in rows[1:]] == ["ModelAlias/a", "ModelAlias/b"]
    assert rows[1].endswith("3       moved by hand")


def test_of_an_alias_its_requests_and_workloads_count() -> None:
    matches = events.of_alias(ModelAlias.model_validate(ALIAS))
    told = {
        "itself": _event("x", NEW, uid="u-9"),
        "workload": _event("x", NEW, uid="u-7", annotations={**OURS, "modelalias.dev/to": "4"}),
        "another alias": _event("x", NEW, annotations={**OURS, "modelalias.dev/alias": "staging"}),
        "unknown": _event("x", NEW),
    }

    assert [name for name, item in told.items() if matches(object_events.read(item))] == [
        "itself",
        "workload",
    ]


def test_of_a_request_what_names_it_counts() -> None:
    matches = events.of_request(PromotionRequest.model_validate(body()))
    told = [
        _event("x", NEW, uid="u-1"),
        _event("x", NEW, annotations={"modelalias.dev/request": "go"}),
        _event("x", NEW, annotations={"modelalias.dev/request": "other"}),
    ]

    assert [matches(object_events.read(item)) for item in told] == [True, True, False]


def test_json_has_everything() -> None:
    shown = events.as_json(object_events.read(_event("a", NEW, annotations=OURS)))

    assert json.loads(json.dumps(shown)) == {
        "at": NEW,
        "type": "Warning",
        "reason": "Drifted",
        "kind": "ModelAlias",
        "name": "a",
        "count": 3,
        "message": "moved by hand",
        "annotations": {"registry": "default", "model": "churn", "alias": "champion"},
    }


async def test_what_comes_is_put_below() -> None:
    cluster, shown = FakeCluster(), list[str]()
    cluster.pages = [Page(items=(_event("b", NEW), _event("a", OLD)), after="", left=0, version="1")]

    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    def show(text: str) -> bool:
        shown.append(text)
        if len(shown) == 1:
            cluster.watches[0].tell(
                Event(happened=Happened.DELETED, body=_event("a", OLD))
            )  # it is an hour old
            cluster.watches[0].tell(Event(happened=Happened.ADDED, body=_event("c", NEW)))
        return len(shown) < 2

    await events.watch(cluster, lambda event: event.name != "b", show, Clock(lambda: 0.0, pause))

    assert [line.split()[3] for line in shown[0].splitlines()] == ["OBJECT", "ModelAlias/a"]
    assert [line.split()[3] for line in shown[1].splitlines()] == ["ModelAlias/c"]
    assert cluster.watches[0].selector == "reportingComponent=modelalias.dev/operator"


def test_a_table_is_followed_and_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["events", "-w", "-o", "json"]) == 2
    assert "--watch shows a table" in capsys.readouterr().err
