"""The part of an object's metadata that the operator reads."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import Field

from modelalias.api.fields import GROUP, Reported, Timestamp

PINNED_BY: Final = f"{GROUP}/pinned-by"
"""The annotation of a ModelAlias that says who set `spec.version`. The admission policies write and guard it."""
_LONGEST_USER: Final = 512


class Metadata(Reported):
    """Identity, generation and deletion of an object; nothing else of its metadata is read."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    annotations: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[str, str] = Field(default_factory=lambda: MappingProxyType({}))

    @property
    def pinned_by(self) -> str | None:
        """Return who signed for the pin; None when nobody did, or under a name longer than a user's may be."""
        name = self.annotations.get(PINNED_BY, "")
        return name if 0 < len(name) <= _LONGEST_USER else None
