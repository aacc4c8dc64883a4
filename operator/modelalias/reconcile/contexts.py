"""Putting together what a decision may look at: an alias with its requests, and what is known around it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.conditions import Cause
from modelalias.core.monitoring.writing import merged
from modelalias.core.protocol.context import Context, PolicyReads, PolicyView, RegistryView
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Objects
from modelalias.reconcile.broken_requests import BrokenRequests
from modelalias.reconcile.memory import Memory
from modelalias.reconcile.outside import Outside
from modelalias.reconcile.queue import Key
from modelalias.reconcile.refused_tags import RefusedTags
from modelalias.reconcile.registry_watch import RegistryWatch
from modelalias.reconcile.serving_views import ServingViews


class Marks(NamedTuple):
    """What this process noted in its passes over the aliases, and no other one knows."""

    broken: BrokenRequests
    refused_tags: RefusedTags
    trouble: dict[Key, Cause]
    """What the API server or the registry refused at the last try."""
    last_write: dict[Key, float]
    """When it last wrote to the registry for an alias, by a monotonic clock in seconds."""


class Contexts:
    """The contexts of one alias after the other."""

    def __init__(
        self,
        memory: Memory,
        objects: Objects,
        registries: Mapping[str, RegistryWatch],
        outside: Outside,
        serving: ServingViews,
        marks: Marks,
        wall: Callable[[], datetime],
    ) -> None:
        """Take where all of it is known, what reads an alias that is not, and a wall clock."""
        self._memory, self._objects, self._registries = memory, objects, registries
        self._outside, self._serving, self._marks, self._wall = outside, serving, marks, wall

    async def of(self, key: Key, facts: Facts, waiting: frozenset[str] = frozenset()) -> Context:
        """Return what is known around an alias now; raises as the API server does where it has to be read."""
        effective = self._memory.effective(key)
        requests = self._memory.requests.open(key)
        if effective is None and requests:
            stored = await self._objects.alias(key.namespace, key.name)
            if stored is not None:
                self._memory.see_alias(stored)
                effective = self._memory.effective(key)
        alias = None if effective is None else effective.alias
        owner = None if alias is None else self._memory.owner(key)
        return Context(
            namespace=key.namespace,
            name=key.name,
            alias=alias,
            requests=requests,
            registry=self._registry_view(key, alias),
            older_claimant=None if owner is None else f"{owner.namespace}/{owner.name}",
            claim_differs_in_case=owner is not None and self._memory.differs_in_case(key, owner),
            claimed={} if alias is None else self._memory.claimed(key),
            managed={} if alias is None else self._managed(key, alias),
            challenger=None if alias is None else self._challenger(key, alias),
            older_splitter=None if alias is None else self._memory.older_splitter(key),
            identity=self._outside.identity(),
            trouble=self._marks.trouble.get(key),
            broken=self._marks.broken.of(key),
            waiting=waiting,
            notary=self._outside.notary(),
            facts=facts,
            now=self._wall(),
            serving=self._serving.view(key),
            by_itself=self._outside.by_itself(key, alias),
            policies=PolicyView() if effective is None else effective.view,
            room=self._memory.requests.room(key),
            tags_put_off=self._marks.refused_tags.of(key),
            read_by_policies=PolicyReads() if alias is None else self._memory.read_by_policies(key),
        )

    def _managed(self, key: Key, alias: ModelAlias) -> Mapping[str, ModelAliasStatus]:
        """Return the statuses behind the aliases that the rules of eligibility ask for."""
        rules = alias.spec.policy.eligibility
        asked = () if rules is None else (rules.require_alias, rules.soak.alias if rules.soak else None)
        found = {name: self._memory.status_of(key, name) for name in asked if name is not None}
        return {name: status for name, status in found.items() if status is not None}

    def _challenger(self, key: Key, alias: ModelAlias) -> ModelAlias | None:
        """Return who manages the challenger, in the namespace whose pods get the requests, with its last readings."""
        name = None if alias.spec.traffic is None else alias.spec.traffic.challenger.alias
        manager = None if name is None else self._memory.manager_of(key, name)
        if manager is None or manager.metadata.namespace != key.namespace:
            return None
        manager = self._memory.with_policies(manager).alias
        its = Key(manager.metadata.namespace, manager.metadata.name)
        known = self._outside.by_itself(its, manager).monitors
        read = merged(manager.spec.monitors, known, manager.status.monitors)
        return manager.with_status(manager.status.with_monitors(read))

    def _registry_view(self, key: Key, alias: ModelAlias | None) -> RegistryView:
        watch = None if alias is None else self._registries.get(alias.spec.registry)
        if alias is None or watch is None:
            return RegistryView(known=False, allowed=False, problem=None, snapshot=None)
        model = alias.spec.model
        return RegistryView(
            known=True,
            allowed=self._outside.allows(alias.spec.registry, key.namespace, model),
            problem=watch.problem,
            snapshot=watch.model_snapshot(
                model,
                self._marks.last_write.get(key),
                now=self._wall(),
                created=alias.metadata.creation_timestamp,
            ),
        )
