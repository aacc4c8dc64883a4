"""The lineage of a version for people: what the registry says, and apart from it what is proved."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from modelalias.api.fields import timestamp_text
from modelalias.cli.data_hashes import Agreement, DataHash
from modelalias.cli.output import aligned, clipped, lines
from modelalias.cli.verification import story
from modelalias.cli.version_lineage import GIT_COMMIT, NOT_CHECKED, Lineage, Record
from modelalias.core.judging import gates, metrics, numbers
from modelalias.ports import Dataset, RunDetails

MOST_ROWS: Final = 20
LONGEST: Final = 80
_LONGEST_LINE: Final = 400
_WIDTH: Final = 13


def text(lineage: Lineage) -> str:
    """Return the lineage as lines, long ones cut."""
    version = lineage.version
    name = f"{version.model}@{lineage.asked}" if lineage.asked else version.model
    return lines(
        [
            f"{name}: version {version.version}",
            "",
            "The registry says, and whoever may write there can have written any of it:",
            *_registered(lineage),
            "",
            *_records(lineage.records),
        ]
    )


def _registered(lineage: Lineage) -> Iterator[str]:
    version, run = lineage.version, lineage.run
    created = version.registered_at
    registered = f", registered {timestamp_text(created)}" if created else ""
    yield from _row("version", [f"{version.version} of {version.model}, {version.state}{registered}"])
    yield from _row("aliases", [", ".join(lineage.aliases) or "none names it"])
    yield from _row("run", _run(lineage))
    commit = clipped(lineage.git_commit or "", LONGEST)
    yield from _row("git commit", [commit or f"not known: no tag {GIT_COMMIT} of the run"])
    yield from _row("data", _data(lineage))
    unknown = ["not known"]
    yield from _row("parameters", unknown if run is None else _values(run.parameters))
    yield from _row("metrics", unknown if run is None else _values(_metrics(run)))
    yield from _row("datasets", unknown if run is None else _most([*map(_dataset, run.datasets)]))
    yield from _row("tags", _values(lineage.tags))


def _row(name: str, values: Iterable[str]) -> Iterator[str]:
    """Return lines with the name in front of the first one."""
    for value in list(values) or ["none"]:
        yield f"{name:<{_WIDTH}}{value}"
        name = ""


def _run(lineage: Lineage) -> Iterator[str]:
    run, named = lineage.run, lineage.version.run_id
    if run is None:
        yield f"{clipped(named, LONGEST)} is gone" if named else "not known: the version names none"
        return
    name, user = clipped(run.name, LONGEST), clipped(run.user, LONGEST)
    yield f"{run.run_id}{f' ({name})' if name else ''}, by {user or 'an unknown user'}, {run.status}"
    if run.deleted:
        yield "the run is deleted"
    if lineage.foreign:
        yield lineage.foreign
    began, ended = (timestamp_text(time) if time else None for time in (run.started_at, run.ended_at))
    yield f"{began or 'at an unknown time'} to {ended or ('an unknown time' if run.finished else 'now')}"


def _data(lineage: Lineage) -> Iterator[str]:
    data = lineage.data
    match data.agreement:
        case Agreement.AGREE:
            yield f"md5 {data.md5}, as all sources say that name one:"
        case Agreement.ONE_SOURCE:
            yield f"md5 {data.md5}, as only one source says:"
        case Agreement.DIFFER:
            yield "not known: the sources DIFFER:"
        case Agreement.UNKNOWN:
            yield "not known: no source names an md5"
    yield from _most([f"- {_source(item, data.md5)}" for item in data.hashes])
    if lineage.no_files:
        yield f"- whether the run has a DVC pointer is not known: {lineage.no_files}"
    elif not any(item.is_pointer for item in data.hashes):
        yield "- no DVC pointer among the files of the run"


def _source(item: DataHash, md5: str | None) -> str:
    source, says = (clipped(text, LONGEST) for text in (item.source, item.says))
    if item.says == md5:
        return source
    return f"{source}: {says or 'nothing'}{'' if item.is_md5 else ', which is not compared'}"


def _metrics(run: RunDetails) -> Mapping[str, str]:
    return {name: numbers.short(gates.text(value) or "") for name, value in run.metrics.items()}


def _dataset(item: Dataset) -> str:
    context = f", {item.context}" if item.context else ""
    return f"{metrics.described((item,))}{context}"


def _values(values: Mapping[str, str]) -> Sequence[str]:
    rows = [(clipped(name, LONGEST), clipped(value, LONGEST)) for name, value in sorted(values.items())]
    return _most(list(aligned(rows)) if rows else [])


def _most(rows: Sequence[str]) -> Sequence[str]:
    if len(rows) <= MOST_ROWS:
        return rows
    return [*rows[:MOST_ROWS], f"and {len(rows) - MOST_ROWS} more: -o json has all"]


def _records(records: Sequence[Record]) -> Iterator[str]:
    if not records:
        yield "Nothing is proved: the version has no record, and no alias names it."
    for record in records:
        verification = record.verification
        if record.is_claim:
            yield f"The record as {record.alias} is NOT CHECKED: {NOT_CHECKED}. It says:"
            yield from _story(record)
        elif record.is_proved:
            seal = verification.sealed.seal
            by = (
                f", with key {seal.key} of cluster {seal.cluster}, for registry {seal.registry}"
                if seal
                else ""
            )
            yield f"Proved by the signed record as {record.alias}{by}:"
            yield from _story(record)
        else:
            yield f"Nothing is proved of {record.alias}: {verification.message}."


def _story(record: Record) -> Iterator[str]:
    for line in list(story(record.parts)) or ["no promotion"]:
        yield clipped(line, _LONGEST_LINE)
