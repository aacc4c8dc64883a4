"""The board: a row for each ModelAlias, with what is under way there and who is waited for. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from pydantic import ValidationError

from modelalias.api.alias import ModelAlias
from modelalias.api.alias_status import AliasPhase
from modelalias.api.conditions import AliasCondition, Status, find
from modelalias.api.plan import Bearing, Plan
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import ApprovalStatus, Phase
from modelalias.cli import alias_report
from modelalias.core.status.phase_since import phase_since
from modelalias.web import phases
from modelalias.web.phases import Badge
from modelalias.web.view import Notice, PageView, View

ASKS_FOR_SOMEBODY: Final = frozenset(
    {AliasPhase.STALLED, AliasPhase.FAILED, AliasPhase.DRIFTED, AliasPhase.DEGRADED}
)
"""Phases that no time cures. `Unreachable` is not one of them: it is the registry that somebody has to look at."""
UNREADABLE: Final = "This release of the page cannot read the object; a newer one can."

_WAY_OUT: Final = "; "
"""What parts, in the message of a hold, why it began from what releases it."""
_SHOWN: Final = ("phase", "current", "previous", "served", "serving", "plan", "queue", "conditions")
"""What a row needs of a status; the rest, such as the history, is most of it."""


class Key(NamedTuple):
    """Which ModelAlias."""

    namespace: str
    name: str


class Show(StrEnum):
    """Which rows were asked for."""

    ALL = ""
    NEEDS = "needs"


class Asked(View):
    """What the address of the board asks for."""

    namespace: str = ""
    phase: AliasPhase | None = None
    text: str = ""
    show: Show = Show.ALL
    after: str = ""

    @property
    def badge(self) -> Badge:
        """The badge of the phase."""
        return phases.of_alias(self.phase)

    def address(self, **other: str | None) -> str:
        """Return the address of the board with some of it changed, from the beginning of the list."""
        wanted = {
            "q": self.text,
            "namespace": self.namespace,
            "phase": self.phase,
            "show": self.show.value,
            **other,
        }
        query = urlencode({name: value for name, value in wanted.items() if value})
        return f"/?{query}" if query else "/"


class Wait(View):
    """A request that waits for people."""

    request: str
    version: str | None
    given: int
    required: int
    asked: tuple[str, ...]
    """Users and groups, or empty for anybody with the permission."""
    since: datetime | None


Waits = Mapping[Key, Sequence[Wait]]


class Move(View):
    """A plan that is being carried out."""

    operation: str
    left: str | None
    to: str | None
    is_undone: bool
    since: datetime
    request: str | None


class Row(View):
    """A ModelAlias on the board."""

    id: str
    namespace: str
    name: str
    registry: str = ""
    model: str = ""
    alias: str = ""
    version: str | None = None
    previous: str | None = None
    served: str | None = None
    since: datetime | None = None
    """Since when that version is current."""
    phase: Badge
    phase_since: datetime | None = None
    pinned: str | None = None
    is_held: bool = False
    hold: str = ""
    """Since when automatic steps are on hold, and why."""
    is_breached: bool = False
    """Whether a monitor is beyond its bound."""
    move: Move | None = None
    waits: tuple[Wait, ...] = ()
    asks: Badge = phases.of_request(Phase.AWAITING_APPROVAL)
    """Of the requests that wait."""
    queued: int = 0
    message: str = ""
    needs_somebody: bool = False


class Count(View):
    """How many ModelAliases are in a phase."""

    badge: Badge
    phase: str
    number: int


class Board(PageView):
    """The whole page."""

    asked: Asked
    total: int | None = None
    """How many there are; None where the API server does not say."""
    counts: tuple[Count, ...] = ()
    are_more_counted: bool = False
    """Whether there are more than were counted."""
    needs: tuple[Row, ...] = ()
    are_more_in_need: bool = False
    rows: tuple[Row, ...] = ()
    after: str = ""
    notices: tuple[Notice, ...] = ()


def key(body: Mapping[str, Any]) -> Key:
    """Return which object a body is."""
    metadata = body.get("metadata", {})
    return Key(str(metadata.get("namespace", "")), str(metadata.get("name", "")))


def identity(where: Key) -> str:
    """Return a word for the row; neither a namespace nor a name has an underscore."""
    return f"{where.namespace}_{where.name}"


def row_of(body: Mapping[str, Any], waits: Waits) -> Row:
    """Return a ModelAlias, as it was read, as a row; one that cannot be understood says so."""
    status = body.get("status") or {}
    shown = {**body, "status": {name: status[name] for name in _SHOWN if name in status}}
    try:
        alias = ModelAlias.model_validate(shown)
    except ValidationError:
        return unreadable(key(body))
    return row(alias, waits)


def unreadable(where: Key) -> Row:
    """Return the row of a ModelAlias that this release does not understand."""
    return Row(
        id=identity(where),
        namespace=where.namespace,
        name=where.name,
        phase=phases.badge("Not readable", phases.Tone.BAD),
        message=UNREADABLE,
    )


def row(alias: ModelAlias, waits: Waits) -> Row:
    """Return a ModelAlias as a row."""
    spec, status = alias.spec, alias.status
    where = Key(alias.metadata.namespace, alias.metadata.name)
    hold, asking = find(status.conditions, AliasCondition.HELD), waits.get(where, ())
    held = hold is not None and hold.status is Status.TRUE
    monitors = find(status.conditions, AliasCondition.MONITORS_PASSING)
    return Row(
        id=identity(where),
        namespace=where.namespace,
        name=where.name,
        registry=spec.registry,
        model=spec.model,
        alias=spec.alias,
        version=status.current.version if status.current else None,
        previous=status.previous.version if status.previous else None,
        served=status.served,
        since=status.current.since if status.current else None,
        phase=phases.of_alias(status.phase),
        phase_since=phase_since(status),
        pinned=spec.version,
        is_held=held,
        hold=hold.message.partition(_WAY_OUT)[0] if held and hold is not None else "",
        is_breached=monitors is not None and monitors.status is Status.FALSE,
        move=None if status.plan is None else _move(status.plan, spec.alias),
        waits=tuple(asking),
        queued=len(status.queue),
        message=alias_report.message(alias),
        needs_somebody=_needs_somebody(status.phase, asking, is_held=held),
    )


def mentions(cells: Mapping[str, str], text: str) -> bool:
    """Return whether a name in a row of the API server's table has the text in it."""
    name, model, alias = (cells.get(column, "") for column in ("Name", "Model", "Alias"))
    return text.casefold() in f"{name}\n{model}@{alias}".casefold()


def waits(requests: Iterable[Mapping[str, Any]]) -> Waits:
    """Return who is waited for, by the ModelAlias."""
    found: dict[Key, list[Wait]] = {}
    for body in requests:
        try:
            request = PromotionRequest.model_validate(body)
        except ValidationError:
            continue
        where = Key(key(body).namespace, request.spec.alias_ref.name)
        found.setdefault(where, []).append(_wait(request))
    return found


def longest_first(waits: Waits) -> Sequence[Key]:
    """Return the ModelAliases for which requests wait, the one that waits longest first."""
    return sorted(waits, key=lambda where: (min(_since(item) for item in waits[where]), where))


def counts(numbers: Mapping[str, int], total: int | None, *, are_more: bool) -> Sequence[Count]:
    """Return how many are in each phase, of those that are not Ready; with a total, also how many are."""
    ready = None if total is None or are_more else total - sum(numbers.values())
    known = {**numbers, **({} if ready is None else {AliasPhase.READY.value: ready})}
    return [
        Count(badge=phases.of_alias(_phase(phase)), phase=phase, number=known[phase])
        for phase in (*AliasPhase, "")
        if known.get(phase, 0) > 0
    ]


def first(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return rows in the order in which people want them: who is waited for, what is under way, the rest.

    A row that is there twice is returned once.
    """
    once = {item.id: item for item in rows}
    return tuple(
        sorted(once.values(), key=lambda item: (not item.needs_somebody, item.move is None, item.id))
    )


def selector(asked: Asked, *terms: str) -> str:
    """Return the field selector for what was asked."""
    return ",".join([*([] if asked.phase is None else [f"status.phase={asked.phase}"]), *terms])


def selected(value: str) -> str:
    """Return a value as a field selector takes it."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _needs_somebody(phase: AliasPhase | None, asking: Sequence[Wait], *, is_held: bool) -> bool:
    return bool(asking) or is_held or phase in ASKS_FOR_SOMEBODY


def _phase(text: str) -> AliasPhase | None:
    return AliasPhase(text) if text in set(AliasPhase) else None


def _since(wait: Wait) -> str:
    return "" if wait.since is None else wait.since.isoformat()


def _wait(request: PromotionRequest) -> Wait:
    status = request.status
    approvals = status.approvals or ApprovalStatus()
    return Wait(
        request=request.metadata.name,
        version=status.resolved.version if status.resolved else None,
        given=approvals.valid,
        required=approvals.required,
        asked=(*approvals.users, *(f"group {name}" for name in approvals.groups)),
        since=approvals.since or status.phase_since,
    )


def _move(plan: Plan, alias: str) -> Move:
    own = next((item for item in plan.aliases if item.name == alias), plan.aliases[0])
    return Move(
        operation=plan.operation,
        left=own.from_,
        to=own.to,
        is_undone=plan.bearing is Bearing.BACKWARD,
        since=plan.started_at,
        request=plan.request.name if plan.request else None,
    )
