"""Gates on numbers that are there already: the metrics of runs and of logged models."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from modelalias.api.gates import Gate, MetricSource
from modelalias.api.request_status import Finding
from modelalias.core.errors import InvalidRequest, NotFound
from modelalias.core.judging import evaluation, gates, metrics, numbers, origin
from modelalias.core.judging.case import NOT_REGISTERED, Case
from modelalias.core.judging.metrics import Readable, Readings
from modelalias.core.ledger.accepted import is_same
from modelalias.core.protocol.facts import Facts
from modelalias.ports import ModelVersion

_UNKNOWN_RUN: Final = (
    "is not there: if another server has the runs, name it in the operator's configuration (trackingUri)"
)


def judge_what_is_there(
    case: Case, wanted: tuple[Gate, ...], facts: Facts, now: datetime
) -> tuple[Finding, ...]:
    """Judge gates, which are not those of an evaluation, on what runs and logged models say now."""
    if not wanted:
        return ()
    candidate = {item.name: _read(case, item, case.candidate, wanted, facts) for item in wanted}
    champion: Readable | None = None
    if case.champion is not None:
        champion = {
            item.name: _read_champion(case, item, wanted, facts)
            for item in wanted
            if gates.asks_champion(item)
        }
    return gates.judge(wanted, candidate, champion, now)


def _read(case: Case, gate: Gate, version: ModelVersion, wanted: tuple[Gate, ...], facts: Facts) -> Readings:
    name = case.name if version is case.candidate else f"champion version {version.version}"
    if gate.metric_from is MetricSource.RUN:
        asked = runs_of(case, wanted, facts)
        run = facts.runs(asked).get(version.run_id or "")
        foreign = "" if run is None else origin.why_not_made_by(name, version, run, facts)
        return (
            metrics.missing(foreign, unclear=True)
            if foreign
            else _of_run(name, version.run_id, gate.metric, asked, facts)
        )
    if version is case.candidate and not case.registered:
        return metrics.missing(NOT_REGISTERED, unclear=True)
    if version.model_id is None:
        return metrics.missing(f"{name} was not made from a logged model")
    keys = tuple(sorted({item.metric for item in wanted if item.metric_from is MetricSource.LOGGED_MODEL}))
    evaluations = evaluation.runs_of(case.evaluate, case.evaluated, version.version, facts)
    try:
        measured = facts.measured(version.model_id, keys, evaluations)
    except InvalidRequest as error:
        return metrics.missing(str(error))
    foreign = origin.why_of_another_run(name, version, measured)
    if foreign:
        return metrics.missing(foreign, unclear=True)
    return metrics.of_logged_model(measured.measurements, gate.metric)


def _read_champion(case: Case, gate: Gate, wanted: tuple[Gate, ...], facts: Facts) -> Readings:
    """Read the champion's side; where it is gone, that is nothing that the candidate did."""
    if gate.metric_from is MetricSource.RUN:
        run_id = _run_of_champion(case, facts)
        readings = _of_run(
            f"champion version {case.champion}",
            run_id,
            gate.metric,
            runs_of(case, wanted, facts),
            facts,
        )
        readings = _as_accepted(case, gate, readings)
    else:
        version = champion_of(case, facts)
        readings = champion_gone(case) if version is None else _read(case, gate, version, wanted, facts)
    return tuple(item.changed(unclear=item.unclear or item.value is None) for item in readings)


def _as_accepted(case: Case, gate: Gate, readings: Readings) -> Readings:
    """Put the number in its place on which the champion was accepted: anybody may log another one later."""
    judged = () if case.accepted is None else case.accepted.judged
    value = next((Decimal(item.value) for item in judged if item.metric == gate.metric), None)
    now = readings[0].value
    if value is None or now is None or value == now:
        return readings
    before, after = str(value), str(now)
    note = f"its {gate.metric} was {numbers.short(before, after)} when it was accepted; "
    note += f"its run says {numbers.short(after, before)} now"
    return tuple(item.changed(value=value, note=note) for item in readings)


def champion_gone(case: Case) -> Readings:
    """Return what is read of a champion that is not there any more."""
    return metrics.missing(f"champion version {case.champion} is gone, or was made anew", unclear=True)


def _of_run(name: str, run_id: str | None, metric: str, asked: tuple[str, ...], facts: Facts) -> Readings:
    """Read a run's metric; one that the server has never heard of may be another server's."""
    if run_id is None:
        return metrics.missing(f"{name} was not made by a run")
    if (run := facts.runs(asked).get(run_id)) is not None:
        return metrics.of_run(run, metric)
    if facts.has_deleted(run_id, asked):
        return metrics.missing(f"run {run_id} of {name} is deleted")
    return metrics.missing(f"run {run_id} of {name} {_UNKNOWN_RUN}", unclear=True)


def runs_of(case: Case, wanted: Iterable[Gate], facts: Facts) -> tuple[str, ...]:
    """Name the runs that the gates ask for, so that they are read at once."""
    asked = [item for item in wanted if item.metric_from is MetricSource.RUN]
    other = _run_of_champion(case, facts) if any(gates.asks_champion(item) for item in asked) else None
    return tuple(sorted({item for item in (case.candidate.run_id, other) if item is not None}))


def _run_of_champion(case: Case, facts: Facts) -> str | None:
    if case.accepted is None or case.accepted.run_id is not None:
        return None if case.accepted is None else case.accepted.run_id
    version = champion_of(case, facts)
    return None if version is None else version.run_id


def champion_of(case: Case, facts: Facts) -> ModelVersion | None:
    """Return the champion as the registry has it; None when that is gone, or another one of its number."""
    if case.accepted is None:
        return None
    try:
        version = facts.version(case.spec.model, case.accepted.version)
    except NotFound:
        return None
    return version if is_same(version, case.accepted) else None
