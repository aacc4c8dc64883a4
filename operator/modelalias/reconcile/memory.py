"""What the operator remembers of the cluster.

The newest state of each object it saw, small, and who belongs to whom. Objects are kept as packed JSON and
parsed when their alias is looked at.
Resource versions grow, so a late event never replaces what this process read or wrote itself. In a cluster
that was restored from a backup they go back: an object that a listing has with an older one is in doubt until
it was read afresh.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.core.judging import reads
from modelalias.core.policies.effective import Effective, effective
from modelalias.core.protocol.context import PolicyReads
from modelalias.ports import SILENT, Telemetry, WorkloadRef
from modelalias.reconcile.indexes import discard
from modelalias.reconcile.known_policies import KnownPolicies
from modelalias.reconcile.known_requests import KnownRequests
from modelalias.reconcile.mass_drift import Expected
from modelalias.reconcile.packed import pack, unpacked_alias
from modelalias.reconcile.queue import Key
from modelalias.reconcile.workloads_seen import WorkloadsSeen

Claim = tuple[str, str, str]
"""Place of the registry, model and alias, without their case: MLflow on MySQL does not tell names apart by it."""


@dataclass(frozen=True, slots=True)
class _Alias:
    version: int
    uid: str
    packed: bytes
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
        requests: KnownRequests,
        telemetry: Telemetry = SILENT,
    ) -> None:
        """Know nothing yet; `place(registry)` is one for all names of a registry, `allows(registry, namespace, model)`."""
        self.requests = requests
        self._place, self._allows, self._workloads, self._policies = place, allows, workloads, policies
        self._telemetry = telemetry
        self._aliases: dict[Key, _Alias] = {}
        self._claims: defaultdict[Claim, set[tuple[str, Key]]] = defaultdict(set)
        self._of_model: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._of_route: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        self._doubted_aliases: set[Key] = set()

    def see_alias(self, alias: ModelAlias, *, listed: bool = False) -> set[Key]:
        """Remember an alias and return the keys to look at: its own, those that claim the same or whose tag it reads.

        `listed` says that it comes from a listing, which tells what there is.
        """
        key = Key(intern(alias.metadata.namespace), alias.metadata.name)
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
            packed=pack(alias),
            registry=intern(spec.registry),
            place=self._place(spec.registry),
            model=spec.model,
            created="" if created is None else intern(created.isoformat()),
            claims=tuple(item for item in (spec.alias, spec.previous_alias) if item is not None and claims),
            tags=reads.tags(spec.policy) if claims else (),
            evidence=reads.evidence(spec.policy) if claims else (),
            aliases=reads.aliases(spec.policy) if claims else (),
            serving=tuple(
                WorkloadRef(kind=item.kind, namespace=key.namespace, name=item.name) for item in spec.serving
            ),
            alias=intern(spec.alias),
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
        discard(self._of_model, (old.place, old.model.casefold()), key)
        discard(self._of_route, (key.namespace, old.route), key)
        for name in old.claims:
            claim = _claim(old, name)
            discard(self._claims, claim, (old.created, key))
            touched |= {rival for _, rival in self._claims.get(claim, ())}
        return touched

    def doubts(self, key: Key) -> bool:
        """Return whether the alias of a key is in doubt."""
        return key in self._doubted_aliases

    def version(self, key: Key) -> int | None:
        """Return the resource version of an alias as it is known."""
        known = self._aliases.get(key)
        return None if known is None else known.version

    def reread_alias(self, key: Key, alias: ModelAlias | None, before: int | None) -> None:
        """Believe what was read afresh, unless the watch told of something newer since `before` was known."""
        known = self._aliases.get(key)
        if known is None or known.version == before:
            self.drop_alias(key)
        if alias is not None:
            self.see_alias(alias)

    def alias(self, key: Key) -> ModelAlias | None:
        """Return the alias of that key."""
        kept = self._aliases.get(key)
        return None if kept is None else unpacked_alias(kept.packed)

    def effective(self, key: Key) -> Effective | None:
        """Return the alias of that key with the rules that hold for it."""
        alias = self.alias(key)
        return None if alias is None else self.with_policies(alias)

    def with_policies(self, alias: ModelAlias) -> Effective:
        """Return a known alias with the rules that hold for it."""
        return effective(alias, self._policies.applying(Key(alias.metadata.namespace, alias.metadata.name)))

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
        return key in self._aliases or self.requests.knows(key)

    def uids(self) -> dict[Key, str]:
        """Return the uids of all aliases, by their keys."""
        return {key: kept.uid for key, kept in self._aliases.items()}

    def keys(self) -> Iterable[Key]:
        """Return every key that `knows`."""
        return {*self._aliases, *self.requests.keys()}


def _rolled(alias: ModelAlias) -> Iterable[WorkloadRef]:
    """Return the workloads that the alias's plan rolls."""
    plan, namespace = alias.status.plan, alias.metadata.namespace
    planned = () if plan is None else plan.serving
    return (WorkloadRef(kind=item.kind, namespace=namespace, name=item.name) for item in planned)


def _claim(alias: _Alias, name: str) -> Claim:
    return (alias.place, alias.model.casefold(), name.casefold())


def _accepted(alias: ModelAlias) -> str | None:
    current = alias.status.current
    return None if current is None or alias.status.plan is not None else current.version
