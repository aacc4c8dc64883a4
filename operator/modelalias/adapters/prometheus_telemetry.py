"""The port `Telemetry` as metrics for Prometheus: names and labels are in docs/metrics.md.

Labels never are run ids, names of requests, users, addresses or messages.
"""

import asyncio
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from modelalias.adapters.alias_samples import AliasSamples
from modelalias.adapters.namespace_counters import NamespaceCounters
from modelalias.adapters.sample_lines import Family, MetricType, texts
from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.ports import TIMED, CallOutcome, FailureKind, NotificationOutcome, RequestEnd, Telemetry

CONTENT_TYPE: Final = prometheus_client.exposition.CONTENT_TYPE_PLAIN_0_0_4

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
WAITS: Final = (1, 5, 15, 30, _MINUTE, 300, 900, _HOUR, 4 * _HOUR, 12 * _HOUR, _DAY, 3 * _DAY, 7 * _DAY)
"""Seconds; a request takes from one to the week after which it expires."""
CALLS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LOOKS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
LAGS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5)


class PrometheusTelemetry(Telemetry):
    """Counts what happens, in a registry of its own; `page` shows it."""

    def __init__(self, *, per_alias: bool = True, wall: Callable[[], float] = time.time) -> None:
        """Take whether each ModelAlias has series of its own, and a wall clock in seconds."""
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # its library's
        self._wall = wall
        self._registry = CollectorRegistry()
        self._namespaces = NamespaceCounters()
        self._aliases = AliasSamples(per_alias=per_alias)
        self._make_own_metrics()
        self._make_call_metrics()
        self._make_work_metrics()
        prometheus_client.ProcessCollector(registry=self._registry)
        prometheus_client.GCCollector(registry=self._registry)

    def _make_own_metrics(self) -> None:
        build = self._gauge("build_info", "The operator that answers.", "version", "python")
        build.labels(_version(), platform.python_version()).set(1)
        self._leader = self._gauge("leader", "Whether this process is the one that acts.")
        self._proved = self._gauge(
            "identity_proved", "Whether the API server proves who files requests and approves."
        )
        gauge = MetricType.GAUGE
        self._up = Family("modelalias_registry_up", gauge, "Whether a registry can be used now.", "registry")
        self._looked = Family(
            "modelalias_registry_snapshot_timestamp_seconds",
            gauge,
            "When all aliases of a registry were read last.",
            "registry",
        )
        self._models = Family(
            "modelalias_registry_snapshot_models", gauge, "Models that were in it then.", "registry"
        )

    def _make_call_metrics(self) -> None:
        self._registry_calls = self._counter(
            "registry_requests", "Calls to a registry.", "registry", "call", "outcome"
        )
        self._registry_seconds = self._histogram(
            "registry_request_duration_seconds", "Calls to a registry.", CALLS, "registry", "call"
        )
        labels = ("verb", "resource", "code")
        self._kubernetes_calls = self._counter(
            "kubernetes_requests", "Calls to the API server, without watches.", *labels
        )
        self._kubernetes_seconds = self._histogram(
            "kubernetes_request_duration_seconds", "Calls to the API server.", CALLS, *labels
        )
        self._queries = self._counter("monitor_queries", "Queries for monitors.", "source", "outcome")
        self._notifications = self._counter(
            "notifications", "Notices that a channel was sent.", "channel", "outcome"
        )
        self._dropped = self._counter(
            "notifications_dropped", "Notices that a channel was never sent.", "channel"
        )

    def _make_work_metrics(self) -> None:
        self._request_seconds = self._histogram(
            "request_duration_seconds", "From creation to end.", WAITS, "operation", "outcome"
        )
        self._phase_seconds = self._histogram(
            "request_phase_duration_seconds", "How long a request was in a phase.", WAITS, "phase"
        )
        for phase in TIMED:
            self._phase_seconds.labels(str(phase))
        self._reconciled = self._histogram(
            "reconcile_duration_seconds", "One look at a ModelAlias with its requests.", LOOKS
        )
        self._errors = self._counter("reconcile_errors", "Looks that ended early.", "kind")
        for kind in FailureKind:
            self._errors.labels(str(kind))
        self._depth = self._gauge("queue_depth", "ModelAliases that wait to be looked at.")
        self._waited = self._histogram("queue_wait_seconds", "How long they waited.", LOOKS)
        self._lag = self._histogram("event_loop_lag_seconds", "By how much timers are late.", LAGS)

    async def page(self, *, leads: bool) -> bytes:
        """Return everything in Prometheus' text format; what only the leader knows, where this process leads."""
        return await asyncio.to_thread(self.collected(leads=leads))

    def collected(self, *, leads: bool) -> Callable[[], bytes]:
        """Take the lines that the event loop changes, and return what makes the page of them, in any thread."""
        self._leader.set(leads)
        mine = [self._aliases.text(), texts((self._up, self._looked, self._models))] if leads else []
        parts = [*mine, self._namespaces.text()]
        return lambda: prometheus_client.generate_latest(self._registry) + "".join(parts).encode()

    # What there is

    def alias_seen(self, alias: ModelAlias) -> None:
        """Take a ModelAlias as it stands now."""
        self._namespaces.begin(alias.metadata.namespace)
        self._aliases.alias_seen(alias)

    def alias_gone(self, namespace: str, name: str) -> None:
        """Take that a ModelAlias is gone."""
        self._aliases.alias_gone(namespace, name)

    def request_seen(self, request: PromotionRequest) -> None:
        """Take a request as it stands now; one that has ended too."""
        self._namespaces.begin(request.metadata.namespace)
        self._aliases.request_seen(request)

    def request_gone(self, namespace: str, name: str) -> None:
        """Take that a request is gone."""
        self._aliases.request_gone(namespace, name)

    # What the operator wrote

    def request_ended(self, end: RequestEnd) -> None:
        """Take the end of a request."""
        self._namespaces.requests.count((end.namespace, end.operation, end.outcome, end.reason))
        if end.seconds is not None:
            self._request_seconds.labels(end.operation, end.outcome).observe(end.seconds)

    def phase_left(self, phase: str, seconds: float) -> None:
        """Take how long a request was in a phase that it has left."""
        self._phase_seconds.labels(phase).observe(seconds)

    def moved(self, namespace: str, operation: str, outcome: str) -> None:
        """Take a move that ended."""
        self._namespaces.moves.count((namespace, operation, outcome))

    def judged(self, namespace: str, result: str, enforcement: str) -> None:
        """Take the result of one gate."""
        self._namespaces.gates.count((namespace, result, enforcement))

    def approval_counted(self, namespace: str, decision: str) -> None:
        """Take an approval or a rejection that is valid."""
        self._namespaces.approvals.count((namespace, decision))

    def filed_by_itself(self, namespace: str, operation: str) -> None:
        """Take that the operator filed a request in its own name."""
        self._namespaces.automatic.count((namespace, operation))

    # What the operator asked

    def registry_called(self, registry: str, call: str, outcome: CallOutcome, seconds: float) -> None:
        """Take a call to a registry, which may have been tried twice."""
        self._registry_calls.labels(registry, call, str(outcome)).inc()
        self._registry_seconds.labels(registry, call).observe(seconds)

    def registry_answered(self, registry: str, models: int) -> None:
        """Take a snapshot of a registry, with how many models are in it."""
        for family, number in ((self._up, 1.0), (self._looked, self._wall()), (self._models, models)):
            family.put(registry, [((registry,), number)])

    def registry_failed(self, registry: str) -> None:
        """Take that there is no snapshot: the registry cannot be used now."""
        self._up.put(registry, [((registry,), 0)])

    def kubernetes_called(self, verb: str, resource: str, code: str, seconds: float) -> None:
        """Take a call to the API server; the code is that of HTTP, `timeout` or `unreachable`."""
        self._kubernetes_calls.labels(verb, resource, code).inc()
        self._kubernetes_seconds.labels(verb, resource, code).observe(seconds)

    def identity_looked_up(self, *, proved: bool) -> None:
        """Take whether the API server proves who files requests and approves."""
        self._proved.set(proved)

    def monitor_queried(self, source: str, outcome: str) -> None:
        """Take a query for a monitor; the source is a kind or a configured name, never an address or a query."""
        self._queries.labels(source, outcome).inc()

    # Whom the operator told

    def channel_opened(self, channel: str) -> None:
        """Take that a channel is configured."""
        self._dropped.labels(channel)
        for outcome in NotificationOutcome:
            self._notifications.labels(channel, str(outcome))

    def notified(self, channel: str, outcome: NotificationOutcome, count: int) -> None:
        """Take what became of so many notices that a channel was told of, or was not."""
        self._notifications.labels(channel, str(outcome)).inc(count)

    def notices_dropped(self, channel: str, count: int) -> None:
        """Take that so many notices were never sent to a channel: there was no room, or another process leads."""
        self._dropped.labels(channel).inc(count)

    # How the operator works

    def reconciled(self, seconds: float) -> None:
        """Take how long one look at an alias took."""
        self._reconciled.observe(seconds)

    def failed(self, kind: FailureKind) -> None:
        """Take that a look at an alias ended early."""
        self._errors.labels(str(kind)).inc()

    def queue_measured_by(self, depth: Callable[[], int]) -> None:
        """Take what says how many aliases wait to be looked at."""
        self._depth.set_function(depth)

    def queue_waited(self, seconds: float) -> None:
        """Take how long an alias waited to be looked at."""
        self._waited.observe(seconds)

    def loop_lagged(self, seconds: float) -> None:
        """Take by how much a timer of the event loop was late."""
        self._lag.observe(seconds)

    def _gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"modelalias_{name}", help_text, labels, registry=self._registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"modelalias_{name}", help_text, labels, registry=self._registry)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"modelalias_{name}", help_text, labels, registry=self._registry, buckets=buckets)


def _version() -> str:
    try:
        return version("modelalias")
    except PackageNotFoundError:  # the modules lie somewhere without being installed
        return ""
