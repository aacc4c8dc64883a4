"""ModelAliases, PromotionRequests, policies and events in the API server, and their bodies as values.

A status is replaced whole, by a JSON patch that carries the resourceVersion which the caller decided on: a
merge patch would keep what is no longer there, and a PUT would have to send a spec back that is not kept
verbatim.
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from modelalias.adapters.kubernetes_client import Call, Connection, Denied, MissingObject, Verb
from modelalias.api import unfit
from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.fields import GROUP, VERSION, Value
from modelalias.api.metadata import Metadata
from modelalias.api.promotion_policy import AppliesTo, ClusterPromotionPolicy, PolicyKind, PromotionPolicy
from modelalias.api.request import PromotionRequest, PromotionRequestSpec, PromotionRequestStatus
from modelalias.core.errors import InvalidRequest, OperatorError, StaleObject
from modelalias.ports import EventType, GivenPolicy, Involved
from modelalias.rest import PatchType, Resource

ALIASES: Final = Resource(group=GROUP, version=VERSION, plural="modelaliases")
REQUESTS: Final = Resource(group=GROUP, version=VERSION, plural="promotionrequests")
POLICIES: Final = Resource(group=GROUP, version=VERSION, plural="promotionpolicies")
CLUSTER_POLICIES: Final = Resource(group=GROUP, version=VERSION, plural="clusterpromotionpolicies")
EVENTS: Final = Resource(group="", version="v1", plural="events")
REVIEWS: Final = Resource(group="authentication.k8s.io", version="v1", plural="selfsubjectreviews")
COMPONENT: Final = f"{GROUP}/operator"

_ALIAS_STATUS: Final = ALIASES.changed(subresource="status")
_REQUEST_STATUS: Final = REQUESTS.changed(subresource="status")
_REASON_LIMIT: Final = 128
_MESSAGE_LIMIT: Final = 1024
_NAME_LIMIT: Final = 253
_STRICT: Final = (("fieldValidation", "Strict"),)

_log = logging.getLogger(__name__)


class KubernetesObjects:
    """The port `Objects` on a real API server."""

    def __init__(self, connection: Connection, *, identity: str) -> None:
        """Take the connection, which the caller closes, and the name of this process for its events."""
        self._connection = connection
        self._identity = identity

    async def every_alias(self, namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
        """List all ModelAliases by pages, of the named namespaces or, with none named, of the cluster."""
        async for body in self._every(ALIASES, namespaces):
            try:
                yield parse_alias(body)
            except InvalidRequest as error:
                _log.warning("ignored an object that is not valid: %s", error)

    async def every_request(self, namespaces: Sequence[str]) -> AsyncIterator[PromotionRequest]:
        """List all PromotionRequests by pages, of the named namespaces or, with none named, of the cluster."""
        async for body in self._every(REQUESTS, namespaces):
            try:
                yield parse_request(body)
            except InvalidRequest as error:
                _log.warning("ignored an object that is not valid: %s", error)

    async def every_policy(self, namespaces: Sequence[str]) -> AsyncIterator[GivenPolicy]:
        """List all PromotionPolicies of the named namespaces or, with none named, of the cluster.

        And all ClusterPromotionPolicies.
        """
        async for body in self._every(POLICIES, namespaces):
            yield parse_policy(body, PolicyKind.NAMESPACED)
        async for body in self._every(CLUSTER_POLICIES, ()):
            yield parse_policy(body, PolicyKind.CLUSTER)

    async def _every(self, resource: Resource, namespaces: Sequence[str]) -> AsyncIterator[Mapping[str, Any]]:
        for namespace in namespaces or ("",):
            page = ""
            while True:
                answer = await self._connection.send(
                    Call(verb=Verb.LIST, resource=resource, namespace=namespace, page=page)
                )
                for item in answer.get("items", ()):
                    yield item
                page = answer.get("metadata", {}).get("continue") or ""
                if not page:
                    break

    async def alias(self, namespace: str, name: str) -> ModelAlias | None:
        """Read a ModelAlias afresh."""
        body = await self._read(ALIASES, namespace, name)
        return None if body is None else parse_alias(body)

    async def request(self, namespace: str, name: str) -> PromotionRequest | None:
        """Read a PromotionRequest afresh."""
        body = await self._read(REQUESTS, namespace, name)
        return None if body is None else parse_request(body)

    async def write_alias_status(self, alias: ModelAlias, status: ModelAliasStatus) -> ModelAlias:
        """Replace the status of the alias as it was read; raise `StaleObject` when it changed since, or is gone."""
        return parse_alias(await self._write(_ALIAS_STATUS, alias.metadata, status))

    async def write_request_status(
        self, request: PromotionRequest, status: PromotionRequestStatus
    ) -> PromotionRequest:
        """Replace the status of the request as it was read.

        Raise `StaleObject` when it changed since, or is gone.
        """
        return parse_request(await self._write(_REQUEST_STATUS, request.metadata, status))

    async def create_request(self, namespace: str, name: str, spec: PromotionRequestSpec) -> PromotionRequest:
        """File a request and return it, or the one of that name that is there already, whoever's it is.

        Raise `InvalidRequest` when the API server does not let it in, `StaleObject` when the one that was in the
        way is gone by now.
        """
        call = Call(verb=Verb.CREATE, resource=REQUESTS, namespace=namespace, query=_STRICT)
        try:
            return parse_request(await self._connection.send(call, request_body(name, spec)))
        except Denied as error:
            raise InvalidRequest(str(error)) from error
        except StaleObject:
            there = await self.request(namespace, name)
            if there is None:
                raise
            return there

    async def account(self) -> str:
        """Return the user name under which the API server knows this process."""
        call = Call(verb=Verb.CREATE, resource=REVIEWS, namespace="")
        body = {"apiVersion": REVIEWS.api_version, "kind": "SelfSubjectReview"}
        answer = await self._connection.send(call, body)
        return str(answer.get("status", {}).get("userInfo", {}).get("username", ""))

    async def delete_request(self, namespace: str, name: str, uid: str, version: int) -> None:
        """Delete a request as it was seen at that resourceVersion.

        One that is gone is fine, for another raise `StaleObject`.
        """
        call = Call(verb=Verb.DELETE, resource=REQUESTS, namespace=namespace, name=name)
        seen = {"uid": uid, "resourceVersion": str(version)}
        with suppress(MissingObject):
            await self._connection.send(
                call, {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": seen}
            )

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
        """Post one event, best effort: a failure is logged and not raised."""
        body = event_body(
            about, kind, reason, message, now=now, identity=self._identity, annotations=annotations
        )
        try:
            await self._connection.send(
                Call(verb=Verb.CREATE, resource=EVENTS, namespace=about.namespace), body
            )
        except StaleObject:
            _log.debug("the same event was posted before: %s", body["metadata"]["name"])
        except OperatorError as error:
            _log.warning(
                "an Event could not be posted: %s %s/%s: %s: %s",
                about.kind,
                about.namespace,
                about.name,
                reason,
                error,
            )

    async def _read(self, resource: Resource, namespace: str, name: str) -> Mapping[str, Any] | None:
        try:
            return await self._connection.send(
                Call(verb=Verb.GET, resource=resource, namespace=namespace, name=name)
            )
        except MissingObject:
            return None

    async def _write(self, resource: Resource, seen: Metadata, status: Value) -> Mapping[str, Any]:
        call = Call(verb=Verb.PATCH, resource=resource, namespace=seen.namespace, name=seen.name)
        try:
            return await self._connection.send(call, status_patch(seen, status), patch=PatchType.JSON)
        except MissingObject as error:
            raise StaleObject(f"{seen.namespace}/{seen.name} is gone") from error


def request_body(name: str, spec: PromotionRequestSpec) -> Mapping[str, Any]:
    """Build a request as it is created: with the fields that were set, on which its hash rests."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "PromotionRequest",
        "metadata": {"name": name},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_unset=True),
    }


def status_patch(seen: Metadata, status: Value) -> Sequence[Mapping[str, Any]]:
    """Build the patch that replaces the status if the object is still at the resourceVersion that was seen.

    Setting the resourceVersion makes the API server compare it and answer 409; a `test` operation would
    answer 422, as for a status that is not valid. Raise `ValueError` for an object that
    was never read.
    """
    if not seen.resource_version:
        raise ValueError(
            f"{seen.namespace}/{seen.name} has no resourceVersion: a status is only written to what was read"
        )
    return [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": seen.resource_version},
        {"op": "add", "path": "/status", "value": dump_status(status)},
    ]


def dump_status(status: Value) -> Mapping[str, Any]:
    """Return a status as it goes over the wire: what is None is left out."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def event_body(
    about: Involved,
    kind: EventType,
    reason: str,
    message: str,
    *,
    now: datetime,
    identity: str,
    annotations: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, Any]:
    """Build a core/v1 Event; the same event of the same moment has the same name, so that posting it twice shows once."""
    at = now.astimezone(UTC)
    seconds = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    identifying = (about.kind, about.uid, reason, message, at.isoformat())
    digest = hashlib.sha256("\0".join(identifying).encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "namespace": about.namespace,
            "name": f"{about.name[: _NAME_LIMIT - 17].rstrip('.-')}.{digest}",
            **({"annotations": dict(annotations)} if annotations else {}),
        },
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
        },
        "type": str(kind),
        "reason": reason[:_REASON_LIMIT],
        "message": _shortened(message),
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": identity,
        "firstTimestamp": seconds,
        "lastTimestamp": seconds,
        "count": 1,
    }


def _shortened(message: str) -> str:
    """Cut a message to the bytes that an event may have."""
    data = message.encode()
    return (
        message if len(data) <= _MESSAGE_LIMIT else data[: _MESSAGE_LIMIT - 3].decode(errors="ignore") + "..."
    )


def parse_alias(body: Mapping[str, Any]) -> ModelAlias:
    """Read a ModelAlias from a watch event or an answer.

    Raise `InvalidRequest` naming the field that is not valid.
    """
    try:
        return ModelAlias.model_validate(body)
    except ValidationError as error:
        raise InvalidRequest(_unfit("ModelAlias", body, error)) from error


def parse_request(body: Mapping[str, Any]) -> PromotionRequest:
    """Read a PromotionRequest from a watch event or an answer.

    Raise `InvalidRequest` naming the field that is not valid.
    """
    try:
        return PromotionRequest.model_validate(body)
    except ValidationError as error:
        raise InvalidRequest(_unfit("PromotionRequest", body, error)) from error


def parse_policy(body: Mapping[str, Any], kind: PolicyKind) -> GivenPolicy:
    """Read a policy from a watch event or a list.

    One that does not fit holds all the same, for everything where its appliesTo cannot be read either.
    """
    try:
        if kind is PolicyKind.NAMESPACED:
            policy = PromotionPolicy.model_validate(body)
            return GivenPolicy(kind=kind, metadata=policy.metadata, spec=policy.spec)
        whole = ClusterPromotionPolicy.model_validate(body)
        return GivenPolicy(
            kind=kind, metadata=whole.metadata, applies_to=whole.spec.applies_to, spec=whole.spec
        )
    except ValidationError as error:
        _log.warning("a policy that nothing passes: %s", _unfit(kind, body, error))
        applies_to = _applies_to(body) if kind is PolicyKind.CLUSTER else None
        metadata = Metadata.model_validate(body["metadata"])
        return GivenPolicy(kind=kind, metadata=metadata, applies_to=applies_to, problem=unfit.message(error))


def _applies_to(body: Mapping[str, Any]) -> AppliesTo:
    spec = body.get("spec")
    try:
        return AppliesTo.model_validate(spec["appliesTo"] if isinstance(spec, Mapping) else {})
    except (KeyError, ValidationError):
        return AppliesTo()


def _unfit(kind: str, body: Mapping[str, Any], error: ValidationError) -> str:
    raw = body.get("metadata")
    metadata = raw if isinstance(raw, Mapping) else {}
    return (
        f"{kind} {metadata.get('namespace', '')}/{metadata.get('name', '')} is not valid: "
        f"{unfit.message(error)}"
    )
