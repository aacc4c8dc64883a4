"""What a live page watches, and how what has happened becomes what the page shows. Pure.

A page registers in `LIVE` of `app`: what is watched, and a `Following` that turns changes into morphs. `WholePage` is one
for every page: whatever changes, the page is made again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from modelalias.api.alias_status import AliasPhase
from modelalias.api.request_status import Phase
from modelalias.cli.changes import Event, Happened
from modelalias.cli.cluster import Kind
from modelalias.web import phases
from modelalias.web.view import View

MOST_WAITING: Final = 100
"""Objects of which changes wait to be sent; with more, the page is made again instead."""
MOST_NAMED: Final = 3
"""Objects that one sentence names."""


@dataclass(frozen=True)
class Watched:
    """Some objects of a kind: of a namespace, or with "" of all that the person may see."""

    kind: Kind
    namespace: str
    selector: str = ""


class Change(NamedTuple):
    """The last that happened to an object."""

    kind: Kind
    happened: Happened
    body: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        """Which object."""
        metadata = self.body.get("metadata", {})
        return self.kind, str(metadata.get("namespace", "")), str(metadata.get("name", ""))


@dataclass(frozen=True)
class Morph:
    """What stands at an id becomes what a macro of a template makes of a view."""

    id: str
    template: str
    macro: str
    view: View


@dataclass(frozen=True)
class Update:
    """What changes make of a page."""

    morphs: tuple[Morph, ...] = ()
    again: bool = False
    """Whether the page has to be made again."""
    news: str = ""
    """One sentence for who cannot see what has moved."""


class Following(Protocol):
    """Follows one page for one person."""

    def start(self, view: View, bodies: Iterable[Change]) -> None:
        """Begin from what the page shows now, with objects that were listed."""

    def update(self, changes: Sequence[Change]) -> Update:
        """Return what changes make of the page, each of another object."""


class Told:
    """Which phase of which object was told last."""

    def __init__(self) -> None:
        self._phases: dict[tuple[str, str, str], str] = {}

    def know(self, changes: Iterable[Change]) -> None:
        """Take phases as told."""
        self._phases.update((change.key, _phase(change)) for change in changes)

    def news(self, changes: Iterable[Change]) -> str:
        """Return a sentence about phases that are others than before."""
        sentences = []
        for change in changes:
            word = _phase(change)
            if self._phases.get(change.key) != word:
                sentences.append(f"{change.key[2]}: {word}.")
                self._phases[change.key] = word
        more = len(sentences) - MOST_NAMED
        return " ".join([*sentences[:MOST_NAMED], *([f"And {more} more changed."] if more > 0 else [])])


class WholePage:
    """Implements `Following`: every change makes the page again."""

    def __init__(self) -> None:
        self._told = Told()

    def start(self, _: View, bodies: Iterable[Change]) -> None:
        """Begin with the phases of the objects that were listed."""
        self._told.know(bodies)

    def update(self, changes: Sequence[Change]) -> Update:
        """Return that the page has to be made again."""
        return Update(again=bool(changes), news=self._told.news(changes))


@dataclass(frozen=True)
class Live:
    """How a page is live."""

    watched: Callable[[Callable[[str], str], Callable[[str], str]], Sequence[Watched]]
    """Given `Visit.parameter` and `Visit.query`: what stands in the address, and behind its question mark."""
    following: Callable[[], Following] = WholePage
    pause: float = 1.0
    """Seconds from one making of the page to the next; morphs do not wait for it."""


@dataclass
class Pending:
    """Changes that wait to be sent, the last of each object; bounded, and nothing is lost in silence."""

    changes: dict[tuple[str, str, str], Change] = field(default_factory=dict)
    overflowed: bool = False
    """Whether there were more than are kept, so that the page has to be made again."""

    def add(self, kind: Kind, event: Event) -> None:
        """Take an event."""
        change = Change(kind, event.happened, event.body)
        before = self.changes.pop(change.key, None)
        if before is not None and before.happened is Happened.ADDED and change.happened is Happened.MODIFIED:
            change = change._replace(happened=Happened.ADDED)
        if self.overflowed or len(self.changes) >= MOST_WAITING:
            self.overflowed = True
            self.changes.clear()
            return
        self.changes[change.key] = change

    def take(self) -> tuple[Sequence[Change], bool]:
        """Return what waits, and whether there was more."""
        taken, overflowed = [*self.changes.values()], self.overflowed
        self.changes.clear()
        self.overflowed = False
        return taken, overflowed


def message(number: int, html: str) -> bytes:
    """Return what a browser takes as one message."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"id: {number}\n{lines}\n".encode()


def _phase(change: Change) -> str:
    if change.happened is Happened.DELETED:
        return "gone"
    phase = str((change.body.get("status") or {}).get("phase") or "")
    if change.kind is Kind.ALIASES and phase in _ALIAS_PHASES:
        return phases.of_alias(AliasPhase(phase)).word
    if change.kind is Kind.REQUESTS and phase in _REQUEST_PHASES:
        return phases.of_request(Phase(phase)).word
    return "changed"


_ALIAS_PHASES: Final = frozenset(AliasPhase)
_REQUEST_PHASES: Final = frozenset(Phase)
