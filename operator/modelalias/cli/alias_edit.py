"""A change to one ModelAlias as a JSON patch, which tests first that it is the one that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.cli.edits import Operation

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
