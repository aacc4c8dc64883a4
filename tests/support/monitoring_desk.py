"""The scheduler of monitors alone, in virtual time, with sources that a test fills."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Self

from modelalias.api.alias import ModelAlias, ModelAliasSpec, ModelAliasStatus, MonitorStatus, NamedVersion
from modelalias.api.metadata import Metadata
from modelalias.ports import MetricsSource
from modelalias.reconcile.monitoring import Monitoring, MonitorView
from modelalias.reconcile.queue import Key
from tests.support.fake_prometheus import FakePrometheus
from tests.support.fake_registry import FakeRegistry
from tests.support.monitored import SINCE, monitor_body

DRIFT: Final = {"experiment": {"name": "drift", "metric": "psi"}}


def alias(
    name: str = "churn",
    *monitors: Mapping[str, Any],
    version: str | None = "3",
    since: datetime = SINCE,
    namespace: str = "ml",
    uid: str = "1",
    model: str = "churn",
    statuses: tuple[MonitorStatus, ...] = (),
    **status: Any,
) -> ModelAlias:
    """Return an alias with these monitors, by default one of a query that names the version."""
    current = None if version is None else NamedVersion(version=version, since=since)
    spec = {"model": model, "alias": "champion", "monitors": monitors or (monitor_body(),)}
    return ModelAlias(
        metadata=Metadata(name=name, namespace=namespace, uid=uid),
        spec=ModelAliasSpec.model_validate(spec),
        status=ModelAliasStatus(current=current, monitors=statuses, **status),
    )


class Desk:
    """A scheduler that runs from long after the move on, and whom it woke."""

    def __init__(
        self, sources: Mapping[str, MetricsSource] | None = None, *, forbidden: tuple[str, ...] = ()
    ) -> None:
        self.prometheus, self.registry = FakePrometheus(), FakeRegistry()
        self.woken: list[Key] = []
        self.counted: set[tuple[str, str]] = set()
        self._began = asyncio.get_running_loop().time()
        self._task: asyncio.Task[None] | None = None
        self.monitoring = Monitoring(
            {"default": self.prometheus, **(sources or {})},
            {"default": self.registry},
            lambda _server, namespace: namespace not in forbidden,
            self.woken.append,
            asyncio.get_running_loop().time,
            self.wall,
            lambda source, outcome: self.counted.add((source, outcome)),
        )

    async def __aenter__(self) -> Self:
        self.start()
        await asyncio.sleep(0.5)  # what falls due within a whole second then has its time in it
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self.monitoring.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    def wall(self) -> datetime:
        passed = asyncio.get_running_loop().time() - self._began
        return SINCE + timedelta(hours=1, seconds=passed)

    def see(self, item: ModelAlias) -> None:
        self.monitoring.see(item)

    def view(self, name: str = "churn", namespace: str = "ml") -> MonitorView:
        return self.monitoring.view(Key(namespace, name))

    def status(self, name: str = "churn", monitor: str = "errors", namespace: str = "ml") -> MonitorStatus:
        return self.view(name, namespace).monitors[monitor]

    def stands(self, name: str = "churn") -> tuple[str, int]:
        """Return the state of the monitor and its count."""
        status = self.status(name)
        return str(status.state), status.failures

    def yields(self, value: float | None, version: str = "3") -> None:
        """Let the query that names a version yield this."""
        self.prometheus.numbers[f'errors{{version="{version}"}}'] = value

    def measured(self, value: float, version: str = "3") -> None:
        """Let a job measure a version."""
        self.registry.log_live_metric("drift", "psi", "churn", version, value)

    def wakes(self) -> int:
        """Return how often anybody was woken since the last look."""
        count = len(self.woken)
        self.woken.clear()
        return count


class Slow:
    """A Prometheus that takes its time; it knows how many questions were under way at once."""

    def __init__(self, seconds: float, value: float) -> None:
        self.seconds, self.value = seconds, value
        self.queries: list[str] = []
        self.most = 0
        self.asked = asyncio.Event()
        self._under_way = 0

    async def query(self, query: str) -> float | None:
        self.queries.append(query)
        self.asked.set()
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self._under_way -= 1
        return self.value

    async def close(self) -> None:
        return
