"""Suspending and resuming a ModelAlias as JSON patches that name what they replace."""

from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.cli import alias_edit
from modelalias.cli.alias_edit import AliasEdit
from modelalias.cli.edits import Operation

_FIELD: Final = "/spec/suspend"


def suspend(alias: ModelAlias) -> AliasEdit | None:
    """Return the edit that suspends the alias; None if it is suspended already."""
    return None if alias.spec.suspend else _edit(alias, alias_edit.add(_FIELD, True))


def resume(alias: ModelAlias) -> AliasEdit | None:
    """Return the edit that lets a suspended alias go on; None if it is not suspended."""
    return _edit(alias, alias_edit.remove(_FIELD)) if alias.spec.suspend else None


def _edit(alias: ModelAlias, operation: Operation) -> AliasEdit:
    """Test the field as it was read: one that says false is another one than none."""
    stands = alias.spec.suspend if "suspend" in alias.spec.model_fields_set else None
    return alias_edit.of_alias(alias, alias_edit.test(_FIELD, stands), operation)
