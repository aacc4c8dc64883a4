"""The versions of a model beside the aliases that name them, with the metrics they are judged on. Pure.

Where the registry is read, versions and metrics are its own, compared by the code of `modelalias compare`. Where it is
not, they are what the statuses of the ModelAliases remember.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, repeat
from typing import Final

from modelalias.api.alias import ModelAlias
from modelalias.api.gates import Direction
from modelalias.api.history import HistoryEntry, Outcome
from modelalias.api.request import PromotionRequest
from modelalias.cli.compared_versions import Chosen
from modelalias.cli.comparison_text import Comparison
from modelalias.core.judging import metrics
from modelalias.core.judging.comparison import Criterion, Entry, Ranking, rank
from modelalias.core.ledger import accepted
from modelalias.core.requests.former import former
from modelalias.web import asked_before, board, phases
from modelalias.web.board import Row
from modelalias.web.mlflow_links import Links
from modelalias.web.phases import Badge, Tone
from modelalias.web.view import Notice, PageView, View

MOST: Final = 50
"""Versions on the page, the newest first, beside those that an alias names."""
MOST_METRICS: Final = 6


class Mark(View):
    """What a version is to one ModelAlias."""

    badge: Badge
    at: datetime | None = None
    by: str = ""
    request: str = ""
    """The one that led to this."""
    namespace: str = ""


class Value(View):
    """A metric of a version."""

    shown: str
    is_best: bool = False
    note: str = ""
    """Why it does not count."""


class VersionRow(View):
    """A version of the model."""

    number: str
    link: str = ""
    registered_at: datetime | None = None
    state: str = ""
    aliases: tuple[str, ...] = ()
    """In the registry, whoever manages them."""
    values: tuple[Value, ...] = ()
    data: str = ""
    marks: tuple[tuple[Mark, ...], ...] = ()
    """Of each ModelAlias, in their order."""


class ModelView(PageView):
    """The page."""

    registry: str
    model: str
    link: str = ""
    comparison: str = ""
    rows: tuple[Row, ...] = ()
    """The ModelAliases."""
    metrics: tuple[str, ...] = ()
    versions: tuple[VersionRow, ...] = ()
    is_registered: bool = False
    """Whether the versions were read from the registry."""
    sentences: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


def criteria(aliases: Iterable[ModelAlias]) -> Sequence[Criterion]:
    """Return the metrics on which the ModelAliases judge, each once, in the order of their gates."""
    found: dict[str, Criterion] = {}
    for alias in aliases:
        for gate in alias.spec.policy.gates:
            found.setdefault(gate.metric, Criterion(metric=gate.metric, direction=gate.direction))
        for item in alias.status.current.judged if alias.status.current else ():
            found.setdefault(item.metric, Criterion(metric=item.metric, direction=Direction.HIGHER))
    return [*found.values()][:MOST_METRICS]


def view(
    registry: str,
    model: str,
    aliases: Sequence[ModelAlias],
    links: Links,
    chosen: Chosen | None,
    requests: Sequence[Sequence[PromotionRequest]] = (),
) -> ModelView:
    """Return the page of a model; without `chosen` from the statuses alone, `requests` by the ModelAlias."""
    wanted = criteria(aliases)
    marks = [_marks(alias, asked) for alias, asked in zip(aliases, chain(requests, repeat(())), strict=False)]
    sentences: tuple[str, ...] = ()
    if chosen is None:
        known = _remembered(aliases, wanted)
    else:
        rankings = [rank(chosen.entries, criterion) for criterion in wanted]
        known = {entry.number: _of_entry(entry, rankings) for entry in chosen.entries}
        sentences = tuple(Comparison(model, chosen, rankings).sentences) if rankings else ()
    numbers = _newest(
        {*known, *(number for each in marks for number in each)}, {n for each in marks for n in each}
    )
    versions = tuple(
        known.get(number, VersionRow(number=number, values=(Value(shown=""),) * len(wanted))).changed(
            link=links.version(model, number), marks=tuple(each.get(number, ()) for each in marks)
        )
        for number in numbers
    )
    return ModelView(
        registry=registry,
        model=model,
        link=links.model(model),
        comparison=links.comparison(model, _runs(chosen)),
        rows=tuple(board.row(alias, {}) for alias in aliases),
        metrics=tuple(criterion.metric for criterion in wanted),
        versions=versions,
        is_registered=chosen is not None,
        sentences=sentences,
    )


def named(aliases: Iterable[ModelAlias]) -> Sequence[str]:
    """Return the versions that ModelAliases name now or go back to, the newest first."""
    numbers = {
        item.version
        for alias in aliases
        for item in (alias.status.current, alias.status.previous)
        if item is not None
    }
    return sorted(numbers, key=int, reverse=True)


def _newest(numbers: Iterable[str], kept: set[str]) -> Sequence[str]:
    ordered = sorted(set(numbers), key=int, reverse=True)
    return [number for place, number in enumerate(ordered) if place < MOST or number in kept]


def _runs(chosen: Chosen | None) -> Mapping[str, str]:
    entries = () if chosen is None else chosen.entries
    return {entry.version.run_id: entry.number for entry in entries if entry.version.run_id and entry.run}


def _of_entry(entry: Entry, rankings: Sequence[Ranking]) -> VersionRow:
    values = tuple(
        Value(
            shown=ranking.shown(entry.number),
            is_best=entry.number in ranking.best,
            note=ranking.readings[entry.number].note,
        )
        for ranking in rankings
    )
    data = metrics.named(rankings[0].readings[entry.number].datasets) if rankings else ""
    version = entry.version
    return VersionRow(
        number=entry.number,
        registered_at=version.registered_at,
        state=version.state,
        aliases=entry.aliases,
        values=values,
        data=data,
    )


def _remembered(aliases: Iterable[ModelAlias], wanted: Sequence[Criterion]) -> Mapping[str, VersionRow]:
    """Return the versions on whose numbers the ModelAliases accepted them."""
    judged: dict[str, dict[str, str]] = {}
    for alias in aliases:
        status = alias.status
        for entry in status.history:
            if entry.to is not None and entry.judged:
                judged.setdefault(entry.to, {}).update({item.metric: item.value for item in entry.judged})
        for held in (status.previous, status.current):
            if held is not None and held.judged:
                judged.setdefault(held.version, {}).update({item.metric: item.value for item in held.judged})
    return {
        number: VersionRow(
            number=number, values=tuple(Value(shown=values.get(item.metric, "")) for item in wanted)
        )
        for number, values in judged.items()
    }


def _marks(alias: ModelAlias, requests: Sequence[PromotionRequest]) -> Mapping[str, tuple[Mark, ...]]:
    """Return the one thing that each version is to a ModelAlias, and what became of a later request for it.

    The state names the request that led to it; one that asked again and moved nothing has a line of its own.
    """
    found: dict[str, tuple[Mark, ...]] = {}
    for number, mark in (*_standing(alias), *_asked(requests, is_open=True), *_left(alias)):
        found.setdefault(number, (mark,))
    for number, mark in _asked(requests, is_open=False):
        if number not in found:
            found[number] = (mark,)
        elif len(found[number]) == 1 and _is_later(mark, found[number][0]):
            found[number] = (*found[number], mark)
    return found


def _is_later(asked: Mark, state: Mark) -> bool:
    """Return whether a request is not the one behind a state, and ended after that began."""
    if asked.request == state.request or asked.at is None or state.at is None:
        return False
    return asked.at > state.at


def _standing(alias: ModelAlias) -> Iterator[tuple[str, Mark]]:
    """Return what the alias names, goes to, or is found at."""
    status, namespace = alias.status, alias.metadata.namespace
    if (now := status.current) is not None:
        yield now.version, _mark("Current", Tone.GOOD, now.since, now.actor, now.request, namespace)
    if status.plan is not None and (to := status.plan.aliases[0].to) is not None:
        by = status.plan.request.name if status.plan.request else None
        yield to, _mark("On its way", Tone.BUSY, status.plan.started_at, status.plan.actor, by, namespace)
    if status.observed is not None and (number := status.observed.version) is not None:
        current = status.current.version if status.current else None
        if number != current and status.plan is None:
            yield number, _mark("In the registry", Tone.ASKS, status.observed.at)


def _asked(requests: Sequence[PromotionRequest], *, is_open: bool) -> Iterator[tuple[str, Mark]]:
    """Return what became of the versions that requests name, the newest first and dry runs last."""
    for request in sorted(asked_before.newest_first(requests), key=lambda item: item.spec.dry_run):
        row = asked_before.row(request)
        if row.version is not None and row.is_open is is_open:
            mark = Mark(badge=row.phase, at=row.at, by=row.by, request=row.name, namespace=row.namespace)
            yield row.version, mark


def _left(alias: ModelAlias) -> Iterator[tuple[str, Mark]]:
    """Return what the alias was at before."""
    status, namespace = alias.status, alias.metadata.namespace
    for gone in reversed(status.rolled_back):
        yield gone.version, _mark("Rolled back", Tone.BAD, gone.at)
    before = former(status)
    if before is not None:
        known = accepted.newest_first(status).get(before)
        at = None if known is None else known.at if isinstance(known, HistoryEntry) else known.since
        by = None if known is None else known.request
        yield before, _mark("Previous", Tone.QUIET, at, request=by, namespace=namespace)
    for entry in reversed(status.history):
        yield from _of_history(entry, status.current.version if status.current else None, namespace)
    if (held := status.previous) is not None:  # what the history may have forgotten
        yield (
            held.version,
            _mark("Earlier", Tone.QUIET, held.since, request=held.request, namespace=namespace),
        )


def _of_history(entry: HistoryEntry, current: str | None, namespace: str) -> Iterator[tuple[str, Mark]]:
    if entry.to is None or entry.to == current:
        return
    succeeded = entry.outcome is Outcome.SUCCEEDED
    word, tone = ("Earlier", Tone.QUIET) if succeeded else ("Failed", Tone.BAD)
    yield entry.to, _mark(word, tone, entry.at, entry.actor, entry.request, namespace)


def _mark(
    word: str,
    tone: Tone,
    at: datetime | None = None,
    by: str | None = None,
    request: str | None = None,
    namespace: str = "",
) -> Mark:
    badge = phases.badge(word, tone)
    return Mark(badge=badge, at=at, by=by or "", request=request or "", namespace=namespace)
