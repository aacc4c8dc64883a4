"""A gate's metric over the versions, with the champion's value and the last bar: what verdicts tell. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple

from modelalias.api.alias import Gate, MetricSource, ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.api.request_status import Finding, GateResult
from modelalias.core.judging import numbers
from modelalias.web import plot
from modelalias.web.phases import Tone
from modelalias.web.plot import Drawing, Mark, Rule, Tick
from modelalias.web.view import View

MOST_VERSIONS: Final = 30
MOST_GATES: Final = 12
_BAR: Final = re.compile(r"^[<>]= (-?\d+(?:\.\d+)?(?:E[+-]?\d+)?)(?![\w.])")
_MOST_COLUMNS: Final = 8


class Point(View):
    """The value of one version."""

    version: str
    value: str | None
    """None where the metric was missing."""
    result: GateResult | None = None
    """How the gate came out; None where only the value is known."""
    said_by: str
    """Where the number stands."""
    request: str | None = None
    """The request that says so."""


class GateChart(View):
    """What is known of one gate's metric."""

    gate: str
    metric: str
    points: tuple[Point, ...]
    """By version, the oldest first; the newest of them where there are too many."""
    left_out: int = 0
    """How many older versions are not shown."""
    champion: str | None = None
    """The value of the current version."""
    champion_version: str | None = None
    bar: str | None = None
    """What was asked last, or what the gate asks where its threshold is a number."""
    bar_rule: str = ""
    bar_said_by: str = ""
    bar_request: str | None = None

    @cached_property
    def drawing(self) -> Drawing | None:
        """Return it as a drawing; None where there is no number to draw."""
        return _drawn(self)

    @property
    def sentence(self) -> str:
        """Return what it shows, for those who do not see it."""
        values = "; ".join(f"version {item.version}: {item.value or 'missing'}" for item in self.points)
        bar = f" Asked: {self.bar_rule}." if self.bar_rule else ""
        return f"{self.metric} by version: {values}.{bar}"


class _Verdict(NamedTuple):
    """A finding, and about which versions it is."""

    finding: Finding
    request: str
    version: str
    champion: str | None


class GateCharts(View):
    """A chart for each gate."""

    charts: tuple[GateChart, ...]
    left_out: int = 0
    """How many gates have none here."""


def of(alias: ModelAlias, requests: Iterable[PromotionRequest]) -> GateCharts:
    """Return a chart for each gate of which a number is known; `alias` has the rules that hold."""
    verdicts = sorted(_verdicts(requests), key=lambda item: item.finding.evaluated_at)
    gates = {item.name: item for item in alias.spec.policy.gates}
    names = dict.fromkeys([*gates, *(item.finding.name for item in reversed(verdicts))])
    charts = [
        _chart(alias, name, gates.get(name), [item for item in verdicts if item.finding.name == name])
        for name in names
    ]
    known = [item for item in charts if item.points]
    return GateCharts(charts=tuple(known[:MOST_GATES]), left_out=max(0, len(known) - MOST_GATES))


def _verdicts(requests: Iterable[PromotionRequest]) -> Iterator[_Verdict]:
    for request in requests:
        resolved = request.status.resolved
        if resolved is None or request.spec.dry_run:  # what nobody asked for is no point of a line
            continue
        for finding in request.status.gates:
            yield _Verdict(finding, request.metadata.name, resolved.version, resolved.champion)


def _chart(alias: ModelAlias, name: str, gate: Gate | None, verdicts: Sequence[_Verdict]) -> GateChart:
    metric = gate.metric if gate is not None else verdicts[-1].finding.metric
    own = [item for item in verdicts if item.finding.metric == metric]
    points: dict[str, Point] = {}
    if gate is not None and gate.metric_from is MetricSource.RUN:
        points.update(_accepted(alias, metric))
    points |= {
        item.version: _candidate(item) for item in own if item.finding.result is not GateResult.SKIPPED
    }
    for item in reversed(own):
        if item.champion is not None and item.finding.champion is not None:
            points.setdefault(item.champion, _champion(item, item.champion))
    shown = sorted(points.values(), key=lambda item: int(item.version))
    current = None if alias.status.current is None else alias.status.current.version
    champion = points.get(current or "")
    rule, request = _asked(gate, own)
    found = _BAR.match(rule)
    return GateChart(
        gate=name,
        metric=metric,
        points=tuple(shown[-MOST_VERSIONS:]),
        left_out=max(0, len(shown) - MOST_VERSIONS),
        champion=None if champion is None else champion.value,
        champion_version=None if champion is None else current,
        bar=found.group(1) if found else None,
        bar_rule=rule,
        bar_said_by=_said_by(request) if rule else "",
        bar_request=request,
    )


def _candidate(verdict: _Verdict) -> Point:
    finding = verdict.finding
    return Point(
        version=verdict.version,
        value=finding.candidate,
        result=finding.result,
        said_by=_said_by(verdict.request),
        request=verdict.request,
    )


def _champion(verdict: _Verdict, version: str) -> Point:
    """Return what a verdict says of the version that it compared with."""
    said_by = _said_by(verdict.request)
    return Point(version=version, value=verdict.finding.champion, said_by=said_by, request=verdict.request)


def _accepted(alias: ModelAlias, metric: str) -> Mapping[str, Point]:
    """Return the numbers on which versions were accepted; the last acceptance of each counts."""
    status = alias.status
    known = [(item.at, item.to, item.judged) for item in status.history]
    known += [(item.since, item.version, item.judged) for item in (status.previous, status.current) if item]
    found: dict[str, Point] = {}
    for _, version, judged in sorted(known, key=_first):
        value = next((item.value for item in judged if item.metric == metric), None)
        if version is not None and value is not None:
            found[version] = Point(version=version, value=value, said_by="the ledger")
    return found


def _first(item: tuple[datetime, object, object]) -> datetime:
    return item[0]


def _asked(gate: Gate | None, verdicts: Sequence[_Verdict]) -> tuple[str, str | None]:
    """Return what the gate asked last, in words with its number, and the request that says so, else the policy."""
    if gate is not None and gate.threshold is not None:
        sign = ">=" if gate.direction == "HigherIsBetter" else "<="
        return f"{sign} {numbers.text(gate.threshold)}", None
    if not verdicts:
        return "", None
    return verdicts[-1].finding.rule, verdicts[-1].request


def _said_by(request: str | None) -> str:
    return "the policy" if request is None else f"request {request}"


_TONES: Final[Mapping[GateResult | None, Tone]] = {
    GateResult.PASSED: Tone.GOOD,
    GateResult.FAILED: Tone.BAD,
}


def _drawn(chart: GateChart) -> Drawing | None:
    values = {item.version: plot.number(item.value) for item in chart.points}
    lines = {"champion": plot.number(chart.champion), "asked": plot.number(chart.bar)}
    known = [value for value in (*values.values(), *lines.values()) if value is not None]
    if not any(value is not None for value in values.values()):
        return None
    up, places = plot.vertical(known), plot.spread(len(chart.points))
    marks, columns = [], []
    for place, point in zip(places, chart.points, strict=True):
        columns.append(Tick(place, plot.version_label(point.version)))
        value = values[point.version]
        if value is not None:
            tone = _TONES.get(point.result, Tone.QUIET)
            result = f", {point.result}" if point.result else ""
            text = f"version {point.version}: {point.value}{result} ({point.said_by})"
            marks.append(Mark(place, up(value), tone, text, point.version == chart.champion_version))
    return Drawing(
        path=plot.line([(mark.x, mark.y) for mark in marks]),
        marks=marks,
        columns=plot.thinned(columns, _MOST_COLUMNS),
        rows=plot.axis(known, up),
        rules=[Rule(up(value), name) for name, value in lines.items() if value is not None],
    )
