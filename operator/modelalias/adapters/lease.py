"""The Lease that decides which operator of a cluster acts.

A loop of our own: the library's cannot create a Lease and goes on leading when a call hangs. The rules are in
`adapters.leadership`; here they are carried out against the API server. The engine asks `Lease.check` before
every external write.
"""

import asyncio
import logging
import math
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from modelalias.adapters.admission import KubernetesAdmission
from modelalias.adapters.kubernetes_client import Call, Connection, MissingObject, Verb
from modelalias.adapters.leadership import (
    CALL_SECONDS,
    DURATION_SECONDS,
    LOOK_AROUND_SECONDS,
    LOOK_SECONDS,
    RENEW_SECONDS,
    RETRY_SECONDS,
    VALID_SECONDS,
    Record,
    Sighting,
    free_at,
    observe,
)
from modelalias.adapters.neighbours import Neighbour, Neighbours
from modelalias.core.errors import NotLeading, OperatorError, Refused, StaleObject
from modelalias.kinds.marks import INSTALLATION, PREFIX
from modelalias.rest import PatchType, Resource

LEASES: Final = Resource(group="coordination.k8s.io", version="v1", plural="leases")

WATCHES: Final = f"{PREFIX}watches"
"""Annotation of the Lease: the namespaces that are watched, with commas, or `*`."""

_log = logging.getLogger(__name__)


class LeaseStore(Protocol):
    """One Lease object, written by compare-and-swap.

    Every call is bounded and raises `Unavailable` and `Refused`.
    """

    async def read(self) -> Record | None:
        """Read the Lease; None when there is none."""
        ...

    async def create(self, holder: str, at: datetime) -> Record:
        """Create the Lease, held; raise `StaleObject` when somebody was faster."""
        ...

    async def replace(self, seen: Record, holder: str, at: datetime) -> Record:
        """Renew, take or, with an empty holder, release the Lease.

        Raise `StaleObject` when it changed since it was seen.
        """
        ...

    async def neighbours(self, *, seconds: float = CALL_SECONDS) -> Sequence[Neighbour]:
        """Read the Leases of other installations within so many seconds."""
        ...

    async def why_unproved(self, *, seconds: float = CALL_SECONDS) -> str:
        """Return, within so many seconds, why nobody proves that those are of installations; "" if the API server does."""
        ...


class Lease:
    """Leadership that is held by renewing a Lease.

    `run` does the work until it is cancelled and then releases the Lease: cancel it only after the last
    write.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        identity: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        place: str = "",
        namespaces: Sequence[str] = (),
    ) -> None:
        """Take an identity that no other process ever has (`own_identity`) and a clock that counts every second.

        `place` is where the Lease is, `namespaces` are those that are watched, none for all.
        """
        self._store = store
        self._identity = identity
        self._clock = clock
        self._sleep = sleep
        self._wall = wall
        self._mine: Record | None = None
        self._sighting: Sighting | None = None
        self._valid_until = -math.inf
        self._why = "it has not had the Lease yet"
        self._logged: str | None = None
        self._doubted = ""
        self._renewed = asyncio.Event()
        self._place = place
        self._neighbours = Neighbours(namespaces)
        self._looked_around = -math.inf
        self._gives_way = False
        self._sees_neighbours = True

    @property
    def leads(self) -> bool:
        """Whether this process leads now."""
        return self._clock() < self._valid_until

    def check(self) -> None:
        """Raise `NotLeading` unless this process leads now; called before every external write."""
        if not self.leads:
            raise NotLeading(f"this process does not lead: {self._why}")

    async def acquired(self) -> None:
        """Wait until this process leads."""
        while not self.leads:
            self._renewed.clear()
            await self._renewed.wait()

    async def run(self) -> None:
        """Hold the Lease, or wait for it, until cancelled; no failure of the API server ends it."""
        try:
            while True:
                await self._sleep(await self._turn())
        finally:
            await self._release()

    async def _turn(self) -> float:
        """Try once and return how long to wait for the next time."""
        try:
            await self._try()
        except OperatorError as error:
            self._mine = None
            self._why = f"the Lease could not be renewed in time: {error}"
            self._log_change(logging.WARNING, f"the Lease could not be read or written: {error}")
            return RETRY_SECONDS if self.leads else RENEW_SECONDS
        renewed = self._clock()
        if self.leads:
            self._log_change(logging.INFO, "this process leads")
            await self._look_around_while_leading(renewed)
        if self.leads:
            return max(renewed + RENEW_SECONDS - self._clock(), 0.0)
        self._log_change(
            logging.WARNING if self._gives_way else logging.INFO, f"this process is on standby: {self._why}"
        )
        if self._gives_way:
            return RENEW_SECONDS
        wait = free_at(self._sighting, self._identity) - self._clock() if self._sighting else RENEW_SECONDS
        return min(RENEW_SECONDS, max(wait, 0.0))

    async def _try(self) -> None:
        self._gives_way = False
        seen = self._mine
        if seen is None:
            seen = await self._store.read()
            now = self._clock()
            self._sighting = observe(self._sighting, seen, now)
            if seen is not None and seen.holder != self._identity:
                self._valid_until = -math.inf
                self._why = f"{seen.holder or 'nobody'} has the Lease"
            if not self.leads and free_at(self._sighting, self._identity) > now:
                return
        if not self.leads and await self._must_give_way():
            return
        sent = self._clock()
        if seen is None:
            self._mine = await self._store.create(self._identity, self._wall())
        else:
            self._mine = await self._store.replace(seen, self._identity, self._wall())
        self._valid_until = sent + VALID_SECONDS
        self._why = f"the Lease was not renewed for {VALID_SECONDS:g} s"
        self._sighting = observe(self._sighting, self._mine, sent)
        self._renewed.set()

    async def _must_give_way(self) -> bool:
        """Return whether another installation may act on what this one watches, before this one begins."""
        await self._look_around(CALL_SECONDS)
        found = self._neighbours.may_live(self._clock())
        if found is not None:
            self._gives_way, self._why = True, _in_the_way(found)
        return found is not None

    async def _look_around_while_leading(self, now: float) -> None:
        """Release the Lease where an older installation acts too: both began before they saw each other.

        It comes right behind a renewal, so that the next one need not wait for it.
        """
        if now < self._looked_around + LOOK_AROUND_SECONDS:
            return
        self._looked_around = now
        try:
            await self._look_around(LOOK_SECONDS)
        except OperatorError as error:
            _log.debug("it is not known whether there are other installations: %s", error)
            return
        age = ("" if self._mine is None else self._mine.created, self._place)
        found = self._neighbours.goes_before(age, self._clock())
        if found is not None:
            await self._release()
            self._mine, self._gives_way, self._why = None, True, _in_the_way(found)

    async def _look_around(self, seconds: float) -> None:
        try:
            found = await self._store.neighbours(seconds=seconds)
        except Refused as error:
            found = ()
            if self._sees_neighbours:
                _log.warning(
                    "whether another installation watches the same namespaces is not known: %s", error
                )
            self._sees_neighbours = False
        why = await self._why_unproved(seconds) if self._neighbours.concerned(found) else ""
        now = self._looked_around = self._clock()
        self._neighbours.see(found, now, are_proved=not why)
        doubtful = self._neighbours.unproved(now)
        doubt = "" if doubtful is None else _doubtful(doubtful, why)
        if doubt not in {"", self._doubted}:
            _log.warning(doubt)
        self._doubted = doubt

    async def _why_unproved(self, seconds: float) -> str:
        try:
            return await self._store.why_unproved(seconds=seconds)
        except Refused as error:
            return str(error)

    async def _release(self) -> None:
        """Release the Lease, so that a standby need not wait for it."""
        self._valid_until = -math.inf
        self._why = "it has released the Lease"
        try:
            try:
                await self._release_if_held(self._mine or await self._store.read())
            except StaleObject:  # somebody else changed the Lease
                await self._release_if_held(await self._store.read())
        except OperatorError as error:
            _log.warning("the Lease could not be released, so others wait until it expires: %s", error)

    async def _release_if_held(self, seen: Record | None) -> None:
        if seen is not None and seen.holder == self._identity:
            await self._store.replace(seen, "", self._wall())

    def _log_change(self, level: int, text: str) -> None:
        """Log what changed, once."""
        if text != self._logged:
            self._logged = text
            _log.log(level, text)


def _in_the_way(found: Neighbour) -> str:
    return (
        f"the installation with the Lease {found.place} acts on the same ModelAliases (it watches {_watched(found)}): "
        "uninstall one of them, or let them watch different namespaces"
    )


def _doubtful(found: Neighbour, why: str) -> str:
    return (
        f"the Lease {found.place} says that another installation acts on the same ModelAliases (it watches "
        f"{_watched(found)}), which anybody may have written, so this one does not give way to it: {why}"
    )


def _watched(found: Neighbour) -> str:
    return "all namespaces" if not found.namespaces else ", ".join(found.namespaces)


class NoLease:
    """Leadership without asking: for a single operator whose configuration turns the Lease off."""

    leads: Final = True

    def check(self) -> None:
        """Let every write pass."""

    async def acquired(self) -> None:
        """Return at once."""

    async def run(self) -> None:
        """Do nothing until cancelled."""
        await asyncio.Event().wait()


class KubernetesLease:
    """The port `LeaseStore` on a real API server."""

    def __init__(
        self, connection: Connection, *, namespace: str, name: str, watches: Sequence[str] = ()
    ) -> None:
        """Take the connection, which the caller closes, where the Lease is, and which namespaces are watched."""
        self._connection = connection
        self._namespace = namespace
        self._name = name
        self._marks = {
            "labels": {INSTALLATION: "true"},
            "annotations": {WATCHES: ",".join(sorted(watches)) or "*"},
        }

    async def read(self) -> Record | None:
        """Read the Lease; None when there is none."""
        try:
            return parse_lease(await self._connection.send(self._call(Verb.GET), seconds=CALL_SECONDS))
        except MissingObject:
            return None

    async def create(self, holder: str, at: datetime) -> Record:
        """Create the Lease, held; raise `StaleObject` when somebody was faster."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace, **self._marks},
            "spec": lease_spec(None, holder, at),
        }
        call = Call(verb=Verb.CREATE, resource=LEASES, namespace=self._namespace)
        return parse_lease(await self._connection.send(call, body, seconds=CALL_SECONDS))

    async def replace(self, seen: Record, holder: str, at: datetime) -> Record:
        """Renew, take or, with an empty holder, release the Lease.

        Raise `StaleObject` when it changed since it was seen.
        """
        body = {
            "metadata": {"resourceVersion": seen.resource_version, **self._marks},
            "spec": lease_spec(seen, holder, at),
        }
        try:
            answer = await self._connection.send(
                self._call(Verb.PATCH), body, patch=PatchType.MERGE, seconds=CALL_SECONDS
            )
        except MissingObject as error:
            raise StaleObject(f"the Lease {self._namespace}/{self._name} was deleted") from error
        return parse_lease(answer)

    async def neighbours(self, *, seconds: float = CALL_SECONDS) -> Sequence[Neighbour]:
        """Read the Leases of other installations, in all namespaces, within so many seconds."""
        query = (("labelSelector", INSTALLATION), ("resourceVersion", "0"))
        call = Call(verb=Verb.LIST, resource=LEASES, namespace="", query=query)
        listed = (await self._connection.send(call, seconds=seconds))["items"]
        found = [neighbour for item in listed if (neighbour := parse_neighbour(item)) is not None]
        return [item for item in found if item.place != f"{self._namespace}/{self._name}"]

    async def why_unproved(self, *, seconds: float = CALL_SECONDS) -> str:
        """Return, within so many seconds, why nobody proves that those are of installations; "" if the API server does."""
        return await KubernetesAdmission(self._connection).why_installations_unproved(seconds)

    def _call(self, verb: Verb) -> Call:
        return Call(verb=verb, resource=LEASES, namespace=self._namespace, name=self._name)


def lease_spec(seen: Record | None, holder: str, at: datetime) -> Mapping[str, Any]:
    """Build the spec that makes `holder` the holder; None stands for a field that a merge patch takes away."""
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    before = seen.transitions if seen is not None else 0
    if seen is not None and seen.holder == holder:
        return {"renewTime": moment, "leaseDurationSeconds": DURATION_SECONDS}
    return {
        "holderIdentity": holder or None,
        "leaseDurationSeconds": DURATION_SECONDS,
        "acquireTime": moment,
        "renewTime": moment,
        "leaseTransitions": before + (1 if seen is not None and holder else 0),
    }


def parse_lease(body: Mapping[str, Any]) -> Record:
    """Read a Lease, also one that another program wrote."""
    spec = body.get("spec") or {}
    return Record(
        holder=spec.get("holderIdentity") or "",
        renewed=spec.get("renewTime") or "",
        seconds=spec.get("leaseDurationSeconds") or DURATION_SECONDS,
        transitions=spec.get("leaseTransitions") or 0,
        resource_version=body["metadata"]["resourceVersion"],
        created=body["metadata"].get("creationTimestamp") or "",
    )


def parse_neighbour(body: Mapping[str, Any]) -> Neighbour | None:
    """Read the Lease of an installation; None where it does not say what it watches."""
    metadata = body["metadata"]
    watches = (metadata.get("annotations") or {}).get(WATCHES)
    if not watches:
        return None
    record = parse_lease(body)  # how long it counts is ours to say: anybody may have written it
    return Neighbour(
        place=f"{metadata['namespace']}/{metadata['name']}",
        namespaces=() if watches == "*" else tuple(watches.split(",")),
        record=record.model_copy(update={"seconds": DURATION_SECONDS}),
    )


def own_identity(name: str) -> str:
    """Return a holder's name that starts with the process's and is never used twice.

    A restarted container has the name of the one before it, and must wait for that one's Lease like any other
    process.
    """
    return f"{name}_{uuid.uuid4().hex[:12]}"


def steady() -> float:
    """Return seconds of a clock that only goes forward and, where the system has one, also counts while it is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
