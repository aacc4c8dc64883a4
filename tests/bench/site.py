"""Where a benchmark plays: namespaces of its own, what is created in them, and a watch that tells the moment
of a change."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp

from tests.support.raw_api import RawApi, until

GROUP: Final = "/apis/modelalias.dev/v1alpha1"
WATCH_SECONDS: Final = 3600
ANEW_SECONDS: Final = 1.0
GONE_SECONDS: Final = 900.0
"""Ten thousand objects take minutes."""
GATES: Final[Sequence[Mapping[str, Any]]] = (
    {"name": "auc-floor", "metric": "val_auc", "direction": "HigherIsBetter", "threshold": 0.1},
    {
        "name": "beats-champion",
        "metric": "val_auc",
        "direction": "HigherIsBetter",
        "champion": {"minImprovement": 0.002},
    },
)

Object = Mapping[str, Any]


class BenchError(RuntimeError):
    """The benchmark cannot be run here, or what it waited for did not come; the message says what to do."""


@asynccontextmanager
async def namespace(api: RawApi, side: str) -> AsyncIterator[str]:
    """Make a namespace and, at the end, wait until it and all that is in it is gone."""
    name = f"bench-{side}-{secrets.token_hex(3)}"
    await api.create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    try:
        yield name
    finally:
        path = f"/api/v1/namespaces/{name}"
        await api.do("DELETE", path, {"propagationPolicy": "Background"})

        async def gone() -> bool:
            return (await api.do("GET", path, ok=False)).get("reason") == "NotFound"

        await until(gone, f"namespace {name} is gone", GONE_SECONDS)


async def refuse_company(api: RawApi) -> None:
    """Raise `BenchError` when an operator that watches the whole cluster runs in it: it would act on the same
    objects."""
    answer = await api.get("/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2Fname%3Dmodelalias")
    for item in answer["items"]:
        if item["spec"].get("replicas", 1):
            meta = item["metadata"]
            raise BenchError(
                f"Deployment {meta['namespace']}/{meta['name']} is an operator for the whole cluster "
                "and would act on the "
                f"benchmark's objects: kubectl -n {meta['namespace']} scale deployment {meta['name']} "
                "--replicas=0"
            )


def collection(namespace: str, plural: str) -> str:
    """Return the path of a kind's objects in a namespace."""
    group = "/apis/apps/v1" if plural == "deployments" else GROUP
    return f"{group}/namespaces/{namespace}/{plural}"


def alias_body(name: str, model: str, alias: str, serving: str | None, previous: str | None) -> Object:
    """Build a ModelAlias with two gates and at most one workload."""
    spec: dict[str, Any] = {
        "model": model,
        "alias": alias,
        "policy": {"gates": GATES},
        "rollout": {"stableSeconds": 0},
    }
    if serving:
        spec["serving"] = [{"name": serving}]
    if previous:
        spec["previousAlias"] = previous
    return {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "ModelAlias",
        "metadata": {"name": name},
        "spec": spec,
    }


def request_body(name: str, alias: str, version: str, user: str) -> Object:
    """Build a PromotionRequest for a version."""
    spec = {"aliasRef": {"name": alias}, "source": {"version": version}, "requestedBy": user}
    return {
        "apiVersion": "modelalias.dev/v1alpha1",
        "kind": "PromotionRequest",
        "metadata": {"name": name},
        "spec": spec,
    }


def deployment_body(name: str) -> Object:
    """Build a Deployment without pods."""
    labels = {"app": name}
    container = {"name": "api", "image": "example.invalid/none:0"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


class Watched:
    """The objects of one collection as the watch last told them, and the moment of each telling."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self._changed = asyncio.Event()

    def saw(self, body: Object) -> None:
        self.objects[body["metadata"]["name"]] = body
        self._changed.set()

    async def until(self, holds: Callable[[Mapping[str, Object]], bool], what: str, seconds: float) -> float:
        """Wait for the watch to tell it and return that moment, in seconds of `time.perf_counter`; raise
        `BenchError`."""
        try:
            async with asyncio.timeout(seconds):
                while not holds(self.objects):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            last = next(iter(self.objects.values()), {})
            raise BenchError(
                f"not within {seconds:g} s: {what}; one of them is {json.dumps(last)[:4000]}"
            ) from error
        return time.perf_counter()


@asynccontextmanager
async def watching(api: RawApi, path: str) -> AsyncIterator[Watched]:
    """Watch a collection until the block ends; a watch that ends begins anew with a list.

    The API server ends the watch of who does not read as fast as events come.
    """
    watched = Watched()
    version = await _listed(api, path, watched)
    task = asyncio.create_task(_follow(api, path, version, watched))
    try:
        yield watched
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listed(api: RawApi, path: str, watched: Watched) -> str:
    found = await api.get(path)
    for item in found["items"]:
        watched.saw(item)
    return str(found["metadata"]["resourceVersion"])


async def _follow(api: RawApi, path: str, version: str, watched: Watched) -> None:
    while True:
        await _followed_once(api, path, version, watched)
        await asyncio.sleep(ANEW_SECONDS)
        version = await _listed(api, path, watched)


async def _followed_once(api: RawApi, path: str, version: str, watched: Watched) -> None:
    headers = {"Accept": "application/json"}
    await api.client.update_params_for_auth(headers, None, ["BearerToken"], "", "GET", None)
    url = f"{api.client.configuration.host}{path}?watch=true&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}"
    timeout = aiohttp.ClientTimeout(total=None, sock_read=WATCH_SECONDS)
    response = await api.client.call_api("GET", url, header_params=headers, _request_timeout=timeout)
    async with response.response as stream:
        with suppress(aiohttp.ClientError):
            async for line in stream.content:
                event = json.loads(line)
                if event["type"] in {"ADDED", "MODIFIED"}:
                    watched.saw(event["object"])
