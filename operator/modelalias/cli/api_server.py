"""The API server, reached with a user's kubeconfig."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from modelalias.adapters import kubernetes_client
from modelalias.adapters.kubernetes_client import Call, Caller, Connection, Denied, Verb
from modelalias.adapters.lease import KubernetesLease
from modelalias.adapters.pods import KubernetesPods
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api import unfit
from modelalias.api.alias import ModelAlias
from modelalias.api.fields import GROUP, VERSION
from modelalias.api.request import PromotionRequest
from modelalias.api.workload import WorkloadKind
from modelalias.cli import credential_plugin
from modelalias.cli.cluster import Heartbeat, Kind, ObjectMissing, Who
from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import InvalidRequest, Refused
from modelalias.kinds import KINDS
from modelalias.ports import Pod, Workload, WorkloadRef
from modelalias.rest import PatchType, Resource

M = TypeVar("M", bound=BaseModel)

FIELD_MANAGER: Final = "modelalias-cli"
"""Not kubectl's own name: GitOps controllers take over and remove what kubectl owns."""
SECONDS: Final = 10.0
LEASE: Final = "modelalias-operator"
"""Name of the operator's Lease, unless its configuration has another."""

ALIASES: Final = Resource(group=GROUP, version=VERSION, plural="modelaliases")
REQUESTS: Final = Resource(group=GROUP, version=VERSION, plural="promotionrequests")
_RESOURCES: Final = {
    Kind.ALIASES: ALIASES,
    Kind.REQUESTS: REQUESTS,
    Kind.DEPLOYMENTS: KINDS[WorkloadKind.DEPLOYMENT].resource,
    Kind.STATEFUL_SETS: KINDS[WorkloadKind.STATEFUL_SET].resource,
    Kind.DAEMON_SETS: KINDS[WorkloadKind.DAEMON_SET].resource,
}
REVIEWS: Final = Resource(group="authentication.k8s.io", version="v1", plural="selfsubjectreviews")

_STRICT: Final = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"))
_DENIED: Final = "denied request: "


class ApiServer:
    """Implements `Cluster`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._connection: Connection | None = None

    @property
    def namespace(self) -> str:
        """The namespace."""
        return self._access.namespace

    async def who(self) -> Who:
        """Ask the API server who the user is; with impersonation, the impersonated one."""
        body = {"apiVersion": f"{REVIEWS.group}/{REVIEWS.version}", "kind": "SelfSubjectReview"}
        answer = await self._send(Call(verb=Verb.CREATE, resource=REVIEWS, namespace=""), body)
        user = answer.get("status", {}).get("userInfo", {})
        return Who(user=str(user.get("username", "")), groups=tuple(user.get("groups") or ()))

    async def request(self, name: str) -> PromotionRequest:
        """Read a request."""
        return await self._read(REQUESTS, name, PromotionRequest)

    async def alias(self, name: str) -> ModelAlias:
        """Read a ModelAlias."""
        return await self._read(ALIASES, name, ModelAlias)

    def now(self) -> datetime:
        """Return the API server's time, once it has answered."""
        return datetime.now(UTC) if self._connection is None else self._connection.clock.now()

    async def heartbeat(self, namespace: str) -> Heartbeat | None:
        """Read the Lease of the operator that is installed in a namespace; None when there is none."""
        found = await KubernetesLease(await self._opened(), namespace=namespace, name=LEASE).read()
        if found is None:
            return None
        try:
            renewed = datetime.fromisoformat(found.renewed)
        except ValueError:
            renewed = None
        return Heartbeat(holder=found.holder, renewed=renewed)

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload; None when there is none."""
        return await KubernetesWorkloads(await self._opened()).read(ref)

    async def pods(self, workload: Workload) -> Sequence[Pod]:
        """Read the pods of a workload, the newest first."""
        return await KubernetesPods(await self._opened()).of(workload)

    async def every(self, kind: Kind, namespace: str) -> AsyncIterator[Mapping[str, Any]]:
        """Read all objects of a kind as they stand, page by page."""
        resource, page = _RESOURCES[kind], ""
        while True:
            answer = await self._send(Call(verb=Verb.LIST, resource=resource, namespace=namespace, page=page))
            for item in answer.get("items", ()):
                yield item
            page = answer.get("metadata", {}).get("continue") or ""
            if not page:
                return

    async def create(self, body: Mapping[str, Any]) -> PromotionRequest:
        """Create a request and return it with its generated name."""
        call = Call(verb=Verb.CREATE, resource=REQUESTS, namespace=self.namespace, query=_STRICT)
        return _parsed(PromotionRequest, await self._send(call, body))

    async def patch(self, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Change a request by a JSON patch."""
        call = Call(verb=Verb.PATCH, resource=REQUESTS, namespace=self.namespace, name=name, query=_STRICT)
        await self._send(call, list(operations), PatchType.JSON)

    async def patch_alias(self, name: str, operations: Sequence[Mapping[str, Any]]) -> ModelAlias:
        """Change a ModelAlias by a JSON patch and return it as it is then."""
        call = Call(verb=Verb.PATCH, resource=ALIASES, namespace=self.namespace, name=name, query=_STRICT)
        return _parsed(ModelAlias, await self._send(call, list(operations), PatchType.JSON))

    async def renew(self) -> None:
        """Close the connection and open another with fresh credentials."""
        await self.close()
        access = self._access
        if access.cluster is None:
            client = await kubernetes_client.open_client(None)
        else:
            user = dict(access.user or {})
            if user.get("exec"):
                user = dict(await credential_plugin.run(user["exec"], access.cluster))
            client = await kubernetes_client.client_of(access.kubeconfig(user))
        client.user_agent = FIELD_MANAGER
        self._connection = Connection(client, caller(access))

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _read(self, resource: Resource, name: str, model: type[M]) -> M:
        if not name:  # without a name the whole list would be read
            raise InvalidRequest(f"the name of the {model.__name__} is empty")
        return _parsed(
            model,
            await self._send(Call(verb=Verb.GET, resource=resource, namespace=self.namespace, name=name)),
        )

    async def _opened(self) -> Connection:
        if self._connection is None:
            await self.renew()
        assert self._connection is not None  # noqa: S101 - for the type checker
        return self._connection

    async def _send(self, call: Call, body: Any = None, patch: PatchType | None = None) -> Mapping[str, Any]:
        connection = await self._opened()
        try:
            return await connection.send(call, body, patch=patch, seconds=SECONDS)
        except kubernetes_client.MissingObject as error:
            raise (_missing(call) if call.name else InvalidRequest(str(error))) from error
        except Denied as error:
            raise Refused(policy_message(str(error))) from error
        except InvalidRequest as error:
            raise InvalidRequest(policy_message(str(error))) from error


@asynccontextmanager
async def opened(access: Access) -> AsyncIterator[ApiServer]:
    """Open a connection when it is first needed, and close it with the block."""
    server = ApiServer(access)
    try:
        yield server
    finally:
        await server.close()


def caller(access: Access) -> Caller:
    """Return the user in whose name calls are made."""
    user = [("Impersonate-User", access.acts_as)] if access.acts_as else []
    groups = [("Impersonate-Group", group) for group in access.groups] if user else []
    return Caller(whose="your", remedy="none of your roles grants it", headers=(*user, *groups))


def policy_message(message: str) -> str:
    """Return the message of an admission policy without the text that the API server puts before it."""
    return message.rpartition(_DENIED)[2]


def _missing(call: Call) -> ObjectMissing:
    kind = "ModelAlias" if call.resource == ALIASES else "PromotionRequest"
    return ObjectMissing(f"there is no {kind} {call.name} in namespace {call.namespace}")


def _parsed(model: type[M], body: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        name = body.get("metadata", {}).get("name", "")
        raise InvalidRequest(
            f"this release cannot read {model.__name__} {name}: {unfit.message(error)}"
        ) from error
