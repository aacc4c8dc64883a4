"""The context of a decision: one alias with its requests, and what is known around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

from modelalias.api.alias import ModelAlias, Observed
from modelalias.api.conditions import Cause
from modelalias.api.request import PromotionRequest
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Aliases


@dataclass(frozen=True)
class ModelSnapshot:
    """What the last snapshot of the registry says of one model."""

    aliases: Aliases | None
    """None when the snapshot has no such model."""
    after_last_write: bool
    """Whether the snapshot began after the operator's last write to this alias."""


@dataclass(frozen=True)
class RegistryView:
    """How the alias's registry stands."""

    known: bool
    """Whether the operator's configuration names it for this namespace."""
    allowed: bool
    """Whether it allows this namespace that model."""
    problem: Cause | None
    """Why it cannot be used now; None when it answered last."""
    snapshot: ModelSnapshot | None
    """None before the first snapshot."""


@dataclass(frozen=True)
class Identity:
    """Whether the API server proves who writes requests and approvals."""

    unproved: str
    """Why it does not; "" when it does."""
    accepted: bool
    """Whether the operator's configuration counts approvals all the same."""
    machines: tuple[str, ...] = ()
    """Shell patterns of users who file what somebody else decided, so that nobody knows whose request it is."""

    @property
    def voids(self) -> str:
        """Return why approvals count for nothing; "" when they count."""
        return "" if self.accepted else self.unproved

    def is_machine(self, user: str | None) -> bool:
        """Return whether a user is no person."""
        return user is not None and any(fnmatchcase(user, item) for item in self.machines)


class Broken(NamedTuple):
    """How often looking at a request met an unexpected error, and when it is looked at again."""

    tries: int
    until: datetime


@dataclass(frozen=True)
class Context:
    """Everything that `decide` may look at."""

    namespace: str
    name: str
    alias: ModelAlias | None
    requests: tuple[PromotionRequest, ...]
    """Those that have not ended, oldest first."""
    registry: RegistryView
    older_claimant: str | None
    """`namespace/name` of an older ModelAlias that claims the same alias; None when this one owns it."""
    claimed: Mapping[str, str]
    """Aliases of the model that other ModelAliases claim, and which do."""
    soaking: Observed | None
    """What the alias of the soak names, and since when, by the ledger of another ModelAlias; None without
    one."""
    identity: Identity
    trouble: Cause | None
    """What the API server refused at the last try."""
    broken: Mapping[str, Broken]
    """Requests, by their uid, that met an unexpected error and are not to be looked at now."""
    waiting: frozenset[str]
    """Requests that were told in this pass what they wait for."""
    facts: Facts
    now: datetime
    claim_differs_in_case: bool = False
    """Whether what the older ModelAlias claims is the same only without its case."""
