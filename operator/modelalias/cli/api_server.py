"""The API server, reached with a user's kubeconfig."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from modelalias.adapters import kubernetes_client
from modelalias.adapters.jobs import KubernetesJobs
from modelalias.adapters.kubernetes_client import (
    PAGE,
    Call,
    Caller,
    Connection,
    CredentialsRefused,
    Denied,
    KindNotServed,
    Verb,
)
from modelalias.adapters.lease import KubernetesLease
from modelalias.adapters.pods import KubernetesPods
from modelalias.adapters.workloads import KubernetesWorkloads
from modelalias.api.alias import ModelAlias
from modelalias.api.fields import GROUP, VERSION, Value
from modelalias.api.request import PromotionRequest
from modelalias.api.workload import WorkloadKind
from modelalias.cli import credential_plugin, filing, listed_objects, object_events, rights, watching
from modelalias.cli.changes import Watch
from modelalias.cli.cluster import Heartbeat, Installation, Kind, ObjectMissing, Page, Who
from modelalias.cli.kubeconfig import Access
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.rights import Right
from modelalias.cli.watching import ApiWatch
from modelalias.core.errors import InvalidRequest, NotFound, Refused
from modelalias.kinds import KINDS
from modelalias.ports import JobRef, Pod, Workload, WorkloadRef
from modelalias.rest import PatchType, Resource

M = TypeVar("M", bound=BaseModel)

FIELD_MANAGER: Final = "modelalias-cli"
"""Not kubectl's own name: GitOps controllers take over and remove what kubectl owns."""
SECONDS: Final = 10.0
LEASE: Final = "modelalias-operator"
"""Name of the operator's Lease, unless its configuration has another."""

ALIASES: Final = Resource(group=GROUP, version=VERSION, plural="modelaliases")
REQUESTS: Final = Resource(group=GROUP, version=VERSION, plural="promotionrequests")
POLICIES: Final = Resource(group=GROUP, version=VERSION, plural="promotionpolicies")
CLUSTER_POLICIES: Final = Resource(group=GROUP, version=VERSION, plural="clusterpromotionpolicies")
EVENTS: Final = Resource(group="", version="v1", plural="events")
NAMESPACES: Final = Resource(group="", version="v1", plural="namespaces")
_RESOURCES: Final = {
    Kind.ALIASES: ALIASES,
    Kind.REQUESTS: REQUESTS,
    Kind.DEPLOYMENTS: KINDS[WorkloadKind.DEPLOYMENT].resource,
    Kind.STATEFUL_SETS: KINDS[WorkloadKind.STATEFUL_SET].resource,
    Kind.DAEMON_SETS: KINDS[WorkloadKind.DAEMON_SET].resource,
    Kind.POLICIES: POLICIES,
    Kind.CLUSTER_POLICIES: CLUSTER_POLICIES,
    Kind.EVENTS: EVENTS,
    Kind.NAMESPACES: NAMESPACES,
}
_WHOLE: Final = "application/json"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
REVIEWS: Final = Resource(group="authentication.k8s.io", version="v1", plural="selfsubjectreviews")
ACCESS_REVIEWS: Final = Resource(
    group="authorization.k8s.io", version="v1", plural="selfsubjectaccessreviews"
)

_STRICT: Final = (("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"))
_DENIED: Final = "denied request: "
_Query = tuple[tuple[str, str], ...]


class _Description(Resource):
    """The OpenAPI document of a group, at an address of its own."""

    def path(self, namespace: str, name: str = "") -> str:  # noqa: ARG002 - it has neither
        """Return the address of the document."""
        return f"/openapi/v3/apis/{self.api_version}"


_DESCRIPTION: Final = _Description(group=GROUP, version=VERSION, plural="schemas")


class Table(Value):
    """Some objects of a list as `kubectl get` shows them, by the names of its columns."""

    rows: tuple[Mapping[str, str], ...]
    after: str
    """Where the list goes on; "" at its end."""
    left: int | None
    """How many objects follow; None where the API server does not say, as with a selector."""


class _Shared:
    """A connection that is opened when it is first needed, for all namespaces."""

    def __init__(self, access: Access) -> None:
        self._access, self._lock = access, asyncio.Lock()
        self.connection: Connection | None = None
        self._retired: list[Connection] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def opened(self) -> Connection:
        """Return the connection."""
        if self.connection is None:
            await self.renew(None)
        assert self.connection is not None  # noqa: S101 - for the type checker
        return self.connection

    async def renew(self, used: Connection | None) -> None:
        """Open another connection with fresh credentials, unless one has been opened in place of the used one."""
        async with self._lock:
            if self.connection is not used:
                return
            self.connection = await self._open()
            if used is not None:
                self._retired.append(used)  # other calls may be under way on it; watches end with it
                asyncio.get_running_loop().call_later(2 * SECONDS, self._closed, used)

    async def _open(self) -> Connection:
        access = self._access
        if access.cluster is None:
            client = await kubernetes_client.open_client(None)
        else:
            user = dict(access.user or {})
            if user.get("exec"):
                user = dict(await credential_plugin.run(user["exec"], access.cluster))
            client = await kubernetes_client.client_of(access.kubeconfig(user))
        client.user_agent = FIELD_MANAGER
        return Connection(client, caller(access))

    def _closed(self, retired: Connection) -> None:
        if retired in self._retired:
            self._retired.remove(retired)
            task = asyncio.get_running_loop().create_task(retired.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close the connection."""
        connections = [*self._retired, *([] if self.connection is None else [self.connection])]
        self._retired, self.connection = [], None
        for connection in connections:
            await connection.close()


class ApiServer:
    """Implements `Cluster`; one that is used for long renews credentials by itself, once for each refusal."""

    def __init__(self, access: Access, shared: _Shared | None = None, *, for_long: bool = False) -> None:
        self._access, self._for_long = access, for_long
        self._shared = shared or _Shared(access)

    @property
    def namespace(self) -> str:
        """The namespace."""
        return self._access.namespace

    def within(self, namespace: str) -> "ApiServer":
        """Return the same server and user for another namespace, over the same connection."""
        return ApiServer(replace(self._access, namespace=namespace), self._shared, for_long=self._for_long)

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
        connection = self._shared.connection
        return datetime.now(UTC) if connection is None else connection.clock.now()

    async def heartbeat(self, namespace: str) -> Heartbeat | None:
        """Read the Lease of the operator that is installed in a namespace; None when there is none."""
        found = await KubernetesLease(await self._shared.opened(), namespace=namespace, name=LEASE).read()
        return None if found is None else Heartbeat(holder=found.holder, renewed=_time(found.renewed))

    async def other_installations(self, namespace: str) -> Sequence[Installation]:
        """Read who else holds a Lease as an operator than the one that is installed in a namespace."""
        lease = KubernetesLease(await self._shared.opened(), namespace=namespace, name=LEASE)
        return [
            Installation(place=it.place, namespaces=it.namespaces, renewed=_time(it.record.renewed))
            for it in await lease.neighbours()
            if it.record.holder
        ]

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload; None when there is none."""
        return await KubernetesWorkloads(await self._shared.opened()).read(ref)

    async def pods(self, workload: Workload) -> Sequence[Pod]:
        """Read the pods of a workload, the newest first."""
        return await KubernetesPods(await self._shared.opened()).of(workload)

    async def every(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = ""
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Read all objects of a kind as they stand, page by page."""
        after = ""
        while True:
            page = await self.page(kind, namespace, selector=selector, labels=labels, after=after)
            for item in page.items:
                yield item
            after = page.after
            if not after:
                return

    async def page(
        self,
        kind: Kind,
        namespace: str,
        *,
        selector: str = "",
        labels: str = "",
        most: int = PAGE,
        after: str = "",
    ) -> Page:
        """Read at most so many objects of a kind that the selectors take, from where a page before ended."""
        answer = await self._list(kind, namespace, _selected(selector, labels), most, after)
        after, left = _rest(answer)
        version = answer.get("metadata", {}).get("resourceVersion") or ""
        return Page(items=tuple(answer.get("items", ())), after=after, left=left, version=version)

    async def table(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = PAGE, after: str = ""
    ) -> Table:
        """Read what `kubectl get` shows of objects of a kind, without their namespaces: a small part of their size."""
        answer = await self._list(kind, namespace, _selected(selector), most, after, _TABLE)
        columns = [str(column.get("name")) for column in answer.get("columnDefinitions", ())]
        after, left = _rest(answer)
        rows = tuple(_cells(row, columns) for row in answer.get("rows", ()))
        return Table(rows=rows, after=after, left=left)

    async def names(
        self, kind: Kind, namespace: str, *, selector: str = "", most: int = PAGE, after: str = ""
    ) -> Sequence[tuple[str, str]]:
        """Read namespaces and names of objects of a kind."""
        answer = await self._list(kind, namespace, _selected(selector), most, after, _METADATA)
        items = (item.get("metadata", {}) for item in answer.get("items") or ())  # an empty list is null
        return [(str(item.get("namespace", "")), str(item.get("name", ""))) for item in items]

    async def _list(
        self, kind: Kind, namespace: str, selected: _Query, most: int, after: str, accept: str = _WHOLE
    ) -> Mapping[str, Any]:
        query = [("limit", str(most)), *selected]
        query += [("includeObject", "None")] if accept == _TABLE else []
        return await self._send(
            Call(
                verb=Verb.LIST,
                resource=_RESOURCES[kind],
                namespace=namespace,
                page=after,
                query=tuple(query),
                accept=accept,
            )
        )

    async def may(self, right: Right) -> bool:
        """Ask the API server whether the user has a right."""
        call = Call(verb=Verb.CREATE, resource=ACCESS_REVIEWS, namespace="")
        return rights.is_allowed(await self._send(call, rights.review(right, self.namespace)))

    async def events(self, uid: str) -> Sequence[ObjectEvent]:
        """Read what was told of the object with a UID, the newest first."""
        query = (("fieldSelector", f"involvedObject.uid={uid}"), ("limit", str(object_events.MOST)))
        call = Call(verb=Verb.LIST, resource=EVENTS, namespace=self.namespace, query=query)
        return object_events.newest_first((await self._send(call)).get("items", ()))

    async def last_lines(self, job: str) -> str:
        """Read the end of what a Job's newest pod wrote; "" when there is none."""
        ref = JobRef(namespace=self.namespace, name=job)
        return await KubernetesJobs(await self._shared.opened()).last_lines(ref)

    async def watch(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = "", since: str
    ) -> Watch:
        """Watch the objects of a kind that the selectors take; it has to be closed."""
        query = (*watching.query(since), *_selected(selector, labels))
        call = Call(verb=Verb.WATCH, resource=_RESOURCES[kind], namespace=namespace, query=query)
        connection = await self._shared.opened()
        return ApiWatch(call, await connection.open_lines(call, silence=watching.SILENCE))

    async def body(self, resource: Resource, name: str, namespace: str = "") -> Mapping[str, Any] | None:
        """Read any object; None where there is none, or where its kind is not served."""
        call = Call(verb=Verb.GET, resource=resource, namespace=namespace, name=name)
        return await self._there(call)

    async def schemas(self) -> Mapping[str, Any] | None:
        """Read how our kinds are described; everybody who is signed in may."""
        found = await self._there(Call(verb=Verb.GET, resource=_DESCRIPTION, namespace=""))
        return None if found is None else dict(found.get("components", {}).get("schemas", {}))

    async def _there(self, call: Call) -> Mapping[str, Any] | None:
        try:
            return await self._send(call)
        except (NotFound, KindNotServed):
            return None

    async def create(self, body: Mapping[str, Any]) -> PromotionRequest:
        """Create a request and return it with its generated name."""
        call = Call(verb=Verb.CREATE, resource=REQUESTS, namespace=self.namespace, query=_STRICT)
        try:
            filed = await self._send(call, body)
        except Refused as error:
            if not filing.is_quotas(str(error)):
                raise
            raise Refused(f"{error}; {filing.past_quota(body, self.namespace)}") from error
        return listed_objects.read(PromotionRequest, filed)

    async def patch(self, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Change a request by a JSON patch."""
        call = Call(verb=Verb.PATCH, resource=REQUESTS, namespace=self.namespace, name=name, query=_STRICT)
        await self._send(call, list(operations), PatchType.JSON)

    async def patch_alias(self, name: str, operations: Sequence[Mapping[str, Any]]) -> ModelAlias:
        """Change a ModelAlias by a JSON patch and return it as it is then."""
        call = Call(verb=Verb.PATCH, resource=ALIASES, namespace=self.namespace, name=name, query=_STRICT)
        return listed_objects.read(ModelAlias, await self._send(call, list(operations), PatchType.JSON))

    async def renew(self) -> None:
        """Close the connection and open another with fresh credentials."""
        await self._shared.renew(self._shared.connection)

    async def close(self) -> None:
        """Close the connection."""
        await self._shared.close()

    async def _read(self, resource: Resource, name: str, model: type[M]) -> M:
        if not name:  # without a name the whole list would be read
            raise InvalidRequest(f"the name of the {model.__name__} is empty")
        return listed_objects.read(
            model,
            await self._send(Call(verb=Verb.GET, resource=resource, namespace=self.namespace, name=name)),
        )

    async def _send(self, call: Call, body: Any = None, patch: PatchType | None = None) -> Mapping[str, Any]:
        connection = await self._shared.opened()
        try:
            try:
                return await connection.send(call, body, patch=patch, seconds=SECONDS)
            except CredentialsRefused:
                if not self._for_long or _is_fixed(self._access):
                    raise
            await self._shared.renew(connection)
            return await (await self._shared.opened()).send(call, body, patch=patch, seconds=SECONDS)
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


def _selected(fields: str = "", labels: str = "") -> _Query:
    """Return the selectors that are not empty."""
    pairs = (("fieldSelector", fields), ("labelSelector", labels))
    return tuple(pair for pair in pairs if pair[1])


def _rest(answer: Mapping[str, Any]) -> tuple[str, int | None]:
    """Return where a list goes on, and how many objects follow."""
    metadata = answer.get("metadata", {})
    after = metadata.get("continue") or ""
    return after, metadata.get("remainingItemCount") if after else 0


def _cells(row: Mapping[str, Any], columns: Sequence[str]) -> Mapping[str, str]:
    cells = ("" if cell is None else str(cell) for cell in row.get("cells", ()))
    return dict(zip(columns, cells, strict=False))


def _is_fixed(access: Access) -> bool:
    """Return whether the credentials are a token that nothing can renew."""
    return set(access.user or ()) == {"token"}


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


def _time(text: str) -> datetime | None:
    """Read a time that another program wrote; None where it is none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
