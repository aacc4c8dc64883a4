"""The operator with many aliases whose workloads run what they should, and with some of these flapping.

On simulated nodes, where a thousand pods cost nothing: each alias has a Deployment of one pod, in the state in
which a promotion leaves it. A part of the pods is then made unready and ready again, as a kubelet would report
it; the Deployment's controller counts them as it always does.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

from tests.bench.idle import (
    CREATED_AT_ONCE,
    READY_SECONDS,
    SNAPSHOT_INTERVAL,
    all_ready,
    is_status,
    settled,
    window,
)
from tests.bench.product import Product
from tests.bench.registry_rows import ALIASES_OF_A_MODEL, write_pairs
from tests.bench.running import database, entered, operator
from tests.bench.site import Object, alias_body, collection, namespace, watching
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.proxy import Recorder, Sent, recording
from tests.support.raw_api import RawApi

FLAPPING_SHARE: Final = 0.05
FLAP_SECONDS: Final = 5.0
"""Between unready and ready, and back."""
FLAPPED_AT_ONCE: Final = 16
VERSION: Final = "1"


async def measure(
    api: RawApi, kubeconfig: str, product: Product, aliases: int, seconds: int, say: Callable[[str], None]
) -> Mapping[str, Any]:
    """Run an operator without aliases, then one with so many: at rest, and while some of their pods flap."""
    if (room := await _room(api)) < aliases:
        return {"left_out": f"the nodes take {room} pods, it needs {aliases}"}
    flapping = max(1, round(aliases * FLAPPING_SHARE))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-steady-")))
        models = await asyncio.to_thread(write_pairs, folder / "mlflow", aliases)
        names = [(model, alias) for model in models for alias in ALIASES_OF_A_MODEL][:aliases]
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        place = _Place(api, kubeconfig, product, server.uri, seconds, say)
        bare = await stack.enter_async_context(namespace(api, "steady"))
        say("steady: no alias, the baseline")
        baseline = (await place.run(bare, 0, 0, folder / "none"))["rest"]
        inside = await stack.enter_async_context(namespace(api, "steady"))
        say(f"steady: creating {aliases} Deployments and as many ModelAliases")
        await _create(api, inside, names)
        found = await place.run(inside, aliases, flapping, folder / "many")
    return {
        "aliases": aliases,
        "flapping": flapping,
        "flap_seconds": FLAP_SECONDS,
        "seconds": seconds,
        "mlflow": f"one worker, {database()}, loopback; a snapshot each {SNAPSHOT_INTERVAL}",
        "counted": "calls that the operator sent, by recording proxies between it and both servers",
        "without_aliases": baseline,
        **found,
    }


async def _room(api: RawApi) -> int:
    """Return how many pods the nodes take."""
    nodes = (await api.get("/api/v1/nodes"))["items"]
    amounts = [node["status"]["allocatable"]["pods"] for node in nodes]
    return sum(int(parse_quantity(amount)) for amount in amounts)  # type: ignore[misc, no-untyped-call]


class _Place:
    """What each run of an operator needs."""

    def __init__(
        self,
        api: RawApi,
        kubeconfig: str,
        product: Product,
        mlflow_uri: str,
        seconds: int,
        say: Callable[[str], None],
    ) -> None:
        self._api, self._kubeconfig, self._product = api, kubeconfig, product
        self._mlflow_uri, self._seconds, self._say = mlflow_uri, seconds, say

    async def run(self, inside: str, aliases: int, flapping: int, folder: Path) -> dict[str, Any]:
        """Start an operator for the namespace, wait until it rests, and measure."""
        as_operator = await asyncio.to_thread(signed_in, self._kubeconfig, inside, folder)
        async with (
            recording(as_operator, self._mlflow_uri) as recorder,
            watching(self._api, collection(inside, "modelaliases")) as seen,
        ):
            config = config_for(inside, recorder.mlflow_uri, snapshotInterval=SNAPSHOT_INTERVAL)
            process = self._product.operator(recorder.kubeconfig, config, folder)
            async with operator(process):
                await all_ready(seen, aliases)
                await settled(recorder)
                self._say(f"steady: {aliases} aliases at rest for {self._seconds} s")
                told: dict[str, Any] = {"rest": await window(process.pid, recorder, self._seconds)}
                states = Counter(
                    str(item["state"]) for each in seen.objects.values() for item in _serving(each)
                )
                told["states"] = dict(sorted(states.items()))
                if flapping:
                    self._say(f"steady: {flapping} of their pods flap for {self._seconds} s")
                    told["flap"] = await self._flap(inside, flapping, process.pid, recorder)
                return told

    async def _flap(self, inside: str, flapping: int, pid: int, recorder: Recorder) -> Mapping[str, Any]:
        """Measure while pods flap, and count what was written for each alias."""
        before = len(recorder.calls)
        async with _flapping(self._api, inside, flapping, self._seconds) as unavailable:
            found = await window(pid, recorder, self._seconds)
        calls = recorder.calls[before:]
        of_alias = Counter(_object(call) for call in calls if is_status(call))
        events = sum(call.is_write and call.resource == "events" for call in calls)
        return {
            **found,
            "flaps": len(unavailable),
            "workloads_unavailable_in_each": sorted(set(unavailable)),
            "status_writes": sum(of_alias.values()),
            "aliases_written": len(of_alias),
            "most_status_writes_of_an_alias": max(of_alias.values(), default=0),
            "events": events,
        }


def _serving(alias: Object) -> Sequence[Object]:
    found: Sequence[Object] = alias.get("status", {}).get("serving", ())
    return found


def _object(call: Sent) -> str:
    """Return the name of the ModelAlias whose status was written."""
    parts = call.path.partition("?")[0].split("/")
    return parts[parts.index("modelaliases") + 1]


async def _create(api: RawApi, inside: str, names: Sequence[tuple[str, str]]) -> None:
    """Create the Deployments, wait for their pods, and create the ModelAliases."""
    slots = asyncio.Semaphore(CREATED_AT_ONCE)

    async def create(plural: str, body: Object) -> None:
        async with slots:
            await api.create(collection(inside, plural), body)

    async with watching(api, collection(inside, "deployments")) as seen:
        await asyncio.gather(*(create("deployments", _deployment(*name)) for name in names))
        await seen.until(
            lambda objects: sum(_is_available(item) for item in objects.values()) == len(names),
            "all Deployments are available",
            READY_SECONDS,
        )
    await asyncio.gather(*(create("modelaliases", _alias(*name)) for name in names))


def _is_available(deployment: Object) -> bool:
    return bool(deployment.get("status", {}).get("availableReplicas"))


def _alias(model: str, alias: str) -> Object:
    """Build a ModelAlias that pins the variable of its Deployment."""
    name = f"{model}-{alias}"
    body = alias_body(name, model, alias, name, None)
    load = {"mode": "Pinned", "container": "api", "env": "MODEL_URI"}
    return {**body, "spec": {**body["spec"], "serving": [{"name": name, "load": load}]}}


def _deployment(model: str, alias: str) -> Object:
    """Build a Deployment as a promotion of version 1 leaves it: label, mark, variable."""
    name = f"{model}-{alias}"
    labels = {"app": name}
    container = {
        "name": "api",
        "image": "example.invalid/none:0",
        "env": [{"name": "MODEL_URI", "value": f"models:/{model}/{VERSION}"}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
    }
    template = {
        "metadata": {"labels": labels, "annotations": {f"modelalias.dev/{name}": VERSION}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"modelalias.dev/managed": "true"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


@asynccontextmanager
async def _flapping(api: RawApi, inside: str, count: int, seconds: int) -> AsyncIterator[list[int]]:
    """Let so many pods be unready and ready in turns until the block ends, and at most for twice the seconds.

    They are ready at the end. What is given has, for each time that they were unready, how many of their
    Deployments said so.
    """
    pods = (await api.get(f"/api/v1/namespaces/{inside}/pods?limit={count}"))["items"]
    paths = [f"/api/v1/namespaces/{inside}/pods/{pod['metadata']['name']}/status" for pod in pods]
    unavailable: list[int] = []
    slots = asyncio.Semaphore(FLAPPED_AT_ONCE)

    async def tell(path: str, *, ready: bool) -> None:
        async with slots:
            await api.do(
                "PATCH", path, _ready(ready=ready), content_type="application/strategic-merge-patch+json"
            )

    async def all_are(*, ready: bool) -> None:
        await asyncio.gather(*(tell(path, ready=ready) for path in paths))

    async def count_unavailable() -> int:
        """Look at the Deployments of these pods, which come in the same order."""
        found = await api.get(f"{collection(inside, 'deployments')}?limit={count}")
        return sum(not _is_available(item) for item in found["items"])

    async def flap() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * seconds):
                while True:
                    await all_are(ready=False)
                    await asyncio.sleep(FLAP_SECONDS)
                    unavailable.append(await count_unavailable())
                    await all_are(ready=True)
                    await asyncio.sleep(FLAP_SECONDS)

    task = asyncio.create_task(flap())
    try:
        yield unavailable
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await all_are(ready=True)


def _ready(*, ready: bool) -> Object:
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    conditions = [
        {"type": kind, "status": str(ready), "lastTransitionTime": now}
        for kind in ("Ready", "ContainersReady")
    ]
    return {"status": {"conditions": conditions}}
