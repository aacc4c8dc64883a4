"""What an alias's status says is what real pods run, at any time, and a failed rollout says why."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
import yaml

from tests.e2e import situations
from tests.e2e.place import APP, PATIENCE, Place, message
from tests.e2e.playing import Seen, Situation, places, playing
from tests.e2e.situations import NO_NODE
from tests.e2e.stand_in import LAST_WORDS
from tests.support.installation import BASE
from tests.support.mlflow_server import Server
from tests.support.operator_account import HOME, NAME, RBAC
from tests.support.stage import Object, condition

pytestmark = [pytest.mark.needs_real_pods, pytest.mark.timeout(1500)]

LIMIT: Final = 5 * PATIENCE
ROOT: Final = Path(__file__).resolve().parents[2]
MAY_DELETE: Final = ROOT / "manifests" / "components" / "delete-stuck-pods"
PERMITTED: Final = "test_a_stuck_stateful_set_comes_back_by_itself"
PLAYED: Final[Mapping[str, Situation]] = {
    "test_a_rollout_that_was_undone_is_told_and_not_fought": situations.rollout_undone,
    "test_a_variable_that_was_replaced_away_is_told_and_not_fought": situations.variable_replaced,
    "test_pods_that_crash_after_a_success_are_told": situations.crashes_later,
    "test_readiness_for_a_moment_does_not_count": situations.ready_for_a_moment,
    PERMITTED: situations.stuck_with_permission,
    "test_a_stuck_stateful_set_names_the_pod_to_delete": situations.stuck_without_permission,
    "test_two_aliases_of_a_deployment_are_judged_one_after_the_other": situations.two_aliases,
    "test_an_image_that_cannot_be_pulled_is_named": situations.image_missing,
    "test_a_pod_that_cannot_be_scheduled_is_explained": situations.no_room,
    "test_a_crash_is_explained_by_its_last_lines": situations.crashes_at_once,
    "test_no_deadline_runs_while_a_rollout_is_paused": situations.paused_in_mid_roll,
}


@pytest.fixture(scope="module")
def all_played(
    request: pytest.FixtureRequest,
    kubeconfig: str,
    images: None,  # noqa: ARG001 - the pods run one of them
    mlflow_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Future[Seen]]]:
    """Play all situations that are asked for at once, with one operator."""
    wanted = [
        item.name for item in request.session.items if item.path == request.path and item.name in PLAYED
    ]
    with places(kubeconfig, mlflow_server, wanted) as there:
        if (permitted := there.get(PERMITTED)) is not None:
            _may_delete_pods(permitted)
        with playing(PLAYED, there, mlflow_server, tmp_path_factory.mktemp("operator")) as played:
            yield played


@pytest.fixture
def played(request: pytest.FixtureRequest, all_played: Mapping[str, Future[Seen]]) -> Future[Seen]:
    """What will have been seen in the situation of the test."""
    return all_played[request.node.name]


def test_a_rollout_that_was_undone_is_told_and_not_fought(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    (serving,) = seen["alias"]["serving"]

    assert (serving["state"], serving["desired"], serving["asked"]) == ("Diverged", "2", "1")
    assert (seen["later"]["state"], seen["later"]["served"]) == ("Diverged", "1")
    _told(seen, "version 1", by="kubectl")
    assert seen["uri"].endswith("/1")


def test_a_variable_that_was_replaced_away_is_told_and_not_fought(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    (serving,) = seen["alias"]["serving"]

    assert (serving["state"], serving["desired"]) == ("Diverged", "1")
    assert "asked" not in serving
    _told(seen, "no version", by="kubectl-replace")
    assert seen["uri"] is None


def _told(seen: Seen, runs: str, *, by: str) -> None:
    """Look whether everybody is told what the Deployment runs instead and who wrote it, and nobody writes."""
    alias = seen["alias"]
    told = message(alias, "RolledOut")
    assert APP in told, told
    assert runs in told, told
    assert by in told, told
    _not_ready(alias, seen["events"])
    assert seen["now"] == seen["written by others"], "the operator wrote the Deployment"


def _not_ready(alias: Object, events: list[str]) -> None:
    """Look whether Ready says that workloads do not run the version, and an event tells the same."""
    status, reason = condition(alias, "RolledOut")
    assert status == "False"
    assert condition(alias, "Ready") == ("False", reason)
    assert any(event.startswith(f"{reason}: ") and APP in event for event in events), events


def test_pods_that_crash_after_a_success_are_told(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    (before,), (after,) = seen["before"]["serving"], seen["alias"]["serving"]

    assert (before["state"], before["served"]) == ("UpToDate", "1")
    assert (after["state"], after["desired"], after["asked"]) == ("Degraded", "1", "1")
    assert seen["later"]["state"] == "Degraded"
    assert APP in after["message"]
    _not_ready(seen["alias"], seen["events"])


def test_readiness_for_a_moment_does_not_count(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    ended = seen["ended"]

    assert ended["phase"] == "RolledBack", ended
    assert seen["uri"].endswith("/1")
    (serving,) = seen["alias"]["serving"]
    assert (serving["state"], serving["served"]) == ("UpToDate", "1")


def test_a_stuck_stateful_set_comes_back_by_itself(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert seen["ended"]["phase"] == "RolledBack", seen["ended"]
    _is_back(seen)


def test_a_stuck_stateful_set_names_the_pod_to_delete(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert any("delete" in text for text in seen["named"]), seen["named"]
    assert seen["ended"]["phase"] in {"RolledBack", "Failed"}, seen["ended"]
    _is_back(seen)


def _is_back(seen: Seen) -> None:
    (uri,) = seen["uris"]
    assert uri.endswith("/1")
    (serving,) = seen["alias"]["serving"]
    assert (serving["state"], serving["served"]) == ("UpToDate", "1")


def test_two_aliases_of_a_deployment_are_judged_one_after_the_other(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert seen["good"]["phase"] == "Succeeded", seen["good"]
    assert seen["bad"]["phase"] == "RolledBack", seen["bad"]
    assert seen["plans at once"] == 0
    assert (seen["good uri"][-2:], seen["bad uri"][-2:]) == ("/2", "/1")
    states = [item["state"] for alias in seen["aliases"] for item in alias["serving"]]
    assert states == ["UpToDate", "UpToDate"]


def test_an_image_that_cannot_be_pulled_is_named(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert APP in seen["explanation"]


def test_a_pod_that_cannot_be_scheduled_is_explained(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert seen["ended"]["phase"] == "RolledBack", seen["ended"]
    assert NO_NODE in seen["ended"]["explanation"].lower()
    assert seen["uri"].endswith("/1")


def test_a_crash_is_explained_by_its_last_lines(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert seen["ended"]["phase"] == "RolledBack", seen["ended"]
    assert LAST_WORDS in seen["ended"]["explanation"]
    assert seen["uri"].endswith("/1")


def test_no_deadline_runs_while_a_rollout_is_paused(played: Future[Seen]) -> None:
    seen = played.result(LIMIT)
    assert seen["phases"] == {"RollingOut"}
    assert "paused" in seen["paused"]["explanation"]
    assert seen["ended"]["phase"] == "Succeeded", seen["ended"]
    assert seen["uri"].endswith("/2")


def _may_delete_pods(place: Place) -> None:
    """Give the operator in one namespace what the component gives it in all: others look at its other grants."""
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": HOME}
    role = {"kind": "Role", "metadata": {"name": "delete-pods"}, "rules": _rules_of_the_component()}
    binding = {
        "kind": "RoleBinding",
        "metadata": {"name": "delete-pods"},
        "roleRef": {"apiGroup": RBAC.split("/")[2], "kind": "Role", "name": "delete-pods"},
        "subjects": [account],
    }
    bodies = [{"apiVersion": RBAC.removeprefix("/apis/"), **body} for body in (role, binding)]
    place.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(bodies))


def _rules_of_the_component() -> list[Object]:
    """Return the rules that an installation with the component has, and one without has not."""
    with TemporaryDirectory() as folder:
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(BASE, folder)],
            "components": [os.path.relpath(MAY_DELETE, folder)],
        }
        Path(folder, "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
        given, base = _rules(Path(folder)), _rules(BASE)
    assert any("delete" in rule["verbs"] for rule in given if rule not in base), given
    return [rule for rule in given if rule not in base]


def _rules(folder: Path) -> list[Object]:
    built = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert built.returncode == 0, built.stderr
    roles = (item for item in yaml.safe_load_all(built.stdout) if item["kind"] in {"Role", "ClusterRole"})
    return [rule for role in roles for rule in role["rules"]]
