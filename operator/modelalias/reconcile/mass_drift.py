"""Mass drift: whether so many aliases of a registry differ from what was accepted that it is not their owners who moved them.

A registry that was restored from a backup, emptied, or replaced by another one behind the same name looks like
that. It is counted once for each snapshot, when the first alias asks.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from modelalias.reconcile.queue import Key
from modelalias.reconcile.registry_watch import RegistryWatch

MORE_THAN: Final = 10
"""As many aliases may differ at once and are corrected all the same."""

AT_ONCE: Final = timedelta(minutes=15)
"""Within this time: a registry may be restored one model after another."""

SHARE: Final = 0.1
"""The part of the managed aliases of a registry that may."""


class Expected(NamedTuple):
    """What an alias should name, by what its ModelAlias accepted."""

    key: Key
    model: str
    alias: str
    version: str


class MassDrift:
    """Counts, for the last snapshot of each registry, how many of its managed aliases differ."""

    def __init__(
        self,
        expected: Callable[[str], Iterable[Expected]],
        last_write: Callable[[Key], float | None],
    ) -> None:
        """Take what should be named in a registry, and when an alias was last written to, by the clock of the watch."""
        self._expected, self._last_write = expected, last_write
        self._counted: dict[str, tuple[float, bool]] = {}
        self._differed: defaultdict[str, dict[Key, float]] = defaultdict(dict)
        """When an alias was seen to differ last; what was corrected since counts for a while."""

    def is_one(self, watch: RegistryWatch) -> bool:
        """Return whether the last snapshot of a registry shows a mass drift."""
        snapshot = watch.last
        if snapshot is None:
            return False
        began, counted = snapshot.began, self._counted.get(watch.name)
        if counted is None or counted[0] != began:
            counted = (began, self._count(watch.name, snapshot.aliases, began))
            self._counted[watch.name] = counted
        return counted[1]

    def _count(self, registry: str, aliases: Mapping[str, Mapping[str, str]], began: float) -> bool:
        differed, managed = self._differed[registry], 0
        for item in self._expected(registry):
            managed += 1
            written = self._last_write(item.key)
            if written is not None and written >= began:
                continue  # the snapshot is older than what was written
            if aliases.get(item.model, {}).get(item.alias) != item.version:
                differed[item.key] = began
        for key in [key for key, at in differed.items() if at < began - AT_ONCE.total_seconds()]:
            del differed[key]
        return len(differed) > MORE_THAN and len(differed) > SHARE * managed
