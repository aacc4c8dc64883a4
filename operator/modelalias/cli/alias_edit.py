"""A change to one ModelAlias as a JSON patch, which tests first that it is the one that was read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.edits import Operation
from modelalias.core.errors import InvalidRequest, StaleObject

_ANNOTATIONS: Final = "/metadata/annotations"


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


Make = Callable[[ModelAlias], AliasEdit | None]
"""Makes the edit of a ModelAlias as it stands; None where there is nothing to do."""


async def carry_out(
    cluster: PersonsCluster,
    alias: ModelAlias,
    make: Make,
    must_agree: Callable[[ModelAlias, ModelAlias], None] = lambda _, __: None,
) -> ModelAlias | None:
    """Carry out the edit, and once more on a fresh read if something else of the alias was changed first.

    Return the alias as the API server answers, or None if there is nothing to do. `must_agree` gets the alias as it
    was read and as it is now, and raises `InvalidRequest` where somebody else has changed what the edit is about.
    """
    edit = make(alias)
    if edit is None:
        return None
    try:
        return await cluster.patch_alias(edit.alias, edit.operations)
    except (StaleObject, InvalidRequest):
        latest = await cluster.alias(alias.metadata.name)
        if latest.metadata.uid != alias.metadata.uid:
            raise
        must_agree(alias, latest)
        again = make(latest)
        if again is None:
            return None
        if again == edit:
            raise  # it was not refused because somebody else wrote first
        return await cluster.patch_alias(again.alias, again.operations)


def of_alias(alias: ModelAlias, *operations: Operation) -> AliasEdit:
    """Return an edit of this ModelAlias, not of another one with the same name."""
    meta = alias.metadata
    return AliasEdit(meta.name, meta.namespace, (test("/metadata/uid", meta.uid), *operations))


def annotated(alias: ModelAlias, key: str, value: str) -> Sequence[Operation]:
    """Set an annotation; without any there, put the first one there and overwrite nobody's."""
    if alias.metadata.annotations:
        return [add(path_of(key), value)]
    return [test(_ANNOTATIONS, None), add(_ANNOTATIONS, {key: value})]


def path_of(key: str) -> str:
    """Return where an annotation stands."""
    return f"{_ANNOTATIONS}/{key.replace('~', '~0').replace('/', '~1')}"


def test(path: str, value: Any) -> Operation:
    """Go on only if that stands there; None: if nothing does."""
    return {"op": "test", "path": path, "value": value}


def add(path: str, value: Any) -> Operation:
    """Put that there, in place of what stands there."""
    return {"op": "add", "path": path, "value": value}


def remove(path: str) -> Operation:
    """Take away what stands there."""
    return {"op": "remove", "path": path}
