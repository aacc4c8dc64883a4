"""Which channels are told of what."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal

from pydantic import Field, WithJsonSchema

from modelalias.api.fields import ItemName, Value
from modelalias.core.notifications.notice import Notice
from modelalias.core.status.occasions import Occasion

EVERYTHING: Final = "*"
Pattern = Annotated[str, Field(min_length=1, max_length=255)]
"""A shell pattern with `*`, `?` and `[abc]`; it has to match the whole name, including its case."""
Event = Annotated[
    Occasion | Literal["*"],
    WithJsonSchema({"type": "string", "enum": [EVERYTHING, *map(str, Occasion)]}),
]


class Route(Value):
    """What is told to some channels: everything that fits all three."""

    namespaces: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("*",)
    """Of the ModelAlias, as shell patterns; left out: all."""
    models: Annotated[tuple[Pattern, ...], Field(min_length=1)] = ("*",)
    """Registered models, as shell patterns; left out: all."""
    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    """What is told, by the names in notifications.md; `*` is everything."""
    to: Annotated[tuple[ItemName, ...], Field(min_length=1)]
    """Channels by their configured names."""

    def fits(self, notice: Notice) -> bool:
        """Return whether its channels are told of this."""
        return (
            (EVERYTHING in self.events or notice.occasion in self.events)
            and any(fnmatchcase(notice.namespace, item) for item in self.namespaces)
            and any(fnmatchcase(notice.model, item) for item in self.models)
        )


def channels(routes: Iterable[Route], notice: Notice) -> tuple[str, ...]:
    """Return who is told, each once however many routes lead there."""
    names = (name for route in routes if route.fits(notice) for name in route.to)
    return tuple(dict.fromkeys(names))
