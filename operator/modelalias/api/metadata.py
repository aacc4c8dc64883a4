"""The part of an object's metadata that the operator reads."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import Field

from modelalias.api.fields import Reported, Timestamp


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
