"""What the watches say goes to the engine; no rule stands here."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import kopf

from modelalias.adapters.jobs import ALIAS_LABEL
from modelalias.adapters.kubernetes_objects import (
    ALIASES,
    CLUSTER_POLICIES,
    POLICIES,
    REQUESTS,
    parse_alias,
    parse_policy,
    parse_request,
)
from modelalias.api.promotion_policy import PolicyKind
from modelalias.core.errors import InvalidRequest
from modelalias.kinds import KINDS
from modelalias.kinds.kind import Kind
from modelalias.ports import PolicyId, WorkloadRef
from modelalias.reconcile.engine import Engine
from modelalias.rest import Resource

JOBS: Final = Resource(group="batch", version="v1", plural="jobs")
_POLICIES: Final = {PolicyKind.NAMESPACED: POLICIES, PolicyKind.CLUSTER: CLUSTER_POLICIES}
WATCHED: Final = frozenset(
    {ALIASES, REQUESTS, JOBS, *_POLICIES.values(), *(kind.resource for kind in KINDS.values())}
)
"""What the handlers below are registered for."""

_log = logging.getLogger(__name__)


def register(engine: Engine, registry: kopf.OperatorRegistry) -> None:
    """Register the watches that feed the engine."""

    @kopf.on.event(ALIASES.group, ALIASES.version, ALIASES.plural, registry=registry)
    async def alias_seen(
        event: kopf.RawEvent, namespace: str | None, name: str | None, uid: str | None, **_: Any
    ) -> None:
        """Remember the alias and wake it."""
        _hear_of_a_listing(engine, event)
        if event["type"] == "DELETED":
            engine.alias_gone(namespace or "", name or "", uid)
            return
        if engine.alias_echoed(namespace or "", name or "", _version(event)):
            return
        try:
            engine.alias_seen(parse_alias(event["object"]), listed=event["type"] is None)
        except InvalidRequest as error:
            _log.warning("passed over: %s", error)

    _register_requests(engine, registry)
    _register_jobs(engine, registry)
    for policy in _POLICIES:
        _register_policies(engine, registry, policy)
    for kind in KINDS.values():
        _register_workloads(engine, registry, kind)


def _register_requests(engine: Engine, registry: kopf.OperatorRegistry) -> None:
    @kopf.on.event(REQUESTS.group, REQUESTS.version, REQUESTS.plural, registry=registry)
    async def request_seen(
        event: kopf.RawEvent, namespace: str | None, name: str | None, uid: str | None, **_: Any
    ) -> None:
        """Remember the request and wake its alias."""
        _hear_of_a_listing(engine, event)
        if event["type"] == "DELETED":
            engine.request_gone(namespace or "", name or "", uid)
            return
        if engine.request_echoed(namespace or "", name or "", _version(event)):
            return
        try:
            engine.request_seen(parse_request(event["object"]), listed=event["type"] is None)
        except InvalidRequest as error:
            _log.warning("passed over: %s", error)


def _hear_of_a_listing(engine: Engine, event: kopf.RawEvent) -> None:
    if event["type"] is None:  # Kopf lists anew after a 410, and says no more of it
        engine.listed()


def _version(event: kopf.RawEvent) -> int:
    return int(event["object"]["metadata"]["resourceVersion"])


def _register_jobs(engine: Engine, registry: kopf.OperatorRegistry) -> None:
    @kopf.on.event(JOBS.group, JOBS.version, JOBS.plural, registry=registry)
    async def job_seen(namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        """Wake the alias that waits for the Job, also when it is gone."""
        if alias := labels.get(ALIAS_LABEL):
            engine.job_seen(namespace or "", alias)


def _register_policies(engine: Engine, registry: kopf.OperatorRegistry, kind: PolicyKind) -> None:
    resource = _POLICIES[kind]

    @kopf.on.event(
        resource.group, resource.version, resource.plural, id=f"{resource.plural}_seen", registry=registry
    )
    async def policy_seen(
        event: kopf.RawEvent, namespace: str | None, name: str | None, uid: str | None, **_: Any
    ) -> None:
        """Remember the policy and wake the aliases for which it holds."""
        _hear_of_a_listing(engine, event)
        if event["type"] == "DELETED":
            engine.policy_gone(PolicyId(kind, namespace or "", name or ""), uid)
            return
        engine.policy_seen(parse_policy(event["object"], kind), listed=event["type"] is None)


def _register_workloads(engine: Engine, registry: kopf.OperatorRegistry, kind: Kind[Any]) -> None:
    resource = kind.resource

    @kopf.on.event(
        resource.group,
        resource.version,
        resource.plural,
        id=f"{resource.plural}_seen",
        registry=registry,
    )
    async def workload_seen(
        event: kopf.RawEvent, namespace: str | None, name: str | None, uid: str | None, **_: Any
    ) -> None:
        """Remember the workload and wake the aliases that it serves."""
        if event["type"] == "DELETED":
            engine.workload_gone(WorkloadRef(kind=kind.name, namespace=namespace or "", name=name or ""), uid)
            return
        engine.workload_seen(kind.parse(event["object"]))
