"""What the tags of a version have to look like: JSON Schema's rules on strings, under JSON Schema's names."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from modelalias.api.fields import TagKey, TagValue, Text, Value, cel

LONGEST_VALUE: Final = 5_000
"""Characters of a tag's value: what registries hold at least, and more than a rule is ever checked on."""


class TagFormat(StrEnum):
    """The formats of JSON Schema that can be told of a text without asking anybody."""

    DATE = "date"
    """a day of the calendar, such as 2026-11-28."""
    DATE_TIME = "date-time"
    """a time with its offset (RFC 3339), such as 2026-11-28T10:00:00Z."""
    TIME = "time"
    """a time of day with its offset, such as 10:00:00Z."""
    DURATION = "duration"
    """as ISO 8601 has it, such as P30D."""
    EMAIL = "email"
    """an address; whether anybody reads there is not known."""
    HOSTNAME = "hostname"
    """a name of a host."""
    IPV4 = "ipv4"
    """such as 192.0.2.1."""
    IPV6 = "ipv6"
    """such as 2001:db8::1."""
    URI = "uri"
    """with its scheme, such as https://example.com/cards/churn."""
    UUID = "uuid"
    """with hyphens."""


_Length = Annotated[int, Field(ge=0, le=LONGEST_VALUE)]


class TagRule(Value):
    """Rules on the value of one tag, all of which must hold."""

    pattern: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=512,
            json_schema_extra=cel(
                # an expression that does not compile is an error on both sides, which `||` passes on
                ("''.matches(self) || !''.matches(self)", "must be a regular expression as RE2 takes it"),
            ),
        ),
    ] = None
    """A regular expression that matches somewhere in the value; ^ and $ make it match the whole. RE2's syntax,
    which has no look-around and no back-references, and takes time that grows with the value and no faster."""
    format: TagFormat | None = None
    """What the value is."""
    enum: Annotated[tuple[TagValue, ...] | None, Field(min_length=1, max_length=64)] = None
    """The values that it may have."""
    const: TagValue | None = None
    """The one value that it may have."""
    min_length: _Length | None = None
    """Fewest characters."""
    max_length: _Length | None = None
    """Most characters."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.minLength) || !has(self.maxLength) || self.minLength <= self.maxLength",
                "minLength must not be more than maxLength",
            )
        )
    )

    @model_validator(mode="after")
    def _some_length_fits(self) -> Self:
        if None not in {self.min_length, self.max_length} and (self.min_length or 0) > (self.max_length or 0):
            raise ValueError("minLength must not be more than maxLength")
        return self


class TagRules(TagRule):
    """What one tag has to look like, if the version has it."""

    description: Text | None = None
    """What the tag is for; people read it, and nothing is checked."""
    all_of: Annotated[tuple[TagRule, ...], Field(max_length=3)] = ()
    """More rules, which must hold as well; policies that have rules on the same tag are put together so."""

    @property
    def alone(self) -> TagRule:
        """What it says itself, without description and allOf."""
        said = set(TagRule.model_fields) & self.model_fields_set
        return TagRule.model_validate({name: getattr(self, name) for name in said})


class TagSchema(Value):
    """A schema of a version's tags: which must be there, and what each looks like that is."""

    required: Annotated[tuple[TagKey, ...], Field(max_length=32)] = ()
    """Tags that the version must have."""
    properties: Annotated[dict[TagKey, TagRules], Field(max_length=32)] = Field(default_factory=dict)
    """The rules on tags by their keys. Tags that are not named here may have any value."""
