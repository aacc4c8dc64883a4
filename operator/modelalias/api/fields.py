"""Field types that several resources share, each with its bounds.

Each bound is defined here once: pydantic enforces it, and `api.crds` copies it into the CRDs. A rule that a
JSON schema cannot express is written twice on neighbouring lines, as CEL for the API server and as a
validator for the command line.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

GROUP: Final = "modelalias.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class Value(BaseModel):
    """A frozen value whose wire names are camelCase; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    def changed(self, **fields: object) -> Self:
        """Return this value with other values in some fields, each held to its own type and bound.

        Raises TypeError for a name that is no field, where pydantic's `model_copy` would drop it in silence,
        and pydantic's ValidationError for a value that does not fit.
        """
        unknown = fields.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        if self._says(fields):
            return self
        kept = {name: self.__dict__[name] for name in self.model_fields_set}
        return type(self).model_validate({**kept, **fields})

    def _says(self, fields: Mapping[str, object]) -> bool:
        """Return whether the fields have these very values, and are not left to their defaults."""
        return fields.keys() <= self.model_fields_set and self._has(fields)

    def _has(self, fields: Mapping[str, object]) -> bool:
        return all(self.__dict__[name] is value for name, value in fields.items())


class Reported(Value):
    """A value in a status: fields of a newer release are ignored, so that an older operator can read it."""

    model_config = ConfigDict(extra="ignore")

    def _says(self, fields: Mapping[str, object]) -> bool:
        """Return whether the fields have these very values: a status says nothing by what it leaves out."""
        return self._has(fields)


def keep_first(length: int) -> BeforeValidator:
    """Cut the end of a longer text or tuple."""
    return BeforeValidator(lambda value: value[:length] if isinstance(value, str | tuple) else value)


def keep_last(length: int) -> BeforeValidator:
    """Cut the beginning of a longer text or tuple, where what is added last matters most."""
    return BeforeValidator(lambda value: value[-length:] if isinstance(value, str | tuple) else value)


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """Return CEL rules, each `(rule, message)`, for the schema of a field or a model."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


def list_map(*keys: str) -> dict[str, Any]:
    """Let server-side apply merge a list by these keys.

    Use `each_once` with it, which refuses duplicates as the API server does.
    """
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [*keys]}


def each_once(*keys: str) -> AfterValidator:
    """Refuse a list in which two items have the same values of these keys."""

    def check(items: tuple[BaseModel, ...]) -> tuple[BaseModel, ...]:
        if len({tuple(getattr(item, key) for key in keys) for item in items}) < len(items):
            raise ValueError(f"two items have the same {', '.join(keys)}")
        return items

    return AfterValidator(check)


def _free_alias(name: str) -> str:
    if name.lower() == "latest" or re.fullmatch(r"[vV][0-9]+", name):
        raise ValueError(f"the alias name {name!r} is reserved by MLflow")
    return name


def _more_than_zero(text: str) -> str:
    if not re.search(r"[1-9]", text):
        raise ValueError("a duration must be more than zero")
    return text


def _number(value: object) -> object:
    """Refuse what the API server refuses but `Decimal` would accept."""
    if isinstance(value, str | bool):
        raise ValueError("expected a number")  # noqa: TRY004 - pydantic reports a ValueError
    return value


def timestamp_text(value: datetime) -> str:
    """Write a time in UTC, to the second, as Kubernetes writes it."""
    return value.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"


ModelVersionNumber = Annotated[str, Field(min_length=1, max_length=18, pattern=r"^[1-9][0-9]*$")]
"""A version of a registered model: decimal digits without leading zeros, well inside an int64."""

AliasName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[A-Za-z0-9_-]+$",
        json_schema_extra=cel(
            (
                "self.lowerAscii() != 'latest' && !self.matches('^[vV][0-9]+$')",
                "latest and v<digits> are reserved by MLflow",
            )
        ),
    ),
    AfterValidator(_free_alias),
]

ModelName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/:\x00-\x1f\x7f]+$")]
"""Name of a registered model: what MLflow takes, without control characters. It never is part of a search filter."""

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
"""The name of a Kubernetes object."""

ItemName = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
]
"""The name of a gate, a monitor or a registry: fits an annotation key and a condition message."""

_LONGEST_RUN_ID: Final = 256
RunId = Annotated[
    str, Field(min_length=1, max_length=_LONGEST_RUN_ID, pattern=r"^[A-Za-z0-9][-_\p{L}\p{N}]*$")
]
"""ID of a run that somebody asks for: what MLflow takes."""
ReportedRunId = Annotated[
    Annotated[str, Field(max_length=_LONGEST_RUN_ID)] | None,
    BeforeValidator(lambda value: None if isinstance(value, str) and len(value) > _LONGEST_RUN_ID else value),
]
"""ID of a run as the registry tells it, which may be any text; one that is too long for a status is left out."""
MetricName = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[^\x00-\x1f\x7f]+$")]
EnvName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
UserName = Annotated[str, Field(min_length=1, max_length=512)]
"""Name of a user or a group: a service account's has up to 338 characters, an identity provider's may have
more."""

ContainerName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
CronJobName = Annotated[str, Field(min_length=1, max_length=52, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Label = Annotated[str, Field(min_length=1, max_length=253)]
"""A short sentence of a checklist."""

Text = Annotated[str, Field(max_length=1024)]
Message = Annotated[str, Field(max_length=1024), keep_first(1024)]
"""A sentence of a status, cut to the room that there is."""
ReasonName = Annotated[str, Field(max_length=64), keep_first(64)]
"""One of the condition reasons, as text."""
Evidence = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")]
TagKey = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[-_./: \p{L}\p{N}]+$")]
TagPattern = Annotated[str, Field(min_length=1, max_length=250, pattern=r"^[-_./: \p{L}\p{N}*?\[\]!]+$")]
"""A shell pattern of tag keys, such as `ticket-*`."""
TagValue = Annotated[str, Field(max_length=1000)]

Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=32,
        pattern=r"^([0-9]{1,4}d|[0-9]{1,6}h|[0-9]{1,7}m|[0-9]{1,9}s){1,4}$",
        json_schema_extra=cel(("self.matches('[1-9]')", "a duration must be more than zero")),
    ),
    AfterValidator(_more_than_zero),
]
"""A duration such as `24h` or `1d12h`, short enough (centuries) that it can be added to a date."""

_LONGEST_SHORT: Final = timedelta(days=30)
SUM_OF_SECONDS: Final = " + ".join(
    f"self.findAll('[0-9]+{unit}').map(part, int(part.replace('{unit}', '')) * {seconds}).sum()"
    for unit, seconds in _SECONDS.items()
)


def _at_most_thirty_days(text: str) -> str:
    if duration(text) > _LONGEST_SHORT:
        raise ValueError("must be at most 30 days")
    return text


ShortDuration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=32,
        pattern=r"^([0-9]{1,4}d|[0-9]{1,6}h|[0-9]{1,7}m|[0-9]{1,9}s){1,4}$",
        json_schema_extra=cel(
            ("self.matches('[1-9]')", "a duration must be more than zero"),
            (f"{SUM_OF_SECONDS} <= {int(_LONGEST_SHORT.total_seconds())}", "must be at most 30 days"),
        ),
    ),
    AfterValidator(_more_than_zero),
    AfterValidator(_at_most_thirty_days),
]
"""A duration of at most 30 days."""

Number = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(allow_inf_nan=False),
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
"""A finite number, exactly as it was written: 0.1 is a tenth."""

Tolerance = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(allow_inf_nan=False, ge=0),
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number", "minimum": 0}),
]
"""A finite number that is not negative."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(timestamp_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in UTC, to the second, as Kubernetes writes it."""


@lru_cache(maxsize=1024)
def duration(text: str) -> timedelta:
    """Return a `Duration` as a timedelta."""
    parts = re.findall(r"([0-9]+)([dhms])", text)
    return timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in parts))
