"""`modelalias status` shows the ModelAlias or the request of that name, and says where to look when nothing comes."""

import asyncio
import json
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelalias.cli import kubernetes_yaml, main, output, status
from modelalias.cli.changes import Event, Happened
from modelalias.cli.cluster import Heartbeat, Kind, ObjectMissing
from modelalias.cli.waiting import Clock, Ending
from modelalias.core.errors import InvalidRequest, Refused
from tests.support.cli_cluster import NOW, FakeCluster, body, condition

MADE = datetime(2026, 1, 1, tzinfo=UTC)


def _alias(**told: Any) -> dict[str, Any]:
    known = {
        "observedGeneration": 1,
        "phase": "Ready",
        "current": {"version": "4", "since": NOW, "actor": "ana", "request": "go"},
        "previous": {"version": "3", "since": NOW},
        "history": [{"from": "3", "to": "4", "at": NOW, "operation": "Promote", "outcome": "Succeeded"}],
        "conditions": [
            condition("Ready", "True", "Succeeded", "version 4"),
            condition("InSync", "True", "InSync", "churn@champion is version 4"),
            condition("Held", "False", "Released", "there is no hold"),
        ],
        "serving": [
            {
                "kind": "Deployment",
                "name": "api",
                "state": "Degraded",
                "served": "4",
                "asked": "4",
                "pods": [{"version": "4", "pods": 3, "ready": 2}],
                "message": "2 of 3 are available",
            }
        ],
        **told,
    }
    return {
        "metadata": {"name": "go", "namespace": "ml", "uid": "u-2", "creationTimestamp": NOW},
        "spec": {"model": "churn", "alias": "champion"},
        "status": {key: value for key, value in known.items() if value is not None},
    }


async def _shown(cluster: FakeCluster, name: str = "go", form: str = "text", *, wait: bool = False) -> str:
    options = Namespace(
        name=name,
        output=form,
        wait=wait,
        watch=False,
        timeout=1,
        operator_namespace="modelalias-system",
    )
    text, exit_status = await status.show(cluster, options)
    assert exit_status == 0
    return text


async def test_an_alias_is_shown_with_its_workloads() -> None:
    text = await _shown(FakeCluster(None, _alias()))

    assert text.splitlines()[:4] == [
        "ModelAlias go: churn@champion",
        "phase: Ready since 2026-01-01T00:00:00Z",
        "version 4 since 2026-01-01T00:00:00Z, by ana, request go; before it version 3",
        "version 4",
    ]
    assert "Deployment api   Degraded   4        4           2/3 of version 4" in text
    assert "InSync" in text
    assert "Held" not in text


async def test_after_going_back_the_version_before_is_the_one_that_a_rollback_goes_to() -> None:
    alias = _alias()
    moves = [("1", "2", "Promote"), ("2", "4", "Promote"), ("4", "2", "Rollback")]
    alias["status"] = {
        **alias["status"],
        "current": {"version": "2", "since": NOW},
        "previous": {"version": "4", "since": NOW},
        "history": [
            {"from": left, "to": to, "at": NOW, "operation": operation, "outcome": "Succeeded"}
            for left, to, operation in moves
        ],
        "rolledBack": [{"version": "4", "reason": "Rollback", "at": NOW}],
    }

    text = await _shown(FakeCluster(None, alias))
    assert "; gone back from version 4; before it version 1\n" in text
    found = json.loads(await _shown(FakeCluster(None, alias), form="json"))
    assert (found["previous"], found["goneBackFrom"]) == ("1", "4")


async def test_an_alias_names_the_policies_that_hold_for_it() -> None:
    alias = _alias()
    alias["status"] = {**alias["status"], "policy": {"sources": ["ClusterPromotionPolicy/base"]}}

    assert "rules beside its own: ClusterPromotionPolicy/base\n" in await _shown(FakeCluster(None, alias))
    found = json.loads(await _shown(FakeCluster(None, alias), form="json"))
    assert found["policies"] == ["ClusterPromotionPolicy/base"]


async def test_an_alias_names_the_versions_that_it_has_left_behind() -> None:
    archived = [{"version": "1", "tag": "archived"}, {"version": "2"}, {"version": "3", "tag": "archived"}]
    cluster = FakeCluster(None, _alias(archived=archived))

    assert "left behind: versions 1, 3" in (await _shown(cluster)).splitlines()
    assert json.loads(await _shown(cluster, form="json"))["archived"] == ["1", "3"]


async def test_a_request_is_shown_where_there_is_no_alias_of_the_name() -> None:
    text = await _shown(FakeCluster(body()))

    assert text.startswith("request go: Promote of churn-champion")
    assert "ModelAlias" not in text


async def test_both_are_shown_where_there_are_both() -> None:
    text = await _shown(FakeCluster(body(), _alias()))

    assert text.index("ModelAlias go") < text.index("request go")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("alias/go", {"ModelAlias"}),
        ("malias/go", {"ModelAlias"}),
        ("mpr/go", {"request"}),
        ("Request/go", {"request"}),
    ],
)
async def test_a_kind_before_the_name_means_that_one(name: str, shown: set[str]) -> None:
    text = await _shown(FakeCluster(body(), _alias()), name)

    assert {word for word in ("ModelAlias", "request") if f"{word} go:" in text} == shown


async def test_as_json_an_alias_has_what_programs_ask_first() -> None:
    found = json.loads(await _shown(FakeCluster(None, _alias()), form="json"))

    assert (found["modelAlias"], found["version"], found["ready"], found["held"]) == ("go", "4", True, False)
    assert found["serving"][0]["pods"] == [{"version": "4", "pods": 3, "ready": 2}]
    assert (found["since"], found["phaseSince"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    suspended = await _shown(FakeCluster(None, _alias(phase="Suspended")), form="json")
    assert "phaseSince" not in json.loads(suspended)


async def test_yaml_has_the_fields_of_json() -> None:
    for cluster in (FakeCluster(body()), FakeCluster(None, _alias())):
        found = kubernetes_yaml.load_all(await _shown(cluster, form="yaml"))

        assert found == [json.loads(await _shown(cluster, form="json"))]


@pytest.mark.parametrize("happened", [Happened.DELETED, Happened.MODIFIED], ids=["deleted", "made-anew"])
async def test_an_alias_is_followed_until_it_is_deleted(
    happened: Happened, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster, shown = FakeCluster(None, _alias()), list[str]()
    rolling = {**_alias(phase="RollingOut")}
    told = [
        Event(happened=Happened.MODIFIED, body=rolling),
        Event(happened=happened, body={**rolling, "metadata": {**rolling["metadata"], "uid": "u-namesake"}}),
    ]

    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    def show(text: str) -> bool:
        shown.append(text)
        cluster.watches[0].tell(told[len(shown) - 1])
        return True

    clock = Clock(lambda: 0.0, pause)
    ending = await status.watch(cluster, await cluster.alias("go"), show, clock, redraws=False)

    assert ending is Ending.NOT_SUCCEEDED
    assert "phase: Ready" in shown[0]
    assert shown[1:] == ["phase: RollingOut\n"]
    assert capsys.readouterr().err == "ModelAlias go was deleted\n"
    assert (cluster.watches[0].kind, cluster.watches[0].selector) == (Kind.ALIASES, "metadata.name=go")


async def test_a_request_is_followed_until_nobody_reads() -> None:
    cluster, shown = FakeCluster(body()), list[str]()

    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    def show(text: str) -> bool:
        shown.append(text)
        return False

    clock = Clock(lambda: 0.0, pause)
    ending = await status.watch(cluster, await cluster.request("go"), show, clock, redraws=True)

    assert ending is Ending.SUCCEEDED
    assert shown[0].startswith(f"{output.CLEAR}request go: Promote")
    assert cluster.watches[0].kind is Kind.REQUESTS


@pytest.mark.parametrize("words", [["--wait"], ["-o", "json"]])
def test_following_is_neither_waiting_nor_for_programs(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["status", "go", "--watch", *words]) == 2
    assert "--watch shows text" in capsys.readouterr().err


async def test_as_json_the_request_is_shown_where_there_are_both() -> None:
    assert json.loads(await _shown(FakeCluster(body(), _alias()), form="json"))["request"] == "go"


@pytest.mark.parametrize("name", ["go", "alias/go", "request/go"])
async def test_what_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ObjectMissing, match="no "):
        await _shown(FakeCluster(), name)


async def test_what_may_not_be_read_does_not_hide_what_may() -> None:
    cluster = FakeCluster(body())
    cluster.said_of_alias = [Refused("may not get modelaliases")]
    assert "request go" in await _shown(cluster)

    cluster = FakeCluster()
    cluster.said_of_alias = [Refused("may not get modelaliases")]
    with pytest.raises(Refused):
        await _shown(cluster)


async def test_a_wrong_kind_and_waiting_for_an_alias_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="say alias/NAME"):
        await _shown(FakeCluster(body()), "pod/go")
    with pytest.raises(InvalidRequest, match="an alias has no end"):
        await _shown(FakeCluster(None, _alias()), "alias/go", wait=True)


@pytest.mark.parametrize(("seconds", "told"), [(29, False), (31, True)])
@pytest.mark.parametrize("kind", ["request", "alias"])
async def test_without_a_status_for_long_it_says_where_to_look(kind: str, seconds: int, told: bool) -> None:
    request = {**body(), "status": {"observedGeneration": -1}}
    request["metadata"] = {**request["metadata"], "creationTimestamp": MADE.isoformat()}
    alias = {**_alias(), "status": {"observedGeneration": -1}}
    cluster = FakeCluster(request) if kind == "request" else FakeCluster(None, alias)
    cluster.time = MADE + timedelta(seconds=seconds)
    cluster.lease = None

    text = await _shown(cluster)

    assert "No status yet" in text
    assert ("kubectl -n modelalias-system get deployment,pods" in text) is told
    assert ("there is no Lease of it" in text) is told


@pytest.mark.parametrize("form", ["text", "json"])
async def test_an_operator_that_does_not_run_is_told_on_standard_error(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster(body())
    cluster.time, cluster.lease = MADE + timedelta(minutes=7), Heartbeat(holder="pod", renewed=MADE)

    await _shown(cluster, form=form)

    assert "has not renewed its Lease since 00:00 UTC (7 min ago)" in capsys.readouterr().err


WINDOW = {
    "kind": "Deny",
    "cron": "0 18 * * 5",
    "duration": "60h",
    "timeZone": "Europe/Berlin",
    "name": "weekend",
}
FRIDAY = datetime(2026, 1, 2, 20, tzinfo=UTC)


def _windowed(**changes: Any) -> dict[str, Any]:
    alias = _alias()
    return {**alias, "spec": {**alias["spec"], "policy": {"windows": [{**WINDOW, **changes}]}}}


async def test_the_next_opening_of_the_windows_is_shown_as_of_now_whatever_the_status_says() -> None:
    cluster = FakeCluster(None, _windowed())
    cluster.time = FRIDAY

    closed, asked = await _shown(cluster), json.loads(await _shown(cluster, form="json"))["windows"]
    cluster.time = FRIDAY + timedelta(days=3)
    opened = await _shown(cluster)

    wait = "which wait until 2026-01-05 05:00 UTC (06:00 Europe/Berlin), when the window weekend closes"
    assert f"windows: closed for Promote, Pin and Adopt, {wait}\n" in closed
    assert asked == {
        "closedFor": ["Promote", "Pin", "Adopt"],
        "nextChange": dict.fromkeys(["Promote", "Pin", "Adopt"], "2026-01-05T05:00:00Z"),
        "message": f"closed for Promote, Pin and Adopt, {wait}",
    }
    assert "windows: open until 2026-01-09 17:00 UTC\n" in opened


async def test_where_there_are_no_windows_nothing_is_said_of_them() -> None:
    cluster = FakeCluster(None, _alias())

    assert "windows" not in await _shown(cluster)
    assert "windows" not in json.loads(await _shown(cluster, form="json"))


async def test_a_window_that_cannot_be_computed_is_told() -> None:
    text = await _shown(FakeCluster(None, _windowed(timeZone="Europe/Berlim")))

    assert "which wait until somebody changes spec.policy.windows[0].timeZone: there is no time zone" in text
