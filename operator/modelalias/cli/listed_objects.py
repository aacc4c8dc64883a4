"""Bodies of lists and watches as values."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from modelalias.api import unfit
from modelalias.cli.following import Key, Objects
from modelalias.core.errors import InvalidRequest

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], body: Mapping[str, Any]) -> M:
    """Return the value; raise `InvalidRequest` if this release cannot read it."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        name = body.get("metadata", {}).get("name", "")
        raise InvalidRequest(
            f"this release cannot read {model.__name__} {name}: {unfit.message(error)}"
        ) from error


def readable(model: type[M], objects: Objects, tell: Callable[[str], None]) -> Mapping[Key, M]:
    """Return the values; of one that this release cannot read, tell why and leave it out."""
    values = {}
    for key, body in objects.items():
        try:
            values[key] = read(model, body)
        except InvalidRequest as error:
            tell(str(error))
    return values
