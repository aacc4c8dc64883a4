"""The pages as a Deployment of their own, as they are shipped and on real pods: each mode shows what it may and no more."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from hack.cluster import guests
from tests.conftest import ROOT
from tests.support.installation import install_policy
from tests.support.kube_api import KubeApi
from tests.support.stage import Stage

pytestmark = [
    pytest.mark.needs_real_pods,
    pytest.mark.timeout(1500),  # who comes first builds the images
    pytest.mark.usefixtures("images", "reached"),
]

HOST: Final = "dashboard.invalid"
"""The name that the components give it."""
ALIAS: Final = "churn-champion"
NAME: Final = "modelalias-dashboard"
SECONDS: Final = 30.0


class Page(NamedTuple):
    """What was answered: the status, and the body where it is JSON."""

    status: int
    body: Mapping[str, Any]


Look = Callable[..., Page]


@pytest.fixture
def stage(kubeconfig: str, namespace: str, namespaces: KubeApi) -> Stage:
    install_policy(kubeconfig)
    stage = Stage(kubeconfig, namespace, namespaces.who_am_i())
    stage.apply("ModelAlias", ALIAS, {"model": "churn", "alias": "champion"})
    return stage


@pytest.fixture
def deployed(stage: Stage, tmp_path: Path) -> Iterator[Callable[[str], Look]]:
    """Deploy the dashboard in a mode and return what looks at its pages; what is not in the namespace goes again."""
    rendered = ""

    def deploy(mode: str) -> Look:
        nonlocal rendered
        rendered = _rendered(tmp_path, mode, stage.namespace)
        stage.kubectl("apply", "-f", "-", stdin=rendered)
        stage.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=100s")
        address = guests.url(Path(stage.kubeconfig), stage.namespace, NAME, 80)
        return lambda path, **headers: _look(f"{address}{path}", headers)

    yield deploy
    if rendered:
        stage.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=rendered)


def test_a_board_on_the_wall_shows_what_its_own_account_may_read(
    stage: Stage, deployed: Callable[[str], Look]
) -> None:
    look = deployed("viewer")

    board, alias = look("/"), look(f"/a/{stage.namespace}/{ALIAS}")
    another = look("/", Host="another.invalid")

    assert (board.status, alias.status, another.status) == (200, 200, 400)
    assert (stage.namespace, ALIAS) in {(row["namespace"], row["name"]) for row in board.body["rows"]}
    assert alias.body["row"]["model"] == "churn"


def test_people_see_what_they_may_by_the_token_that_a_proxy_forwards(
    stage: Stage, deployed: Callable[[str], Look]
) -> None:
    for name in ("ana", "nobody"):
        stage.kubectl("create", "serviceaccount", name)
    account = f"--serviceaccount={stage.namespace}:ana"
    stage.kubectl("create", "rolebinding", "ana", "--clusterrole=modelalias-view", account)
    look = deployed("bearer")
    path = f"/a/{stage.namespace}/{ALIAS}"

    seen = {name: look(path, Authorization=f"Bearer {_token(stage, name)}") for name in ("ana", "nobody")}

    assert {name: page.status for name, page in seen.items()} == {"ana": 200, "nobody": 403}
    assert seen["ana"].body["row"]["name"] == ALIAS
    assert look(path).status == 401, "the pod has no token of its own"
    assert look(path, Authorization="Bearer made-up").status == 401


def _rendered(folder: Path, mode: str, namespace: str) -> str:
    """Return a mode's component in a namespace, with the image that was built here."""
    component = os.path.relpath(ROOT / "manifests/components/dashboard" / mode, folder)
    (folder / "kustomization.yaml").write_text(
        json.dumps(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": namespace,
                "components": [component],
                "images": [
                    {
                        "name": "registry.invalid/modelalias/operator",
                        "newName": "localhost/modelalias/operator",
                        "newTag": "dev",
                    }
                ],
            }
        )
    )
    return subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True
    ).stdout


def _token(stage: Stage, name: str) -> str:
    return stage.kubectl("create", "token", name).strip()


def _look(address: str, headers: Mapping[str, str]) -> Page:
    asked = Request(address, headers={"Host": HOST, "Accept": "application/json", **headers})  # noqa: S310 - our own pod
    try:
        with urlopen(asked, timeout=SECONDS) as answer:  # noqa: S310 - as above
            return Page(answer.status, json.load(answer))
    except HTTPError as error:
        return Page(error.code, {})
