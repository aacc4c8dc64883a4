"""An API server in memory, as far as ModelAliases, PromotionRequests, policies and events go.

It keeps what is written, counts resourceVersions and generations as the real one does, and refuses a stale
write. The suite in `tests/contract/test_objects.py` runs on this and on a real API server.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import ValidationError

from modelalias.adapters.kubernetes_objects import dump_status
from modelalias.api.alias import ModelAlias, ModelAliasSpec, ModelAliasStatus
from modelalias.api.metadata import Metadata
from modelalias.api.promotion_policy import ClusterPromotionPolicySpec, PolicyKind, PromotionPolicySpec
from modelalias.api.request import PromotionRequest, PromotionRequestSpec, PromotionRequestStatus
from modelalias.core.errors import InvalidRequest, OperatorError, StaleObject
from modelalias.ports import EventType, GivenPolicy, Involved, PolicyId
from tests.support.fault_queue import ANY, FaultQueue

FakeObject = ModelAlias | PromotionRequest
Listener = Callable[[str, FakeObject], None]
"""Called with ADDED, MODIFIED or DELETED and the object as it stands after."""

OPERATOR: Final = "system:serviceaccount:modelalias-system:modelalias-operator"
"""The user name of the operator."""

UNSEEN: Final = -1
"""The observedGeneration that the CRDs give to an object that the operator has not looked at."""

_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_Kept = TypeVar("_Kept", ModelAlias, PromotionRequest)
_Status = TypeVar("_Status", ModelAliasStatus, PromotionRequestStatus)
_Key = tuple[str, str]


@dataclass(frozen=True)
class StatusWrite:
    """A status write that changed something, as it was stored."""

    kind: str
    namespace: str
    name: str
    status: ModelAliasStatus | PromotionRequestStatus


@dataclass(frozen=True)
class PostedEvent:
    """An event as it was posted."""

    about: Involved
    kind: EventType
    reason: str
    message: str
    now: datetime
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Backup:
    """Everything that the API server held at one moment."""

    aliases: dict[_Key, ModelAlias]
    requests: dict[_Key, PromotionRequest]
    policies: dict[PolicyId, GivenPolicy]
    serial: int


class FakeObjects:
    """The port `Objects` in memory, with what users and tests do beside it."""

    def __init__(self) -> None:
        self.aliases: dict[_Key, ModelAlias] = {}
        self.requests: dict[_Key, PromotionRequest] = {}
        self.policies: dict[PolicyId, GivenPolicy] = {}
        self.writes: list[StatusWrite] = []
        self.events: list[PostedEvent] = []
        self.calls: list[str] = []
        self.listeners: list[Listener] = []
        self.policy_listeners: list[Callable[[str, GivenPolicy], None]] = []
        self.clock: Callable[[], datetime] | None = None
        """What tells when an object is created; without one each is a second younger than the one before."""
        self._faults = FaultQueue()
        self._serial = 0

    # What a user does

    def add_alias(self, namespace: str, name: str, spec: ModelAliasSpec) -> ModelAlias:
        unseen = ModelAliasStatus(observed_generation=UNSEEN)
        alias = ModelAlias(metadata=self._born(namespace, name), spec=spec, status=unseen)
        self.aliases[namespace, name] = alias
        return self._told("ADDED", alias)

    def add_request(self, namespace: str, name: str, spec: PromotionRequestSpec) -> PromotionRequest:
        unseen = PromotionRequestStatus(observed_generation=UNSEEN)
        request = PromotionRequest(metadata=self._born(namespace, name), spec=spec, status=unseen)
        self.requests[namespace, name] = request
        return self._told("ADDED", request)

    def put_policy(self, name: str, spec: PromotionPolicySpec, namespace: str = "") -> GivenPolicy:
        """Make a policy, or edit it; without a namespace it is one of the cluster."""
        kind = PolicyKind.NAMESPACED if namespace else PolicyKind.CLUSTER
        old = self.policies.get(PolicyId(kind, namespace, name))
        metadata = self._born(namespace, name)
        if old is not None:
            generation, uid = old.metadata.generation + 1, old.metadata.uid
            metadata = metadata.model_copy(update={"uid": uid, "generation": generation})
        applies_to = spec.applies_to if isinstance(spec, ClusterPromotionPolicySpec) else None
        policy = GivenPolicy(kind=kind, metadata=metadata, applies_to=applies_to, spec=spec)
        self.policies[policy.id] = policy
        self._tell_policy("ADDED" if old is None else "MODIFIED", policy)
        return policy

    def delete_policy(self, name: str, namespace: str = "") -> None:
        kind = PolicyKind.NAMESPACED if namespace else PolicyKind.CLUSTER
        self._tell_policy("DELETED", self.policies.pop(PolicyId(kind, namespace, name)))

    def edit_alias(self, namespace: str, name: str, spec: ModelAliasSpec) -> ModelAlias:
        alias = self._changed(self.aliases[namespace, name], spec)
        self.aliases[namespace, name] = alias
        return self._told("MODIFIED", alias)

    def edit_request(self, namespace: str, name: str, spec: PromotionRequestSpec) -> PromotionRequest:
        request = self._changed(self.requests[namespace, name], spec)
        self.requests[namespace, name] = request
        return self._told("MODIFIED", request)

    def annotate_alias(self, namespace: str, name: str, **annotations: str) -> ModelAlias:
        old = self.aliases[namespace, name]
        metadata = old.metadata.model_copy(
            update={
                "annotations": {**old.metadata.annotations, **annotations},
                "resource_version": self._next(),
            }
        )
        alias = old.model_copy(update={"metadata": metadata})
        self.aliases[namespace, name] = alias
        return self._told("MODIFIED", alias)

    def delete_alias(self, namespace: str, name: str) -> None:
        self._told("DELETED", self.aliases.pop((namespace, name)))

    def label_request(self, namespace: str, name: str, **labels: str) -> PromotionRequest:
        old = self.requests[namespace, name]
        metadata = old.metadata.model_copy(
            update={"labels": {**old.metadata.labels, **labels}, "resource_version": self._next()}
        )
        request = old.model_copy(update={"metadata": metadata})
        self.requests[namespace, name] = request
        return self._told("MODIFIED", request)

    def remove_request(self, namespace: str, name: str) -> None:
        self._told("DELETED", self.requests.pop((namespace, name)))

    def delete_request_slowly(self, namespace: str, name: str) -> None:
        """Delete a request that a finalizer keeps."""
        self.requests[namespace, name] = self._told("MODIFIED", self._ending(self.requests[namespace, name]))

    def delete_alias_slowly(self, namespace: str, name: str) -> None:
        """Delete a ModelAlias that a finalizer keeps."""
        self.aliases[namespace, name] = self._told("MODIFIED", self._ending(self.aliases[namespace, name]))

    # What the owner of the cluster does

    def backup(self) -> Backup:
        """Keep everything as it stands."""
        return Backup(dict(self.aliases), dict(self.requests), dict(self.policies), self._serial)

    def restore(self, backup: Backup) -> None:
        """Put everything back as it stood, resource versions too; no watch tells of it, only a listing."""
        self.aliases, self.requests = dict(backup.aliases), dict(backup.requests)
        self.policies, self._serial = dict(backup.policies), backup.serial

    # What a test puts in the way

    def fail_next(
        self, error: BaseException, *, call: str = ANY, after: bool = False, times: int = 1
    ) -> None:
        """Let calls of that name (a method's name, or all) fail; `after`: the write is stored and its answer
        lost."""
        self._faults.add(error, call=call, after=after, times=times)

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._faults.clear()

    # The port

    async def every_alias(self, namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
        self._begin("every_alias")
        for (namespace, _), alias in sorted(self.aliases.items()):
            if not namespaces or namespace in namespaces:
                yield alias

    async def every_request(self, namespaces: Sequence[str]) -> AsyncIterator[PromotionRequest]:
        self._begin("every_request")
        for (namespace, _), request in sorted(self.requests.items()):
            if not namespaces or namespace in namespaces:
                yield request

    async def every_policy(self, namespaces: Sequence[str]) -> AsyncIterator[GivenPolicy]:
        self._begin("every_policy")
        for (kind, namespace, _), policy in sorted(self.policies.items()):
            if kind is PolicyKind.CLUSTER or not namespaces or namespace in namespaces:
                yield policy

    async def alias(self, namespace: str, name: str) -> ModelAlias | None:
        self._begin("alias")
        return self.aliases.get((namespace, name))

    async def request(self, namespace: str, name: str) -> PromotionRequest | None:
        self._begin("request")
        return self.requests.get((namespace, name))

    async def write_alias_status(self, alias: ModelAlias, status: ModelAliasStatus) -> ModelAlias:
        self._begin("write_alias_status")
        kept = _current(self.aliases, alias)
        stored = _stored(status)
        if stored != kept.status:
            kept = self._restatused(kept, stored)
            self.aliases[kept.metadata.namespace, kept.metadata.name] = kept
        self._faults.after("write_alias_status")
        return kept

    async def write_request_status(
        self, request: PromotionRequest, status: PromotionRequestStatus
    ) -> PromotionRequest:
        self._begin("write_request_status")
        kept = _current(self.requests, request)
        stored = _stored(status)
        if stored != kept.status:
            kept = self._restatused(kept, stored)
            self.requests[kept.metadata.namespace, kept.metadata.name] = kept
        self._faults.after("write_request_status")
        return kept

    async def create_request(self, namespace: str, name: str, spec: PromotionRequestSpec) -> PromotionRequest:
        self._begin("create_request")
        there = self.requests.get((namespace, name))
        filed = there or self.add_request(namespace, name, spec)
        self._faults.after("create_request")
        return filed

    async def account(self) -> str:
        self._begin("account")
        return OPERATOR

    async def delete_request(self, namespace: str, name: str, uid: str, version: int) -> None:
        self._begin("delete_request")
        found = self.requests.get((namespace, name))
        if found is not None:
            if (found.metadata.uid, found.metadata.resource_version) != (uid, str(version)):
                raise StaleObject(f"{namespace}/{name} was changed since it was read")
            self.remove_request(namespace, name)
        self._faults.after("delete_request")

    async def post_event(
        self,
        about: Involved,
        kind: EventType,
        reason: str,
        message: str,
        *,
        now: datetime,
        annotations: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        try:
            self._begin("post_event")
            self.events.append(PostedEvent(about, kind, reason, message, now, dict(annotations)))
            self._faults.after("post_event")
        except OperatorError:
            return

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        self._faults.before(call)

    def _next(self) -> str:
        self._serial += 1
        return str(self._serial)

    def _born(self, namespace: str, name: str) -> Metadata:
        version = self._next()
        now = self.clock().replace(microsecond=0) if self.clock else _EPOCH + timedelta(seconds=self._serial)
        return Metadata(
            name=name,
            namespace=namespace,
            uid=f"uid-{version}",
            generation=1,
            resource_version=version,
            creation_timestamp=now,
        )

    def _changed(self, kept: _Kept, spec: ModelAliasSpec | PromotionRequestSpec) -> _Kept:
        if spec == kept.spec:
            return kept
        metadata = kept.metadata.model_copy(
            update={"generation": kept.metadata.generation + 1, "resource_version": self._next()}
        )
        return kept.model_copy(update={"metadata": metadata, "spec": spec})

    def _ending(self, kept: _Kept) -> _Kept:
        metadata = kept.metadata.model_copy(
            update={
                "deletion_timestamp": _EPOCH,
                "generation": kept.metadata.generation + 1,
                "resource_version": self._next(),
            }
        )
        return kept.model_copy(update={"metadata": metadata})

    def _restatused(self, kept: _Kept, status: ModelAliasStatus | PromotionRequestStatus) -> _Kept:
        metadata = kept.metadata.model_copy(update={"resource_version": self._next()})
        changed = kept.model_copy(update={"metadata": metadata, "status": status})
        self.writes.append(StatusWrite(kept.kind, metadata.namespace, metadata.name, status))
        return self._told("MODIFIED", changed)

    def _tell_policy(self, change: str, policy: GivenPolicy) -> None:
        for listener in self.policy_listeners:
            listener(change, policy)

    def _told(self, change: str, item: _Kept) -> _Kept:
        for listener in self.listeners:
            listener(change, item)
        return item


def _stored(status: _Status) -> _Status:
    """Return a status as it comes back from the wire."""
    try:
        return type(status).model_validate(dump_status(status))
    except ValidationError as error:
        raise InvalidRequest(str(error)) from error


def _current(kept: dict[_Key, _Kept], seen: _Kept) -> _Kept:
    """Return the object if it is still the one that was seen."""
    key = (seen.metadata.namespace, seen.metadata.name)
    if not seen.metadata.resource_version:
        raise ValueError(
            f"{key[0]}/{key[1]} has no resourceVersion: a status is only written to what was read"
        )
    found = kept.get(key)
    if found is None:
        raise StaleObject(f"{key[0]}/{key[1]} is gone")
    if found.metadata.resource_version != seen.metadata.resource_version:
        raise StaleObject(f"{key[0]}/{key[1]} was changed since it was read")
    return found
