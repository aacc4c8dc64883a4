"""How the requests of an HTTPRoute are split between two sides, as the status tells. Pure."""

from datetime import datetime
from functools import cached_property

from modelalias.api.alias import ModelAlias
from modelalias.core.traffic import words
from modelalias.web.view import View


class Side(View):
    """One of the two Services."""

    service: str
    alias: str
    is_own: bool
    version: str | None
    weight: int | None
    """What the operator wants; None where the status does not tell."""
    share: str = ""
    """The same as a percentage."""


class TrafficPanel(View):
    """The split."""

    http_route: str
    sides: tuple[Side, ...]
    split: str | None
    """The weights that the HTTPRoute had when it was read last, this alias's first."""
    reason: str
    message: str
    step: str = ""
    since: datetime | None = None
    rewritten: tuple[datetime, ...] = ()
    unread: str = ""

    @cached_property
    def widths(self) -> tuple[float, ...]:
        """Return how long the part of each side is, of 100; nothing where that is not known."""
        weights = [item.weight or 0 for item in self.sides]
        total = sum(weights)
        return tuple(round(100 * weight / total, 2) for weight in weights) if total else ()


def of(alias: ModelAlias) -> TrafficPanel | None:
    """Return the split; None without spec.traffic and without anything that the status tells of one."""
    spec, status = alias.spec.traffic, alias.status.traffic
    if spec is None:
        return None
    weights = {} if status is None else {item.service: item.weight for item in status.weights}
    total = sum(weights.values())
    own, other = spec.own, spec.challenger
    current = alias.status.current
    versions = {
        own.service: current.version if current else None,
        other.service: status.version if status else None,
    }
    sides = tuple(
        Side(
            service=side.service,
            alias=side.alias or alias.spec.alias,
            is_own=side is own,
            version=versions[side.service],
            weight=weights.get(side.service),
            share=words.percent(weights[side.service], total) if total and side.service in weights else "",
        )
        for side in (own, other)
    )
    if status is None:
        return TrafficPanel(
            http_route=spec.http_route,
            sides=sides,
            split=None,
            reason="",
            message="The operator has not told of it.",
        )
    return TrafficPanel(
        http_route=status.http_route,
        sides=sides,
        split=status.split,
        reason=status.reason,
        message=status.message,
        step=f"step {status.step} of {len(spec.steps)}" if status.step and spec.steps else "",
        since=status.since,
        rewritten=status.rewritten,
        unread=status.unread,
    )
