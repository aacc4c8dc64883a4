"""What the commands for people ask of a cluster."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import Value
from modelalias.api.request import PromotionRequest
from modelalias.core.errors import NotFound


class Missing(NotFound):
    """There is no such object in the namespace."""


class Who(Value):
    """Somebody, as the API server knows them."""

    user: str
    groups: tuple[str, ...] = ()


class Cluster(Protocol):
    """One namespace of a cluster, seen by one person.

    Every call raises `Unavailable` when no answer comes in time, `Refused` when the person may not, `Missing`
    when a named object is not there, `InvalidRequest` and `Conflict` when the API server does not take what
    is written; in words for them.
    """

    @property
    def namespace(self) -> str:
        """The namespace that is meant."""

    async def who(self) -> Who:
        """Ask who one is."""

    async def request(self, name: str) -> PromotionRequest:
        """Read a request."""

    async def alias(self, name: str) -> ModelAlias:
        """Read a ModelAlias."""

    async def create(self, body: Mapping[str, Any]) -> PromotionRequest:
        """File a request and return it with the name that it got."""

    async def patch(self, name: str, operations: Sequence[Mapping[str, Any]]) -> None:
        """Change a request by a JSON patch."""

    async def renew(self) -> None:
        """Get credentials once more: those of a managed cluster last minutes."""
