"""The page of a ModelAlias as values: put together from what was read. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from modelalias.api.alias import ModelAlias
from modelalias.api.conditions import Status
from modelalias.api.request import PromotionRequest
from modelalias.cli.pods_table import Served
from modelalias.core import explanation
from modelalias.core.explanation import Topic
from modelalias.core.ledger import cause
from modelalias.core.requests import former
from modelalias.web import (
    asked_before,
    board,
    gate_chart,
    ledger,
    monitor_panel,
    offers,
    phases,
    policy_words,
    serving_panel,
    stops,
    traffic_panel,
    version_steps,
)
from modelalias.web.asked_before import Requests
from modelalias.web.board import Row
from modelalias.web.gate_chart import GateCharts
from modelalias.web.ledger import Ledger
from modelalias.web.monitor_panel import MonitorRow
from modelalias.web.offers import Act, Obstacle
from modelalias.web.phases import Badge
from modelalias.web.policy_words import Rules
from modelalias.web.serving_panel import Ref, Workload
from modelalias.web.stops import Stop
from modelalias.web.traffic_panel import TrafficPanel
from modelalias.web.version_steps import VersionSteps
from modelalias.web.view import Notice, PageView, View

MOST_LEFT: Final = 10
"""Versions that automatic steps leave alone, the newest first."""


class EventRow(View):
    """One Event."""

    at: datetime | None
    reason: str
    message: str
    is_warning: bool
    times: int


class Events(View):
    """The newest Events of the ModelAlias."""

    rows: tuple[EventRow, ...] = ()
    left_out: int = 0
    unread: str = ""
    """Why they are not shown."""


@dataclass(frozen=True)
class Read:
    """What was read for the page; a part that could not be read is empty, and its notice says why."""

    alias: ModelAlias
    merged: ModelAlias | None
    """The alias with the rules of its policies; None where these could not be read."""
    requests: Sequence[PromotionRequest] = ()
    """Those of the alias, in no order."""
    waiting: Sequence[Mapping[str, Any]] = ()
    """Those that wait for people."""
    served: Sequence[Served] = ()
    unread_pods: Mapping[Ref, str] = field(default_factory=dict)
    events: Events = field(default_factory=Events)
    policy_note: str = ""
    yaml: str = ""
    notices: Sequence[Notice] = ()


class ConditionLine(View):
    """One condition."""

    type: str
    status: Badge
    reason: str
    message: str
    since: datetime


class Queued(View):
    """A request that waits for its turn."""

    request: str
    phase: Badge | None
    explanation: str


class LeftAlone(View):
    """A version that nothing goes to by itself."""

    version: str
    why: str
    at: datetime


class AliasView(PageView):
    """What the page of a ModelAlias shows."""

    row: Row
    before: str | None
    """The version that was accepted before the current one."""
    left: str | None
    """The version that was left for the current one, where it was gone back from."""
    was_gone_back_to: bool
    """Whether a rollback or a swap made the current version current."""
    by: str | None
    request: str | None
    """What moved it to the current version."""
    unseen: str
    """That the operator has not looked at what stands there now, so that the rest may be from before; "" where it has."""
    sentences: tuple[str, ...]
    """Where it stands, and why."""
    conditions: tuple[ConditionLine, ...]
    stops: tuple[Stop, ...]
    acts: tuple[Act, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    queue: tuple[Queued, ...]
    requests: Requests
    workloads: tuple[Workload, ...]
    traffic: TrafficPanel | None
    monitors: tuple[MonitorRow, ...]
    versions: VersionSteps
    gates: GateCharts
    ledger: Ledger
    left_alone: tuple[LeftAlone, ...]
    left_alone_more: int
    policy: Rules
    events: Events
    notices: tuple[Notice, ...]
    yaml: str = Field(default="", exclude=True)


def view(read: Read, now: datetime, flags: str = "", acts: Sequence[Act] = ()) -> AliasView:
    """Return the page; `flags` are what a command line needs to act in the same place, `acts` what this person can do."""
    alias, status = read.alias, read.alias.status
    known = read.merged or alias
    alone, left = left_alone(alias), former.gone_back_from(status)
    return AliasView(
        row=board.row(alias, board.waits(read.waiting)),
        before=former.former(status),
        left=left.version if left else None,
        was_gone_back_to=former.was_gone_back_to(status),
        by=status.current.actor if status.current else None,
        request=status.current.request if status.current else None,
        unseen=" ".join(_sentences(alias, now, {Topic.LOOK})),
        sentences=tuple(_sentences(alias, now, _AMONG_SENTENCES)),
        conditions=tuple(_conditions(alias)),
        stops=tuple(stops.of(alias, flags, acts)),
        acts=tuple(acts),
        obstacles=offers.obstacles(acts),
        queue=_queue(status.queue, read.requests),
        requests=asked_before.of(read.requests),
        workloads=serving_panel.rows(alias, read.served, read.unread_pods),
        traffic=traffic_panel.of(alias),
        monitors=monitor_panel.rows(known),
        versions=version_steps.of(alias, now),
        gates=gate_chart.of(known, read.requests),
        ledger=ledger.of(alias, read.requests),
        left_alone=tuple(alone[:MOST_LEFT]),
        left_alone_more=max(0, len(alone) - MOST_LEFT),
        policy=policy_words.of(alias, read.merged, read.policy_note),
        events=read.events,
        notices=tuple(read.notices),
        yaml=read.yaml,
    )


def left_alone(alias: ModelAlias) -> list[LeftAlone]:
    """Return the versions that automatic steps leave alone, and why, the newest first."""
    status = alias.status
    found = [
        LeftAlone(version=item.version, why=f"{cause.how_left(status, item)} ({item.reason})", at=item.at)
        for item in status.rolled_back
    ]
    found += [
        LeftAlone(
            version=item.version,
            why=f"monitor {item.monitor} was breached with it ({item.value})",
            at=item.at,
        )
        for item in status.breached
    ]
    return sorted(found, key=lambda item: item.at, reverse=True)


def _sentences(alias: ModelAlias, now: datetime, topics: Collection[Topic]) -> Iterator[str]:
    """Return what `modelalias explain` says of some topics."""
    for item in explanation.sentences(alias, now):
        if item.topic in topics:
            yield f"{item.text.rstrip('.')}."


def _conditions(alias: ModelAlias) -> Iterable[ConditionLine]:
    tones = {
        Status.TRUE: phases.Tone.GOOD,
        Status.FALSE: phases.Tone.BAD,
        Status.UNKNOWN: phases.Tone.QUIET,
    }
    for item in alias.status.conditions:
        tone = phases.Tone.QUIET if item.type in _NEITHER else tones[item.status]
        yield ConditionLine(
            type=item.type,
            status=phases.badge(item.status, tone),
            reason=item.reason,
            message=item.message,
            since=item.last_transition_time,
        )


_AMONG_SENTENCES: Final = frozenset(Topic) - {
    Topic.LOOK,
    Topic.DRIFT,
    Topic.STOPS,
    Topic.SERVING,
    Topic.TRAFFIC,
    Topic.QUEUE,
    Topic.POLICIES,
    Topic.NEXT,
}
"""What has no part of the page of its own."""
_NEITHER: Final = frozenset({"Stalled", "Held", "Reconciling"})
"""Conditions that are no better True than False."""


def _queue(names: Sequence[str], requests: Sequence[PromotionRequest]) -> tuple[Queued, ...]:
    known = {item.metadata.name: item for item in requests}
    return tuple(
        Queued(
            request=name,
            phase=phases.of(known[name]) if name in known else None,
            explanation=known[name].status.explanation if name in known else "",
        )
        for name in names
    )
