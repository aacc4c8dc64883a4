"""Prometheus runs as a pod and scrapes the pods of its namespace that want it, as they come and go."""

import json
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from hack.prometheus import installation
from tests.support.kube_api import KubeApi
from tests.support.split import CHALLENGER, CHAMPION, apply_sides
from tests.support.stage import Stage

pytestmark = [
    pytest.mark.needs_real_pods,
    pytest.mark.timeout(1500),  # who comes first builds the images
    pytest.mark.usefixtures("images", "reached"),
]

SECONDS: Final = 60.0
WANTS: Final = {"prometheus.io/scrape": "true"}


def test_it_scrapes_the_pods_that_want_it(kubeconfig: str, namespace: str, namespaces: KubeApi) -> None:
    stage = Stage(kubeconfig, namespace, namespaces.who_am_i())

    installation.up(Path(kubeconfig), namespace)
    apply_sides(stage, labels=WANTS)
    both = _versions(kubeconfig, namespace, {"1", "2"})
    stage.kubectl("scale", f"deployment/{CHALLENGER}", "--replicas=0")
    one = _versions(kubeconfig, namespace, {"1"})

    assert (both, one) == ({"1", "2"}, {"1"}), CHAMPION


def _versions(kubeconfig: str, namespace: str, wanted: set[str]) -> set[str]:
    """Return the versions that are scraped now, once they are as wanted or time is up."""
    selector = f'model_requests_total{{namespace="{namespace}"}}'
    address = f"{installation.url(Path(kubeconfig), namespace)}/api/v1/query?{urlencode({'query': selector})}"
    deadline = time.monotonic() + SECONDS
    while True:
        with urlopen(address, timeout=10) as answer:  # noqa: S310 - our own server
            found = {series["metric"]["version"] for series in json.load(answer)["data"]["result"]}
        if found == wanted or time.monotonic() > deadline:
            return found
        time.sleep(0.2)  # poll
