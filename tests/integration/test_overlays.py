"""The overlays that installations begin with, on a real API server: it takes each object, and two teams keep apart."""

import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pytest
import yaml

from tests.support.inputs import alias
from tests.support.installation import ROOT, WAIT_SECONDS
from tests.support.kube_api import GROUP, Answer, KubeApi, Person
from tests.support.quick_yaml import documents
from tests.support.team import Team, approves, asks, files, word

OVERLAYS: Final = ROOT / "manifests" / "overlays"
FORBIDDEN: Final = 403


class Teams(NamedTuple):
    """The two teams of the overlay, under names that no other run has."""

    here: Team
    there: Team
    member: Person
    lead: Person
    approver: Person


def _kubectl(kubeconfig: str, *words: str, stdin: str = "") -> str:
    """Run kubectl in no namespace: each object says its own."""
    command = ["kubectl", "--kubeconfig", kubeconfig, *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def _rendered(kubeconfig: str, name: str) -> str:
    return _kubectl(kubeconfig, "kustomize", str(OVERLAYS / name))


def _try(kubeconfig: str, objects: str) -> str:
    """Have the API server admit objects without storing them."""
    words = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    return _kubectl(kubeconfig, *words, stdin=objects)


@pytest.fixture(scope="module")
def teams(kubeconfig: str, kube_api: KubeApi) -> Iterator[Teams]:
    """Both namespaces with their bindings; the rest of the overlay is only tried."""
    suffix = secrets.token_hex(4)
    text = (
        _rendered(kubeconfig, "two-teams").replace("team-a", f"a-{suffix}").replace("team-b", f"b-{suffix}")
    )
    names = [f"a-{suffix}", f"b-{suffix}"]
    own = [item for item in documents(text) if _namespace(item) in names]
    _kubectl(kubeconfig, "apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(own))
    _try(kubeconfig, text)
    here, there = (Team(kube_api, name) for name in names)
    group = names[0]
    yield Teams(
        here,
        there,
        Person(f"mo-{suffix}", (group,)),
        Person(f"lea-{suffix}", (group, f"{group}-leads")),
        Person(f"ap-{suffix}", (f"{group}-approvers",)),
    )
    _kubectl(kubeconfig, "delete", "namespace", *names, "--wait=false")


def _namespace(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    return str(metadata["name"] if item["kind"] == "Namespace" else metadata.get("namespace", ""))


def _writes_alias(team: Team, who: Person) -> Answer:
    body = {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "ModelAlias",
        "metadata": {"name": "churn-champion"},
    }
    spec = alias(serving=[{"name": "churn-api"}])
    path = f"{GROUP}/namespaces/{team.namespace}/modelaliases"
    return team.api.create(path, {**body, "spec": spec}, who=who, dry_run=True)


def _until_bound(teams: Teams, people: Sequence[Person]) -> None:
    """Wait until the API server knows the bindings: everybody in a group may read the team's requests."""
    deadline = time.monotonic() + WAIT_SECONDS
    for who in people:
        while not (answer := teams.here.api.send("GET", teams.here.requests, who=who)).ok:
            assert time.monotonic() < deadline, answer.message
            time.sleep(0.1)  # poll


@pytest.mark.usefixtures("kube_api")
def test_the_api_server_takes_the_overlay_with_a_token(kubeconfig: str) -> None:
    tried = _try(kubeconfig, _rendered(kubeconfig, "mlflow-token"))

    assert "deployment.apps/modelalias-operator serverside-applied (server dry run)" in tried


def test_each_team_asks_writes_rules_and_approves_at_home_and_nowhere_else(teams: Teams) -> None:
    _until_bound(teams, (teams.member, teams.lead, teams.approver))
    teams.here.set_scene(asks(), "waits")
    ask = files(dry_run=True)

    assert ask(teams.here, teams.member, "first").ok
    assert ask(teams.there, teams.member, "first").code == FORBIDDEN
    assert ask(teams.here, teams.approver, "first").code == FORBIDDEN
    assert _writes_alias(teams.here, teams.lead).ok
    assert _writes_alias(teams.here, teams.member).code == FORBIDDEN
    assert _writes_alias(teams.there, teams.lead).code == FORBIDDEN
    assert not approves(word(teams.member))(teams.here, teams.member, "waits").ok
    assert not approves(word(teams.lead))(teams.here, teams.lead, "waits").ok
    assert approves(word(teams.approver))(teams.here, teams.approver, "waits").ok
