"""Reading the monitors of all aliases, when they fall due, and keeping what the readings add up to."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from modelalias.api.alias import ModelAlias, MonitorStatus
from modelalias.core.monitoring import mass, series
from modelalias.core.monitoring.series import Reading
from modelalias.ports import MetricsSource, Registry
from modelalias.reconcile.monitor_questions import Question, Source, Sources
from modelalias.reconcile.monitor_schedule import Member, Schedule, Turn
from modelalias.reconcile.monitor_source import SourceReader, Spawn, uncounted
from modelalias.reconcile.monitored import Monitored
from modelalias.reconcile.queue import Key

_log = logging.getLogger(__name__)

_AT_A_TIME: Final = 50
"""Questions or answers that are worked on before others have their turn."""
_RECOUNT: Final = 60
"""Seconds after which what fails is counted again: what has failed for long counts no more."""
_SPREAD: Final = 60
"""Seconds over which aliases spread the writes of new points."""


def _all(registry: str, namespace: str, model: str) -> bool:
    del registry, namespace, model
    return True


@dataclass(frozen=True)
class MonitorView:
    """What is known of the monitors of one alias."""

    monitors: Mapping[str, MonitorStatus] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    asked_before: frozenset[str] = frozenset()
    mass_breach: bool = False
    written: datetime | None = None
    """When the status said something else of them last, as far as this process has seen it."""


class Monitoring:
    """One scheduler for all monitors of all aliases; `run` reads while this process leads."""

    def __init__(
        self,
        sources: Mapping[str, MetricsSource],
        registries: Mapping[str, Registry],
        allows: Callable[[str, str], bool],
        wake: Callable[[Key], None],
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        queried: Callable[[str, str], None] = uncounted,
        manages: Callable[[str, str, str], bool] = _all,
    ) -> None:
        """Take the sources by their configured names, and who may ask them.

        `allows(server, namespace)`, `manages(registry, namespace, model)`; `queried(source, outcome)` counts.
        """
        self._queried = queried
        self._sources = Sources(sources, registries, allows, manages)
        self._wake, self._clock, self._wall = wake, clock, wall
        self._aliases: dict[Key, Monitored] = {}
        self._failing: set[Key] = set()
        self._counted_at = clock()
        self._watched: set[Key] = set()
        """Those with a version whose monitors are read."""
        self._mass = False
        self._schedule = Schedule()
        self._readers: dict[Source, SourceReader] = {}
        self._spawn: Spawn | None = None
        """Starts a task while `run` runs; None: another process reads, and statuses say what it knows."""

    def see(self, alias: ModelAlias) -> None:
        """Take in an alias as it stands now: its monitors, its version, what its status says of them."""
        key = Key(alias.metadata.namespace, alias.metadata.name)
        known = self._aliases.get(key)
        if not alias.spec.monitors:
            if known is not None:
                self.drop(key)
            return
        if known is None or known.uid != alias.metadata.uid:
            if known is not None:
                self.drop(key)
            known = self._aliases[key] = Monitored(alias.metadata.uid, _stagger(key))
            from_status = True
        else:
            from_status = self._spawn is None
        if known.take(alias, self._wall(), from_status=from_status):
            self._plan(key, known)

    def with_known_monitors(self, key: Key, alias: ModelAlias) -> ModelAlias:
        """Return the alias with the monitors that were read so far, where there are any."""
        known = self._aliases.get(key)
        if known is None or known.uid != alias.metadata.uid:
            return alias
        monitors = tuple(known.monitors.values())
        return alias.changed(spec=alias.spec.changed(monitors=monitors))

    def drop(self, key: Key) -> None:
        """Forget an alias."""
        self._aliases.pop(key, None)
        for name in self._schedule.names(key):
            self._schedule.put(Member(key, name), None)
        self._failing.discard(key)
        self._watched.discard(key)

    def view(self, key: Key) -> MonitorView:
        """Return what is known of the monitors of an alias."""
        known = self._aliases.get(key)
        if known is None:
            return MonitorView()
        return MonitorView(
            dict(known.statuses), dict(known.before), known.asked_before(), self._mass, known.written
        )

    async def run(self) -> None:
        """Read what falls due, for ever."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._spawn = tasks.create_task
                self._schedule.begin(self._clock())
                while True:
                    await self._ask_due(tasks.create_task)
                    await self._schedule.wait(self._clock())
        finally:
            self._spawn = None
            for reader in self._readers.values():
                reader.forget()

    def _plan(self, key: Key, known: Monitored) -> None:
        """Let the monitors of an alias be read as they are now."""
        for name in self._schedule.names(key) - known.statuses.keys():
            self._schedule.put(Member(key, name), None)
        watched = known.watched
        if watched is None:
            self._watched.discard(key)
        else:
            self._watched.add(key)
            for name in known.statuses:
                monitor = known.monitors[name]
                question = self._sources.question(monitor, known.place, watched.version)
                every = int(series.interval(monitor).total_seconds())
                self._schedule.put(Member(key, name), Turn(question, every))
        self._count(key)

    async def _ask_due(self, spawn: Spawn) -> None:
        for count, (question, members) in enumerate(self._schedule.due(self._clock())):
            awake = [member for member in members if not self._is_busy(member)]
            if awake:
                self._reader(question.source).ask(question, awake, spawn)
            if count % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)

    async def _answered(self, question: Question, reading: Reading, members: Iterable[Member]) -> None:
        """Take in an answer, then look whether too many fail, and only then wake whom it concerns."""
        touched: dict[Key, None] = {}
        woken: dict[Key, None] = {}
        now = self._wall()
        for count, member in enumerate(members):
            try:
                if self._take(question, reading, member, now):
                    woken[member.key] = None
            except Exception:  # noqa: BLE001 - a bug in one alias must not stop the others; it is logged with its trace
                _log.exception("unexpected reading of a monitor", extra={"alias": "/".join(member.key)})
            touched[member.key] = None
            if count % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)
        await self._judge_mass(touched, woken)
        for key in woken:
            self._wake(key)

    def _take(self, question: Question, reading: Reading, member: Member, now: datetime) -> bool:
        """Take in a reading of the current version or of the one before; ask for the latter while one fails."""
        known = self._aliases.get(member.key)
        if known is None or known.is_busy or member.name not in known.statuses:
            return False
        if question != self._schedule.question(member):
            if question != self._question_before(known, member.name):
                return False
            return known.read_before(member.name, reading)
        to_tell = known.read(member.name, reading, now)
        self._count(member.key)
        before = self._question_before(known, member.name)
        if before == question:
            known.cannot_tell_versions_apart(member.name)
        elif before is not None and self._spawn is not None:
            self._reader(before.source).ask(before, (member,), self._spawn)
        return to_tell

    def _question_before(self, known: Monitored, name: str) -> Question | None:
        version = known.version_before(name)
        return None if version is None else self._sources.question(known.monitors[name], known.place, version)

    async def _judge_mass(self, touched: Iterable[Key], woken: dict[Key, None]) -> None:
        """Find out whether too many fail at once; then what fails is disarmed, and told."""
        await self._recount()
        was, self._mass = self._mass, mass.is_mass(len(self._failing), len(self._watched))
        turned = was != self._mass
        concerned = tuple(self._failing) if turned else tuple(key for key in touched if key in self._failing)
        if not turned and not self._mass:
            return
        for count, key in enumerate(concerned):
            known = self._aliases.get(key)
            if known is not None and ((self._mass and known.disarm()) or turned):
                woken[key] = None
            if count % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)

    async def _recount(self) -> None:
        """Count again, now and then, what may have failed for too long to count."""
        if self._clock() - self._counted_at < _RECOUNT:
            return
        self._counted_at = self._clock()
        for count, key in enumerate(tuple(self._failing)):
            if key in self._aliases:
                self._count(key)
            if count % _AT_A_TIME == _AT_A_TIME - 1:
                await asyncio.sleep(0)

    def _count(self, key: Key) -> None:
        known = self._aliases[key]
        if known.is_failing(self._wall()):
            self._failing.add(key)
        else:
            self._failing.discard(key)

    def _is_busy(self, member: Member) -> bool:
        known = self._aliases.get(member.key)
        return known is None or known.is_busy

    def _reader(self, source: Source) -> SourceReader:
        reader = self._readers.get(source)
        if reader is None:
            reader = SourceReader(source, self._sources.ask, self._answered, self._clock, self._queried)
            self._readers[source] = reader
        return reader


def _stagger(key: Key) -> timedelta:
    digest = hashlib.sha256("/".join(key).encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:4], "big") % _SPREAD)
