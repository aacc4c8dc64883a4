"""How the API server is addressed: resources and patch formats, as values that need no client."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from modelalias.api.fields import Value

JsonBody = Mapping[str, Any] | Sequence[Mapping[str, Any]]


FIELD_MANAGER: Final = "modelalias-operator"
"""Under which the operator's fields stand in managedFields."""


class PatchType(StrEnum):
    """The patch formats in use; STRATEGIC is for the kinds built into Kubernetes, not for those of a CRD."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


class Resource(Value):
    """A kind of resource; `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    subresource: str = ""

    @property
    def api_version(self) -> str:
        """What stands in the `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "") -> str:
        """Return the address of one object, or of the collection when no name is given.

        No namespace stands for all.
        """
        root = f"/{'apis' if self.group else 'api'}/{self.api_version}"
        parts = [root, *(["namespaces", quote(namespace, safe="")] if namespace else []), self.plural]
        if name:
            parts.append(quote(name, safe=""))
        if self.subresource:
            parts.append(self.subresource)
        return "/".join(parts)

    def __str__(self) -> str:
        """Name the resource as an RBAC rule does, with its group."""
        plural = f"{self.plural}/{self.subresource}" if self.subresource else self.plural
        return f"{plural}.{self.group}" if self.group else plural
