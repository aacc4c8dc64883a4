"""`modelalias serving` shows pod by pod what runs, and with --watch what changes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.workload import WorkloadKind
from modelalias.cli import pods_table, serving
from modelalias.cli.waiting import Clock
from modelalias.core.errors import Refused, Unavailable
from modelalias.kinds import KINDS
from modelalias.ports import Pod, PodRef, Workload
from tests.support.cli_cluster import NOW, FakeCluster

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOAD = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}


def _alias(**load: Any) -> dict[str, Any]:
    status = {
        "kind": "Deployment",
        "name": "api",
        "state": "Rolling",
        "since": NOW,
        "message": "1 of 2 updated",
    }
    return {
        "metadata": {"name": "go", "namespace": "ml", "uid": "u-2"},
        "spec": {
            "model": "churn",
            "alias": "champion",
            "serving": [{"kind": "Deployment", "name": "api", **({"load": load} if load else {})}],
        },
        "status": {
            "phase": "Ready",
            "current": {"version": "4", "since": NOW},
            "observed": {"version": "4", "at": NOW, "epoch": 2},
            "serving": [status],
        },
    }


def _workload() -> Workload:
    body = {
        "metadata": {"name": "api", "namespace": "ml", "uid": "u-1", "resourceVersion": "1", "generation": 1},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "api"}]}}},
    }
    found: Workload = KINDS[WorkloadKind.DEPLOYMENT].parse(body)
    return found


def _pod(name: str, **fields: Any) -> Pod:
    known = {
        "ref": PodRef(namespace="ml", name=name, uid=name),
        "node": "node-1",
        "created": AT,
        "started": AT,
        "ready": True,
        "ready_since": AT,
        "containers": {"api": {"MODEL_URI": "models:/churn/4"}},
        "marks": {"go": "4.2"},
    }
    return Pod.model_validate({**known, **fields})


def _cluster(*pods: Pod, **load: Any) -> FakeCluster:
    cluster = FakeCluster(None, _alias(**load))
    cluster.workloads["api"] = _workload()
    cluster.pods_of["api"] = pods
    return cluster


async def _text(cluster: FakeCluster) -> str:
    return pods_table.text(*await serving.read(cluster, "go"))


async def test_each_pod_has_a_row() -> None:
    old = {"api": {"MODEL_URI": "models:/churn/3"}}
    waits = _pod("b", ready=False, trouble="its image cannot be pulled", restarts=2, node="", containers=old)
    text = await _text(_cluster(_pod("a"), waits, **LOAD))

    assert text == (
        "churn@champion: version 4 since 2026-01-01T00:00:00Z\n"
        "Deployment/api: Rolling since 2026-01-01T00:00:00Z: 1 of 2 updated\n"
        "\n"
        "WORKLOAD         POD   VERSION   READY   SINCE                  RESTARTS   NODE     WHY NOT READY\n"
        "Deployment/api   a     4         yes     2026-01-01T00:00:00Z   0          node-1   -\n"
        "Deployment/api   b     3         no      2026-01-01T00:00:00Z   2          -        "
        "its image cannot be pulled\n"
    )


async def test_pods_that_resolve_the_alias_are_known_by_their_marks() -> None:
    text = await _text(_cluster(_pod("a"), _pod("b", marks={}), _pod("c", ending=True)))

    rows = [line.split()[1:4] for line in text.splitlines()[4:]]
    assert rows == [["a", "4", "yes"], ["b", "?", "yes"], ["c", "4", "ending"]]


async def test_a_workload_that_is_not_there_is_told() -> None:
    cluster = _cluster()
    cluster.workloads.clear()

    assert "Deployment/api: there is no such workload" in await _text(cluster)


async def test_a_missing_right_is_told_as_it_is() -> None:
    cluster = _cluster(_pod("a"))
    cluster.pods_error = Refused("may not list pods in namespace ml: none of your roles grants it")

    with pytest.raises(Refused, match="list pods"):
        await _text(cluster)


async def _watched(cluster: FakeCluster, steps: Sequence[Any], *, redraws: bool) -> list[str]:
    """Watch, and do one step in each pause; the last one interrupts."""
    shown: list[str] = []
    left = list(steps)

    async def pause(seconds: float) -> None:
        assert seconds == serving.PAUSE_SECONDS
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    with pytest.raises(KeyboardInterrupt):
        await serving.watch(cluster, "go", shown.append, Clock(lambda: 0.0, pause), redraws=redraws)
    return shown


async def test_where_there_is_no_terminal_each_change_is_a_line() -> None:
    cluster = _cluster(_pod("a"), **LOAD)

    def another() -> None:
        cluster.pods_of["api"] = [_pod("a"), _pod("b", ready=False, trouble="it starts")]

    def gone() -> None:
        cluster.pods_of["api"] = [_pod("b", ready=True)]

    shown = await _watched(cluster, [lambda: None, another, gone], redraws=False)

    assert len(shown) == 3
    assert "Deployment/api   a" in shown[0]
    assert [line.split()[1] for line in shown[1].splitlines()] == ["b"]
    assert "it starts" in shown[1]
    assert shown[2].splitlines()[-1] == "Deployment/api   a   gone"


async def test_a_terminal_is_drawn_anew_when_something_changed() -> None:
    cluster = _cluster(_pod("a"), **LOAD)

    def gone() -> None:
        cluster.pods_of["api"] = []

    shown = await _watched(cluster, [lambda: None, gone, lambda: None], redraws=True)

    assert len(shown) == 2
    assert all(text.startswith("\x1b[H\x1b[2J") for text in shown)


async def test_a_lost_connection_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = _cluster(_pod("a"), **LOAD)

    def lost() -> None:
        cluster.pods_error = Unavailable("the API server cannot be reached")

    def back() -> None:
        cluster.pods_error = None

    shown = await _watched(cluster, [lost, lambda: None, back], redraws=False)

    assert len(shown) == 1
    assert capsys.readouterr().err.count("cannot be reached; trying again") == 1
