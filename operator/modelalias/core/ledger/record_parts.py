"""The parts that we write into a record, each with its wire names in the order in which they are written.

What stands in a tag is compared with them and never read into them: another release may have written it.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from modelalias.api.alias import Operation
from modelalias.api.conditions import Reason
from modelalias.api.fields import Timestamp, Value
from modelalias.api.request import Phase


class Part(Value):
    """One JSON object of a record, or the first fields of the record itself."""

    facts: ClassVar[tuple[str, ...]] = ()
    """Wire names of what tells one such part from another; they are kept when there is no room for the rest."""

    def wire(self) -> Mapping[str, object]:
        """Return the part as JSON; what is not known is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def stands_in(self, written: Mapping[str, object]) -> bool:
        """Return whether this very part is written there already, be it shortened."""
        wire = self.wire()
        return all(written.get(name) == wire.get(name) for name in self.facts)


class Promotion(Part):
    """The move that brought the alias to the version; it stands in the record itself, before all other parts."""

    facts: ClassVar[tuple[str, ...]] = ("at", "operation", "from", "request")

    at: Timestamp
    operation: Operation
    from_: Annotated[str | None, Field(alias="from")]
    request: str | None
    by: str | None
    evidence: str | None
    run: str | None
    reason: str | None
    approvers: tuple[str, ...] | None
    outcome: Phase


class RolledBack(Part):
    """`rolledBack`: that the promotion was undone."""

    facts: ClassVar[tuple[str, ...]] = ("at", "reason")

    at: Timestamp
    reason: str | None

    def wire(self) -> Mapping[str, object]:
        """Return the part as JSON; a reason that is not known is null."""
        return self.model_dump(mode="json", by_alias=True)


class Replacement(Part):
    """`archived`: what replaced the version."""

    facts: ClassVar[tuple[str, ...]] = ("at", "operation", "replacedBy", "request")

    at: Timestamp
    replaced_by: str | None
    operation: Operation
    by: str | None
    request: str | None
    reason: str | None
    held: bool | None
    """True where the version had been accepted, and not only set by hand in the registry."""


class Refusal(Part):
    """`refused`: which request for the version was refused last; the findings stand behind it."""

    at: Timestamp
    request: str
    by: str | None
    reason: Reason
