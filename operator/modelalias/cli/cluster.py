"""The cluster as the commands use it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import Value
from modelalias.api.request import PromotionRequest
from modelalias.cli.changes import Watch
from modelalias.cli.object_events import ObjectEvent
from modelalias.cli.rights import Right
from modelalias.core.errors import NotFound
from modelalias.ports import Pod, Workload, WorkloadRef
from modelalias.rest import Resource


class ObjectMissing(NotFound):
    """There is no such object in the namespace."""


class Kind(StrEnum):
    """What can be listed, by its name in the API's addresses."""

    ALIASES = "modelaliases"
    REQUESTS = "promotionrequests"
    DEPLOYMENTS = "deployments"
    STATEFUL_SETS = "statefulsets"
    DAEMON_SETS = "daemonsets"
    POLICIES = "promotionpolicies"
    CLUSTER_POLICIES = "clusterpromotionpolicies"
    EVENTS = "events"
    NAMESPACES = "namespaces"


class Page(Value):
    """Some objects of a list, as they stand."""

    items: tuple[Mapping[str, Any], ...]
    after: str
    """Where the list goes on; "" at its end."""
    left: int | None
    """How many objects follow; None where the API server does not say, as with a selector."""
    version: str = ""
    """From where a watch tells what has changed since."""


class Who(Value):
    """A user, as the API server knows them."""

    user: str
    groups: tuple[str, ...] = ()


class Heartbeat(Value):
    """The operator's Lease, as it stands."""

    holder: str
    """"" when no operator holds it."""
    renewed: datetime | None
    """When it was renewed last, by the clock of the operator's node."""


class Installation(Value):
    """Another installation of the operator in the cluster, as its Lease has it."""

    place: str
    """The Lease, as namespace/name."""
    namespaces: tuple[str, ...]
    """What it watches, none for all."""
    renewed: datetime | None
    """When it was renewed last."""


class PersonsCluster(Protocol):
    """One namespace of a cluster, with the rights of one user.

    Every call raises `Unavailable` if no answer comes in time, `Refused` if the user lacks a permission,
    `ObjectMissing` if the object does not exist, and `InvalidRequest` or `Conflict` if the API server refuses
    what is written; the messages are written for that user.
    """

    @property
    def namespace(self) -> str:
        """The namespace."""

    async def who(self) -> Who:
        """Ask the API server who the user is."""

    async def request(self, name: str) -> PromotionRequest:
        """Read a request."""

    async def alias(self, name: str) -> ModelAlias:
        """Read a ModelAlias."""

    def now(self) -> datetime:
        """Return the API server's time, once it has answered."""

    async def heartbeat(self, namespace: str) -> Heartbeat | None:
        """Read the Lease of the operator that is installed in a namespace; None when there is none."""

    async def other_installations(self, namespace: str) -> Sequence[Installation]:
        """Read who else holds a Lease as an operator than the one that is installed in a namespace."""

    async def workload(self, ref: WorkloadRef) -> Workload | None:
        """Read a workload; None when there is none."""

    async def pods(self, workload: Workload) -> Sequence[Pod]:
        """Read the pods of a workload, the newest first."""

    def every(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = ""
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Read all objects of a kind as they stand, in one namespace or, with "", in all, page by page.

        `selector` is one of fields, `labels` one of labels.
        """

    async def page(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = "", after: str = ""
    ) -> Page:
        """Read some objects of a kind, from where a page before ended."""

    async def names(self, kind: Kind, namespace: str) -> Sequence[tuple[str, str]]:
        """Read namespaces and names of some objects of a kind."""

    async def watch(
        self, kind: Kind, namespace: str, *, selector: str = "", labels: str = "", since: str
    ) -> Watch:
        """Watch what changes after `since`, the version of a page; the watch has to be closed."""

    async def body(self, resource: Resource, name: str, namespace: str = "") -> Mapping[str, Any] | None:
        """Read any object as it stands; None where there is none, or where its kind is not served."""

    async def schemas(self) -> Mapping[str, Any] | None:
        """Read how the API server describes our kinds, by OpenAPI's names; None where it serves none."""

    async def may(self, right: Right) -> bool:
        """Ask the API server whether the user has a right."""

    async def events(self, uid: str) -> Sequence[ObjectEvent]:
        """Read what was told of the object with a UID, the newest first."""

    async def last_lines(self, job: str) -> str:
        """Read the end of what a Job's newest pod wrote; "" when there is none."""

    async def create(self, body: Mapping[str, Any]) -> PromotionRequest:
        """Create a request and return it with its generated name."""

    async def patch(self, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Change a request by a JSON patch."""

    async def patch_alias(self, name: str, operations: Sequence[Mapping[str, Any]]) -> ModelAlias:
        """Change a ModelAlias by a JSON patch and return it as it is then."""

    async def renew(self) -> None:
        """Fetch new credentials: those of a managed cluster last minutes."""
