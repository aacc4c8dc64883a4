"""From a request created to the Deployment patched: the operator, and a script that makes the same calls, in
turns."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mlflow import MlflowClient

from tests.bench import figures
from tests.bench.product import Product
from tests.bench.replay import Bare, Rename, anonymous, one_promotion
from tests.bench.running import database, entered, operator
from tests.bench.site import (
    BenchError,
    Object,
    Watched,
    alias_body,
    collection,
    deployment_body,
    namespace,
    request_body,
    watching,
)
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import config_for
from tests.support.proxy import Sent, recording
from tests.support.raw_api import RawApi
from tests.support.seeding import Seeding

NAME: Final = "bench"
"""Name of the ModelAlias, the Deployment and the registry's alias on both sides."""
MARK: Final = f"modelalias.dev/{NAME}"
SNAPSHOT_INTERVAL: Final = "30s"
"""The default of the product."""
PATIENCE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.5
"""After each promotion, so that what the operator does behind its end falls into nobody's time."""
FIRST: Final = 1
LABELLED: Final = 2
"""Promoted first: its patch also labels the Deployment, which happens once."""
RECORDED: Final = 3
"""Promoted behind the proxies, for the list of calls."""
WARM: Final = 4
"""Promoted on both sides before the timed ones, so that the connections are open."""


@dataclass
class Side:
    """One of the two sides: a namespace, a model with all its versions, and what a watch tells of the
    namespace."""

    namespace: str
    model: str
    runs: Mapping[str, str]
    """Version to run."""
    uids: dict[str, str] = field(default_factory=dict)
    deployments: Watched = field(default_factory=Watched)
    requests: Watched = field(default_factory=Watched)

    def path(self, plural: str, name: str = NAME) -> str:
        return f"{collection(self.namespace, plural)}/{name}"

    async def marked(self, version: str) -> float:
        """Wait until the watch shows the version in the pod template and return the moment."""
        what = f"annotation {MARK} shows version {version} in {self.namespace}"

        def shown(seen: Mapping[str, Object]) -> bool:
            return _mark(seen[NAME]).partition(".")[0] == version

        return await self.deployments.until(shown, what, PATIENCE_SECONDS)


async def measure(api: RawApi, kubeconfig: str, product: Product, requests: int) -> Mapping[str, Any]:
    """Promote so many versions on each side, in turns, and return the milliseconds of both and the calls that
    were made."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-latency-")))
        server = await entered(stack, running_mlflow(folder / "mlflow"))
        user = await api.whoami()
        sides = []
        for name in ("operator", "bare"):
            made = await _side(stack, api, server.uri, name, WARM + requests)
            sides.append(made)
        ours, other = sides
        as_operator = await asyncio.to_thread(signed_in, kubeconfig, ours.namespace, folder)
        calls, recorded = await _record(
            api, as_operator, product, server.uri, ours, user, folder / "recorded"
        )
        bare = Bare(api, server.uri)
        bare.saw(other.path("modelaliases"), await api.get(other.path("modelaliases")))
        config = config_for(ours.namespace, server.uri, snapshotInterval=SNAPSHOT_INTERVAL)
        samples: Mapping[str, list[float]] = {"operator": [], "bare": []}
        async with operator(product.operator(as_operator, config, folder / "timed")):
            for number in range(WARM, WARM + requests + 1):
                by_operator = await _by_operator(api, ours, str(number), user)
                by_bare = await _by_bare(
                    api, bare, other, number, user, calls, _renamed(ours, other, recorded, number)
                )
                if number > WARM:
                    samples["operator"].append(by_operator * 1000)
                    samples["bare"].append(by_bare * 1000)
        await asyncio.to_thread(_compare, server.uri, ours.model, other.model)
    return _told(samples, calls)


async def _side(stack: AsyncExitStack, api: RawApi, mlflow_uri: str, name: str, versions: int) -> Side:
    """Seed a model whose versions get better and better, the first of which is champion, and create what
    serves it."""
    inside = await stack.enter_async_context(namespace(api, name))
    seeding, runs = await asyncio.to_thread(_seed, mlflow_uri, inside, versions)
    side = Side(inside, seeding.model, runs)
    deployment = await api.create(collection(inside, "deployments"), deployment_body(NAME))
    body = alias_body(NAME, seeding.model, NAME, NAME, f"previous-{NAME}")
    alias = await api.create(collection(inside, "modelaliases"), body)
    side.uids = {"deployment": deployment["metadata"]["uid"], "alias": alias["metadata"]["uid"]}
    side.deployments = await stack.enter_async_context(watching(api, collection(inside, "deployments")))
    side.requests = await stack.enter_async_context(watching(api, collection(inside, "promotionrequests")))
    return side


def _seed(mlflow_uri: str, model: str, versions: int) -> tuple[Seeding, Mapping[str, str]]:
    seeding = Seeding(mlflow_uri, model)
    runs: dict[str, str] = {}
    for number in range(1, versions + 1):
        version = seeding.version(val_auc=0.5 + number / 200)
        runs[version] = str(seeding.client.get_model_version(model, version).run_id)
    seeding.client.set_registered_model_alias(model, NAME, str(FIRST))
    return seeding, runs


def _compare(mlflow_uri: str, model: str, other: str) -> None:
    """Raise `BenchError` unless the script left the registry as the operator did."""
    client = MlflowClient(mlflow_uri)
    held = [
        {name: str(to) for name, to in client.get_registered_model(item).aliases.items()}
        for item in (model, other)
    ]
    if held[0] != held[1]:
        raise BenchError(
            f"the two sides do not do the same: the operator left {held[0]}, the script {held[1]}"
        )


async def _record(
    api: RawApi, kubeconfig: str, product: Product, mlflow_uri: str, side: Side, user: str, folder: Path
) -> tuple[tuple[Sent, ...], Object]:
    """Let an operator behind the proxies promote, and return its calls for one promotion and the request."""
    async with recording(kubeconfig, mlflow_uri) as recorder:
        config = config_for(side.namespace, recorder.mlflow_uri, snapshotInterval=SNAPSHOT_INTERVAL)
        async with operator(product.operator(recorder.kubeconfig, config, folder)):
            await _by_operator(api, side, str(LABELLED), user)
            began = time.perf_counter()
            await _by_operator(api, side, str(RECORDED), user)
        calls = one_promotion([replace(call, at=call.at - began) for call in recorder.calls], after=0.0)
        return calls, await api.get(side.path("promotionrequests", _name(RECORDED)))


async def _by_operator(api: RawApi, side: Side, version: str, user: str) -> float:
    """Create a request, return the seconds until the Deployment is patched, and wait for the request's end."""
    name = _name(version)
    began = time.perf_counter()
    await api.create(collection(side.namespace, "promotionrequests"), request_body(name, NAME, version, user))
    seconds = await side.marked(version) - began
    what = f"request {name} is complete"
    await side.requests.until(lambda seen: name in seen and _is_complete(seen[name]), what, PATIENCE_SECONDS)
    await asyncio.sleep(PAUSE_SECONDS)
    return seconds


async def _by_bare(
    api: RawApi, bare: Bare, side: Side, number: int, user: str, calls: Sequence[Sent], rename: Rename
) -> float:
    """Create a request, send the recorded calls, and return the seconds until the Deployment is patched."""
    name = _name(number)
    began = time.perf_counter()
    made = await api.create(
        collection(side.namespace, "promotionrequests"), request_body(name, NAME, str(number), user)
    )
    bare.saw(side.path("promotionrequests", name), made)
    await bare.play(calls, rename)
    seconds = await side.marked(str(number)) - began
    await asyncio.sleep(PAUSE_SECONDS)
    return seconds


def _renamed(ours: Side, other: Side, recorded: Object, number: int) -> Rename:
    """Rename the recorded promotion to the one that ends at version `number`; the request's uid stays: nobody
    looks it up."""
    steps = {str(RECORDED - 1): str(number - 1), str(RECORDED): str(number)}
    return Rename(
        texts={
            ours.namespace: other.namespace,  # also the model's name
            recorded["metadata"]["name"]: _name(number),
            **{uid: other.uids[key] for key, uid in ours.uids.items()},
            **{ours.runs[old]: other.runs[new] for old, new in steps.items()},
        },
        versions=steps,
    )


def _told(samples: Mapping[str, Sequence[float]], calls: Sequence[Sent]) -> Mapping[str, Any]:
    counted = Counter(
        "registry reads" if not call.is_write else "registry writes" for call in calls if call.to == "mlflow"
    )
    counted |= Counter(
        "Kubernetes writes" if call.is_write else "Kubernetes reads"
        for call in calls
        if call.to == "kubernetes"
    )
    return {
        "unit": "ms from the request's creation to the watch event of the patched Deployment",
        "mlflow": f"one worker, {database()}, loopback; kept alive: one connection for the script, two for the operator",
        "samples": {key: [round(item, 2) for item in items] for key, items in samples.items()},
        "operator": figures.spread(samples["operator"]),
        "bare": figures.spread(samples["bare"]),
        "ratio": figures.ratios(samples["operator"], samples["bare"]),
        "calls": [anonymous(call) for call in calls],
        "counted": {"Kubernetes writes of the user": 1, **counted},
    }


def _name(version: int | str) -> str:
    return f"{NAME}-to-{version}"


def _mark(deployment: Object) -> str:
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    return str(annotations.get(MARK, ""))


def _is_complete(request: Object) -> bool:
    conditions = request.get("status", {}).get("conditions", ())
    return any(item["type"] == "Complete" and item["status"] == "True" for item in conditions)
