"""What the operator remembers of requests: the newest state of each, small, and whose they are.

An open one is kept as packed JSON; of one that has ended only what says when it may be deleted, and whether it was
edited since. Which of two states is the newer one is told as in `memory`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import NamedTuple

from modelalias.api.conditions import Reason, RequestCondition, find, is_true
from modelalias.api.request import PromotionRequest
from modelalias.core.judging.evaluation import ENDED
from modelalias.core.plan.operations import has_priority
from modelalias.core.protocol import context
from modelalias.ports import SILENT, Telemetry
from modelalias.reconcile import gitops
from modelalias.reconcile.indexes import discard
from modelalias.reconcile.open_ages import Age, OpenAges
from modelalias.reconcile.packed import pack, unpacked_request
from modelalias.reconcile.queue import Key


@dataclass(frozen=True, slots=True)
class _Request:
    version: int
    key: Key
    uid: str
    age: Age
    packed: bytes | None
    """None once the request has ended."""
    ended: "EndedRequest | None" = None
    takes_room: bool = False
    """Whether it is open and counted among those of its namespace."""


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """A request that has ended, as far as it matters for how long it is kept."""

    name: str
    uid: str
    version: int
    """Its resourceVersion."""
    at: datetime
    ttl: int | None
    """Seconds; None: no end."""
    tracked: bool
    """Whether a tool keeps it in Git."""
    observed: bool = True
    """Whether its status is of its present generation."""
    judged: bool = True
    """False where it had no room."""


class OpenRun(NamedTuple):
    """A run that a Job logs into, with the key of its evaluation."""

    run_id: str
    key: str


class KnownRequests:
    """The newest known requests, with the indexes that the engine asks for."""

    def __init__(self, most: int, telemetry: Telemetry = SILENT) -> None:
        """Know nothing yet; `most` is how many open requests of a namespace have room."""
        self._telemetry, self._ages = telemetry, OpenAges(most)
        self._requests: dict[tuple[str, str], _Request] = {}
        self._open_of: defaultdict[Key, set[str]] = defaultdict(set)
        self._ended_of: defaultdict[Key, set[str]] = defaultdict(set)
        self._doubted: defaultdict[Key, set[str]] = defaultdict(set)

    def see(self, request: PromotionRequest, *, listed: bool = False) -> set[Key]:
        """Remember a request and return its alias's key when there is something new in it.

        `listed` says that it comes from a listing, which tells what there is.
        """
        name = (request.metadata.namespace, request.metadata.name)
        version = int(request.metadata.resource_version or 0)
        old = self._requests.get(name)
        key = Key(request.metadata.namespace, request.spec.alias_ref.name)
        if old is not None and old.version >= version:
            if not listed or old.version == version:
                return set()
            self._doubted[key].add(request.metadata.name)
            return {key}
        ended = is_true(request.status.conditions, RequestCondition.COMPLETE)
        if old is not None:
            discard(self._open_of, old.key, request.metadata.name)
            discard(self._ended_of, old.key, request.metadata.name)
        uid, age = request.metadata.uid, _age(request)
        remembered = (
            _Request(version, key, uid, age, None, _ended(request))
            if ended
            else _Request(version, key, uid, age, pack(request), takes_room=not has_priority(request))
        )
        self._requests[name] = remembered
        self._count(key.namespace, old, remembered)
        self._telemetry.request_seen(request)
        (self._ended_of if ended else self._open_of)[key].add(request.metadata.name)
        same = old is not None and old.uid == uid and old.packed is None and old.ended == remembered.ended
        return set() if ended and same else {key}

    def drop(self, namespace: str, name: str, uid: str | None = None) -> set[Key]:
        """Forget a request, with a uid only that one, and return its alias's key when it had not ended."""
        old = self._requests.get((namespace, name))
        if old is None or uid not in {None, old.uid}:
            return set()
        del self._requests[namespace, name]
        self._count(namespace, old, None)
        self._telemetry.request_gone(namespace, name)
        discard(self._doubted, old.key, name)
        discard(self._open_of, old.key, name)
        discard(self._ended_of, old.key, name)
        return set() if old.packed is None else {old.key}

    def _count(self, namespace: str, old: _Request | None, new: _Request | None) -> None:
        before = old.age if old is not None and old.takes_room else None
        after = new.age if new is not None and new.takes_room else None
        if before == after:
            return
        if before is not None:
            self._ages.leave(namespace, before)
        if after is not None:
            self._ages.enter(namespace, after)

    def room(self, key: Key) -> context.Room:
        """Return which open requests of an alias have no room in its namespace."""
        most, end = self._ages.most, self._ages.room_ends_at(key.namespace)
        if end is None:
            return context.Room(most)
        kept = (self._requests[key.namespace, name] for name in self._open_of.get(key, ()))
        return context.Room(
            most, frozenset(item.age[1] for item in kept if item.takes_room and item.age >= end)
        )

    def doubted(self, key: Key) -> tuple[str, ...]:
        """Return which requests of an alias are in doubt."""
        return tuple(sorted(self._doubted.get(key, ())))

    def version(self, namespace: str, name: str) -> int | None:
        """Return the resource version of a request as it is known."""
        known = self._requests.get((namespace, name))
        return None if known is None else known.version

    def reread(self, key: Key, name: str, request: PromotionRequest | None, before: int | None) -> None:
        """Believe what was read afresh, unless the watch told of something newer since `before` was known."""
        known = self._requests.get((key.namespace, name))
        if known is None or known.version == before:
            self.drop(key.namespace, name)
        if request is not None:
            self.see(request)

    def measuring(self, namespace: str, name: str) -> tuple[Key, Sequence[OpenRun]]:
        """Return the alias of a request that has not ended, and the runs that Jobs log into for it."""
        kept = self._requests.get((namespace, name))
        if kept is None or kept.packed is None:
            return Key(namespace, ""), ()
        sides = unpacked_request(kept.packed).status.evaluation
        left = (item for item in sides if item.state not in ENDED)
        return kept.key, tuple(OpenRun(item.run_id, item.key) for item in left if item.run_id and item.key)

    def open(self, key: Key) -> tuple[PromotionRequest, ...]:
        """Return the requests of an alias that have not ended, oldest first, then by name."""
        kept = (self._requests[key.namespace, name] for name in self._open_of.get(key, ()))
        ordered = sorted(kept, key=attrgetter("age"))
        return tuple(unpacked_request(item.packed) for item in ordered if item.packed is not None)

    def has_open(self, key: Key) -> bool:
        """Return whether an alias has requests that have not ended."""
        return key in self._open_of

    def ended(self, key: Key) -> tuple[EndedRequest, ...]:
        """Return the requests of an alias that have ended and are still there."""
        names = self._ended_of.get(key, ())
        ended = (self._requests[key.namespace, name].ended for name in names)
        return tuple(item for item in ended if item is not None)

    def uids(self) -> dict[tuple[str, str], str]:
        """Return the uids of all requests, by their names."""
        return {name: kept.uid for name, kept in self._requests.items()}

    def knows(self, key: Key) -> bool:
        """Return whether a request of the alias has not ended, is to be deleted or was edited since."""
        return key in self._open_of or self._has_work_after_an_end(key)

    def keys(self) -> Iterable[Key]:
        """Return every key that `knows`."""
        return {*self._open_of, *filter(self._has_work_after_an_end, self._ended_of)}

    def _has_work_after_an_end(self, key: Key) -> bool:
        ended = self.ended(key)
        return any((item.ttl is not None and not item.tracked) or not item.observed for item in ended)


def _ended(request: PromotionRequest) -> EndedRequest:
    done = find(request.status.conditions, RequestCondition.COMPLETE)
    at = request.status.completed_at or (done.last_transition_time if done else None)
    return EndedRequest(
        name=request.metadata.name,
        uid=request.metadata.uid,
        version=int(request.metadata.resource_version or 0),
        at=at or datetime.max.replace(tzinfo=UTC),
        ttl=request.spec.ttl_seconds_after_finished if at else None,
        tracked=gitops.tracker(request.metadata) is not None,
        observed=request.status.observed_generation in {None, request.metadata.generation},
        judged=done is None or done.reason != Reason.TOO_MANY_REQUESTS,
    )


def _age(request: PromotionRequest) -> Age:
    created = request.metadata.creation_timestamp
    return ("" if created is None else created.isoformat(), request.metadata.name)
