"""Going back on a real API server and a real MLflow, by people in the roles that are shipped.

ana   edit                  files requests; rolls back and swaps
eve   edit and bypass       may skip the gates
bo    modelalias-approver   approves
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support.kube_api import KubeApi, Person
from tests.support.seeding import Seeding
from tests.support.stage import Object, Stage, condition
from tests.support.team import Team, files

ANA, EVE, BO = Person("ana"), Person("eve"), Person("bo")
ALIAS = "churn-champion"
MARK = f"modelalias.dev/{ALIAS}"
GATE = {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.7}
MAY_BYPASS = [
    {
        "apiGroups": ["modelalias.dev"],
        "resources": ["modelaliases"],
        "resourceNames": [ALIAS],
        "verbs": ["bypass"],
    }
]
TO_PREVIOUS: Mapping[str, Any] = {
    "operation": "Rollback",
    "source": {"previous": True},
    "reason": "complaints",
}
SWAP: Mapping[str, Any] = {"operation": "Swap", "reason": "compare them once more"}

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage) -> Stage:
    """The stage with everybody in their role."""
    stage.bind({ANA: "edit", EVE: "edit", BO: "modelalias-approver"})
    return stage


def _to(version: str) -> Mapping[str, Any]:
    return {
        "operation": "Rollback",
        "source": {"version": version},
        "reason": "the last one that nobody complained about",
    }


def _alias(stage: Stage, seeded: Seeding, **spec: Any) -> None:
    common = {
        "model": seeded.model,
        "alias": "champion",
        "previousAlias": "prev",
        "serving": [{"name": "churn-api"}],
    }
    stage.apply("ModelAlias", ALIAS, {**common, **spec})
    if "approval" in spec.get("policy", {}):
        stage.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{ALIAS}", "--timeout=60s")


def _go(stage: Stage, name: str, **spec: Any) -> Object:
    """File a request as ana, and return how it ended."""
    stage.request(name, ALIAS, who=ANA, **spec)
    return stage.complete(name)


def _promote(stage: Stage, *versions: str) -> None:
    for version in versions:
        assert _go(stage, f"go-{version}", source={"version": version})["phase"] == "Succeeded"


def _served(stage: Stage) -> str:
    """Return the version that the pods were made for."""
    return _version(stage.get("deployment", "churn-api"))


def _version(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["metadata"]["annotations"][MARK]).partition(".")[0]


def _archived(seeded: Seeding) -> Mapping[str, Any]:
    """Return what replaced each version that is not champion again, by a search in the registry as anybody
    can do it."""
    wanted = f"name = '{seeded.model}' AND tags.`modelalias.champion` LIKE '%\"archived\"%'"
    found = seeded.client.search_model_versions(wanted)
    return {str(item.version): json.loads(item.tags["modelalias.champion"])["archived"] for item in found}


def _columns(stage: Stage) -> Mapping[str, Mapping[str, str]]:
    """Return what `kubectl get mpr -o wide` prints for each request, up to the first column of free text."""
    head, *lines = stage.kubectl("get", "mpr", "-o", "wide").splitlines()
    names = head.split()
    rows = (dict(zip(names, line.split(None, len(names) - 1), strict=False)) for line in lines)
    return {row["NAME"]: row for row in rows}


def test_a_person_goes_back_by_previous_and_by_version_and_swaps_twice(team: Stage, seeded: Seeding) -> None:
    for _ in range(3):
        seeded.version(val_auc=0.8)
    team.deployment("churn-api", IMAGE, replicas=0)
    _alias(team, seeded, policy={"gates": [GATE]})
    _promote(team, "1", "2", "3")

    seen: dict[str, tuple[Mapping[str, str], str]] = {}
    ends: dict[str, Object] = {}
    moves = {
        "back": TO_PREVIOUS,
        "further": _to("1"),
        "swap": SWAP,
        "swap-again": {**SWAP, "reason": "enough compared"},
    }
    for name, spec in moves.items():
        ends[name] = _go(team, name, **spec)
        seen[name] = seeded.aliases(), _served(team)
    shown, archived = _columns(team), _archived(seeded)

    told = {name: (end["phase"], condition(end, "GatesPassed")) for name, end in ends.items()}
    assert told == dict.fromkeys(moves, ("Succeeded", ("Unknown", "Skipped")))
    assert seen == {
        "back": ({"champion": "2", "prev": "3"}, "2"),
        "further": ({"champion": "1", "prev": "2"}, "1"),
        "swap": ({"champion": "2", "prev": "1"}, "2"),
        "swap-again": ({"champion": "1", "prev": "2"}, "1"),
    }
    ledger = [
        (item["operation"], item["from"], item["to"], item["actor"], item["reason"])
        for item in _last(team, 4)
    ]
    assert ledger == [
        ("Rollback", "3", "2", "ana", "complaints"),
        ("Rollback", "2", "1", "ana", "the last one that nobody complained about"),
        ("Swap", "1", "2", "ana", "compare them once more"),
        ("Swap", "2", "1", "ana", "enough compared"),
    ]
    assert {version: (entry["replacedBy"], entry["operation"]) for version, entry in archived.items()} == {
        "2": ("1", "Swap"),
        "3": ("2", "Rollback"),
    }
    assert {
        name: (shown[name]["VERSION"], shown[name]["PHASE"], shown[name]["GATES"])
        for name in ("go-3", "back")
    } == {
        "go-3": ("3", "Succeeded", "1/1"),
        "back": ("2", "Succeeded", "skipped"),
    }
    wide = team.kubectl("get", "mpr", "swap", "-o", "wide")
    for word in ("OPERATION", "CHAMPION", "REQUESTED-BY", "REASON", "Swap", "ana", "compare them once more"):
        assert word in wide, wide


def _last(stage: Stage, number: int) -> list[Object]:
    history: list[Object] = stage.status("modelalias", ALIAS)["history"]
    return history[-number:]


def test_the_newest_request_takes_the_place_of_the_one_that_people_were_asked_about(
    team: Stage, seeded: Seeding
) -> None:
    for _ in range(2):
        seeded.version(val_auc=0.8)
    _alias(team, seeded, serving=[], policy={"concurrency": "Supersede", "approval": {"required": "Always"}})
    team.request("first", ALIAS, who=ANA, source={"version": "1"})
    team.reaches("first", "AwaitingApproval")

    team.request("second", ALIAS, who=ANA, source={"version": "2"})
    team.reaches("second", "AwaitingApproval")
    waits = team.reaches("first", "Queued")["status"]
    team.approve("second", BO)
    second = team.complete("second")
    first = team.complete("first")
    late = team.approve("first", BO, check=False)

    assert waits["explanation"] == "number 1 in the queue, behind PromotionRequest second"
    assert (first["phase"], first["explanation"]) == (
        "Superseded",
        "PromotionRequest second (Promote) took its place",
    )
    assert "the request has ended" in late
    assert second["phase"] == "Succeeded"
    assert seeded.aliases() == {"champion": "2"}


def test_gates_are_skipped_only_by_who_may_and_never_without_another_person(
    team: Stage, seeded: Seeding, kube_api: KubeApi
) -> None:
    seeded.version(val_auc=0.1)
    here = Team(kube_api, team.namespace)
    here.bind(EVE, MAY_BYPASS, "bypass", "modelaliases", ALIAS)
    here.bind(EVE, "modelalias-approver", "approve", "modelaliases", ALIAS)
    _alias(team, seeded, serving=[], policy={"gates": [GATE], "approval": {"required": "OnInconclusive"}})
    asked: Mapping[str, Any] = {
        "source": {"version": "1"},
        "skipGates": True,
        "reason": "the champion is broken",
    }

    refused = files(aliasRef={"name": ALIAS}, **asked)(here, ANA, "by-ana").message
    team.request("by-eve", ALIAS, who=EVE, **asked)
    waits = team.reaches("by-eve", "AwaitingApproval")["status"]
    team.approve("by-eve", EVE)
    own = team.until(
        "promotionrequest", "by-eve", lambda it: bool(it["status"]["approvals"]["void"]), "eve's word is void"
    )
    team.approve("by-eve", BO)
    ended = team.complete("by-eve")

    assert "ana may not bypass modelaliases/churn-champion" in refused
    assert "gates are skipped: the champion is broken" in waits["explanation"]
    assert own["status"]["approvals"]["valid"] == 0
    assert (ended["phase"], ended["approvals"]["by"]) == ("Succeeded", ["bo"])
    assert [(item["result"], item["message"]) for item in ended["gates"]] == [("Skipped", "skipGates")]
    record = json.loads(seeded.tags("1")["modelalias.champion"])
    assert (record["by"], record["approvers"], record["reason"]) == ("eve", ["bo"], "the champion is broken")
    assert record["verdict"]["gates"][0]["result"] == "Skipped"


def test_a_rollback_ends_a_rollout_takes_it_back_and_goes_to_its_own_version(
    team: Stage, seeded: Seeding
) -> None:
    for _ in range(3):
        seeded.version(val_auc=0.8)
    team.deployment("churn-api", IMAGE)
    _alias(team, seeded)
    _promote(team, "1", "2")
    team.fill_quota(1)
    team.request("go-3", ALIAS, who=ANA, source={"version": "3"})
    team.reaches("go-3", "RollingOut")
    moved = seeded.aliases(), _served(team)

    team.request("back", ALIAS, who=ANA, **_to("1"))
    team.until("deployment", "churn-api", lambda it: _version(it) == "2", "the pods are sent back")
    taken_back = seeded.aliases(), team.status("promotionrequest", "back")["phase"]
    team.free_quota()
    broken_off, ended = (team.ended("go-3", "back")[name] for name in ("go-3", "back"))

    assert moved == ({"champion": "3", "prev": "2"}, "3")
    assert taken_back == ({"champion": "2", "prev": "1"}, "Queued")
    assert (broken_off["phase"], condition(broken_off, "RolledBack")) == ("Aborted", ("True", "Aborted"))
    assert "PromotionRequest back (Rollback) has priority" in broken_off["explanation"]
    assert ended["phase"] == "Succeeded"
    assert (seeded.aliases(), _served(team)) == ({"champion": "1", "prev": "2"}, "1")
    team.kubectl("rollout", "status", "deployment/churn-api", "--timeout=60s")


def test_only_so_many_requests_are_kept_as_their_alias_wants(team: Stage, seeded: Seeding) -> None:
    for _ in range(2):
        seeded.version(val_auc=0.8)
    _alias(team, seeded, serving=[], requestHistoryLimit=2)

    _promote(team, "1", "2")
    for name, spec in {"back": TO_PREVIOUS, "swap": SWAP}.items():
        _go(team, name, **spec)
    team.kubectl("wait", "--for=delete", "promotionrequest/go-1", "promotionrequest/go-2", "--timeout=60s")

    assert {item["metadata"]["name"] for item in team.all("promotionrequest")} == {"back", "swap"}
    assert [item["operation"] for item in _last(team, 4)] == ["Promote", "Promote", "Rollback", "Swap"]
