"""The part of an object's metadata that the operator reads."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from pydantic import Field

from modelalias.api.fields import GROUP, Reported, Timestamp

PINNED_BY: Final = f"{GROUP}/pinned-by"
"""The annotation of a ModelAlias that says who set `spec.version`. The admission policies write and guard it."""
RELEASE_HOLD: Final = f"{GROUP}/release-hold"
"""The annotation of a ModelAlias by which a person ends a hold.

When that hold began, a space, and the person's user name.
"""
ACKNOWLEDGE_DRIFT: Final = f"{GROUP}/acknowledge-drift"
"""The annotation of a ModelAlias by which a person lets its drift be corrected although many aliases have one at once.

What the status has of the registry (`Observed.word`: the version, `@`, and the epoch), a space, and the person's user
name. A drift that comes later to the same version is another one.
"""
NO_VERSION: Final = "none"
"""Stands in `ACKNOWLEDGE_DRIFT` where the registry names no version."""
_LONGEST_USER: Final = 512
_LONGEST_SAID: Final = 2 * _LONGEST_USER


class Signed(NamedTuple):
    """What a person said in an annotation, and who it was; the admission policy proves the name."""

    what: str
    user: str


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
    def known_annotations(self) -> Mapping[str, str]:
        """Return the annotations that are read here; what is longer than any of them can be says nothing."""
        every = ((key, self.annotations.get(key, "")) for key in (PINNED_BY, RELEASE_HOLD, ACKNOWLEDGE_DRIFT))
        return {key: value for key, value in every if 0 < len(value) <= _LONGEST_SAID}

    @property
    def pinned_by(self) -> str | None:
        """Return who signed for the pin; None when nobody did, or under a name longer than a user's may be."""
        name = self.annotations.get(PINNED_BY, "")
        return name if 0 < len(name) <= _LONGEST_USER else None

    @property
    def release(self) -> Signed | None:
        """Return which hold a person wants to end; None when nobody does."""
        return self._signed(RELEASE_HOLD)

    @property
    def acknowledgement(self) -> Signed | None:
        """Return which drift a person wants to have corrected; None when nobody does."""
        return self._signed(ACKNOWLEDGE_DRIFT)

    def _signed(self, key: str) -> Signed | None:
        what, _, user = self.annotations.get(key, "").partition(" ")
        return Signed(what, user) if what and 0 < len(user) <= _LONGEST_USER else None
