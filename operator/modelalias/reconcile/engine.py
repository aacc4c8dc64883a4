"""The engine: events make keys dirty, workers bring each key as far as it goes.

Failures come again later.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from modelalias.api.alias import Drift, ModelAlias
from modelalias.api.fields import duration
from modelalias.api.request import PromotionRequest
from modelalias.core.errors import NotLeading, OperatorError, Refused, StaleObject, Unavailable
from modelalias.core.policies.effective import Effective
from modelalias.core.protocol.context import ByItself, Identity
from modelalias.ports import (
    SILENT,
    Cluster,
    FailureKind,
    GivenPolicy,
    Lead,
    PolicyId,
    Servers,
    Telemetry,
    Workload,
    WorkloadRef,
)
from modelalias.reconcile.alias import AliasReconciler
from modelalias.reconcile.events_posted import EventsPosted
from modelalias.reconcile.identity import IdentityWatch
from modelalias.reconcile.known_policies import KnownPolicies
from modelalias.reconcile.known_requests import KnownRequests
from modelalias.reconcile.mass_drift import MassDrift
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.monitoring import Monitoring
from modelalias.reconcile.notary_watch import NotaryWatch
from modelalias.reconcile.notifier import Notifier
from modelalias.reconcile.outside import Outside
from modelalias.reconcile.own_account import OwnAccount
from modelalias.reconcile.pod_looks import PodLooks
from modelalias.reconcile.queue import Key, KeyedQueue
from modelalias.reconcile.registry_watch import RegistryWatch
from modelalias.reconcile.workloads_seen import WorkloadsSeen
from modelalias.settings import Settings
from modelalias.turns import ASKED_FOR

BETWEEN_WAKES: Final = timedelta(milliseconds=20)
"""One policy may hold for thousands of aliases, which are looked at one after another: 50 in a second."""

FIRST_LISTING_SECONDS: Final = 20.0
"""Within so long after the start a watch lists for the first time, and has missed nothing."""
LISTING_SECONDS: Final = 2.0
"""A listing is over when it has told nothing for so long."""
MOST_WAITS: Final = 15
"""As often is waited for so long, at most: its end may never come."""

_log = logging.getLogger(__name__)


class Engine:
    """Everything between the watches and the ports; `run` acts while this process leads."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        servers: Servers,
        lead: Lead,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        telemetry: Telemetry = SILENT,
    ) -> None:
        """Take the ports.

        The clocks are a monotonic one in seconds and a wall clock.
        """
        self._settings, self._objects, self._lead, self._clock = settings, cluster.objects, lead, clock
        self._telemetry = telemetry
        places = {name: item.place for name, item in settings.registries.items()}
        self._workloads = WorkloadsSeen(clock, wall)
        self._policies = KnownPolicies()
        self._requests = KnownRequests(settings.requests_per_namespace, telemetry)
        self._memory = Memory(
            lambda name: places.get(name, name),
            self._allows,
            self._workloads,
            self._policies,
            self._requests,
            telemetry,
        )
        self._queue = KeyedQueue(clock, waited=telemetry.queue_waited)
        telemetry.queue_measured_by(self._queue.__len__)
        self._missed = asyncio.Event()
        self._began = self._listed_at = clock()
        self._resync = duration(settings.resync)
        self._watches = {
            name: RegistryWatch(
                name,
                registry,
                duration(settings.registries[name].snapshot_interval),
                self._moved,
                clock,
                telemetry,
                partial(self._memory.models, name),
                partial(self._memory.models_with_versions, name),
            )
            for name, registry in servers.registries.items()
        }
        self._identity = IdentityWatch(cluster.admission, lambda: self._wake(self._memory.keys()), telemetry)
        self._notary = NotaryWatch(cluster.keys)
        self._monitoring = Monitoring(
            servers.metrics,
            servers.registries,
            self._may_query,
            lambda key: self._wake((key,)),
            clock,
            wall,
            telemetry.monitor_queried,
            self._allows,
        )
        self._account = OwnAccount(cluster.objects, lambda: self._wake(self._memory.keys()))
        self._other_rules: set[Key] = set()
        """Aliases that the monitoring has yet to see with other rules."""
        self.notifier = Notifier(settings.notifications, servers.channels, lead, clock, telemetry)
        self._events = EventsPosted(cluster.objects)
        outside = Outside(
            self._who_proves,
            self._allows,
            lambda: self._notary.notary,
            lead,
            self._workloads,
            self._by_itself,
            telemetry,
            self.notifier,
            self._events,
        )
        looks = PodLooks(cluster, self._workloads, clock, self._resync)
        self._reconciler = AliasReconciler(self._memory, cluster, self._watches, outside, looks, clock, wall)
        self._mass_drift = MassDrift(self._memory.expected, self._reconciler.last_write)

    def alias_seen(self, alias: ModelAlias, *, listed: bool = False) -> None:
        """Remember an alias and wake whom that concerns; `listed` says that a listing has it so."""
        self._wake(self._memory.see_alias(alias, listed=listed))
        key = Key(alias.metadata.namespace, alias.metadata.name)
        self._wake(self._memory.splitting(key))  # also where it was this process that wrote its status
        if self._memory.version(key) == int(
            alias.metadata.resource_version or 0
        ):  # what is older than it is shown to nobody
            self._show(key, self._memory.with_policies(alias))

    def alias_echoed(self, namespace: str, name: str, version: int) -> bool:
        """Return whether an alias is known as of that resourceVersion: a watch tells again what was just written.

        There is nothing in it to read then. Whose challenger it is, is looked at all the same.
        """
        key = Key(namespace, name)
        if self._memory.version(key) != version:
            return False
        self._wake(self._memory.splitting(key))
        return True

    def alias_gone(self, namespace: str, name: str, uid: str | None = None) -> None:
        """Forget an alias, with a uid only that one; its requests learn that it is gone."""
        touched = self._memory.drop_alias(Key(namespace, name), uid)
        if touched:
            self._monitoring.drop(Key(namespace, name))
        self._wake(touched)

    def request_seen(self, request: PromotionRequest, *, listed: bool = False) -> None:
        """Remember a request and wake its alias; `listed` says that a listing has it so."""
        self._wake(self._requests.see(request, listed=listed))

    def request_echoed(self, namespace: str, name: str, version: int) -> bool:
        """Return whether a request is known as of that resourceVersion, and so there is nothing new to read."""
        return self._requests.version(namespace, name) == version

    def request_gone(self, namespace: str, name: str, uid: str | None = None) -> None:
        """Forget a request, with a uid only that one, and wake its alias.

        Its Jobs go with it, and their runs end.
        """
        key, runs = self._requests.measuring(namespace, name)
        touched = self._requests.drop(namespace, name, uid)
        if touched:
            self._reconciler.evaluations.abandon(key, runs)
        self._wake(touched)

    def policy_seen(self, policy: GivenPolicy, *, listed: bool = False) -> None:
        """Remember a policy and look at the aliases for which it holds; `listed` says that a listing has it so."""
        self._judge_anew(self._policies.see(policy, listed=listed))

    def policy_gone(self, policy: PolicyId, uid: str | None = None) -> None:
        """Forget a policy, with a uid only that one, and look at the aliases for which it held."""
        self._judge_anew(self._policies.drop(policy, uid))

    def workload_seen(self, workload: Workload) -> None:
        """Remember a workload and wake the aliases that it serves."""
        self._wake(self._workloads.see(workload))

    def workload_gone(self, ref: WorkloadRef, uid: str | None = None) -> None:
        """Forget a workload, with a uid only that one, and wake the aliases that it served."""
        self._wake(self._workloads.drop(ref, uid))

    def job_seen(self, namespace: str, alias: str) -> None:
        """Wake the alias that waits for a Job."""
        key = Key(namespace, alias)
        if self._memory.knows(key):
            self._wake((key,))

    def poke(self, registry: str) -> None:
        """Take a snapshot of a registry soon, because something hints that it changed."""
        if registry in self._watches:
            self._watches[registry].poke()

    def watches_began_anew(self) -> None:
        """Read everything soon: what was deleted between two watches is told by none of them."""
        self._missed.set()

    def listed(self) -> None:
        """Hear of an object by a watch's listing; a listing after the first follows on a gap, of which nothing else tells."""
        self._listed_at = self._clock()
        if self._listed_at - self._began > FIRST_LISTING_SECONDS:
            self._missed.set()

    async def run(self) -> None:
        """Wait for the lead, read everything, and work until cancelled; after a lost lead, from the start."""
        while True:
            await self._lead.acquired()
            await self._notary.ready()
            self._missed.clear()
            await self._read_everything()
            await self._identity.look()
            await self._account.look()
            self._wake(self._memory.keys())
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._reread(), name="reread")
                    tasks.create_task(self._identity.run(), name="identity")
                    tasks.create_task(self._notary.run(), name="notary")
                    tasks.create_task(self._monitoring.run(), name="monitors")
                    tasks.create_task(self._account.run(), name="account")
                    tasks.create_task(self.notifier.run(), name="notifier")
                    tasks.create_task(self._events.run(), name="events")
                    for watch in self._watches.values():
                        tasks.create_task(watch.run(), name=f"registry {watch.name}")
                    for number in range(self._settings.workers):
                        tasks.create_task(self._work(), name=f"worker {number}")
            except* NotLeading as lost:
                _log.warning("standing back: %s", lost.exceptions[0])

    async def _reread(self) -> None:
        """Find, now and then, what a watch may have missed.

        After a gap Kopf lists anew and tells of no deletion.
        """
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._missed.wait(), self._resync.total_seconds())
            await self._listing_is_over()
            self._missed.clear()
            await self._read_everything()

    async def _listing_is_over(self) -> None:
        """Wait until the watches' listings have told everything: each of them follows on a gap of its own."""
        for _ in range(MOST_WAITS):
            left = self._listed_at + LISTING_SECONDS - self._clock()
            if left <= 0:
                return
            await asyncio.sleep(left)

    async def _read_everything(self) -> None:
        """Bring the memory up to date, so that the oldest request is known to be the oldest and no ghost stays."""
        while True:
            aliases, requests = self._memory.uids(), self._requests.uids()
            try:
                await self._read_policies()
                async for alias in self._objects.every_alias(self._settings.namespaces):
                    aliases.pop(Key(alias.metadata.namespace, alias.metadata.name), None)
                    self.alias_seen(alias, listed=True)
                async for request in self._objects.every_request(self._settings.namespaces):
                    requests.pop((request.metadata.namespace, request.metadata.name), None)
                    self.request_seen(request, listed=True)
            except OperatorError as error:
                _log.warning("cannot list the resources yet: %s", error)
                await asyncio.sleep(
                    (getattr(error, "retry_after", None) or timedelta(seconds=5)).total_seconds()
                )
            else:
                for key, uid in aliases.items():  # and not one that was made anew meanwhile
                    self.alias_gone(*key, uid)
                for (namespace, name), uid in requests.items():
                    self.request_gone(namespace, name, uid)
                return

    async def _read_policies(self) -> None:
        """Bring the policies up to date before anything is judged by them."""
        while True:
            gone = self._policies.uids()
            async for policy in self._objects.every_policy(self._settings.namespaces):
                gone.pop(policy.id, None)
                self.policy_seen(policy, listed=True)
            for policy_id, uid in gone.items():
                self.policy_gone(policy_id, uid)
            if not self._policies.in_doubt:
                return

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            ASKED_FOR.set(key.namespace)
            began = self._clock()
            try:
                await self._reconcile(key)
            finally:
                self._queue.done(key)
                self._telemetry.reconciled(self._clock() - began)
            await asyncio.sleep(0)  # a pass with nothing to do waits for nothing, and there may be thousands

    async def _reconcile(self, key: Key) -> None:
        name = f"{key.namespace}/{key.name}"
        self._show_other_rules(key)
        before = self._memory.version(key)
        try:
            again = await self._reconciler.reconcile(key)
        except NotLeading:
            raise
        except StaleObject as error:
            self._telemetry.failed(FailureKind.CONFLICT)
            _log.debug("%s: decided on something old, deciding again: %s", name, error)
            self._queue.retry(key)
        except (Unavailable, Refused) as error:
            refused = isinstance(error, Refused)
            self._telemetry.failed(FailureKind.REFUSED if refused else FailureKind.UNAVAILABLE)
            delay = self._queue.retry(key, getattr(error, "retry_after", None))
            _log.warning("%s: again in %.1f s: %s", name, delay.total_seconds(), error)
        except Exception:  # noqa: BLE001 - a bug in one alias must not stop the others; it is logged with its trace and tried again
            self._telemetry.failed(FailureKind.UNEXPECTED)
            delay = self._queue.retry(key)
            _log.exception("%s: unexpected, again in %.1f s", name, delay.total_seconds())
        else:
            self._queue.succeeded(key)
            if self._memory.knows(key):
                resync = self._resync * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
                self._queue.add_at(key, resync if again is None else min(again, resync))
            else:
                self._queue.forget(key)
        if self._memory.version(key) != before:
            self._show_known(key)

    def _moved(self, registry: str, models: Iterable[str] | None) -> None:
        if models is None:
            self._wake(self._memory.of_registry(registry))
            return
        for model in models:
            self._wake(self._memory.of_model(registry, model))

    def _wake(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._queue.add(key)

    def _judge_anew(self, keys: Iterable[Key]) -> None:
        """Look at aliases by other rules than before, one after another, those with open requests first.

        Whatever else wakes one meanwhile finds the new rules already.
        """
        waiting = sorted(keys, key=lambda key: (not self._requests.has_open(key), key))
        for number, key in enumerate(waiting):
            self._queue.add_at(key, BETWEEN_WAKES * number)
        self._other_rules.update(waiting)

    def _show_other_rules(self, key: Key) -> None:
        """Let the monitoring see an alias for which other rules hold than when it saw it last."""
        if key in self._other_rules:
            self._other_rules.discard(key)
            self._show_known(key)

    def _show_known(self, key: Key) -> None:
        """Let the monitoring see an alias as the memory has it."""
        effective = self._memory.effective(key)
        if effective is not None:
            self._show(key, effective)

    def _show(self, key: Key, effective: Effective) -> None:
        """Let the monitoring see an alias; where its rules are not known, the monitors are those known before."""
        alias = effective.alias
        if effective.view.problem is not None:
            alias = self._monitoring.with_known_monitors(key, alias)
        self._monitoring.see(alias)

    def _may_query(self, server: str, namespace: str) -> bool:
        """Return whether the configuration lets a namespace ask that Prometheus."""
        found = self._settings.prometheus.get(server)
        return found is not None and found.may_be_asked_by(namespace)

    def _by_itself(self, key: Key, alias: ModelAlias | None) -> ByItself:
        view = self._monitoring.view(key)
        corrects = alias is not None and alias.spec.drift is not Drift.REPORT
        watch = self._watches.get(alias.spec.registry) if alias is not None and corrects else None
        return ByItself(
            account=self._account.name,
            monitors=view.monitors,
            monitors_written=view.written,
            before=view.before,
            asked_before=view.asked_before,
            mass_breach=view.mass_breach,
            mass_drift=watch is not None and self._mass_drift.is_one(watch),
        )

    def _who_proves(self) -> Identity:
        settings, found = self._settings, self._identity
        return Identity(
            found.why_unproved,
            settings.accept_unproved_approvals,
            settings.machine_requesters,
            certain=found.certain,
            pins_unproved=found.why_pins_unproved,
        )

    def _allows(self, registry: str, namespace: str, model: str) -> bool:
        known = self._settings.registries.get(registry)
        return known is not None and known.allows(namespace, model)
