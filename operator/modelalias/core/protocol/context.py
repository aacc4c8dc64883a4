"""The context of a decision: one alias with its requests, and what is known around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple

from modelalias.api.alias import ModelAlias, ModelAliasStatus, MonitorStatus
from modelalias.api.conditions import Cause
from modelalias.api.policy_status import PolicyStatus
from modelalias.api.request import PromotionRequest
from modelalias.core.protocol.facts import Facts
from modelalias.ports import Aliases, Notary, WorkloadRef


@dataclass(frozen=True)
class ModelSnapshot:
    """What the last snapshot of the registry says of one model."""

    aliases: Aliases | None
    """None when the snapshot has no such model."""
    after_last_write: bool
    """Whether the snapshot began after the operator's last write to this alias."""
    same_until: datetime | None = None
    """When the snapshot before it began, which is the last that may have shown something else."""
    after_creation: bool = True
    """Whether the snapshot began after the ModelAlias was made."""


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
class PolicyReads:
    """What the policies of a model's ModelAliases read, and whose policy it is as `namespace/name`.

    A request may write none of it.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    """Keys in requireTags, tagSchema and retention, as `tag_keys.plain` has them; those of the ModelAlias's own policy too."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Keys in requireTags, tagSchema and fromVersions, in the same way."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Aliases in requireAlias and soak of the other ModelAliases, case folded."""


@dataclass(frozen=True)
class PolicyView:
    """The policies that hold for the alias."""

    shown: PolicyStatus | None = None
    """What the status says of them; None where none holds."""
    problem: Cause | None = None
    """Why the rules are not known, so that nothing may begin."""


@dataclass(frozen=True)
class Identity:
    """Whether the API server proves who writes requests and approvals, and who pins."""

    unproved: str
    """Why it does not; "" when it does."""
    accepted: bool
    """Whether the operator's configuration counts approvals all the same."""
    machines: tuple[str, ...] = ()
    """Shell patterns of users who file what somebody else decided, so that nobody knows whose request it is."""
    certain: bool = True
    """Whether that was found out, and is no guess of an operator that could not look it up."""
    pins_unproved: str = ""
    """Why it does not prove who pins; "" when it does."""

    @property
    def voids(self) -> str:
        """Return why approvals count for nothing; "" when they count."""
        return "" if self.accepted else self.unproved

    def signer(self, alias: ModelAlias) -> str | None:
        """Return who set `spec.version`; None when nobody signed for it, or nobody proves who did."""
        return None if self.pins_unproved else alias.metadata.pinned_by

    def is_machine(self, user: str | None) -> bool:
        """Return whether a user is no person."""
        return user is not None and any(fnmatchcase(user, item) for item in self.machines)


@dataclass(frozen=True)
class ServingView:
    """What is known of the alias's workloads beside how they stand now."""

    busy: Mapping[WorkloadRef, str] = field(default_factory=dict)
    """Workloads that the plan of another ModelAlias is rolling, and its name: one plan at a time on a workload."""
    dips: Mapping[WorkloadRef, datetime] = field(default_factory=dict)
    """Workloads of which fewer replicas are available than wanted, and since when they were seen so."""
    quiet_until: datetime | None = None
    """What the status says of the workloads is not told anew before, while nothing moves."""


@dataclass(frozen=True)
class ByItself:
    """What the operator has to know to do something by itself."""

    account: str = ""
    """The user name under which it files requests; "" while that is not known."""
    monitors: Mapping[str, MonitorStatus] = field(default_factory=dict)
    """How the monitors of the alias stand by their names, as the last readings left them."""
    monitors_written: datetime | None = None
    """When the status said something else of them last; None where this process has not seen that."""
    before: Mapping[str, str] = field(default_factory=dict)
    """What monitors yield now of the version that a rollback would go to, by their names; decimal text."""
    asked_before: frozenset[str] = frozenset()
    """Monitors of which that is known, or known not to be a number, or of which nothing can be asked."""
    mass_breach: bool = False
    """Whether monitors of so many aliases are breached that it is not the models."""
    mass_drift: bool = False
    """Whether so many aliases of the registry differ from what was accepted that nothing is corrected."""


class Broken(NamedTuple):
    """How often looking at a request met an unexpected error, and when it is looked at again."""

    tries: int
    until: datetime


@dataclass(frozen=True)
class Room:
    """Room for requests in a namespace."""

    most: int = 0
    """How many open requests have room, the oldest."""
    names_without: frozenset[str] = frozenset()
    """Open requests of the alias that have none."""


@dataclass(frozen=True)
class Context:
    """Everything that `decide` may look at."""

    namespace: str
    name: str
    alias: ModelAlias | None
    """With the rules that hold for it; what is stored has only its own."""
    requests: tuple[PromotionRequest, ...]
    """Those that have not ended, oldest first."""
    registry: RegistryView
    older_claimant: str | None
    """`namespace/name` of an older ModelAlias that claims the same alias; None when this one owns it."""
    claimed: Mapping[str, str]
    """Aliases of the model that other ModelAliases claim, and which do."""
    managed: Mapping[str, ModelAliasStatus]
    """The statuses of the ModelAliases that manage the aliases which the rules of eligibility ask for."""
    identity: Identity
    trouble: Cause | None
    """What the API server refused at the last try."""
    broken: Mapping[str, Broken]
    """Requests, by their uid, that met an unexpected error and are not to be looked at now."""
    waiting: frozenset[str]
    """Requests that were told in this pass what they wait for."""
    notary: Notary
    """Who signs the records of versions, and says which are proved."""
    facts: Facts
    now: datetime
    read_by_policies: PolicyReads = PolicyReads()
    policies: PolicyView = PolicyView()
    serving: ServingView = field(default_factory=ServingView)
    by_itself: ByItself = ByItself()
    challenger: ModelAlias | None = None
    """The ModelAlias of the same namespace that manages the challenger in spec.traffic."""
    older_splitter: str | None = None
    """Name of an older ModelAlias of the namespace that splits requests of the same HTTPRoute for one of the Services."""
    claim_differs_in_case: bool = False
    """Whether what the older ModelAlias claims is the same only without its case."""
    room: Room = Room()
    tags_put_off: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """Versions, with the tag of policy.retention that the registry did not take, and when that is tried again."""

    def named(self, owner: str) -> str:
        """Name a ModelAlias, `namespace/name`, to its own namespace only: what other teams have is not told."""
        namespace, _, name = owner.partition("/")
        return f"ModelAlias {name}" if namespace == self.namespace else "a ModelAlias of another namespace"
