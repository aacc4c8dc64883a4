"""Policies on a real API server: whose they are, and what they do to an alias that does not ask for them."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.installation import WAIT_SECONDS
from tests.support.kube_api import GROUP, Answer, KubeApi, Person
from tests.support.seeding import Seeding
from tests.support.stage import Stage, condition
from tests.support.team import Team

ALIAS: Final = "churn-champion"
CY, OTTO, EVE, PAT, ROOT = (
    Person("pol-cy"),
    Person("pol-otto"),
    Person("pol-eve"),
    Person("pol-pat"),
    Person("pol-root", ("system:masters",)),
)
FORBIDDEN: Final = 403
EVALUATION: Final = {"evaluation": {"cronJob": "churn-holdout"}}


def _gate(threshold: float, name: str = "auc-floor") -> dict[str, Any]:
    return {"name": name, "metric": "val_auc", "direction": "HigherIsBetter", "threshold": threshold}


@pytest.fixture
def platform(stage: Stage) -> Iterator[Stage]:
    """The stage, with the ClusterPromotionPolicy of its name taken away at the end."""
    yield stage
    stage.kubectl("delete", "clusterpromotionpolicy", stage.namespace, "--ignore-not-found")


def _says(platform: Stage, **policy: Any) -> None:
    """Apply the platform's policy for this namespace."""
    spec = {"appliesTo": {"namespaces": [platform.namespace]}, "policy": policy}
    platform.apply("ClusterPromotionPolicy", platform.namespace, spec)


@pytest.mark.usefixtures("shared_operator")
def test_the_platforms_gate_refuses_and_no_edit_of_the_alias_evades_it(
    platform: Stage, seeded: Seeding
) -> None:
    for auc in (0.8, 0.82, 0.84):
        seeded.version(val_auc=auc)
    seeded.client.set_registered_model_alias(seeded.model, "champion", "1")
    _says(platform, gates=[_gate(0.83)])
    platform.apply("PromotionPolicy", "team", {"policy": {"gates": [_gate(0.1, "team")]}})
    spec = {"model": seeded.model, "alias": "champion", "policyRef": {"name": "team"}}
    platform.apply("ModelAlias", ALIAS, spec)

    base = f"ClusterPromotionPolicy/{platform.namespace}"
    platform.until(
        "modelalias",
        ALIAS,
        lambda it: it.get("status", {}).get("policy", {}).get("sources") == [base, "PromotionPolicy/team"],
        "both policies hold",
    )
    platform.request("with-the-team", ALIAS, source={"version": "2"})
    assert condition(platform.complete("with-the-team"), "Complete") == ("True", "GatesFailed")

    platform.kubectl(
        "patch",
        "modelalias",
        ALIAS,
        "--type=json",
        "-p",
        json.dumps([{"op": "remove", "path": "/spec/policyRef"}]),
    )
    platform.request("without-the-team", ALIAS, source={"version": "2"}, reason="once more")
    refused = platform.complete("without-the-team")
    assert condition(refused, "Complete") == ("True", "GatesFailed")
    assert [item["name"] for item in refused["gates"]] == ["auc-floor"]

    _says(platform, gates=[_gate(0.81, "lower-floor")])
    platform.until(
        "modelalias",
        ALIAS,
        lambda it: it["status"]["policy"]["rules"][0] == {"rule": "policy.gates[lower-floor]", "from": base},
        "the edit has arrived",
    )
    platform.request("after-the-edit", ALIAS, source={"version": "2"}, reason="the platform agreed")
    assert platform.complete("after-the-edit")["phase"] == "Succeeded"
    assert seeded.aliases()["champion"] == "2"

    platform.apply("ModelAlias", ALIAS, {**spec, "policyRef": {"name": "nobody"}})
    platform.until(
        "modelalias",
        ALIAS,
        lambda it: condition(it["status"], "Stalled") == ("True", "PolicyMissing"),
        "it says that the policy is missing",
    )


@pytest.fixture(scope="module")
def team(kube_api: KubeApi) -> Iterator[Team]:
    """Return a namespace in which cy owns aliases, otto edits as well, and eve only edits."""
    namespace = f"policies-{secrets.token_hex(4)}"
    answer = kube_api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    assert answer.ok, answer.message
    team = Team(kube_api, namespace)
    for who in (CY, OTTO):
        team.bind(who, "modelalias-alias-owner", "create", "promotionpolicies")
    for who in (OTTO, EVE):
        team.bind(who, "edit", "promote", "modelaliases")
    deadline = time.monotonic() + WAIT_SECONDS
    while (asked := _offer(team, CY, "PromotionPolicy", EVALUATION)).code != FORBIDDEN:
        assert time.monotonic() < deadline, (
            f"not within {WAIT_SECONDS:g} s: the admission policy is asked: {asked}"
        )
        time.sleep(0.2)  # poll
    yield team
    kube_api.send("DELETE", f"/api/v1/namespaces/{namespace}")


def _offer(team: Team, who: Person, kind: str, policy: dict[str, Any]) -> Answer:
    """Ask whether somebody could create a policy."""
    plural = "clusterpromotionpolicies" if kind.startswith("Cluster") else "promotionpolicies"
    path = (
        f"{GROUP}/{plural}" if kind.startswith("Cluster") else f"{GROUP}/namespaces/{team.namespace}/{plural}"
    )
    applies = {"appliesTo": {"namespaces": ["nowhere"]}} if kind.startswith("Cluster") else {}
    body = {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "offered"},
        "spec": {"policy": policy, **applies},
    }
    return team.api.create(path, body, who=who, dry_run=True)


@pytest.mark.parametrize(
    ("who", "kind", "policy", "code"),
    [
        pytest.param(CY, "PromotionPolicy", {"gates": [_gate(0.8)]}, 201, id="an owner writes the team's"),
        pytest.param(EVE, "PromotionPolicy", {}, FORBIDDEN, id="edit is not enough"),
        pytest.param(
            CY, "PromotionPolicy", EVALUATION, FORBIDDEN, id="an evaluation takes the right to make Jobs"
        ),
        pytest.param(OTTO, "PromotionPolicy", EVALUATION, 201, id="who has it may ask for one"),
        pytest.param(
            OTTO, "ClusterPromotionPolicy", {}, FORBIDDEN, id="nobody of the team writes the platform's"
        ),
        pytest.param(ROOT, "ClusterPromotionPolicy", EVALUATION, 201, id="the platform does"),
    ],
)
def test_who_may_write_a_policy(
    team: Team, who: Person, kind: str, policy: dict[str, Any], code: int
) -> None:
    answer = _offer(team, who, kind, policy)

    assert answer.code == code, answer
    if policy == EVALUATION and code == FORBIDDEN:
        assert (
            f"{CY.name} may not create jobs.batch in namespace {team.namespace}, so may not" in answer.message
        )


def test_who_writes_the_platforms_policies_starts_jobs_only_with_the_right_to_everywhere(
    team: Team,
) -> None:
    rules = [{"apiGroups": ["modelalias.dev"], "resources": ["clusterpromotionpolicies"], "verbs": ["*"]}]
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    names = f"{rbac}/clusterroles/policies-pat", f"{rbac}/clusterrolebindings/policies-pat"
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "policies-pat"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "policies-pat"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": PAT.name}],
    }
    team.api.create(f"{rbac}/clusterroles", {"metadata": {"name": "policies-pat"}, "rules": rules})
    team.api.create(f"{rbac}/clusterrolebindings", binding)
    try:
        team.until_allowed(PAT, {"verb": "create", "resource": "clusterpromotionpolicies", "namespace": ""})

        without = _offer(team, PAT, "ClusterPromotionPolicy", {"gates": [_gate(0.8)]})
        evaluating = _offer(team, PAT, "ClusterPromotionPolicy", EVALUATION)
    finally:
        for name in names:
            team.api.send("DELETE", name)

    assert without.ok, without.message
    assert evaluating.code == FORBIDDEN
    assert f"{PAT.name} may not create jobs.batch in every namespace, so may not" in evaluating.message
