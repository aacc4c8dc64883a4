"""Real requests through a real gateway follow the split that the operator writes, and leave a challenger without pods."""

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.place import PATIENCE, has
from tests.support.installation import install_account, install_policy
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_process import config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.split import (
    CHALLENGER,
    CHAMPION,
    ROUTE,
    apply_sides,
    ask,
    bounds,
    hostname,
    route,
    until,
)
from tests.support.stage import Stage

pytestmark = [
    pytest.mark.needs_real_pods,
    pytest.mark.timeout(1500),  # who comes first builds the images
    pytest.mark.usefixtures("images"),
]

REQUESTS: Final = 600
TRAFFIC: Final = {
    "httpRoute": ROUTE,
    "backends": [
        {"service": CHAMPION, "weight": 90},
        {"service": CHALLENGER, "alias": "challenger", "weight": 10},
    ],
}


@pytest.fixture
def stage(
    kubeconfig: str, namespace: str, namespaces: KubeApi, mlflow_server: Server, tmp_path: Path
) -> Iterator[Stage]:
    """Two versions, their pods behind a route, and an operator that manages champion and challenger."""
    model = Seeding(mlflow_server.uri, f"fraud-{secrets.token_hex(4)}")
    for auc in (0.8, 0.9):
        model.version(val_auc=auc)
    install_policy(kubeconfig)
    install_account(kubeconfig)
    stage = Stage(kubeconfig, namespace, namespaces.who_am_i())
    apply_sides(stage)
    route(stage, {CHAMPION: 1, CHALLENGER: 0})
    for name, alias, more in (
        (CHAMPION, "champion", {"traffic": TRAFFIC}),
        (CHALLENGER, "challenger", {}),
    ):
        load = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
        spec = {"model": model.model, "alias": alias, "serving": [{"name": name, "load": load}], **more}
        stage.apply("ModelAlias", name, spec)
    with running_operator(kubeconfig, config_for(namespace, mlflow_server.uri), tmp_path):
        yield stage


def test_requests_follow_the_split_and_leave_a_challenger_without_pods(stage: Stage, gateway: str) -> None:
    way = (gateway, hostname(stage))
    stage.request("first", CHAMPION, source={"version": "1"})
    stage.request("second", CHALLENGER, source={"version": "2"})
    ended = stage.ended("first", "second")

    stage.until(
        "modelalias",
        CHAMPION,
        lambda it: has(it, "TrafficRouted", "True") and it["status"]["traffic"].get("version") == "2",
        "version 2 gets its share",
        PATIENCE,
    )
    until(*way, lambda heard: heard.keys() == {"1", "2"}, "both versions answer")
    split = ask(*way, REQUESTS)
    stage.kubectl("scale", f"deployment/{CHALLENGER}", "--replicas=0")
    lost = until(*way, lambda heard: heard.keys() == {"1"}, "only version 1 answers")
    afterwards = ask(*way, REQUESTS)

    sys.stdout.write(f"split {dict(split)}; its share was lost for {lost:.1f} s\n")
    assert {item["phase"] for item in ended.values()} == {"Succeeded"}, ended
    assert split.keys() == {"1", "2"}, split
    assert split["2"] in bounds(REQUESTS, 0.1), split
    assert afterwards == {"1": REQUESTS}, afterwards
