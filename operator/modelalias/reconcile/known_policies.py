"""The policies that the operator knows, and for which aliases each holds.

Resource versions are watched as in `memory`: a late event replaces nothing newer, and what a listing has older
than it is known is in doubt. A second listing that has it so as well is believed: the cluster came back from a
backup.
"""

from collections import defaultdict
from typing import NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.api.policy import Policy
from modelalias.api.promotion_policy import PolicyKind
from modelalias.core.policies.effective import Applying
from modelalias.ports import GivenPolicy, PolicyId
from modelalias.reconcile.queue import Key


class _Governed(NamedTuple):
    """What of an alias decides which policies hold for it."""

    model: str
    policy: str | None


class KnownPolicies:
    """The newest known policies, and the aliases by what they need of them."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._policies: dict[PolicyId, GivenPolicy] = {}
        self._cluster: tuple[GivenPolicy, ...] = ()
        """Those that hold without being named, by their names."""
        self._aliases: dict[Key, _Governed] = {}
        self._naming: defaultdict[PolicyId, set[Key]] = defaultdict(set)
        self._doubted: set[PolicyId] = set()

    @property
    def in_doubt(self) -> bool:
        """Return whether a listing had one older than it is known."""
        return bool(self._doubted)

    def see(self, policy: GivenPolicy, *, listed: bool = False) -> set[Key]:
        """Remember a policy and return the aliases for which it holds or held.

        `listed` says that it comes from a listing, which tells what there is.
        """
        old = self._policies.get(policy.id)
        if old is not None and _version(old) >= _version(policy):
            older = listed and _version(old) > _version(policy)
            if older and policy.id not in self._doubted:
                self._doubted.add(policy.id)
                return set()
            if not older:
                return set()
        self._doubted.discard(policy.id)
        touched = set() if old is None else self._governed(old)
        self._policies[policy.id] = policy
        self._sort()
        same = old is not None and (old.applies_to, old.spec, old.problem) == (
            policy.applies_to,
            policy.spec,
            policy.problem,
        )
        return set() if same else touched | self._governed(policy)

    def drop(self, policy: PolicyId, uid: str | None = None) -> set[Key]:
        """Forget a policy, with a uid only that one, and return the aliases for which it held."""
        old = self._policies.get(policy)
        if old is None or uid not in {None, old.metadata.uid}:
            return set()
        del self._policies[policy]
        self._doubted.discard(policy)
        self._sort()
        return self._governed(old)

    def uids(self) -> dict[PolicyId, str]:
        """Return the uids of all policies."""
        return {name: item.metadata.uid for name, item in self._policies.items()}

    def see_alias(self, key: Key, alias: ModelAlias) -> None:
        """Remember which policy an alias names, and what those that are not named go by."""
        self.drop_alias(key)
        ref = alias.spec.policy_ref
        governed = _Governed(alias.spec.model, None if ref is None else ref.name)
        self._aliases[key] = governed
        if governed.policy is not None:
            self._naming[_named(key, governed.policy)].add(key)

    def drop_alias(self, key: Key) -> None:
        """Forget an alias."""
        old = self._aliases.pop(key, None)
        if old is None or old.policy is None:
            return
        keys = self._naming[_named(key, old.policy)]
        keys.discard(key)
        if not keys:
            del self._naming[_named(key, old.policy)]

    def applying(self, key: Key) -> Applying:
        """Return the policies that hold for an alias: the cluster's by their names, then the one that it names."""
        alias = self._aliases[key]
        cluster = (item for item in self._cluster if _holds(item, key, alias))
        if alias.policy is None:
            return Applying(tuple(cluster))
        own = self._policies.get(_named(key, alias.policy))
        return Applying((*cluster, *([] if own is None else [own])), alias.policy if own is None else None)

    def rules(self, key: Key) -> tuple[Policy, ...]:
        """Return the rules that the policies of an alias have."""
        return tuple(item.spec.policy for item in self.applying(key).policies if item.spec is not None)

    def _sort(self) -> None:
        cluster = (item for item in self._policies.values() if item.kind is PolicyKind.CLUSTER)
        self._cluster = tuple(sorted(cluster, key=lambda item: item.metadata.name))

    def _governed(self, policy: GivenPolicy) -> set[Key]:
        if policy.kind is PolicyKind.NAMESPACED:
            return set(self._naming.get(policy.id, ()))
        return {key for key, alias in self._aliases.items() if _holds(policy, key, alias)}


def _holds(policy: GivenPolicy, key: Key, alias: _Governed) -> bool:
    return policy.applies_to is not None and policy.applies_to.matches(key.namespace, alias.model)


def _named(key: Key, name: str) -> PolicyId:
    return PolicyId(PolicyKind.NAMESPACED, key.namespace, name)


def _version(policy: GivenPolicy) -> int:
    return int(policy.metadata.resource_version or 0)
