"""Two versions behind a gateway: what is applied for it, real requests through it, and who answered them."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from hack.gateway.installation import NAME, NAMESPACE
from tests.e2e.place import PROGRAM, container
from tests.support.stage import Object, Stage

CHAMPION: Final = "fraud-champion"
CHALLENGER: Final = "fraud-challenger"
ROUTE: Final = "fraud"
PORT: Final = 8080
VERSIONS: Final = {CHAMPION: "1", CHALLENGER: "2"}
"""The version that the pods of each Service say they are."""
CONNECTIONS: Final = 4
FEW: Final = 100
CARRIED_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 10.0


def hostname(stage: Stage) -> str:
    """Return the name by which a gateway that all namespaces share knows the route of this one."""
    return f"{stage.namespace}.example.com"


def apply_sides(stage: Stage, labels: Mapping[str, str] | None = None) -> None:
    """Apply a Deployment of one pod and its Service for each version, and wait until both are ready.

    `labels` are put on the pods.
    """
    program = {PROGRAM.name: PROGRAM.read_text(encoding="utf-8")}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stand-in"}, "data": program}
    items = [
        config,
        *(item for name, version in VERSIONS.items() for item in _side(name, version, labels or {})),
    ]
    stage.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    for name in VERSIONS:
        stage.kubectl("rollout", "status", f"deployment/{name}", "--timeout=100s")


def _side(name: str, version: str, more: Mapping[str, str]) -> Sequence[Object]:
    labels = {"app": name}
    serves = container(port=PORT)
    environ = [*serves["env"], {"name": "MODEL_URI", "value": f"models:/fraud/{version}"}]
    pod = {
        "containers": [{**serves, "env": environ}],
        "terminationGracePeriodSeconds": 1,
        "volumes": [
            {"name": "program", "configMap": {"name": "stand-in"}},
            {"name": "state", "emptyDir": {}},
        ],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": {**labels, **more}}, "spec": pod},
        },
    }
    spec = {"selector": labels, "ports": [{"port": PORT}]}
    return deployment, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def route(stage: Stage, weights: Mapping[str, int]) -> None:
    """Apply the HTTPRoute with these backends and weights."""
    backends = [{"name": name, "port": PORT, "weight": weight} for name, weight in weights.items()]
    spec = {
        "parentRefs": [{"name": NAME, "namespace": NAMESPACE}],
        "hostnames": [hostname(stage)],
        "rules": [{"backendRefs": backends}],
    }
    stage.apply("HTTPRoute", ROUTE, spec)


def weigh(stage: Stage, champion: int, challenger: int) -> None:
    """Patch the weights and nothing else."""
    patch = [
        {"op": "replace", "path": f"/spec/rules/0/backendRefs/{place}/weight", "value": weight}
        for place, weight in enumerate((champion, challenger))
    ]
    stage.kubectl("patch", "httproute", ROUTE, "--type=json", "-p", json.dumps(patch))


def told_of_route(stage: Stage, kind: str, status: str, reason: str) -> None:
    """Wait until the gateway says so of the route as it is now."""

    def says(found: Object) -> bool:
        generation = found["metadata"]["generation"]
        return any(
            (item["type"], item["status"], item["reason"]) == (kind, status, reason)
            and item["observedGeneration"] == generation
            for parent in found.get("status", {}).get("parents", ())
            for item in parent["conditions"]
        )

    stage.until("httproute", ROUTE, says, f"{kind} is {status} because of {reason}")


# Asking


def ask(url: str, host: str, requests: int) -> Counter[str]:
    """Send so many requests over a few connections that are kept, and count the answers.

    Counted is the version that answered, else `status 503` or what else became of the request.
    """
    share, more = divmod(requests, CONNECTIONS)
    counts = [share + (place < more) for place in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        found = threads.map(lambda count: _share(url, host, count), counts)
        return sum(found, Counter())


def _share(url: str, host: str, requests: int) -> Counter[str]:
    with _connection(url) as connection:
        return _ask(connection, host, requests)


def _connection(url: str) -> closing[HTTPConnection]:
    there = urlsplit(url)
    return closing(HTTPConnection(str(there.hostname), there.port, timeout=_ANSWER_SECONDS))


def _ask(connection: HTTPConnection, host: str, requests: int) -> Counter[str]:
    heard: Counter[str] = Counter()
    for _ in range(requests):
        try:
            connection.request("GET", "/version", headers={"Host": host})
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException) as error:
            connection.close()  # the next request opens it again
            heard[type(error).__name__] += 1
            continue
        heard[json.loads(text)["version"] if answer.status == 200 else f"status {answer.status}"] += 1
    return heard


def until(url: str, host: str, holds: Callable[[Counter[str]], bool], what: str) -> float:
    """Ask until the answers are as wanted; return for how many seconds they were not."""
    began = last = time.monotonic()
    while True:
        now = time.monotonic()
        heard = ask(url, host, FEW)
        if holds(heard):
            return last - began
        assert now < began + CARRIED_SECONDS, f"not within {CARRIED_SECONDS:g} s: {what}\n{heard}"
        last = time.monotonic()


def last_of(url: str, host: str, answer: str) -> float:
    """Ask over one connection until only this is answered; return when another answer was last heard."""
    last, since = time.monotonic(), 0
    deadline = last + CARRIED_SECONDS
    with _connection(url) as connection:
        while since < FEW:
            (heard,) = _ask(connection, host, 1)
            since = since + 1 if heard == answer else 0
            last = last if since else time.monotonic()
            assert last < deadline, f"not within {CARRIED_SECONDS:g} s: only {answer} answers"
    return last


def bounds(requests: int, share: float, confidence: float = 0.9999) -> range:
    """Return the counts that a random split leaves with at most this probability, half of it on each side."""
    tail, total, least = (1 - confidence) / 2, 0.0, 0
    chances = [_chance(requests, count, share) for count in range(requests + 1)]
    while (total := total + chances[least]) <= tail:
        least += 1
    total, most = 0.0, requests
    while (total := total + chances[most]) <= tail:
        most -= 1
    return range(least, most + 1)


def _chance(requests: int, count: int, share: float) -> float:
    """Return how probable it is that exactly so many go to the side of this share."""
    ways = math.lgamma(requests + 1) - math.lgamma(count + 1) - math.lgamma(requests - count + 1)
    return math.exp(ways + count * math.log(share) + (requests - count) * math.log(1 - share))
