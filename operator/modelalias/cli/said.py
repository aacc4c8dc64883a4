"""What a person says of a ModelAlias in an annotation: one word, and their own name, which admission proves."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import Signed
from modelalias.cli import alias_edit
from modelalias.cli.alias_edit import AliasEdit
from modelalias.cli.cluster import PersonsCluster
from modelalias.core.errors import InvalidRequest, StaleObject


@dataclass(frozen=True)
class Said:
    """An annotation to write."""

    key: str
    what: str
    user: str

    @property
    def value(self) -> str:
        """The text that stands there."""
        return f"{self.what} {self.user}"

    def edit(self, alias: ModelAlias) -> AliasEdit:
        """Return the edit that writes it, in place of what was said before."""
        return alias_edit.of_alias(alias, *alias_edit.annotated(alias, self.key, self.value))

    def command(self, alias: ModelAlias) -> str:
        """Return the kubectl command that writes it."""
        words = ("kubectl", "annotate", "modelaliases.modelalias.dev", alias.metadata.name)
        where = ("-n", alias.metadata.namespace, "--overwrite", f"{self.key}={self.value}")
        return shlex.join([*words, *where])


def unless(before: Signed | None, wanted: Said) -> Said | None:
    """Return what is to be said; None when somebody has said it before."""
    return None if before is not None and before.what == wanted.what else wanted


async def say(
    cluster: PersonsCluster, alias: ModelAlias, choose: Callable[[ModelAlias], Said | None]
) -> tuple[ModelAlias, Said | None]:
    """Write what `choose` returns, and once more on a fresh read if somebody else wrote first.

    Return the alias as it stands then, and what was written; None if there was nothing to say.
    """
    said = choose(alias)
    if said is None:
        return alias, None
    edit = said.edit(alias)
    try:
        return await cluster.patch_alias(edit.alias, edit.operations), said
    except (StaleObject, InvalidRequest):
        latest = await cluster.alias(alias.metadata.name)
        again = choose(latest)
        if latest.metadata.uid != alias.metadata.uid:
            raise
        if again is None:
            return latest, None
        if again.edit(latest) == edit:
            raise  # it was not refused because somebody else wrote first
        edit = again.edit(latest)
        return await cluster.patch_alias(edit.alias, edit.operations), again
