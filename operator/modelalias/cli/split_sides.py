"""The two sides of a split, from the status of its ModelAlias, and what a Prometheus has counted of each."""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias
from modelalias.api.fields import timestamp_text
from modelalias.cli.proportions import Count
from modelalias.cli.split_metric import Metric, question
from modelalias.core.errors import InvalidRequest
from modelalias.ports.metrics_source import MetricsSource

_SECOND: Final = timedelta(seconds=1)


class Side(NamedTuple):
    """One of the two: the alias, its Service and the version behind it."""

    alias: str
    service: str
    version: str


@dataclass(frozen=True)
class Split:
    """Which versions share the requests, how, and for how long that is looked at."""

    name: str
    namespace: str
    model: str
    champion: Side
    challenger: Side
    weights: str
    began: datetime
    """Since when these two versions share the requests like this."""
    window: timedelta
    """How far back is looked, in whole seconds."""
    until: datetime

    @property
    def is_mixed(self) -> bool:
        """Whether the window begins before the split did."""
        return self.until - self.window < self.began - _SECOND


def of(alias: ModelAlias, now: datetime, last: timedelta | None) -> Split:
    """Return the split that a ModelAlias tells of; raise `InvalidRequest` where there is none now.

    Without `last` the window begins with the split.
    """
    name, traffic, status = f"ModelAlias {alias.metadata.name}", alias.spec.traffic, alias.status.traffic
    if traffic is None:
        raise InvalidRequest(f"{name} splits no requests: it has no spec.traffic")
    current = alias.status.current
    if status is None or status.version is None or status.since is None or current is None:
        why = f": {status.message}" if status is not None and status.message else ""
        raise InvalidRequest(f"{name} does not split requests between two versions now{why}")
    began = max(status.since, current.since)
    window = timedelta(seconds=math.ceil((last or now - began) / _SECOND))
    if window < _SECOND:
        raise InvalidRequest(f"{name} splits requests since {timestamp_text(began)}: ask again later")
    return Split(
        name=alias.metadata.name,
        namespace=alias.metadata.namespace or "",
        model=alias.spec.model,
        champion=Side(alias.spec.alias, traffic.own.service, current.version),
        challenger=Side(traffic.challenger.alias or "", traffic.challenger.service, status.version),
        weights=status.split or "",
        began=began,
        window=window,
        until=now,
    )


async def counted(source: MetricsSource, split: Split, metric: Metric) -> tuple[Count, Count]:
    """Return what was counted of champion and challenger.

    Raises `InvalidRequest` where there is nothing to compare: no data, no number, or no requests.
    """
    champion, challenger = await asyncio.gather(
        *(_count(source, split, metric, side) for side in (split.champion, split.challenger))
    )
    return champion, challenger


async def _count(source: MetricsSource, split: Split, metric: Metric, side: Side) -> Count:
    asked = question(metric, side.version, split.model, split.namespace, split.window)
    trials, events = await asyncio.gather(
        _number(source, "requests", side, asked.trials), _number(source, "events", side, asked.events)
    )
    if trials == 0:
        raise InvalidRequest(f"nothing to compare: version {side.version} had no requests: {asked.trials}")
    if events > trials:
        raise InvalidRequest(
            f"version {side.version} has {events} events of {trials} requests: do both queries count the same? "
            "If a scrape came between the two questions, ask again"
        )
    return Count(trials, events)


async def _number(source: MetricsSource, what: str, side: Side, query: str) -> int:
    """Return a count, rounded: increase() estimates what happened between scrapes."""
    found = await source.query(query)
    if found is None:
        raise InvalidRequest(
            f"no data: the query for {what} of version {side.version} yields no series; if that means none, "
            f"put `or vector(0)` behind it: {query}"
        )
    if not math.isfinite(found) or found < 0:
        raise InvalidRequest(
            f"no data: the query for {what} of version {side.version} yields {found:g}: {query}"
        )
    return round(found)
