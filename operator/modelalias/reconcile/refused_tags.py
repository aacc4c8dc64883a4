"""Tags on versions that were left behind which the registry did not take; kept by this process alone.

They are tried again after a while and not in each pass, of which an alias may have several in a minute.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from modelalias.core.automatic.retention import RETRY
from modelalias.core.protocol.effects import Effect, TagVersion, UntagVersion
from modelalias.reconcile.queue import Key


class RefusedTags:
    """What is put off until when; after a restart all is tried at once."""

    def __init__(self, wall: Callable[[], datetime]) -> None:
        """Know of none."""
        self._wall = wall
        self._until: dict[Key, dict[tuple[str, str], datetime]] = {}

    def note(self, key: Key, effect: Effect) -> None:
        """Put off what was not taken; what a plan or an end has to record is no such tag."""
        if isinstance(effect, UntagVersion):
            tags: tuple[str, ...] = (effect.key,)
        elif isinstance(effect, TagVersion) and effect.optional and not effect.patient:
            tags = tuple(name for name, _ in effect.tags)
        else:
            return
        until = self._wall() + RETRY
        self._until[key] = {**self.of(key), **{(effect.version, tag): until for tag in tags}}

    def of(self, key: Key) -> Mapping[tuple[str, str], datetime]:
        """Return the versions and tags that are not to be tried now, and when they are."""
        now = self._wall()
        left = {tag: until for tag, until in self._until.pop(key, {}).items() if now < until}
        if left:
            self._until[key] = left
        return left

    def forget(self, key: Key) -> None:
        """Forget an alias that is gone."""
        self._until.pop(key, None)
