"""What serves an alias: each workload by the status, and its pods as the person may read them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias, Serving, ServingState, ServingStatus
from modelalias.cli import pods_table
from modelalias.cli.pods_table import Served
from modelalias.web import phases
from modelalias.web.phases import Badge, Tone
from modelalias.web.view import View

MOST_PODS: Final = 50
"""Of one workload; those that are not ready come first."""
_STATES: Final[Mapping[ServingState, tuple[str, Tone, str]]] = {
    ServingState.UP_TO_DATE: ("Up to date", Tone.GOOD, "check"),
    ServingState.PENDING: ("Pending", Tone.QUIET, "dot"),
    ServingState.ROLLING: ("Rolling", Tone.BUSY, "turning"),
    ServingState.SETTLING: ("Settling", Tone.BUSY, "turning"),
    ServingState.DEGRADED: ("Degraded", Tone.BAD, "cross"),
    ServingState.DIVERGED: ("Diverged", Tone.BAD, "cross"),
    ServingState.NO_REPLICAS: ("No replicas", Tone.QUIET, "dot"),
    ServingState.FAILED: ("Failed", Tone.BAD, "cross"),
    ServingState.MISSING: ("Missing", Tone.BAD, "cross"),
    ServingState.UNKNOWN: ("Unknown", Tone.QUIET, "dot"),
}
_NOT_TOLD: Final = phases.badge(phases.NOT_LOOKED_AT, Tone.QUIET)


class Ref(NamedTuple):
    """Which workload."""

    kind: str
    name: str


class Count(View):
    """How many pods run a version."""

    version: str | None
    pods: int
    ready: int


class PodLine(View):
    """One pod."""

    name: str
    version: str | None
    readiness: str
    since: datetime
    restarts: int
    node: str
    why: str


class Workload(View):
    """One workload."""

    kind: str
    name: str
    wave: int | None
    state: Badge
    desired: str | None = None
    asked: str | None = None
    served: str | None = None
    since: datetime | None = None
    counts: tuple[Count, ...] = ()
    message: str = ""
    verified: bool | None = None
    pods: tuple[PodLine, ...] = ()
    pods_left_out: int = 0
    pods_unread: str = ""
    """Why no pods are shown."""


def rows(
    alias: ModelAlias, found: Iterable[Served] = (), unread: Mapping[Ref, str] | None = None
) -> tuple[Workload, ...]:
    """Return a row for each workload of the spec and of the status, in the order of the waves."""
    wanted = {Ref(item.kind, item.name): item for item in alias.spec.serving}
    told = {Ref(item.kind, item.name): item for item in alias.status.serving}
    read = {Ref(item.serving.kind, item.serving.name): item for item in found}
    refs = sorted({**wanted, **told}, key=lambda ref: wanted[ref].wave if ref in wanted else 0)
    return tuple(
        _row(ref, wanted.get(ref), told.get(ref), _pods(alias, read.get(ref)), (unread or {}).get(ref, ""))
        for ref in refs
    )


def _pods(alias: ModelAlias, item: Served | None) -> Sequence[PodLine]:
    if item is None:
        return ()
    return [PodLine(**row._asdict()) for row in pods_table.pods(alias, item)]


def _row(
    ref: Ref, wanted: Serving | None, told: ServingStatus | None, pods: Sequence[PodLine], unread: str
) -> Workload:
    worst = sorted(pods, key=lambda item: item.readiness == "yes")
    row = Workload(
        kind=ref.kind,
        name=ref.name,
        wave=None if wanted is None else wanted.wave,
        state=_NOT_TOLD,
        pods=tuple(worst[:MOST_PODS]),
        pods_left_out=max(0, len(worst) - MOST_PODS),
        pods_unread=unread,
    )
    if told is None:
        return row
    word, tone, icon = _STATES[told.state]
    return row.changed(
        desired=told.desired,
        asked=told.asked,
        served=told.served,
        state=Badge(word=word, tone=tone, icon=icon),
        since=told.since,
        counts=tuple(Count(version=item.version, pods=item.pods, ready=item.ready) for item in told.pods),
        message=told.message,
        verified=told.verified,
    )
