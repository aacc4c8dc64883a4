"""What a deleted namespace or owner leaves behind goes, whoever filed it: the policy lets Kubernetes' own
controllers through.

No verb is theirs; the cluster of the tests runs each under a service account of its own, as most clusters do.
"""

import time
from collections.abc import Callable

import pytest

from tests.support.inputs import Spec, request
from tests.support.kube_api import Answer, KubeApi
from tests.support.team import Given, Team

WAIT_SECONDS = 60.0
IN_FLIGHT = {
    "promote": request(),
    "rollback": request(operation="Rollback", source={"previous": True}, reason="wrong"),
    "past-the-gates": request(skipGates=True, reason="the champion is broken"),
}


@pytest.fixture
def team(kube_api: KubeApi, namespace: str) -> Team:
    return Team(kube_api, namespace)


def _until_gone(look: Callable[[], Answer]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := look()).code != 404:
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS:g} s: it is gone: {found}"
        time.sleep(0.2)  # poll


def test_namespace_goes_with_the_requests_in_it(team: Team) -> None:
    for name, spec in IN_FLIGHT.items():
        team.set_scene(Given(spec), name)
    path = f"/api/v1/namespaces/{team.namespace}"

    assert team.api.send("DELETE", path).code in {200, 202}

    _until_gone(lambda: team.api.send("GET", path))


@pytest.mark.parametrize("name", IN_FLIGHT)
def test_request_goes_with_its_owner(team: Team, name: str) -> None:
    owners = f"/api/v1/namespaces/{team.namespace}/configmaps"
    owner = team.api.create(owners, {"metadata": {"name": "pipeline-run"}}).body["metadata"]
    team.set_scene(Given(IN_FLIGHT[name]), name)
    reference: Spec = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["name"], "uid": owner["uid"]}
    assert team.api.merge(f"{team.requests}/{name}", {"metadata": {"ownerReferences": [reference]}}).ok

    assert team.api.send("DELETE", f"{owners}/pipeline-run").ok

    _until_gone(lambda: team.api.send("GET", f"{team.requests}/{name}"))
