"""Which kinds the API server serves now: what it lists under /apis, where the list changes when a CRD comes or goes.

Whoever is signed in may read that (`system:discovery`), so it needs no rule in the operator's ClusterRole.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from modelalias.adapters.kubernetes_client import Call, Connection, Verb
from modelalias.rest import Resource


class _Document(Resource):
    """A document of the discovery, addressed as a resource is: `/apis`, or one group's version below it."""

    def path(self, namespace: str, name: str = "") -> str:
        """Return its address."""
        del namespace, name
        return "/".join(part for part in ("/apis", self.group, self.version) if part)

    def __str__(self) -> str:
        """Name it as an RBAC rule does, by its address."""
        return self.path("")


_ROOT: Final = _Document(group="", version="", plural="")


class KubernetesDiscovery:
    """What is served, read as Kopf reads it when it starts: the groups first, then the kinds of each."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection, which the caller closes."""
        self._connection = connection

    async def served(self, wanted: Collection[Resource]) -> frozenset[Resource]:
        """Return which of these resources of named groups are served.

        Raise `Unavailable` and `Refused` when that is not known, also while the groups name a version of which
        the kinds are not served yet, or no longer.
        """
        groups = (await self._read(_ROOT)).get("groups") or ()
        versions = {
            (group["name"], version["version"]) for group in groups for version in group.get("versions") or ()
        }
        found: set[Resource] = set()
        for group, version in {(item.group, item.version) for item in wanted} & versions:
            answer = await self._read(_Document(group=group, version=version, plural=""))
            names = {item["name"] for item in answer.get("resources") or ()}
            found |= {
                item
                for item in wanted
                if (item.group, item.version) == (group, version) and item.plural in names
            }
        return frozenset(found)

    async def _read(self, document: Resource) -> Mapping[str, Any]:
        return await self._connection.send(Call(verb=Verb.GET, resource=document, namespace=""))
