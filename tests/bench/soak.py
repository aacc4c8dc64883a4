"""Half an hour of changes with random faults, on a real API server and a real MLflow: what must hold holds, and nothing grows.

Somebody promotes, rolls back, pins, suspends, edits and deletes, and now and then moves an alias in MLflow by hand. Meanwhile
calls of the operator are refused, lost, delayed or answered by nonsense, watches break off, and the operator is killed.
In the second half nobody kills it, so that what grows is seen. At the end everything is let alone, and has to come to rest.
"""

import asyncio
import json
import random
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from mlflow import MlflowClient

from tests.bench import figures
from tests.bench.place import Place, is_complete
from tests.bench.product import Product
from tests.bench.registry_rows import RowModel, write
from tests.bench.running import entered, operator
from tests.bench.site import (
    BenchError,
    Object,
    alias_body,
    collection,
    deployment_body,
    namespace,
    request_body,
)
from tests.support import faults
from tests.support.mlflow_server import running_mlflow
from tests.support.operator_account import signed_in
from tests.support.operator_process import OperatorProcess, config_for
from tests.support.proxy import Fault, Recorder, Sent, recording
from tests.support.raw_api import RawApi

VERSIONS: Final = 6
ASKED: Final = 4
"""Versions above it nobody asks for: they are moved to by hand alone."""
CHANGE_SECONDS: Final = (0.2, 1.5)
CALM_SECONDS: Final = (3.0, 12.0)
FAULT_SECONDS: Final = (0.5, 8.0)
KILL_EVERY: Final = 240.0
SAMPLE_SECONDS: Final = 5.0
REST_SECONDS: Final = 300.0
TOLD: Final = 2000
"""Characters of the log of an operator that ended."""
KEPT: Final = 5
"""Requests of each ModelAlias that are kept: what grows then is not what was filed."""
WARM_SHARE: Final = 0.25
"""Of the last process's samples so many do not count for what grows: the first requests fill caches."""
SIZES: Final = ("mib", "descriptors", "threads")


@dataclass
class Story:
    """What was asked for, so that what came of it can be judged."""

    asked: dict[str, set[str]] = field(default_factory=dict)
    """By model, the versions that somebody asked for or that stood there."""
    by_hand: dict[str, set[str]] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    restarts: int = 0
    set_by_operator: Counter[tuple[str, str]] = field(default_factory=Counter)


class Soak:
    """One run of it."""

    def __init__(
        self,
        api: RawApi,
        kubeconfig: str,
        product: Product,
        aliases: int,
        seconds: float,
        say: Callable[[str], None],
    ) -> None:
        """Take where it runs, how many ModelAliases there are, and for how long."""
        self._api, self._kubeconfig, self._product = api, kubeconfig, product
        self._names = [f"soak-{number:02}" for number in range(aliases)]
        self._seconds, self._say = seconds, say
        self._seed = secrets.randbelow(2**32)
        self._random = random.Random(self._seed)  # noqa: S311 - chooses faults, guards nothing
        self._story, self._requests = Story(), 0
        self._starting = asyncio.Lock()
        self._samples: list[Mapping[str, float]] = []

    async def measure(self) -> Mapping[str, Any]:
        """Play it and return what was seen; raise `BenchError` where something did not hold."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-soak-")))
            models = [
                RowModel(name, [0.5 + 0.01 * number for number in range(VERSIONS)], {"champion": 1})
                for name in self._names
            ]
            await asyncio.to_thread(write, folder / "mlflow", models)
            server = await entered(stack, running_mlflow(folder / "mlflow"))
            self._client = MlflowClient(server.uri)
            self._inside = await stack.enter_async_context(namespace(self._api, "soak"))
            self._user = await self._api.whoami()
            place = Place(self._api, self._inside)
            for name in self._names:
                self._story.asked[name], self._story.by_hand[name] = {"1"}, set()
                await self._api.create(collection(self._inside, "deployments"), _workload(name))
            await place.open(stack, [_alias(name) for name in self._names])
            signed = await asyncio.to_thread(signed_in, self._kubeconfig, self._inside, folder)
            recorder = await stack.enter_async_context(recording(str(signed), server.uri))
            config = config_for(self._inside, recorder.mlflow_uri, snapshotInterval="2s")
            process = self._product.operator(recorder.kubeconfig, config, folder / "operator")
            await stack.enter_async_context(operator(process))
            await place.all_seen()
            self._say(f"soak: {len(self._names)} ModelAliases, {self._seconds:g} s, seed {self._seed}")
            async with asyncio.TaskGroup() as tasks:
                kubelet = tasks.create_task(self._start_again(process))
                await self._play(place, recorder, process)
                await self._comes_to_rest()
                kubelet.cancel()
            await self._judge()
            return await self._report()

    async def _play(self, place: Place, recorder: Recorder, process: OperatorProcess) -> None:
        begin = time.monotonic()
        end = begin + self._seconds
        parts = (
            self._change(place, end),
            self._break(recorder, end),
            self._sample(recorder, process, end),
            self._kill(process, begin + self._seconds / 2),
        )
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(part)
        self._hear(recorder)

    # What people do

    async def _change(self, place: Place, end: float) -> None:
        deeds: Mapping[str, Callable[[Place, str], Awaitable[None]]] = {
            "promote": self._promote,
            "roll back": self._roll_back,
            "pin": self._pin,
            "unpin": self._unpin,
            "suspend": self._suspend,
            "delete a request": self._delete,
            "move by hand": self._move,
        }
        weights = (10, 2, 1, 2, 1, 1, 1)
        while time.monotonic() < end:
            (deed,) = self._random.choices(list(deeds), weights)
            await deeds[deed](place, self._random.choice(self._names))
            self._story.changes[deed] += 1
            await asyncio.sleep(self._random.uniform(*CHANGE_SECONDS))

    def _version(self, name: str) -> str:
        version = str(self._random.randint(1, ASKED))
        self._story.asked[name].add(version)
        return version

    async def _promote(self, place: Place, name: str) -> None:
        await place.file([request_body(self._next(), name, self._version(name), self._user)])

    async def _roll_back(self, place: Place, name: str) -> None:
        body = request_body(self._next(), name, "1", self._user)
        spec = {
            **body["spec"],
            "operation": "Rollback",
            "reason": "the soak wants it",
            "source": {"previous": True},
        }
        await place.file([{**body, "spec": spec}])

    def _next(self) -> str:
        self._requests += 1
        return f"r-{self._requests:05}"

    async def _pin(self, _: Place, name: str) -> None:
        await self._patch(name, {"version": self._version(name)})

    async def _unpin(self, _: Place, name: str) -> None:
        await self._patch(name, {"version": None, "suspend": None})

    async def _suspend(self, _: Place, name: str) -> None:
        await self._patch(name, {"suspend": True})

    async def _patch(self, name: str, spec: Object) -> None:
        await self._api.merge(f"{collection(self._inside, 'modelaliases')}/{name}", {"spec": spec})

    async def _delete(self, place: Place, _: str) -> None:
        names = list(place.requests.objects)
        if names:
            path = f"{collection(self._inside, 'promotionrequests')}/{self._random.choice(names)}"
            await self._api.do("DELETE", path, ok=False)

    async def _move(self, _: Place, name: str) -> None:
        version = str(self._random.randint(ASKED + 1, VERSIONS))
        self._story.by_hand[name].add(version)
        await asyncio.to_thread(self._client.set_registered_model_alias, name, "champion", version)

    # What goes wrong

    async def _break(self, recorder: Recorder, end: float) -> None:
        of_mlflow: Mapping[str, Fault] = {
            "dropped": faults.dropped,
            "silent": faults.silent,
            "carried out and not told": faults.unanswered,
            "cut off": faults.cut_off,
            "500": faults.answered(500, {"error_code": "INTERNAL_ERROR"}),
            "503": faults.answered(503, "a proxy's page"),
            "429": faults.answered(429, {"error_code": "REQUEST_LIMIT_EXCEEDED"}, {"Retry-After": "1"}),
            "nonsense": faults.answered(200, "no JSON"),
        }
        of_kubernetes: Mapping[str, Fault] = {
            "dropped": faults.dropped,
            "carried out and not told": faults.unanswered,
            "409": faults.refused_by_kubernetes(409, "Conflict"),
            "429": faults.refused_by_kubernetes(429, "TooManyRequests", {"Retry-After": "1"}),
            "500": faults.refused_by_kubernetes(500, "InternalError"),
            "watches end": faults.gone,
        }
        while time.monotonic() < end:
            await asyncio.sleep(self._random.uniform(*CALM_SECONDS))
            to = self._random.choice(("mlflow", "kubernetes"))
            which = of_mlflow if to == "mlflow" else of_kubernetes
            name, share = self._random.choice(list(which)), self._random.choice((0.1, 0.5, 1.0))
            self._story.faults[f"{to}: {name}"] += 1
            if name == "watches end":
                recorder.end_watches(lambda _: True)
                continue
            with recorder.fault(self._some(to, share), which[name]):
                await asyncio.sleep(self._random.uniform(*FAULT_SECONDS))

    def _some(self, to: str, share: float) -> Callable[[Sent], bool]:
        def takes(sent: Sent) -> bool:
            return (
                sent.to == to
                and not sent.is_watch
                and sent.resource != "leases"
                and self._random.random() < share
            )

        return takes

    async def _kill(self, process: OperatorProcess, end: float) -> None:
        while time.monotonic() + KILL_EVERY < end:
            await asyncio.sleep(KILL_EVERY)
            async with self._starting:
                await asyncio.to_thread(process.kill)
            self._story.kills += 1

    async def _start_again(self, process: OperatorProcess) -> None:
        """Start an operator that has ended, as the kubelet does: Kopf ends it where its first look at the kinds fails."""
        while True:
            await asyncio.sleep(1)
            async with self._starting:
                if not process.is_running:
                    self._say(f"soak: the operator had ended:\n{process.tail()[-TOLD:]}")
                    with suppress(AssertionError, BenchError):  # it ended again: it is started again
                        await asyncio.to_thread(process.start)
                    self._story.restarts += 1

    async def _sample(self, recorder: Recorder, process: OperatorProcess, end: float) -> None:
        began = time.monotonic()
        while time.monotonic() < end:
            await asyncio.sleep(SAMPLE_SECONDS)
            self._hear(recorder)
            with suppress(OSError, KeyError):  # it may be killed in this moment
                at = round(time.monotonic() - began, 1)
                self._samples.append({"at": at, "pid": process.pid, **_size(process.pid)})

    def _hear(self, recorder: Recorder) -> None:
        """Take what was sent out of the log: which versions the operator set."""
        calls, recorder.calls[:] = [*recorder.calls], []
        for sent in calls:
            if (
                sent.to == "mlflow"
                and sent.method == "POST"
                and urlsplit(sent.path).path.endswith("models/alias")
            ):
                told = json.loads(sent.body)
                if (
                    told["alias"] == "champion"
                ):  # the previous alias may rightly get what somebody had moved to
                    self._story.set_by_operator[told["name"], told["version"]] += 1

    # What must hold

    async def _stand(self, plural: str) -> Sequence[Object]:
        """Return the objects as they stand, without those that were deleted."""
        return list((await self._api.get(collection(self._inside, plural)))["items"])

    async def _comes_to_rest(self) -> None:
        """Undo suspensions and pins, and wait until every request has ended."""
        for name in self._names:
            await self._patch(name, {"version": None, "suspend": None})
        deadline = time.monotonic() + REST_SECONDS
        while left := [body for body in await self._stand("promotionrequests") if not is_complete(body)]:
            if time.monotonic() > deadline:
                said = [_said(body) for body in left[:5]]
                raise BenchError(f"{len(left)} requests have not ended (seed {self._seed}): {said}")
            await asyncio.sleep(1)
        await asyncio.sleep(10)  # the records on versions follow the end

    async def _judge(self) -> None:
        wrong: list[str] = []
        statuses = {body["metadata"]["name"]: body["status"] for body in await self._stand("modelaliases")}
        for name in self._names:
            stands = str(self._client.get_registered_model(name).aliases["champion"])
            allowed = self._story.asked[name]
            if stands not in allowed | self._story.by_hand[name]:
                wrong.append(f"{name} names version {stands}, which nobody asked for")
            status = statuses[name]
            if status.get("plan"):
                wrong.append(f"{name} still has a plan")
            if status["observed"]["version"] != stands:
                wrong.append(
                    f"{name}: the status says {status['observed']['version']}, the registry {stands}"
                )
            uids = [item["uid"] for item in status.get("history", ()) if item.get("uid")]
            if len(set(uids)) != len(uids):
                wrong.append(f"{name}: a request is twice in the history")
        wrong += [
            f"the operator set {model} to {version}, which nobody asked for"
            for model, version in self._story.set_by_operator
            if version not in self._story.asked[model]
        ]
        if wrong:
            raise BenchError(f"what must hold does not (seed {self._seed}): {'; '.join(wrong)}")

    async def _report(self) -> Mapping[str, Any]:
        last = [item for item in self._samples if item["pid"] == self._samples[-1]["pid"]]
        kept = last[int(len(last) * WARM_SHARE) :]
        ended = Counter(str(body["status"]["phase"]) for body in await self._stand("promotionrequests"))
        return {
            "aliases": len(self._names),
            "seconds": self._seconds,
            "seed": self._seed,
            "changes": dict(self._story.changes),
            "faults": dict(sorted(self._story.faults.items())),
            "kills": self._story.kills,
            "restarts": self._story.restarts,
            "requests_filed": self._requests,
            "requests_left": dict(ended),
            "aliases_set": sum(self._story.set_by_operator.values()),
            "samples": self._samples,
            "last_process_seconds": round(last[-1]["at"] - last[0]["at"]),
            **{name: figures.spread([item[name] for item in kept]) for name in SIZES},
            "growth": {name: _growth([item[name] for item in kept]) for name in SIZES},
        }


def _alias(name: str) -> Object:
    body = alias_body(name, name, "champion", name, "previous")
    return {**body, "spec": {**body["spec"], "requestHistoryLimit": KEPT}}


def _workload(name: str) -> Object:
    body = deployment_body(name)
    return {**body, "spec": {**body["spec"], "replicas": 1}}


def _growth(samples: Sequence[float]) -> float:
    """Return how much larger the median of the second half is than that of the first, as a quotient."""
    middle = max(1, len(samples) // 2)
    return round(median(samples[middle:] or samples) / median(samples[:middle]), 3)


def _said(request: Object) -> str:
    return f"{request['metadata']['name']}: {request.get('status', {}).get('explanation', 'nothing')}"


def _size(pid: int) -> Mapping[str, float]:
    """Return memory in MiB, open descriptors and threads of a process."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "mib": round(int(lines["VmRSS"].split()[0]) / 1024, 1),
        "threads": float(lines["Threads"]),
        "descriptors": float(len(list(Path(f"/proc/{pid}/fd").iterdir()))),
    }


def table(report: Mapping[str, Any]) -> str:
    """Write the report as lines."""
    lines = [
        f"soak: {report['seconds']:g} s, {report['aliases']} ModelAliases, seed {report['seed']}, {report['kills']} kills",
        f"  changes    {sum(report['changes'].values())}: {_listed(report['changes'])}",
        f"  faults     {sum(report['faults'].values())}: {_listed(report['faults'])}",
        f"  requests   {_listed(report['requests_left'])}; aliases set by the operator {report['aliases_set']}",
    ]
    lines.append(f"  the last process, {report['last_process_seconds']} s")
    for name in SIZES:
        spread, growth = report[name], report["growth"][name]
        told = f"{spread['min']:g} to {spread['max']:g}, median {spread['median']:g}, times {growth:g}"
        lines.append(f"  {name:<12} {told}")
    return "\n".join(lines)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
