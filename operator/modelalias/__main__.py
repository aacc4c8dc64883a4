"""`python -m modelalias`: settings, adapters, engine, Kopf."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import kopf

from modelalias import logs, probes, scrapes, settings, webhooks
from modelalias.adapters import notification_channels
from modelalias.adapters.admission import KubernetesAdmission
from modelalias.adapters.discovery import KubernetesDiscovery
from modelalias.adapters.jobs import KubernetesJobs
from modelalias.adapters.kubernetes_client import Connection, open_client
from modelalias.adapters.kubernetes_objects import KubernetesObjects
from modelalias.adapters.lease import KubernetesLease, Lease, NoLease, own_identity, steady
from modelalias.adapters.mlflow_registry import open_registry
from modelalias.adapters.pods import KubernetesPods
from modelalias.adapters.prometheus import Prometheus
from modelalias.adapters.prometheus_telemetry import CONTENT_TYPE, PrometheusTelemetry
from modelalias.adapters.routes import KubernetesRoutes
from modelalias.adapters.signing_keys import KubernetesSigningKeys
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.core.errors import InvalidRequest
from modelalias.handlers import rewatching, tuning, watches
from modelalias.ports import Cluster, Servers
from modelalias.reconcile import loop_lag
from modelalias.reconcile.engine import Engine

STOP_SECONDS: Final = 10.0
"""What each part may take to end; together less than the 30 s that the kubelet waits."""

NEW_BEFORE_COLLECTED: Final = 20_000
"""Objects that are made before the collector of cycles looks at them. A promotion makes tens of thousands of small
values, nearly all without cycles; Python's default of 700 had it look several times in each pass."""

_log = logging.getLogger("modelalias")


async def serve(config: settings.Settings) -> None:
    """Run until SIGTERM or SIGINT, or until a part that cannot go on ends."""
    async with AsyncExitStack() as stack:
        telemetry = PrometheusTelemetry(per_alias=config.metrics.per_alias)
        connection = Connection(await open_client(os.environ.get("KUBECONFIG")), telemetry=telemetry)
        stack.push_async_callback(connection.close)
        lead = _lead(config, connection)
        registries = {
            name: open_registry(item, lead.check, partial(telemetry.registry_called, name))
            for name, item in config.registries.items()
        }
        for registry in registries.values():
            stack.push_async_callback(registry.close)
        metrics = {name: Prometheus(item) for name, item in config.prometheus.items()}
        for source in metrics.values():
            stack.push_async_callback(source.close)
        channels = notification_channels.opened(config.notifications.channels)
        for channel in channels.values():
            stack.push_async_callback(channel.close)
        objects = KubernetesObjects(connection, identity=config.identity)
        engine = Engine(
            config,
            Cluster(
                objects,
                KubernetesWorkloads(connection),
                KubernetesJobs(connection),
                KubernetesAdmission(connection),
                _keys(config, connection),
                KubernetesPods(connection),
                KubernetesRoutes(connection),
            ),
            Servers(registries, metrics, channels),
            lead,
            time.monotonic,
            connection.clock.now,
            telemetry,
        )
        await _serve_metrics(stack, config.metrics, telemetry, lead)
        async with webhooks.heard(config, engine.poke, connection.clock.now):
            await _run(config, engine, lead, KubernetesDiscovery(connection))


async def _serve_metrics(
    stack: AsyncExitStack,
    config: settings.MetricsSettings,
    telemetry: PrometheusTelemetry,
    lead: Lease | NoLease,
) -> None:
    """Answer scrapes until the stack ends, from the first moment on."""
    if not config.enabled:
        return
    await stack.enter_async_context(
        scrapes.answered(config.port, lambda: telemetry.page(leads=lead.leads), CONTENT_TYPE)
    )
    ticker = asyncio.create_task(loop_lag.measure(telemetry, time.monotonic), name="loop lag")
    stack.callback(ticker.cancel)


def _lead(config: settings.Settings, connection: Connection) -> Lease | NoLease:
    if not config.lease.enabled:
        return NoLease()
    namespace, name = config.lease.namespace, config.lease.name
    store = KubernetesLease(connection, namespace=namespace, name=name, watches=config.namespaces)
    return Lease(
        store,
        identity=own_identity(config.identity),
        clock=steady,
        place=f"{namespace}/{name}",
        namespaces=config.namespaces,
    )


def _keys(config: settings.Settings, connection: Connection) -> KubernetesSigningKeys:
    names = config.signing
    return KubernetesSigningKeys(
        connection,
        namespace=names.namespace or config.lease.namespace,
        secret=names.secret,
        public_keys=names.public_keys,
    )


def _kopf_identity(name: str) -> Any:
    """Give Kopf a name: its own guess asks the system for the user's, and a container's user has none."""
    return name


async def _run(
    config: settings.Settings, engine: Engine, lead: Lease | NoLease, discovery: KubernetesDiscovery
) -> None:
    registry = kopf.OperatorRegistry()
    tuning.register_login(registry)
    watches.register(engine, registry)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_BEFORE_COLLECTED, 20, 20)
    loop = asyncio.get_running_loop()
    stop, ready = asyncio.Event(), asyncio.Event()

    async def start_kopf() -> rewatching.Tasks:
        tasks = await kopf.spawn_tasks(
            registry=registry,
            identity=_kopf_identity(config.identity),
            ready_flag=ready,
            **tuning.arguments(config.namespaces),
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(
                number, stop.set
            )  # in place of Kopf's, which would cancel the workers first
        return tasks

    watching = asyncio.create_task(
        rewatching.keep_watching(start_kopf, discovery.served, watches.WATCHED, engine.watches_began_anew),
        name="kopf",
    )
    stopping = asyncio.create_task(stop.wait(), name="stop")
    starting = asyncio.create_task(ready.wait(), name="start")
    await asyncio.wait({watching, stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
    async with probes.answered(config.liveness_port):
        leading = asyncio.create_task(lead.run(), name="lease")
        working = asyncio.create_task(engine.run(), name="engine")
        await asyncio.wait({watching, leading, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        # the workers stop first, so that the Lease is given up after the last write
        for task in (working, leading, watching):
            task.cancel()
            await asyncio.wait({task}, timeout=STOP_SECONDS)
    if not stop.is_set():
        raise SystemExit(_why_it_ended((watching, leading, working)))


def _why_it_ended(tasks: Iterable["asyncio.Task[Any]"]) -> str:
    """Log and return what went wrong, with the watches first."""
    for task in tasks:
        error = None if not task.done() or task.cancelled() else task.exception()
        if error is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)
            return f"modelalias: {task.get_name()} failed: {error}"
    return "modelalias: a part ended before it was asked to"


def main() -> int:
    """Read the configuration and serve; a configuration that does not fit is one line and status 2."""
    try:
        config = settings.load()
    except InvalidRequest as error:
        print(f"modelalias: {error}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        return 2
    logs.configure(config.log_level)
    _log.info(
        "starting", extra={"identity": config.identity, "registries": ", ".join(sorted(config.registries))}
    )
    asyncio.run(serve(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
