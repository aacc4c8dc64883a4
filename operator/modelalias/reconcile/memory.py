"""What the operator remembers of the cluster.

The newest state of each object it saw, small, and who belongs to whom. Objects are kept as compact JSON and
parsed when their alias is looked at; of requests that have ended only what says when they may be deleted, and
whether they were edited since.
Resource versions grow, so a late event never replaces what this process read or wrote itself. In a cluster
that was restored from a backup they go back: an object that a listing has with an older one is in doubt until
it was read afresh.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.conditions import RequestCondition, find, is_true
from modelalias.api.request import PromotionRequest
from modelalias.core.judging import reads
from modelalias.core.judging.evaluation import ENDED
from modelalias.core.plan.operations import has_priority
from modelalias.core.policies.effective import Effective, effective
from modelalias.core.protocol import context
from modelalias.core.protocol.context import PolicyReads
from modelalias.ports import SILENT, Telemetry, WorkloadRef
from modelalias.reconcile import gitops
from modelalias.reconcile.known_policies import KnownPolicies
from modelalias.reconcile.mass_drift import Expected
from modelalias.reconcile.queue import Key
from modelalias.reconcile.room import Age, Room
from modelalias.reconcile.workloads_seen import WorkloadsSeen

MOST_REQUESTS: Final = 2000
"""Open requests of a namespace that have room, where the configuration says nothing else."""

Claim = tuple[str, str, str]
"""Place of the registry, model and alias, without their case: MLflow on MySQL does not tell names apart by it."""


@dataclass(frozen=True, slots=True)
class _Alias:
    version: int
    uid: str
    text: bytes
    registry: str
    place: str
    model: str
    created: str
    claims: tuple[str, ...]
    tags: tuple[str, ...]
    """Keys of tags that its own rules ask for; like the claims only where it may manage the model."""
    evidence: tuple[str, ...]
    """Keys of tags by which its own rules find or judge a version."""
    aliases: tuple[str, ...]
    """Aliases that its own rules read."""
    serving: tuple[WorkloadRef, ...]
    alias: str
    challenger: str | None
    """The alias that spec.traffic splits requests with."""
    route: str
    """The HTTPRoute of spec.traffic; "" without."""
    services: frozenset[str]
    """The Services of spec.traffic."""
    accepted: str | None
    """The version that it should name; None while it is being moved, and before one was accepted."""


@dataclass(frozen=True, slots=True)
class _Request:
    version: int
    key: Key
    uid: str
    age: Age
    text: bytes | None
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


class OpenRun(NamedTuple):
    """A run that a Job logs into, with the key of its evaluation."""

    run_id: str
    key: str


class Memory:
    """The newest known objects, with the indexes that the engine asks for.

    What the configuration does not allow claims nothing, or a namespace could keep an alias from those who
    may have it. A plan that is under way keeps its claim until it has ended.
    """

    def __init__(
        self,
        place: Callable[[str], str],
        allows: Callable[[str, str, str], bool],
        workloads: WorkloadsSeen,
        policies: KnownPolicies,
        telemetry: Telemetry = SILENT,
        most_requests: int = MOST_REQUESTS,
    ) -> None:
        """Know nothing yet; `place(registry)` is one for all names of a registry, `allows(registry, namespace, model)`.

        `most_requests` is how many open requests of a namespace have room.
        """
        self._room = Room(most_requests)
        self._place, self._allows, self._workloads, self._policies = place, allows, workloads, policies
        self._telemetry = telemetry
        self._aliases: dict[Key, _Alias] = {}
        self._requests: dict[tuple[str, str], _Request] = {}
        self._requests_of: defaultdict[Key, set[str]] = defaultdict(set)
        self._ended_of: defaultdict[Key, set[str]] = defaultdict(set)
        self._claims: defaultdict[Claim, set[tuple[str, Key]]] = defaultdict(set)
        self._of_model: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._of_route: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._doubted_aliases: set[Key] = set()
        self._doubted_requests: defaultdict[Key, set[str]] = defaultdict(set)

    def see_alias(self, alias: ModelAlias, *, listed: bool = False) -> set[Key]:
        """Remember an alias and return the keys to look at: its own, those that claim the same or whose tag it reads.

        `listed` says that it comes from a listing, which tells what there is.
        """
        key = Key(alias.metadata.namespace, alias.metadata.name)
        version = int(alias.metadata.resource_version or 0)
        old = self._aliases.get(key)
        if old is not None and old.version >= version:
            if not listed or old.version == version:
                return set()
            self._doubted_aliases.add(key)
            return {key}
        rivals = self._forget(key, old) if old is not None else set()
        spec = alias.spec
        created = alias.metadata.creation_timestamp
        claims = alias.status.plan is not None or self._allows(spec.registry, key.namespace, spec.model)
        kept = _Alias(
            version=version,
            uid=alias.metadata.uid,
            text=_pack(alias),
            registry=spec.registry,
            place=self._place(spec.registry),
            model=spec.model,
            created="" if created is None else created.isoformat(),
            claims=tuple(item for item in (spec.alias, spec.previous_alias) if item is not None and claims),
            tags=reads.tags(spec.policy) if claims else (),
            evidence=reads.evidence(spec.policy) if claims else (),
            aliases=reads.aliases(spec.policy) if claims else (),
            serving=tuple(
                WorkloadRef(kind=item.kind, namespace=key.namespace, name=item.name) for item in spec.serving
            ),
            alias=spec.alias,
            challenger=None if spec.traffic is None else spec.traffic.challenger.alias,
            route="" if spec.traffic is None else spec.traffic.http_route,
            services=frozenset(item.service for item in spec.traffic.backends)
            if spec.traffic
            else frozenset(),
            accepted=_accepted(alias),
        )
        self._aliases[key] = kept
        self._policies.see_alias(key, alias)
        self._telemetry.alias_seen(alias)
        self._of_model[kept.place, spec.model.casefold()].add(key)
        if kept.route:
            self._of_route[key.namespace, kept.route].add(key)
        freed = self._workloads.serve(key, kept.serving, _rolled(alias))
        if kept.evidence != (() if old is None else old.evidence):
            freed = freed | self._resting(kept)
        for name in kept.claims:
            claimants = self._claims[_claim(kept, name)]
            claimants.add((kept.created, key))
            rivals |= {rival for _, rival in claimants}
        if old is not None and old.claims == kept.claims:
            return freed | {key}
        return rivals | freed | {key}

    def drop_alias(self, key: Key, uid: str | None = None) -> set[Key]:
        """Forget an alias and return the keys to look at: its own, those that claimed the same or whose tag it read.

        With a uid only that object is forgotten: the watch may tell of a new one before it tells that the old
        one is gone.
        """
        old = self._aliases.get(key)
        if old is None or uid not in {None, old.uid}:
            return set()
        self._telemetry.alias_gone(*key)
        touched = self._forget(key, old) | self._workloads.leave(key)
        return touched | self._resting(old) if old.evidence else touched

    def _resting(self, one: _Alias) -> set[Key]:
        """Return the aliases of the model that are not being moved: those are looked at when that has ended."""
        keys = self._of_model.get((one.place, one.model.casefold()), ())
        return {key for key in keys if self._aliases[key].accepted is not None}

    def _forget(self, key: Key, old: _Alias) -> set[Key]:
        del self._aliases[key]
        self._policies.drop_alias(key)
        self._doubted_aliases.discard(key)
        touched = {key}
        _discard(self._of_model, (old.place, old.model.casefold()), key)
        _discard(self._of_route, (key.namespace, old.route), key)
        for name in old.claims:
            claim = _claim(old, name)
            _discard(self._claims, claim, (old.created, key))
            touched |= {rival for _, rival in self._claims.get(claim, ())}
        return touched

    def see_request(self, request: PromotionRequest, *, listed: bool = False) -> set[Key]:
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
            self._doubted_requests[key].add(request.metadata.name)
            return {key}
        ended = is_true(request.status.conditions, RequestCondition.COMPLETE)
        if old is not None:
            _discard(self._requests_of, old.key, request.metadata.name)
            _discard(self._ended_of, old.key, request.metadata.name)
        uid, age = request.metadata.uid, _age(request)
        remembered = (
            _Request(version, key, uid, age, None, _ended(request))
            if ended
            else _Request(version, key, uid, age, _pack(request), takes_room=not has_priority(request))
        )
        self._requests[name] = remembered
        self._count(key.namespace, old, remembered)
        self._telemetry.request_seen(request)
        (self._ended_of if ended else self._requests_of)[key].add(request.metadata.name)
        same = old is not None and old.uid == uid and old.text is None and old.ended == remembered.ended
        return set() if ended and same else {key}

    def drop_request(self, namespace: str, name: str, uid: str | None = None) -> set[Key]:
        """Forget a request, with a uid only that one, and return its alias's key when it had not ended."""
        old = self._requests.get((namespace, name))
        if old is None or uid not in {None, old.uid}:
            return set()
        del self._requests[namespace, name]
        self._count(namespace, old, None)
        self._telemetry.request_gone(namespace, name)
        _discard(self._doubted_requests, old.key, name)
        _discard(self._requests_of, old.key, name)
        _discard(self._ended_of, old.key, name)
        return set() if old.text is None else {old.key}

    def _count(self, namespace: str, old: _Request | None, new: _Request | None) -> None:
        before = old.age if old is not None and old.takes_room else None
        after = new.age if new is not None and new.takes_room else None
        if before == after:
            return
        if before is not None:
            self._room.leave(namespace, before)
        if after is not None:
            self._room.enter(namespace, after)

    def room(self, key: Key) -> context.Room:
        """Return which open requests of an alias have no room in its namespace."""
        end = self._room.ends_at(key.namespace)
        kept = (
            ()
            if end is None
            else (self._requests[key.namespace, name] for name in self._requests_of.get(key, ()))
        )
        names = (item.age[1] for item in kept if end is not None and item.takes_room and item.age >= end)
        return context.Room(self._room.most, frozenset(names))

    def doubted(self, key: Key) -> tuple[bool, tuple[str, ...]]:
        """Return whether the alias of a key is in doubt, and which of its requests are."""
        return key in self._doubted_aliases, tuple(sorted(self._doubted_requests.get(key, ())))

    def versions(self, key: Key, request: str) -> tuple[int | None, int | None]:
        """Return the resource versions of an alias and of a request as they are known."""
        alias, known = self._aliases.get(key), self._requests.get((key.namespace, request))
        return None if alias is None else alias.version, None if known is None else known.version

    def reread_alias(self, key: Key, alias: ModelAlias | None, before: int | None) -> None:
        """Believe what was read afresh, unless the watch told of something newer since `before` was known."""
        known = self._aliases.get(key)
        if known is None or known.version == before:
            self.drop_alias(key)
        if alias is not None:
            self.see_alias(alias)

    def reread_request(
        self, key: Key, name: str, request: PromotionRequest | None, before: int | None
    ) -> None:
        """Believe what was read afresh, unless the watch told of something newer since `before` was known."""
        known = self._requests.get((key.namespace, name))
        if known is None or known.version == before:
            self.drop_request(key.namespace, name)
        if request is not None:
            self.see_request(request)

    def measuring(self, namespace: str, name: str) -> tuple[Key, Sequence[OpenRun]]:
        """Return the alias of a request that has not ended, and the runs that Jobs log into for it."""
        kept = self._requests.get((namespace, name))
        if kept is None or kept.text is None:
            return Key(namespace, ""), ()
        sides = _unpack(kept.text).status.evaluation
        left = (item for item in sides if item.state not in ENDED)
        return kept.key, tuple(OpenRun(item.run_id, item.key) for item in left if item.run_id and item.key)

    def alias(self, key: Key) -> ModelAlias | None:
        """Return the alias of that key."""
        kept = self._aliases.get(key)
        return None if kept is None else _unpack_alias(kept.text)

    def effective(self, key: Key) -> Effective | None:
        """Return the alias of that key with the rules that hold for it."""
        alias = self.alias(key)
        return None if alias is None else self.with_policies(alias)

    def with_policies(self, alias: ModelAlias) -> Effective:
        """Return a known alias with the rules that hold for it."""
        return effective(alias, self._policies.applying(Key(alias.metadata.namespace, alias.metadata.name)))

    def requests(self, key: Key) -> tuple[PromotionRequest, ...]:
        """Return the requests of an alias that have not ended, oldest first, then by name."""
        kept = (self._requests[key.namespace, name] for name in self._requests_of.get(key, ()))
        ordered = sorted(kept, key=attrgetter("age"))
        return tuple(_unpack(item.text) for item in ordered if item.text is not None)

    def has_open_requests(self, key: Key) -> bool:
        """Return whether an alias has requests that have not ended."""
        return key in self._requests_of

    def ended(self, key: Key) -> tuple[EndedRequest, ...]:
        """Return the requests of an alias that have ended and are still there."""
        names = self._ended_of.get(key, ())
        ended = (self._requests[key.namespace, name].ended for name in names)
        return tuple(item for item in ended if item is not None)

    def serving(self, key: Key) -> tuple[WorkloadRef, ...]:
        """Return the workloads that an alias names."""
        kept = self._aliases.get(key)
        return () if kept is None else kept.serving

    def owner(self, key: Key) -> Key | None:
        """Return the older alias that claims one of this alias's names, None when this one owns them."""
        kept = self._aliases[key]
        mine = (kept.created, key)
        rivals = (min(self._claims[_claim(kept, name)]) for name in kept.claims)
        return next((rival for created, rival in rivals if (created, rival) < mine), None)

    def differs_in_case(self, key: Key, owner: Key) -> bool:
        """Return whether the names that both claim are the same only without their case."""
        mine, others = self._aliases[key], self._aliases[owner]
        return mine.model != others.model or not set(mine.claims) & set(others.claims)

    def claimed(self, key: Key) -> Mapping[str, str]:
        """Return the aliases of the same model that other ModelAliases claim, and which do."""
        kept = self._aliases[key]
        others = (other for other in self._of_model[kept.place, kept.model.casefold()] if other != key)
        return {
            name: f"{other.namespace}/{other.name}"
            for other in others
            for name in self._aliases[other].claims
        }

    def read_by_policies(self, key: Key) -> PolicyReads:
        """Return what the policies of the alias's model read; of two that read the same, one of its namespace."""
        kept = self._aliases[key]
        tags, evidence, aliases = dict[str, str](), dict[str, str](), dict[str, str]()
        others = self._of_model[kept.place, kept.model.casefold()]
        for other in sorted(others, key=lambda other: (other.namespace != key.namespace, other)):
            owner = f"{other.namespace}/{other.name}"
            read = self._aliases[other]
            rules = self._policies.rules(other) if read.claims else ()
            for tag in (*read.tags, *(tag for item in rules for tag in reads.tags(item))):
                tags.setdefault(tag, owner)
            for tag in (*read.evidence, *(tag for item in rules for tag in reads.evidence(item))):
                evidence.setdefault(tag, owner)
            if other != key:
                for name in (*read.aliases, *(name for item in rules for name in reads.aliases(item))):
                    aliases.setdefault(name, owner)
        return PolicyReads(tags, evidence, aliases)

    def status_of(self, key: Key, name: str) -> ModelAliasStatus | None:
        """Return the status of the ModelAlias that manages this alias of the same model; None without one."""
        manager = self.manager_of(key, name)
        return None if manager is None else manager.status

    def manager_of(self, key: Key, name: str) -> ModelAlias | None:
        """Return the ModelAlias that manages this alias of the same model; None without one."""
        kept = self._aliases[key]
        for _, other in sorted(self._claims.get(_claim(kept, name), ())):
            alias = None if other == key else self.alias(other)
            if alias is not None and (alias.spec.model, alias.spec.alias) == (kept.model, name):
                return alias
        return None

    def splitting(self, key: Key) -> set[Key]:
        """Return who splits requests with this alias as the challenger."""
        kept = self._aliases.get(key)
        others = () if kept is None else self._of_model[kept.place, kept.model.casefold()]
        return {
            other
            for other in others
            if kept is not None
            and other.namespace == key.namespace
            and self._aliases[other].challenger == kept.alias
        }

    def older_splitter(self, key: Key) -> str | None:
        """Return the name of an older alias of the namespace that writes the weights of the same Services of a route."""
        mine = self._aliases[key]
        older = (
            (its.created, other)
            for other in self._of_route.get((key.namespace, mine.route), ())
            if (its := self._aliases[other]).services & mine.services
            and (its.created, other) < (mine.created, key)
        )
        first = min(older, default=None)
        return None if first is None else first[1].name

    def expected(self, registry: str) -> Iterator[Expected]:
        """Yield what the aliases that are managed in a registry should name, without those that are being moved."""
        for key in self.of_registry(registry):
            kept = self._aliases[key]
            if kept.accepted is not None and kept.claims:
                yield Expected(key, kept.model, kept.alias, kept.accepted)

    def registry_of(self, key: Key) -> tuple[str, str] | None:
        """Return the registry and the model of an alias."""
        kept = self._aliases.get(key)
        return None if kept is None else (kept.registry, kept.model)

    def of_model(self, registry: str, model: str) -> set[Key]:
        """Return the aliases of one model that name the registry so."""
        keys = self._of_model.get((self._place(registry), model.casefold()), ())
        return {key for key in keys if self._aliases[key].registry == registry}

    def of_registry(self, registry: str) -> set[Key]:
        """Return the aliases of one registry."""
        return {key for key, kept in self._aliases.items() if kept.registry == registry}

    def models(self, registry: str) -> set[str]:
        """Return the models of which one registry's aliases are managed."""
        return {kept.model for kept in self._aliases.values() if kept.registry == registry and kept.claims}

    def models_with_versions(self, registry: str) -> set[str]:
        """Return those of them in which an alias should name a version now."""
        return {item.model for item in self.expected(registry)}

    def knows(self, key: Key) -> bool:
        """Return whether the key has an alias, or a request that has not ended, is to be deleted or was edited since."""
        return key in self._aliases or key in self._requests_of or self._has_work_after_an_end(key)

    def uids(self) -> tuple[dict[Key, str], dict[tuple[str, str], str]]:
        """Return the uids of all aliases and of all requests, by their names."""
        aliases = {key: kept.uid for key, kept in self._aliases.items()}
        return aliases, {name: kept.uid for name, kept in self._requests.items()}

    def keys(self) -> Iterable[Key]:
        """Return every key that `knows`."""
        return {*self._aliases, *self._requests_of, *filter(self._has_work_after_an_end, self._ended_of)}

    def _has_work_after_an_end(self, key: Key) -> bool:
        ended = self.ended(key)
        return any((item.ttl is not None and not item.tracked) or not item.observed for item in ended)


def _rolled(alias: ModelAlias) -> Iterable[WorkloadRef]:
    """Return the workloads that the alias's plan rolls."""
    plan, namespace = alias.status.plan, alias.metadata.namespace
    planned = () if plan is None else plan.serving
    return (WorkloadRef(kind=item.kind, namespace=namespace, name=item.name) for item in planned)


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
    )


def _pack(value: ModelAlias | PromotionRequest) -> bytes:
    """Write an object as compactly as it can be read again: of its annotations only those that say something to us."""
    fields = value.model_dump(
        mode="json",
        by_alias=True,
        exclude_unset=True,
        exclude_none=True,
        exclude={"metadata": {"labels", "annotations"}},
    )
    if annotations := value.metadata.known_annotations:
        fields["metadata"]["annotations"] = annotations
    return json.dumps(fields, separators=(",", ":")).encode()


@lru_cache(maxsize=1024)
def _unpack(text: bytes) -> PromotionRequest:
    """Read a request once, however many steps a pass over its alias takes."""
    return PromotionRequest.model_validate_json(text)


@lru_cache(maxsize=128)
def _unpack_alias(text: bytes) -> ModelAlias:
    """Read an alias once, however many steps a pass over it takes."""
    return ModelAlias.model_validate_json(text)


def _age(request: PromotionRequest) -> Age:
    created = request.metadata.creation_timestamp
    return ("" if created is None else created.isoformat(), request.metadata.name)


def _claim(alias: _Alias, name: str) -> Claim:
    return (alias.place, alias.model.casefold(), name.casefold())


def _discard(index: dict[Any, set[Any]], name: Any, item: Any) -> None:
    members = index.get(name)
    if members is not None:
        members.discard(item)
        if not members:
            del index[name]


def _accepted(alias: ModelAlias) -> str | None:
    current = alias.status.current
    return None if current is None or alias.status.plan is not None else current.version
