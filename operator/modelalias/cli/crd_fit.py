"""Whether the CRDs of a cluster are those of this release, told by the fields that they have."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from modelalias.api import crds
from modelalias.api.fields import GROUP, VERSION

_MOST: Final = 3
"""Fields that are named."""
_PARTS: Final = ("spec", "status")


class Fit(NamedTuple):
    """How the CRD of a kind fits."""

    kind: str
    is_served: bool
    lacks: tuple[str, ...] = ()
    """Fields that this release writes or reads and the cluster would drop."""
    has_more: tuple[str, ...] = ()
    """Fields that this release does not know."""


def fits(served: Mapping[str, Any] | None) -> Iterator[Fit]:
    """Compare each kind with what the API server says of it: schemas by OpenAPI's names, None for none."""
    group = ".".join(reversed(GROUP.split(".")))
    for kind in crds.KINDS:
        name = kind.model.__name__
        found = (served or {}).get(f"{group}.{VERSION}.{name}")
        if found is None:
            yield Fit(name, is_served=False)
            continue
        ours, theirs = set(_fields(crds.root_schema(kind))), set(_fields(found))
        yield Fit(name, True, tuple(sorted(ours - theirs)), tuple(sorted(theirs - ours)))


def some(fields: tuple[str, ...]) -> str:
    """Return the first of several fields."""
    more = len(fields) - _MOST
    return ", ".join(fields[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    """Return the paths of all fields in spec and status."""
    for part in _PARTS:
        yield from _below(schema.get("properties", {}).get(part, {}), part)


def _below(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from _below(field, f"{path}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, Mapping):
            yield from _below(inner, f"{path}[]")
