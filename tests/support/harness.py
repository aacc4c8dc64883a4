"""The whole engine on the three fakes: what happens outside it outlives it, so a test may kill it and start
another.

Watch events reach the engine as in a cluster, a moment after the change; time is the event loop's
(`virtual_loop`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from modelalias.api.alias import (
    HistoryEntry,
    ModelAlias,
    ModelAliasSpec,
    ModelAliasStatus,
    NamedVersion,
    Observed,
    Operation,
    Outcome,
)
from modelalias.api.conditions import AliasCondition, Condition, RequestCondition, find
from modelalias.api.metadata import PINNED_BY
from modelalias.api.promotion_policy import ClusterPromotionPolicySpec, PromotionPolicySpec
from modelalias.api.request import PromotionRequest, PromotionRequestSpec, Resolved
from modelalias.core.errors import Refused
from modelalias.kinds.pod_template import PodWorkload
from modelalias.ports import (
    Channel,
    GivenPolicy,
    Job,
    JobRef,
    Lead,
    ModelVersion,
    NewJob,
    Route,
    Servers,
    Telemetry,
    Workload,
    WorkloadChange,
    WorkloadRef,
)
from modelalias.ports import Cluster as Ports
from modelalias.reconcile.engine import Engine
from modelalias.settings import Settings
from tests.support.fake_jobs import FakeJobs
from tests.support.fake_keys import FakeSigningKeys
from tests.support.fake_objects import FakeObject, FakeObjects
from tests.support.fake_pods import FakePods
from tests.support.fake_prometheus import FakePrometheus
from tests.support.fake_registry import Call, FakeRegistry
from tests.support.fake_routes import FakeRoutes
from tests.support.fake_workloads import FakeWorkloads
from tests.support.world import ALIAS, MODEL, NAME, NAMESPACE, alias_spec, request_spec

START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEFAULT: Final[dict[str, Any]] = {
    "registries": {"default": {"uri": "http://mlflow"}},
    "prometheus": {"default": {"uri": "http://prometheus"}},
}


class Trip:
    """Counts external writes and kills the process right before or right after one of them."""

    def __init__(self) -> None:
        self.count = 0
        self.at = 0
        self.after = False
        self.dead = asyncio.Event()
        self.meanwhile: Callable[[], None] | None = None
        """What somebody else does right after the next write."""

    def arm(self, at: int, *, after: bool) -> None:
        self.count, self.at, self.after = 0, at, after
        self.dead.clear()

    async def before(self) -> None:
        """Let what happened meanwhile arrive first, as a real call would."""
        await asyncio.sleep(0)
        if self.dead.is_set():
            raise asyncio.CancelledError
        self.count += 1
        if self.count == self.at and not self.after:
            self._die()

    def done(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        if self.count == self.at and self.after:
            self._die()

    def _die(self) -> None:
        """Nothing that runs in the engine may act after this; the harness throws it away."""
        self.dead.set()
        raise asyncio.CancelledError


class _Objects(FakeObjects):
    def __init__(self, trip: Trip) -> None:
        super().__init__()
        self._trip = trip

    async def every_alias(self, namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
        for alias in list(self.aliases.values()):
            if not namespaces or alias.metadata.namespace in namespaces:
                yield alias

    async def every_request(self, namespaces: Sequence[str]) -> AsyncIterator[PromotionRequest]:
        for request in list(self.requests.values()):
            if not namespaces or request.metadata.namespace in namespaces:
                yield request

    async def write_alias_status(self, *args: Any) -> ModelAlias:
        await self._trip.before()
        written = await super().write_alias_status(*args)
        self._trip.done()
        return written

    async def write_request_status(self, *args: Any) -> PromotionRequest:
        await self._trip.before()
        written = await super().write_request_status(*args)
        self._trip.done()
        return written

    async def create_request(self, *args: Any) -> PromotionRequest:
        await self._trip.before()
        filed = await super().create_request(*args)
        self._trip.done()
        return filed


class _Registry(FakeRegistry):
    def __init__(self, trip: Trip) -> None:
        super().__init__()
        self._trip = trip

    async def version_of_run(self, *args: Any, register: bool = True) -> ModelVersion | None:
        if register:
            await self._trip.before()
        version = await super().version_of_run(*args, register=register)
        if register:
            self._trip.done()
        return version

    async def set_alias(self, *args: Any) -> None:
        await self._trip.before()
        await super().set_alias(*args)
        self._trip.done()

    async def delete_alias(self, *args: Any) -> None:
        await self._trip.before()
        await super().delete_alias(*args)
        self._trip.done()

    async def tag_version(self, *args: Any) -> None:
        await self._trip.before()
        await super().tag_version(*args)
        self._trip.done()

    async def untag_version(self, *args: Any) -> None:
        await self._trip.before()
        await super().untag_version(*args)
        self._trip.done()

    async def evaluation_run(self, *args: Any) -> str:
        await self._trip.before()
        run_id = await super().evaluation_run(*args)
        self._trip.done()
        return run_id

    async def end_run(self, *args: Any) -> None:
        await self._trip.before()
        await super().end_run(*args)
        self._trip.done()


class _Jobs(FakeJobs):
    def __init__(self, trip: Trip) -> None:
        super().__init__()
        self._trip = trip

    async def start(self, new: NewJob) -> Job:
        await self._trip.before()
        job = await super().start(new)
        self._trip.done()
        return job

    async def stop(self, ref: JobRef) -> None:
        await self._trip.before()
        await super().stop(ref)
        self._trip.done()


class _Workloads(FakeWorkloads):
    def __init__(self, trip: Trip) -> None:
        super().__init__()
        self._trip = trip

    async def roll(self, workload: Workload, change: WorkloadChange) -> Workload:
        await self._trip.before()
        rolled = await super().roll(workload, change)
        self._trip.done()
        return rolled


class _Routes(FakeRoutes):
    def __init__(self, trip: Trip) -> None:
        super().__init__()
        self._trip = trip

    async def set_weights(self, *args: Any) -> Route:
        await self._trip.before()
        written = await super().set_weights(*args)
        self._trip.done()
        return written


class _Admission:
    """The port `Admission` of a cluster whose policies are installed, until a test takes them away."""

    why = ""
    why_pins = ""
    error: Refused | None = None

    async def why_unproved(self) -> str:
        if self.error is not None:
            raise self.error
        return self.why

    async def why_pins_unproved(self) -> str:
        return self.why_pins


class _Errors(logging.Handler):
    """Keeps what the engine calls unexpected: a bug that it would survive."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(logging.Formatter().format(record))


class Leads:
    """The port `Lead` of a process that is alone."""

    def check(self) -> None:
        return

    async def acquired(self) -> None:
        return


class Cluster:
    """Everything outside the operator, and the operator that runs in it."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.trip = Trip()
        self.objects, self.registry, self.workloads = (
            _Objects(self.trip),
            _Registry(self.trip),
            _Workloads(self.trip),
        )
        self.jobs, self.admission, self.keys = _Jobs(self.trip), _Admission(), FakeSigningKeys()
        self.pods = FakePods(self.workloads, self.wall)
        self.routes = _Routes(self.trip)
        self.prometheus = FakePrometheus()
        self.telemetry = Telemetry()
        """Counts for the operator that is started next."""
        self.channels: dict[str, Channel] = {}
        self.lead: Lead = Leads()
        self.registry_name = "default"
        self.settings = Settings.model_validate(settings or DEFAULT)
        self.engine: Engine | None = None
        self._task: asyncio.Task[None] | None = None
        self._errors = _Errors()
        self.objects.listeners.append(self._object_changed)
        self.objects.policy_listeners.append(self._policy_changed)
        self.workloads.listeners.append(self._workload_changed)
        self.jobs.listeners.append(self._job_changed)

    # The operator

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.engine = Engine(
            self.settings,
            Ports(
                self.objects,
                self.workloads,
                self.jobs,
                self.admission,
                self.keys,
                self.pods,
                self.routes,
            ),
            Servers(
                {self.registry_name: self.registry} if self.registry_name in self.settings.registries else {},
                {"default": self.prometheus},
                self.channels,
            ),
            self.lead,
            loop.time,
            self.wall,
            self.telemetry,
        )
        for workload in self.workloads.workloads.values():
            self._workload_changed("ADDED", workload)
        self._task = loop.create_task(self.engine.run())

    async def stop(self) -> None:
        self.engine = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def __aenter__(self) -> Self:
        logging.getLogger("modelalias").addHandler(self._errors)
        return self

    async def __aexit__(self, *_: object) -> None:
        logging.getLogger("modelalias").removeHandler(self._errors)
        task, ended = self._task, self._task is not None and self._task.done()
        await self.stop()
        if task is not None and ended:
            task.result()
        assert not self._errors.records, "\n".join(self._errors.records)

    async def settle(self, seconds: float = 3.0) -> None:
        """Let the engine work until nothing is left to do; a little time passes, less than any deadline."""
        if self._task is None:
            self.start()
        await asyncio.sleep(seconds)

    async def away(self, seconds: float) -> None:
        """Let time pass while no operator runs, where a test is about time alone.

        One that runs looks every few seconds at what waits: a day of that is thousands of looks.
        """
        await self.stop()
        await asyncio.sleep(seconds)

    def take_errors(self) -> list[str]:
        """Return what the engine called unexpected so far, where a test wants that."""
        taken, self._errors.records = self._errors.records, []
        return taken

    def wall(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    # The registry

    async def model(
        self, *metrics: float | None, aliases: dict[str, str] | None = None, model: str = MODEL
    ) -> None:
        """Make a model with one version per val_auc (None: the run logged nothing) and these aliases."""
        await self.registry.create_model(model)
        for value in metrics:
            run = await self.registry.create_run([] if value is None else [("val_auc", value, 0)])
            await self.registry.create_version(model, run)
        for alias, version in (aliases or {}).items():
            await self.registry.set_alias(model, alias, version)
        self.registry.calls.clear()

    async def aliases(self, model: str = MODEL) -> dict[str, str]:
        return dict(await FakeRegistry.aliases(self.registry, model))

    async def tags(self, version: str, model: str = MODEL) -> dict[str, str]:
        return dict((await FakeRegistry.version(self.registry, model, version)).tags)

    def registry_writes(self) -> list[tuple[object, ...]]:
        """Return what was written, in order, as (call, model, ...)."""
        return [(call.name, *call.arguments) for call in self.registry.writes]

    def moves(self) -> list[tuple[object, ...]]:
        """Return which aliases were moved or taken away, in order."""
        return [item for item in self.registry_writes() if item[0] in {"set_alias", "delete_alias"}]

    # The cluster

    def add_alias(self, name: str = NAME, namespace: str = NAMESPACE, **fields: Any) -> ModelAlias:
        return self.objects.add_alias(namespace, name, alias_spec(**fields))

    def add_accepted_alias(self, *versions: str, **fields: Any) -> ModelAlias:
        """Add a ModelAlias that accepted these versions one after another, before the operator starts."""
        alias, known = self.add_alias(**fields), self.registry.versions(MODEL)
        pairs = [*zip((None, *versions), versions, strict=False)]
        history = tuple(
            HistoryEntry(
                from_=before,
                to=version,
                at=START,
                operation=Operation.PROMOTE,
                outcome=Outcome.SUCCEEDED,
                run_id=known[version].run_id,
                registered_at=known[version].registered_at,
            )
            for before, version in pairs
        )
        named = [
            NamedVersion(
                version=item,
                run_id=known[item].run_id,
                registered_at=known[item].registered_at,
                since=START,
            )
            for item in versions
        ]
        status = ModelAliasStatus(
            current=named[-1],
            previous=named[-2] if len(named) > 1 else None,
            observed=Observed(version=versions[-1], at=START, epoch=1),
            history=history,
        )
        key = (alias.metadata.namespace, alias.metadata.name)
        self.objects.aliases[key] = alias.with_status(status)
        return self.objects.aliases[key]

    def edit_alias(self, name: str = NAME, **fields: Any) -> ModelAlias:
        """Change fields of an alias's spec, as they stand in YAML; None takes one away."""
        old = self.alias(name).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        wanted = {key: value for key, value in {**old, **fields}.items() if value is not None}
        return self.objects.edit_alias(NAMESPACE, name, ModelAliasSpec.model_validate(wanted))

    def put_policy(self, name: str = "team", **policy: Any) -> None:
        """Make or edit a PromotionPolicy of the namespace, with these fields of spec.policy."""
        spec = PromotionPolicySpec.model_validate({"policy": policy})
        self.objects.put_policy(name, spec, NAMESPACE)

    def put_cluster_policy(
        self, name: str = "base", applies_to: dict[str, Any] | None = None, **policy: Any
    ) -> None:
        """Make or edit a ClusterPromotionPolicy, with these fields of spec.policy."""
        spec = {"policy": policy, "appliesTo": applies_to or {}}
        self.objects.put_policy(name, ClusterPromotionPolicySpec.model_validate(spec))

    def pin(self, version: str | None, by: str = "", name: str = NAME) -> None:
        """Pin an alias, signed as the admission policies let it be."""
        self.objects.annotate_alias(NAMESPACE, name, **{PINNED_BY: by})
        self.edit_alias(name, version=version)

    def ask(
        self, name: str, version: str | None = None, *, of: str = NAME, **fields: Any
    ) -> PromotionRequest:
        """File a request."""
        return self.objects.add_request(NAMESPACE, name, request_spec(version, name=of, **fields))

    def edit_request(self, name: str, **fields: Any) -> None:
        old = self.request(name).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        self.objects.edit_request(NAMESPACE, name, PromotionRequestSpec.model_validate({**old, **fields}))

    def alias(self, name: str = NAME) -> ModelAlias:
        return self.objects.aliases[NAMESPACE, name]

    def request(self, name: str) -> PromotionRequest:
        return self.objects.requests[NAMESPACE, name]

    def phase(self, name: str) -> str:
        """Return a request's phase, with its explanation in the failure of a comparison."""
        return str(self.request(name).status.phase)

    def end(self, name: str) -> tuple[str, str]:
        """Return how a request ended: its phase and the reason of its condition Complete, which must stand at
        True."""
        done = find(self.request(name).status.conditions, RequestCondition.COMPLETE)
        assert done is not None, self.request(name).status
        assert done.status == "True", self.request(name).status
        return self.phase(name), done.reason

    def resolved(self, name: str) -> Resolved:
        """Return what a request's source was found to name."""
        found = self.request(name).status.resolved
        assert found is not None, self.request(name).status
        return found

    def says(self, name: str) -> str:
        return self.request(name).status.explanation

    def condition(self, kind: str, name: str = NAME) -> Condition:
        found = find(self.alias(name).status.conditions, AliasCondition(kind))
        assert found is not None, self.alias(name).status
        return found

    def says_nothing_of(self, kind: str, name: str = NAME) -> bool:
        """Return whether an alias has no condition of that type."""
        return find(self.alias(name).status.conditions, AliasCondition(kind)) is None

    def is_true(self, kind: str, name: str = NAME) -> bool:
        return self.condition(kind, name).status == "True"

    def ref(self, name: str) -> WorkloadRef:
        return next(ref for ref in self.workloads.workloads if ref.name == name)

    def workload(self, name: str) -> PodWorkload:
        return self.workloads.workloads[self.ref(name)]

    def mark(self, name: str) -> str | None:
        """Return the annotation of a workload's pod template."""
        return self.workload(name).marks.get(NAME)

    def uri(self, name: str) -> str | None:
        return self.workload(name).containers["main"].get("MODEL_URI")

    async def finish_rollout(self, *names: str) -> None:
        """Let controllers finish rolling these workloads, or all, and the engine see it."""
        for ref in list(self.workloads.workloads):
            if not names or ref.name in names:
                self.workloads.complete_rollout(ref)
        await self.settle()

    # What was written

    def counts(self) -> tuple[int, int, int, int]:
        """Return how many status writes, registry writes, rolls and events there were so far."""
        return (
            len(self.objects.writes),
            len(self.registry.writes),
            len(self.workloads.rolls),
            len(self.objects.events),
        )

    async def assert_settled(self) -> None:
        """Check that neither another look at everything nor a new process writes anything."""
        before = self.counts()
        await self.settle(1_500)
        assert self.counts() == before, self.objects.writes[before[0] :]
        await self.stop()
        await self.settle(60)
        assert self.counts() == before, self.objects.writes[before[0] :]

    # The watches

    def _object_changed(self, change: str, item: FakeObject) -> None:
        self._deliver(lambda engine: _feed(engine, change, item))

    def _policy_changed(self, change: str, item: GivenPolicy) -> None:
        if change == "DELETED":
            self._deliver(lambda engine: engine.policy_gone(item.id, item.metadata.uid))
        else:
            self._deliver(lambda engine: engine.policy_seen(item))

    def _workload_changed(self, change: str, item: Workload) -> None:
        if change == "DELETED" or not item.managed:
            self._deliver(lambda engine: engine.workload_gone(item.ref, item.uid))
        else:
            self._deliver(lambda engine: engine.workload_seen(item))

    def _job_changed(self, _change: str, job: Job, alias: str) -> None:
        self._deliver(lambda engine: engine.job_seen(job.ref.namespace, alias))

    def _deliver(self, told: Callable[[Engine], None]) -> None:
        engine = self.engine
        if engine is None:
            return

        def arrive() -> None:
            if self.engine is engine:
                told(engine)

        asyncio.get_running_loop().call_soon(arrive)


def _feed(engine: Engine, change: str, item: FakeObject) -> None:
    """Tell the engine of a change as the watches do."""
    gone, meta = change == "DELETED", item.metadata
    version = int(meta.resource_version)
    if isinstance(item, ModelAlias):
        if gone:
            engine.alias_gone(meta.namespace, meta.name, meta.uid)
        elif not engine.alias_echoed(meta.namespace, meta.name, version):
            engine.alias_seen(item)
    elif gone:
        engine.request_gone(meta.namespace, meta.name, meta.uid)
    elif not engine.request_echoed(meta.namespace, meta.name, version):
        engine.request_seen(item)


__all__ = ["ALIAS", "MODEL", "NAME", "NAMESPACE", "START", "Call", "Cluster", "Trip"]
