"""The resources of the product in a cluster, and Events about them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from modelalias.api.alias import ModelAlias, ModelAliasStatus
from modelalias.api.fields import Value
from modelalias.api.request import PromotionRequest, PromotionRequestSpec, PromotionRequestStatus
from modelalias.ports.policies import GivenPolicy


class EventType(StrEnum):
    """The two types that Kubernetes has."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Involved(Value):
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class Objects(Protocol):
    """ModelAliases, PromotionRequests, policies and events in the API server.

    The listings of the first two pass over objects that do not fit the models, with a line in the log.

    Every call raises `Unavailable` when the API server does not answer in time or is overloaded, `Refused`
    with the verb and the resource in its message when a permission is missing.
    """

    def every_alias(self, namespaces: Sequence[str]) -> AsyncIterator[ModelAlias]:
        """List all ModelAliases by pages, of the named namespaces or, with none named, of the cluster."""
        ...

    def every_request(self, namespaces: Sequence[str]) -> AsyncIterator[PromotionRequest]:
        """List all PromotionRequests by pages, of the named namespaces or, with none named, of the cluster."""
        ...

    def every_policy(self, namespaces: Sequence[str]) -> AsyncIterator[GivenPolicy]:
        """List all PromotionPolicies of the named namespaces or, with none named, of the cluster.

        And all ClusterPromotionPolicies. One that does not fit the models is listed as one that cannot be read.
        Raises `Unavailable` while the API server does not serve the kinds: that is not to be without policies.
        """
        ...

    async def alias(self, namespace: str, name: str) -> ModelAlias | None:
        """Read a ModelAlias afresh."""
        ...

    async def request(self, namespace: str, name: str) -> PromotionRequest | None:
        """Read a PromotionRequest afresh."""
        ...

    async def write_alias_status(self, alias: ModelAlias, status: ModelAliasStatus) -> ModelAlias:
        """Replace the status of the alias as it was read; raise `Conflict` when it changed since, or is gone."""
        ...

    async def write_request_status(
        self, request: PromotionRequest, status: PromotionRequestStatus
    ) -> PromotionRequest:
        """Replace the status of the request as it was read.

        Raise `Conflict` when it changed since, or is gone.
        """
        ...

    async def create_request(self, namespace: str, name: str, spec: PromotionRequestSpec) -> PromotionRequest:
        """File a request and return it, or the one of that name that is there already, whoever's it is.

        Raise `InvalidRequest` when the API server does not let it in.
        """
        ...

    async def account(self) -> str:
        """Return the user name under which the API server knows this process."""
        ...

    async def delete_request(self, namespace: str, name: str, uid: str, version: int) -> None:
        """Delete a request as it was seen at that resourceVersion.

        One that is gone is fine, for another raise `Conflict`.
        """
        ...

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
        """Post one event, best effort: a failure is logged and not raised.

        The annotations say the same for programs, under keys with our prefix.
        """
        ...
