"""`modelalias list`: a line for each ModelAlias or request, as it stands or as it changes."""

import asyncio
import json
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

import pytest

from modelalias.api.alias import ModelAlias
from modelalias.cli import alias_rows, kubernetes_yaml, listing, main
from modelalias.cli.cluster import Kind, Page
from modelalias.cli.waiting import Clock
from tests.support.cli_cluster import FakeCluster, body, condition, ended

THEN = "2025-12-31T00:00:00Z"


def _alias(name: str = "churn-champion", spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    known = {
        "phase": "Ready",
        "current": {"version": "4", "since": THEN, "actor": "ana", "request": "churn-v4"},
        "previous": {"version": "3", "since": THEN},
        "history": [{"from": "3", "to": "4", "at": THEN, "operation": "Promote", "outcome": "Succeeded"}],
        "served": "4",
        "conditions": [condition("Ready", "True", "Succeeded", "version 4")],
        **status,
    }
    return {
        "metadata": {"name": name, "namespace": "ml", "uid": "u-1", "resourceVersion": "1"},
        "spec": {"model": "churn", "alias": "champion", **(spec or {})},
        "status": known,
    }


def _options(**given: Any) -> Namespace:
    typed = {
        "kind": "aliases",
        "alias": None,
        "selector": "",
        "all_namespaces": False,
        "output": "table",
        "watch": False,
    }
    return Namespace(**{**typed, **given})


def _page(*items: dict[str, Any]) -> Page:
    return Page(items=items, after="", left=0, version="1")


async def _listed(cluster: FakeCluster, **given: Any) -> list[list[str]]:
    text = await listing.listed(cluster, _options(**given))
    return [line.split("   ") for line in text.splitlines()]


async def test_an_alias_is_a_line() -> None:
    rows = await _listed(FakeCluster(None, _alias()))

    assert [cell.strip() for cell in rows[1] if cell.strip()] == [
        "churn-champion",
        "churn@champion",
        "4",
        "24h",
        "4",
        "Ready",
        "0s",
        "-",
    ]


async def test_the_phase_and_the_version_have_each_their_own_age() -> None:
    drifted = condition("InSync", "False", "Drifted")
    alias = _alias(phase="Drifted", conditions=[{**drifted, "lastTransitionTime": "2025-12-31T23:00:00Z"}])

    text = await listing.listed(FakeCluster(None, alias), _options())

    head, row = text.splitlines()
    columns = {name: row[head.index(name) :].split()[0] for name in ("VERSION SINCE", "PHASE SINCE")}
    assert columns == {"VERSION SINCE": "24h", "PHASE SINCE": "60m"}


async def test_of_all_namespaces_the_namespace_stands_first() -> None:
    rows = await _listed(FakeCluster(None, _alias()), all_namespaces=True, output="wide")

    assert rows[0][0] == "NAMESPACE"
    assert rows[1][0].strip() == "ml"
    assert {"3", "ana", "churn-v4"} <= {cell.strip() for cell in rows[1]}


@pytest.mark.parametrize(
    ("spec", "status", "said"),
    [
        ({"version": "4"}, {}, "pinned to version 4"),
        ({"suspend": True}, {"queue": ["a", "b", "c"]}, "suspended; next: a and 2 more"),
        ({}, {"hold": {"reason": "RolledBack", "since": THEN}}, "held (RolledBack)"),
        (
            {},
            {"phase": "Stalled", "conditions": [condition("Ready", "False", "X", "no such version")]},
            "no such version",
        ),
        (
            {},
            {
                "phase": "RollingBack",
                "plan": {
                    "operation": "Promote",
                    "request": {"name": "churn-v5", "uid": "u"},
                    "bearing": "Backward",
                    "aliases": [{"name": "champion", "from": "4", "to": "5"}],
                    "startedAt": THEN,
                    "deadline": THEN,
                },
            },
            "Promote of version 5 (churn-v5), being undone",
        ),
    ],
    ids=["pinned", "suspended", "held", "stalled", "undone"],
)
def test_what_goes_on_is_the_last_cell(spec: dict[str, Any], status: dict[str, Any], said: str) -> None:
    alias = ModelAlias.model_validate(_alias(spec=spec, **status))

    assert alias_rows.row(alias, datetime(2026, 1, 1, tzinfo=UTC), is_wide=False)[-1] == said


async def test_requests_stand_in_the_order_in_which_they_were_filed() -> None:
    first, second = body(), body()
    first["metadata"] = {**first["metadata"], "name": "b", "creationTimestamp": "2025-12-30T00:00:00Z"}
    second["metadata"] = {**second["metadata"], "name": "a", "creationTimestamp": "2025-12-31T00:00:00Z"}
    cluster = FakeCluster()
    cluster.pages = [_page(second, first)]

    rows = await _listed(cluster, kind="requests", output="wide")

    assert [row[0].strip() for row in rows[1:]] == ["b", "a"]
    cells = [cell.strip() for cell in rows[1] if cell.strip()]
    assert cells[1:9] == ["churn-champion", "Promote", "4", "AwaitingApproval", "ana", "2d", "3", "0/1"]


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_programs_get_what_status_prints(form: str) -> None:
    text = await listing.listed(FakeCluster(body()), _options(kind="mpr", output=form))

    found = json.loads(text) if form == "json" else kubernetes_yaml.load_all(text)[0]
    assert [(item["request"], item["phase"]) for item in found] == [("go", "AwaitingApproval")]


@pytest.mark.parametrize(("kind", "shown"), [("aliases", "alias/churn-champion"), ("requests", "request/go")])
async def test_a_name_is_one_that_status_takes(kind: str, shown: str) -> None:
    cluster = FakeCluster(body(), _alias())

    assert await listing.listed(cluster, _options(kind=kind, output="name")) == f"{shown}\n"


async def test_one_that_this_release_cannot_read_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = FakeCluster()
    cluster.pages = [_page(_alias("new", {"alias": 7}), _alias())]

    rows = await _listed(cluster)

    assert [row[0].strip() for row in rows[1:]] == ["churn-champion"]
    assert "cannot read ModelAlias new" in capsys.readouterr().err


async def test_where_there_are_none_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert await listing.listed(FakeCluster(), _options(selector="team=risk")) == ""
    assert capsys.readouterr().err == "there are no ModelAliases in namespace ml that were asked for\n"


@pytest.mark.parametrize(
    ("kind", "selector"),
    [("aliases", "metadata.name=churn,team=risk"), ("requests", "spec.aliasRef.name=churn,team=risk")],
)
async def test_what_is_followed_is_selected(kind: str, selector: str) -> None:
    cluster, shown = FakeCluster(None, _alias()), list[str]()
    options = _options(kind=kind, alias="churn", selector="team=risk", watch=True)

    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    def show(text: str) -> bool:
        shown.append(text)
        return False

    cluster.found = body(**ended())
    await listing.watch(cluster, options, show, Clock(lambda: 0.0, pause), redraws=False)

    assert len(shown) == 1
    assert {watch.selector for watch in cluster.watches} == {selector}
    assert {watch.kind for watch in cluster.watches} == {Kind.ALIASES if kind == "aliases" else Kind.REQUESTS}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-A", "-n", "ml"], "-n and -A exclude each other"),
        (["-w", "-o", "json"], "--watch shows a table"),
        (
            ["churn-champion"],
            "names no kind: say aliases or requests; one of them is shown by modelalias status",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["list", *words]) == 2
    assert said in capsys.readouterr().err
