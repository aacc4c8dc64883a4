"""A comparison of versions for people and for programs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from modelalias.api.fields import timestamp_text
from modelalias.api.gates import Direction
from modelalias.cli import markdown
from modelalias.cli.compared_versions import Chosen
from modelalias.cli.output import NOTHING, aligned, clipped, lines
from modelalias.core.judging import gates, metrics
from modelalias.core.judging.comparison import Entry, Ranking, differing_parameters, named
from modelalias.ports import Dataset

_MOST_PARAMETERS: Final = 6
_LONGEST_CELL: Final = 40
_SHORT_ID: Final = 8
_HASH: Final = re.compile(r"[0-9a-f]{32,64}")
_WORDS: Final = {Direction.HIGHER: "higher", Direction.LOWER: "lower"}

ANY_DATA: Final = "--any-data compares them all the same"
MORE: Final = "--last N shows more of them, --versions N,M others"


@dataclass(frozen=True)
class Comparison:
    """Versions of a model, and how they compare by each metric."""

    model: str
    chosen: Chosen
    rankings: Sequence[Ranking]
    parameters: Sequence[str] = ()
    """Those to show; none: those that differ."""

    @property
    def table(self) -> str:
        """Return aligned columns, and under them what follows."""
        header, rows = self._columns()
        return lines([f"model {self.model}", *aligned([header, *rows]), *self.sentences])

    @property
    def markdown(self) -> str:
        """Return the same as GitHub-flavoured Markdown."""
        header, rows = self._columns()
        return markdown.document([markdown.table(header, rows), markdown.bullets(self.sentences)])

    @property
    def sentences(self) -> Iterator[str]:
        """Return which version is the best, which numbers do not count, and what is not shown."""
        yield from map(conclusion, self.rankings)
        if any(ranking.groups and not ranking.best for ranking in self.rankings):
            yield ANY_DATA
        notes = (
            f"version {number}: {reading.note}"
            for ranking in self.rankings
            for number, reading in ranking.readings.items()
            if reading.note
        )
        yield from dict.fromkeys(notes)
        hidden = () if self.parameters else self._differing[_MOST_PARAMETERS:]
        if hidden:
            yield f"these parameters differ too: {', '.join(hidden)}"
        if self.chosen.left_out:
            yield f"{self.chosen.left_out}: {MORE}"

    @property
    def result(self) -> Mapping[str, object]:
        """Return the same as JSON, with every digit of a number and every parameter."""
        return {
            "model": self.model,
            "versions": [self._entry(entry) for entry in self.chosen.entries],
            "differingParameters": list(self._differing),
            "rankings": [_ranking(ranking) for ranking in self.rankings],
            "leftOut": self.chosen.left_out or None,
        }

    @property
    def _differing(self) -> Sequence[str]:
        return differing_parameters(self.chosen.entries)

    def _columns(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        parameters = self.parameters or self._differing[:_MOST_PARAMETERS]
        shown = [ranking.criterion.metric for ranking in self.rankings]
        header = ["VERSION", *shown, *parameters, "DATA", "RUN", "CREATED", "ALIASES"]
        rows = [self._row(entry, parameters) for entry in self.chosen.entries]
        return header, [[clipped(cell, _LONGEST_CELL) for cell in row] for row in rows]

    def _row(self, entry: Entry, parameters: Sequence[str]) -> Sequence[str]:
        run, version = entry.run, entry.version
        created = version.registered_at
        return [
            entry.number,
            *(_value(ranking, entry.number) for ranking in self.rankings),
            *("" if run is None else _short(run.parameters.get(name, "")) for name in parameters),
            metrics.named(self.rankings[0].readings[entry.number].datasets),
            (version.run_id or "")[:_SHORT_ID],
            "" if created is None else timestamp_text(created),
            ",".join(entry.aliases),
        ]

    def _entry(self, entry: Entry) -> Mapping[str, object]:
        run, version = entry.run, entry.version
        created = version.registered_at
        return {
            "version": entry.number,
            "aliases": list(entry.aliases),
            "state": version.state,
            "registeredAt": None if created is None else timestamp_text(created),
            "runId": version.run_id,
            "runName": None if run is None else run.name,
            "parameters": {} if run is None else dict(run.parameters),
            "datasets": [] if run is None else [dataset(item) for item in run.datasets],
            "metrics": [_reading(ranking, entry.number) for ranking in self.rankings],
        }


def conclusion(ranking: Ranking) -> str:
    """Return in one sentence which version is the best by a metric, or why none is."""
    by = f"by {ranking.criterion.metric} ({_WORDS[ranking.criterion.direction]} is better)"
    if not ranking.best:
        return f"no version is the best {by}: {ranking.why_none}"
    each = " each, the same number" if len(ranking.best) > 1 else ""
    counted = sum(len(group.versions) for group in ranking.groups)
    data = {group.data or "data that is not known" for group in ranking.groups}
    on = next(iter(data)) if len(data) == 1 else "data that is not the same"
    return (
        f"best {by}: {named(ranking.best)} with {ranking.shown(ranking.best[0])}{each}, of {counted} on {on}"
    )


def dataset(item: Dataset) -> Mapping[str, object]:
    """Return a dataset as JSON."""
    return {"name": item.name, "digest": item.digest, "context": item.context or None, "rows": item.rows}


def _short(parameter: str) -> str:
    """Return the beginning of a hash, by which people know it, and any other value as it is."""
    return parameter[:_SHORT_ID] if _HASH.fullmatch(parameter) else parameter


def _value(ranking: Ranking, number: str) -> str:
    """Return a value; a number that does not count stands in parentheses."""
    reading, shown = ranking.readings[number], ranking.shown(number)
    return f"({shown})" if shown and reading.note and gates.is_usable(reading.value) else shown or NOTHING


def _reading(ranking: Ranking, number: str) -> Mapping[str, object]:
    reading = ranking.readings[number]
    return {
        "metric": ranking.criterion.metric,
        "value": gates.text(reading.value),
        "counts": not reading.note,
        "note": reading.note or None,
    }


def _ranking(ranking: Ranking) -> Mapping[str, object]:
    return {
        "metric": ranking.criterion.metric,
        "direction": ranking.criterion.direction,
        "best": list(ranking.best),
        "message": conclusion(ranking),
        "sameData": [
            {"data": group.data or None, "versions": list(group.versions), "best": list(group.best)}
            for group in ranking.groups
        ],
    }
