"""A tool that applies what stands in Git, again and again: nothing is moved twice, it finds no drift, and its health
checks know how it stands."""

from collections.abc import Mapping
from typing import Any

import pytest

from hack.cluster.pause_image import NAME as IMAGE
from tests.support import argo_lua, flux
from tests.support.gitops_tool import GitOps, deployment, manifest
from tests.support.kstatus import KStatus
from tests.support.kube_api import Person
from tests.support.seeding import Seeding
from tests.support.stage import STABLE_SECONDS, Object, Stage, condition

ALIAS = "churn-champion"
BO, CY = Person("bo"), Person("cy")
WAYS = [pytest.param((), id="client-side"), pytest.param(("--server-side",), id="server-side")]
PINNED = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
UNCLEAR = {
    "name": "auc",
    "metric": "val_auc",
    "direction": "HigherIsBetter",
    "threshold": 0.8,
    "onMissing": "Inconclusive",
}
BACK = {"operation": "Rollback", "source": {"previous": True}, "reason": "complaints"}

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture
def team(stage: Stage) -> Stage:
    """The stage with two who may approve."""
    stage.bind(dict.fromkeys((BO, CY), "modelalias-approver"))
    return stage


def _alias(seeded: Seeding, **spec: Any) -> Object:
    common = {
        "model": seeded.model,
        "alias": "champion",
        "previousAlias": "prev-champion",
        "serving": [{"name": "churn-api"}],
        "rollout": {"stableSeconds": STABLE_SECONDS},
    }
    return manifest("ModelAlias", ALIAS, {**common, **spec})


def _request(stage: Stage, name: str, spec: Mapping[str, Any], **metadata: Mapping[str, str]) -> Object:
    return manifest(
        "PromotionRequest", name, {"aliasRef": {"name": ALIAS}, "requestedBy": stage.user, **spec}, **metadata
    )


def _registry(seeded: Seeding) -> tuple[Any, ...]:
    """Return all that the operator writes in the registry: aliases and the tags of each version."""
    versions = seeded.client.search_model_versions(f"name = '{seeded.model}'")
    return seeded.aliases(), {str(item.version): seeded.tags(str(item.version)) for item in versions}


def _health(item: Object) -> tuple[str, KStatus]:
    """Return what Argo CD and Flux make of an object with the scripts and expressions that are shipped."""
    return argo_lua.health(item)["status"], flux.health(item)


SUCCEEDS, FAILS = ("Healthy", KStatus.CURRENT), ("Degraded", KStatus.FAILED)
MOVES, ASKS = ("Progressing", KStatus.IN_PROGRESS), ("Suspended", KStatus.CURRENT)


def _pods(stage: Stage, name: str = "churn-api") -> int:
    """Return the generation of a Deployment: each roll is a new one."""
    return int(stage.get("deployment", name)["metadata"]["generation"])


def _env(stage: Stage, name: str) -> Mapping[str, str]:
    container = stage.get("deployment", name)["spec"]["template"]["spec"]["containers"][0]
    return {item["name"]: item.get("value", "") for item in container.get("env", ())}


@pytest.mark.parametrize("flags", WAYS)
def test_a_set_is_applied_again_at_every_stage_of_a_promotion_and_after_it(
    team: Stage, seeded: Seeding, flags: tuple[str, ...]
) -> None:
    seeded.version(val_auc=0.8)
    tool = GitOps(team, *flags)
    approval = {"required": "Always", "minimum": 2}
    request = _request(team, "go", {"source": {"version": "1"}})
    whole = [deployment("churn-api", IMAGE), _alias(seeded, policy={"approval": approval}), request]

    tool.apply(*whole)
    team.kubectl("wait", "--for=condition=IdentityProved", f"modelalias/{ALIAS}", "--timeout=60s")
    team.kubectl("rollout", "status", "deployment/churn-api", "--timeout=60s")
    asking = team.reaches("go", "AwaitingApproval")
    unmoved = team.get("modelalias", ALIAS)
    tool.settles(*whole)
    team.approve("go", BO)
    tool.settles(*whole)
    team.fill_quota(1)
    team.approve("go", CY)
    team.reaches("go", "RollingOut")
    tool.settles(*whole)
    under_way = team.get("promotionrequest", "go")
    moving = team.get("modelalias", ALIAS)
    team.free_quota()
    ended = team.complete("go")
    healthy = [_health(team.get("promotionrequest", "go")), _health(team.get("modelalias", ALIAS))]
    tool.settles(*whole)
    before = _registry(seeded), _pods(team)
    team.kubectl("delete", "promotionrequest", "go")
    tool.apply(*whole)
    again = team.complete("go")
    tool.settles(*whole)

    assert under_way["status"]["phase"] == "RollingOut"
    assert (_health(asking), _health(unmoved)) == (ASKS, SUCCEEDS)
    assert (_health(under_way), _health(moving)) == (MOVES, MOVES)
    assert healthy == [SUCCEEDS, SUCCEEDS]
    assert [item["user"] for item in under_way["spec"]["approvals"]] == ["bo", "cy"]
    assert ended["phase"] == "Succeeded"
    assert (again["phase"], condition(again, "Complete")) == ("Succeeded", ("True", "AlreadyProcessed"))
    assert seeded.aliases() == {"champion": "1"}
    assert (_registry(seeded), _pods(team)) == before
    assert len(team.status("modelalias", ALIAS)["history"]) == 1


def test_a_cluster_built_anew_from_git_ends_every_request_as_it_ended(stage: Stage, seeded: Seeding) -> None:
    for auc in (0.8, 0.85, 0.7):
        seeded.version(val_auc=auc)
    for _ in range(2):
        seeded.version()
    seeded.version(val_auc=0.99)
    seeded.client.set_registered_model_alias(seeded.model, "challenger", "2")
    tool = GitOps(stage)
    standing = [
        deployment("churn-api", IMAGE, replicas=0),
        _alias(seeded, policy={"gates": [UNCLEAR], "approval": {"required": "OnInconclusive"}}),
    ]
    asked: dict[str, Mapping[str, Any]] = {
        "by-version": {"source": {"version": "1"}},
        "from-alias": {"source": {"alias": "challenger"}},
        "refused": {"source": {"version": "3"}},
        "aborted": {"source": {"version": "4"}},
        "replaced": {"source": {"version": "5"}},
        "rollback": BACK,
        "swap": {"operation": "Swap", "reason": "complaints"},
    }
    requests = {name: _request(stage, name, spec) for name, spec in asked.items()}
    tool.apply(*standing)
    for name, request in requests.items():
        tool.apply(request)
        if name in {"aborted", "replaced"}:
            stage.reaches(name, "AwaitingApproval")
        if name == "aborted":
            stage.patch("promotionrequest", name, {"abort": True})
        if name != "replaced":
            stage.complete(name)
    first = stage.ended(*requests)
    told = {name: _health(stage.get("promotionrequest", name)) for name in requests}
    seeded.client.set_registered_model_alias(seeded.model, "challenger", "6")
    before = _registry(seeded), _pods(stage)

    stage.kubectl("delete", "modelalias", ALIAS)
    stage.kubectl("delete", "promotionrequests", "--all")
    tool.apply(*standing, *requests.values())
    again = stage.ended(*requests)
    tool.settles(*standing, *requests.values())

    phases = ["Succeeded", "Succeeded", "Rejected", "Aborted", "Superseded", "Succeeded", "Succeeded"]
    assert {name: status["phase"] for name, status in first.items()} == dict(zip(asked, phases, strict=True))
    assert told == {name: FAILS if name == "refused" else SUCCEEDS for name in requests}
    assert seeded.aliases() == {"champion": "2", "prev-champion": "1", "challenger": "6"}
    ends = {name: (status["phase"], condition(status, "Complete")[1]) for name, status in again.items()}
    assert ends == {name: (status["phase"], "AlreadyProcessed") for name, status in first.items()}
    assert (_registry(seeded), _pods(stage)) == before
    assert [item["operation"] for item in stage.status("modelalias", ALIAS)["history"]] == ["Adopt"]


def test_a_variable_that_the_operator_writes_is_no_drift_where_the_manifest_gives_it_no_value(
    stage: Stage, seeded: Seeding
) -> None:
    for _ in range(2):
        seeded.version(val_auc=0.8)
    envs = {
        "left-out": (),
        "named": ({"name": "MODEL_URI"},),
        "valued": ({"name": "MODEL_URI", "value": "models:/none/1"},),
    }
    tools = {"client": GitOps(stage), "server": GitOps(stage, "--server-side")}
    written = {
        f"{env}-{way}": deployment(f"{env}-{way}", IMAGE, replicas=0, env=envs[env])
        for env in envs
        for way in tools
    }
    for name, body in written.items():
        tools[name.rpartition("-")[2]].apply(body)
    tools["client"].apply(_alias(seeded, serving=[{"name": name, "load": PINNED} for name in written]))

    for version in ("1", "2"):
        stage.request(f"go-{version}", ALIAS, source={"version": version})
        stage.complete(f"go-{version}")
    before = {name: (_pods(stage, name), _env(stage, name)) for name in written}
    for name in ("left-out-client", "named-client", "left-out-server", "named-server"):
        tools[name.rpartition("-")[2]].settles(written[name])
    after = {name: (_pods(stage, name), _env(stage, name)) for name in written}
    reverted = tools["client"].drift(written["valued-client"])
    refused = tools["server"].apply(written["valued-server"], check=False)
    unseen = tools["server"].drift(written["valued-server"])
    tools["client"].apply(written["valued-client"])
    tools["server"].apply(written["valued-server"], force=True)
    taken = {_env(stage, name)["MODEL_URI"] for name in ("valued-client", "valued-server")}
    stage.request("again", ALIAS, source={"version": "2"})
    repaired = stage.complete("again")

    uri = f"models:/{seeded.model}/2"
    assert {env["MODEL_URI"] for _, env in before.values()} == {uri}
    assert after == before
    assert f"-          value: {uri}" in reverted
    assert "+          value: models:/none/1" in reverted
    assert 'conflict with "modelalias-operator"' in refused
    assert ".spec.template.spec.containers" in refused
    assert 'conflict with "modelalias-operator"' in unseen
    assert taken == {"models:/none/1"}
    assert condition(repaired, "Complete") == ("True", "NoOp")
    assert {_env(stage, name)["MODEL_URI"] for name in written} == {uri}


TRACKED: dict[str, dict[str, Mapping[str, str]]] = {
    "argo-cd": {
        "annotations": {"argocd.argoproj.io/tracking-id": "churn:modelalias.dev/PromotionRequest:ml/argo-cd"}
    },
    "argo-cd-by-label": {"labels": {"app.kubernetes.io/instance": "churn"}},
    "flux": {
        "labels": {
            "kustomize.toolkit.fluxcd.io/name": "churn",
            "kustomize.toolkit.fluxcd.io/namespace": "flux",
        }
    },
}


def test_a_request_that_a_tool_keeps_is_not_deleted_when_its_time_is_over(
    stage: Stage, seeded: Seeding
) -> None:
    seeded.version(val_auc=0.8)
    spec = {"source": {"version": "9"}, "ttlSecondsAfterFinished": 1}
    tool = GitOps(stage)
    kept = [_request(stage, name, spec, **metadata) for name, metadata in TRACKED.items()]
    tool.apply(_alias(seeded, serving=[]), *kept)
    stage.ended(*TRACKED)

    tool.apply(_request(stage, "nobodys", spec))  # ends after the others, so they would have gone before it
    stage.kubectl("wait", "--for=delete", "promotionrequest/nobodys", "--timeout=60s")

    assert {item["metadata"]["name"] for item in stage.all("promotionrequest")} == set(TRACKED)
    tool.settles(*kept)
