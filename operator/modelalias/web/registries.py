"""The registries that the page of a model reads, and the addresses that its links lead to: configuration, never a tenant's."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from modelalias.ports import Registry
from modelalias.settings import ClientSettings
from modelalias.web.mlflow_links import NO_LINKS, Links

Opened = Callable[[], AbstractAsyncContextManager[Registry]]


@dataclass(frozen=True)
class RegistrySite:
    """One registry."""

    opened: Opened | None = None
    """Opens it with the credentials of who looks; None where its versions are not read."""
    links: Links = NO_LINKS
    """To its pages for people."""


@dataclass(frozen=True)
class Registries:
    """The registries by the names that ModelAliases call them by."""

    known: Mapping[str, RegistrySite] = field(default_factory=dict)

    def named(self, name: str) -> RegistrySite:
        """Return one; without anything where it is not configured."""
        return self.known.get(name, RegistrySite())


def with_client(client: ClientSettings) -> Opened:
    """Return how to open a registry as the command line does."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Registry]:
        # imported late: most people look at other pages
        from modelalias.cli import registry_reading  # noqa: PLC0415

        async with registry_reading.opened(client) as registry:
            yield registry

    return opened
