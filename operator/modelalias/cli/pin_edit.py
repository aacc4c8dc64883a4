"""Setting and clearing a pin as JSON patches that name what they replace.

A patch tests the UID, the pin and whether there are annotations as they were read, so that it changes no
other ModelAlias and no pin that somebody else has set since. It signs for the pin where the API server does
not: an admission policy checks the name everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import ModelVersionNumber
from modelalias.api.metadata import PINNED_BY
from modelalias.cli.edits import Operation
from modelalias.core.errors import InvalidRequest

_VERSION: Final[TypeAdapter[str]] = TypeAdapter(ModelVersionNumber)
_ANNOTATIONS: Final = "/metadata/annotations"
_SIGNATURE: Final = f"{_ANNOTATIONS}/{PINNED_BY.replace('~', '~0').replace('/', '~1')}"


@dataclass(frozen=True)
class AliasEdit:
    """A change to one ModelAlias."""

    alias: str
    namespace: str
    operations: tuple[Operation, ...]

    @property
    def command(self) -> str:
        """The kubectl command that carries it out."""
        target = f"modelaliases.modelalias.dev {self.alias} -n {self.namespace}"
        return f"kubectl patch {target} --type=json --patch-file=FILE"

    @property
    def body(self) -> Sequence[Operation]:
        """The JSON patch."""
        return list(self.operations)


def pin(alias: ModelAlias, version: str, user: str) -> AliasEdit | None:
    """Return the edit that pins the alias in the user's name; None if that pin is set already."""
    try:
        _VERSION.validate_python(version)
    except ValidationError as error:
        raise InvalidRequest(f"{version!r} is not a version of a model: give a number such as 4") from error
    if alias.spec.version == version:
        return None
    return _edit(alias, _add("/spec/version", version), *_signed(alias, user))


def unpin(alias: ModelAlias) -> AliasEdit | None:
    """Return the edit that takes the pin and its signature away; None if there is no pin."""
    if alias.spec.version is None:
        return None
    signature = [{"op": "remove", "path": _SIGNATURE}] if PINNED_BY in alias.metadata.annotations else []
    return _edit(alias, {"op": "remove", "path": "/spec/version"}, *signature)


def described(alias: ModelAlias) -> str:
    """Return to which version an alias is pinned, and by whom if somebody signed."""
    if alias.spec.version is None:
        return "not pinned"
    by = alias.metadata.pinned_by
    return f"pinned to version {alias.spec.version}{f' by {by}' if by else ''}"


def _edit(alias: ModelAlias, *operations: Operation) -> AliasEdit:
    meta = alias.metadata
    tests = (_test("/metadata/uid", meta.uid), _test("/spec/version", alias.spec.version))
    return AliasEdit(meta.name, meta.namespace, (*tests, *operations))


def _signed(alias: ModelAlias, user: str) -> Sequence[Operation]:
    """Sign in the user's name; without annotations, put the first one there and overwrite nobody's."""
    if alias.metadata.annotations:
        return [_add(_SIGNATURE, user)]
    return [_test(_ANNOTATIONS, None), _add(_ANNOTATIONS, {PINNED_BY: user})]


def _test(path: str, value: Any) -> Operation:
    return {"op": "test", "path": path, "value": value}


def _add(path: str, value: Any) -> Operation:
    return {"op": "add", "path": path, "value": value}
