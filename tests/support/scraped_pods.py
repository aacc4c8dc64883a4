"""Prometheus is told of the pods that want to be scraped: Debian's cannot ask an API server itself."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from urllib3.exceptions import HTTPError

from tests.support.kube_api import KubeApi
from tests.support.prometheus_server import PrometheusServer

ANNOTATIONS: Final = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
"""Of a pod that wants to be scraped."""
_LOOK: Final = 0.5
"""Seconds between two looks."""


@contextmanager
def scraped_pods(server: PrometheusServer, kubeconfig: str, namespaces: Sequence[str]) -> Iterator[None]:
    """Scrape the pods of these namespaces, with their names as labels, as they come and go until the block ends."""
    ended = threading.Event()
    follower = threading.Thread(target=_follow, args=(server, KubeApi(kubeconfig), namespaces, ended))
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()


def _follow(
    server: PrometheusServer, api: KubeApi, namespaces: Sequence[str], ended: threading.Event
) -> None:
    known: Mapping[str, Mapping[str, str]] = {}
    while not ended.wait(_LOOK):
        try:
            targets = {
                target: labels for name in namespaces for target, labels in _targets(api, name).items()
            }
        except HTTPError:  # the next look may see more
            continue
        if targets != known:
            server.scrape_each(targets)
            known = targets


def _targets(api: KubeApi, namespace: str) -> Mapping[str, Mapping[str, str]]:
    answer = api.send("GET", f"/api/v1/namespaces/{namespace}/pods")
    return {
        f"{item['status']['podIP']}:{annotations['prometheus.io/port']}": {
            "namespace": namespace,
            "pod": item["metadata"]["name"],
        }
        for item in answer.body.get("items", ())
        if ANNOTATIONS.items() <= (annotations := item["metadata"].get("annotations", {})).items()
        and "podIP" in item["status"]
    }
