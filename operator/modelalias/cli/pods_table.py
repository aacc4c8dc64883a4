"""The pods of an alias's workloads as a table: which version each runs, and how it is."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from modelalias.api.alias import ModelAlias, Serving, ServingStatus
from modelalias.cli.output import NOTHING, aligned, lines
from modelalias.core.serving.pods import version_of_pod
from modelalias.ports import Pod, Workload

COLUMNS: Final = ("WORKLOAD", "POD", "VERSION", "READY", "SINCE", "RESTARTS", "NODE", "WHY NOT READY")


class Served(NamedTuple):
    """One workload of an alias as it was read."""

    serving: Serving
    workload: Workload | None
    pods: Sequence[Pod]


class PodRow(NamedTuple):
    """One pod, and what it runs."""

    name: str
    version: str | None
    """None where that is not known."""
    readiness: str
    since: datetime
    restarts: int
    node: str
    why: str
    """Why it is not ready; "" where it is, or where there is nothing to say."""


def text(alias: ModelAlias, found: Sequence[Served]) -> str:
    """Return a line for each workload, and a row for each pod."""
    rows = [row for item in found for row in rows_of(alias, item)]
    return lines([*heads(alias, found), *(["", *aligned([COLUMNS, *rows])] if rows else [])])


def heads(alias: ModelAlias, found: Sequence[Served]) -> Iterator[str]:
    """Return in a line how the alias stands, and in one for each workload what the status says of it."""
    current = alias.status.current
    version = (
        "no version yet" if current is None else f"version {current.version} since {_time(current.since)}"
    )
    yield f"{alias.spec.model}@{alias.spec.alias}: {version}"
    if not alias.spec.serving:
        yield "no workload is named in spec.serving"
    known = {(item.kind, item.name): item for item in alias.status.serving}
    for item in found:
        yield _head(item, known.get((item.serving.kind, item.serving.name)))


def _head(item: Served, status: ServingStatus | None) -> str:
    label = _label(item)
    if item.workload is None:
        return f"{label}: there is no such workload"
    if status is None:
        return f"{label}: the operator has not told of it yet"
    since = "" if status.since is None else f" since {_time(status.since)}"
    serves = f", serves version {status.served}" if status.served else ""
    return f"{label}: {status.state}{since}{serves}{f': {status.message}' if status.message else ''}"


def rows_of(alias: ModelAlias, item: Served) -> Iterator[Sequence[str]]:
    """Return a row for each pod; "?" stands for a version that is not known."""
    for row in pods(alias, item):
        yield (
            _label(item),
            row.name,
            row.version or "?",
            row.readiness,
            _time(row.since),
            str(row.restarts),
            row.node or NOTHING,
            row.why,
        )


def pods(alias: ModelAlias, item: Served) -> Iterator[PodRow]:
    """Return the pods of a workload with what each runs."""
    if item.workload is None:
        return
    for pod in item.pods:
        yield PodRow(
            name=pod.ref.name,
            version=version_of_pod(pod, alias, item.serving, item.workload),
            readiness="ending" if pod.ending else "yes" if pod.ready else "no",
            since=pod.ready_since or pod.started or pod.created,
            restarts=pod.restarts,
            node=pod.node,
            why="" if pod.ready else pod.trouble,
        )


def changes(before: Sequence[Sequence[str]], after: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return a line for each pod that came, changed or went."""
    known, now = {row[:2]: row for row in map(tuple, before)}, {row[:2]: row for row in map(tuple, after)}
    for name, row in now.items():
        if known.get(name) != row:
            yield "   ".join(cell or NOTHING for cell in row)
    for name in known:
        if name not in now:
            yield f"{'   '.join(name)}   gone"


def _label(item: Served) -> str:
    return f"{item.serving.kind}/{item.serving.name}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
