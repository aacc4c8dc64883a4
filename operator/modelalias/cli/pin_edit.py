"""Setting and clearing a pin as JSON patches that name what they replace.

A patch tests the UID, the pin and whether there are annotations as they were read, so that it changes no
other ModelAlias and no pin that somebody else has set since. It signs for the pin where the API server does
not: an admission policy checks the name everywhere.
"""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import ModelVersionNumber
from modelalias.api.metadata import PINNED_BY
from modelalias.cli import alias_edit
from modelalias.cli.alias_edit import AliasEdit
from modelalias.cli.edits import Operation
from modelalias.core.errors import InvalidRequest

_VERSION: Final[TypeAdapter[str]] = TypeAdapter(ModelVersionNumber)


def pin(alias: ModelAlias, version: str, user: str) -> AliasEdit | None:
    """Return the edit that pins the alias in the user's name; None if that pin is set already."""
    must_be_version(version)
    if alias.spec.version == version:
        return None
    signature = alias_edit.annotated(alias, PINNED_BY, user)
    return _edit(alias, alias_edit.add("/spec/version", version), *signature)


def unpin(alias: ModelAlias) -> AliasEdit | None:
    """Return the edit that takes the pin and its signature away; None if there is no pin."""
    if alias.spec.version is None:
        return None
    signed = PINNED_BY in alias.metadata.annotations
    signature = [alias_edit.remove(alias_edit.path_of(PINNED_BY))] if signed else []
    return _edit(alias, alias_edit.remove("/spec/version"), *signature)


def must_be_version(text: str) -> None:
    """Raise `InvalidRequest` for a text that is no version of a model."""
    try:
        _VERSION.validate_python(text)
    except ValidationError as error:
        raise InvalidRequest(f"{text!r} is not a version of a model: give a number such as 4") from error


def must_agree(seen: ModelAlias, latest: ModelAlias) -> None:
    """Raise `InvalidRequest` if somebody else has changed the pin since it was read."""
    if latest.spec.version != seen.spec.version:
        raise InvalidRequest(
            f"somebody changed the pin meanwhile: {latest.metadata.name} is {described(latest)}"
        )


def described(alias: ModelAlias) -> str:
    """Return to which version an alias is pinned, and by whom if somebody signed."""
    if alias.spec.version is None:
        return "not pinned"
    by = alias.metadata.pinned_by
    return f"pinned to version {alias.spec.version}{f' by {by}' if by else ''}"


def _edit(alias: ModelAlias, *operations: Operation) -> AliasEdit:
    return alias_edit.of_alias(alias, alias_edit.test("/spec/version", alias.spec.version), *operations)
