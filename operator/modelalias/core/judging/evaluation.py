"""Evaluation: both sides measured afresh by Jobs, each of which logs into a run that the operator made for it.

Nothing remembers how far an evaluation came but the objects themselves: a Job's name says for whom, which
side and against which champion it measures. What a Job has brought is kept in the status, because Jobs are
cleaned away. Another champion or another template is another evaluation, of both sides, so that both see the
same data.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from modelalias.api.fields import Value
from modelalias.api.policy import Evaluation
from modelalias.api.request_status import Evaluated, EvaluationState, Side
from modelalias.core.errors import InvalidRequest, Refused, Unavailable
from modelalias.core.judging import metrics
from modelalias.core.judging.metrics import Readings
from modelalias.core.protocol.effects import Effect, EndRun, StartEvaluation, StopEvaluation
from modelalias.core.protocol.facts import Facts, Failed
from modelalias.ports import EvaluationRun, Involved, Job, JobRef, JobState, NewJob, Run, RunStatus

ENDED: Final = frozenset({EvaluationState.SUCCEEDED, EvaluationState.FAILED, EvaluationState.STOPPED})

_LONGEST_NAME: Final = 63


class WantedEvaluation(Value):
    """Which versions are to be evaluated, and for whom."""

    owner: Involved
    """The request, or the ModelAlias whose pin is judged."""
    alias: str
    """Name of the ModelAlias."""
    model: str
    rules: Evaluation
    candidate: str
    champion: str | None
    """None where there is none, or no gate asks for it."""

    @property
    def versions(self) -> Mapping[Side, str]:
        """Return the version of each side."""
        both = {Side.CANDIDATE: self.candidate, Side.CHAMPION: self.champion}
        return {side: version for side, version in both.items() if version is not None}


@dataclass(frozen=True)
class EvaluationProgress:
    """How far the evaluation is: with neither effect nor problem it is over, or its Jobs run."""

    sides: tuple[Evaluated, ...]
    effect: Effect | None = None
    problem: InvalidRequest | Refused | Unavailable | None = None
    """Why a Job cannot be started."""

    @property
    def over(self) -> bool:
        """Return whether both sides have ended."""
        return (
            self.effect is None and self.problem is None and all(item.state in ENDED for item in self.sides)
        )


def look(wanted: WantedEvaluation, before: tuple[Evaluated, ...], facts: Facts) -> EvaluationProgress:
    """Find out how far the evaluation is, and the next thing to do for it."""
    attempt = _attempt(wanted, before)
    starts = {side: _start(wanted, side, attempt) for side in wanted.versions}
    names = {start.job.ref.name for start in starts.values()}
    stop = leftover((item for item in before if item.job not in names), wanted.owner.namespace, facts)
    if stop is not None:
        return EvaluationProgress(sides=before, effect=stop)  # until they are stopped the status keeps them
    known = {item.job: item for item in before}
    steps = [
        _step(
            start,
            _blank(side, start, wanted, attempt),
            known.get(start.job.ref.name),
            wanted.owner.uid,
            facts,
        )
        for side, start in starts.items()
    ]
    effect = next((step.effect for step in steps if step.effect is not None), None)
    problem = next((step.problem for step in steps if step.problem is not None), None)
    return EvaluationProgress(
        sides=tuple(side for step in steps for side in step.sides), effect=effect, problem=problem
    )


def _attempt(wanted: WantedEvaluation, before: tuple[Evaluated, ...]) -> int:
    """Return which evaluation this is.

    The one under way as long as it measures what is wanted, else the next.
    """
    if not before:
        return 1
    last = max(item.attempt for item in before)
    names = {_start(wanted, side, last).job.ref.name for side in wanted.versions}
    return last if names == {item.job for item in before} else last + 1


def leftover(sides: Iterable[Evaluated], namespace: str, facts: Facts) -> StopEvaluation | EndRun | None:
    """Return the next thing to do so that nothing runs any more for these sides.

    End a run, then delete its Job. What the operator may not stop is left to the Job's deadline and its
    owner; raises `Failed` when something does not answer.
    """
    for item in sides:
        if item.state in ENDED:
            continue
        try:
            step = _stop(item, JobRef(namespace=namespace, name=item.job), facts)
        except Failed as failed:
            if not isinstance(failed.error, Refused):
                raise
            continue
        if step is not None:
            return step
    return None


def _stop(item: Evaluated, ref: JobRef, facts: Facts) -> StopEvaluation | EndRun | None:
    job, stop = facts.job(ref), StopEvaluation(ref=ref)
    try:
        end = _end_run(item.run_id if job is None else job.run_id, RunStatus.KILLED, facts)
    except Failed as failed:
        if not isinstance(failed.error, Refused):
            raise
        end = None
    runs = job is not None and not job.ending and job.state is JobState.RUNNING
    return end or (stop if runs and facts.failure(stop) is None else None)


def stopped(sides: Iterable[Evaluated]) -> tuple[Evaluated, ...]:
    """Return the sides as they stand after an end: none runs any more."""
    return tuple(
        item if item.state in ENDED else item.changed(state=EvaluationState.STOPPED) for item in sides
    )


def running(sides: Iterable[Evaluated]) -> str:
    """Return in words what is being measured."""
    left = [item for item in sides if item.state not in ENDED]
    versions = [f"{item.side.lower()} version {item.version}" for item in left]
    jobs = [f"Job {item.job}{f' ({item.message})' if item.message else ''}" for item in left]
    return f"measuring {' and '.join(versions)}: {', '.join(jobs)}"


def run_ids(sides: Iterable[Evaluated]) -> tuple[str, ...]:
    """Return the runs that hold what was measured."""
    return tuple(
        sorted(item.run_id for item in sides if item.run_id and item.state is EvaluationState.SUCCEEDED)
    )


def read(sides: Iterable[Evaluated], side: Side, metric: str, runs: Mapping[str, Run]) -> Readings:
    """Read a metric of one side; a Job that failed cannot be judged, whatever a gate says of missing metrics."""
    evaluated = next((item for item in sides if item.side is side), None)
    if evaluated is None:
        return metrics.missing(f"the {side.lower()} was not evaluated", unclear=True)
    if evaluated.state is not EvaluationState.SUCCEEDED:
        return metrics.missing(evaluated.message, unclear=True)
    run = runs.get(evaluated.run_id or "")
    if run is None:
        return metrics.missing(
            f"run {evaluated.run_id} of the {side.lower()}'s evaluation is gone", unclear=True
        )
    readings = metrics.of_run(run, metric)
    if readings[0].value is None:
        note = f"the evaluation of the {side.lower()} did not log {metric} into run {run.run_id}"
        return tuple(item.changed(note=note) for item in readings)
    return readings


def _blank(side: Side, start: StartEvaluation, wanted: WantedEvaluation, attempt: int) -> Evaluated:
    """Return a side of which nothing is known yet."""
    name, version = start.job.ref.name, wanted.versions[side]
    return Evaluated(side=side, version=version, job=name, state=EvaluationState.STARTING, attempt=attempt)


def _step(
    start: StartEvaluation, blank: Evaluated, known: Evaluated | None, owner: str, facts: Facts
) -> EvaluationProgress:
    """Find out how far one side is."""
    if known is not None and known.state in ENDED:
        return EvaluationProgress(sides=(known,))
    ref = start.job.ref
    side = blank if known is None else blank.changed(run_id=known.run_id)
    job = facts.job(ref)
    if job is not None and (job.owner != owner or side.run_id not in {None, job.run_id}):
        message = f"Job {ref.name} is not the one that was started: somebody made another of that name"
        return _failed(side, message)
    if job is not None:
        return _of_job(side.changed(run_id=job.run_id), job, facts)
    if side.run_id is not None:
        return _without_job(side, side.run_id, facts)
    problem = facts.failure(start)
    if problem is not None:
        return EvaluationProgress(sides=(side.changed(message=str(problem)),), problem=problem)
    return EvaluationProgress(sides=(side,), effect=start)


def _of_job(side: Evaluated, job: Job, facts: Facts) -> EvaluationProgress:
    running = side.changed(state=EvaluationState.RUNNING)
    if job.state is JobState.RUNNING:
        return EvaluationProgress(sides=(running.changed(message=job.message),))
    good = job.state is JobState.SUCCEEDED
    end = _end_run(side.run_id, RunStatus.FINISHED if good else RunStatus.FAILED, facts)
    if end is not None:
        return EvaluationProgress(sides=(running,), effect=end)
    if good:
        return EvaluationProgress(sides=(side.changed(state=EvaluationState.SUCCEEDED),))
    side = side.changed(last_lines=_last_lines(job.ref, facts))
    return _failed(side, f"Job {job.ref.name} failed: {job.message or 'no reason was given'}")


def _without_job(side: Evaluated, run_id: str, facts: Facts) -> EvaluationProgress:
    """Judge by its run a side whose Job was cleaned away before anybody looked."""
    run = facts.runs((run_id,)).get(run_id)
    if run is not None and run.status is RunStatus.FINISHED:
        return EvaluationProgress(sides=(side.changed(state=EvaluationState.SUCCEEDED),))
    end = _end_run(run_id, RunStatus.FAILED, facts)
    if end is not None:
        return EvaluationProgress(sides=(side,), effect=end)
    how = run.status if run else "gone too"
    return _failed(side, f"Job {side.job} is gone and its run {run_id} is {how}")


def _failed(side: Evaluated, message: str) -> EvaluationProgress:
    return EvaluationProgress(sides=(side.changed(state=EvaluationState.FAILED, message=message),))


def _last_lines(ref: JobRef, facts: Facts) -> str | None:
    """Return what a Job wrote last.

    A log that cannot be read, as of a node that is gone, holds up no verdict.
    """
    try:
        return facts.last_lines(ref) or None
    except Failed as failed:
        return f"(cannot be read: {failed.error})"[:2_000]


def _end_run(run_id: str | None, status: RunStatus, facts: Facts) -> EndRun | None:
    """Return how to end a run that its container left running."""
    if run_id is None:
        return None
    run, end = facts.runs((run_id,)).get(run_id), EndRun(run_id=run_id, status=status)
    return end if run is not None and not run.finished and facts.failure(end) is None else None


def _start(wanted: WantedEvaluation, side: Side, attempt: int) -> StartEvaluation:
    """Return which run and which Job one side wants; the same evaluation gives the same names."""
    version, owner = wanted.versions[side], wanted.owner
    named = [owner.uid, side, wanted.candidate, wanted.champion, wanted.rules.cron_job, attempt]
    key = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]
    end = f"-{side.lower()}-{key[:10]}"
    name = owner.name.replace(".", "-")[: _LONGEST_NAME - len(end)].rstrip("-") + end
    run = EvaluationRun(
        key=key,
        experiment=f"modelalias/{wanted.model}",
        name=name,
        tags=(
            ("modelalias.alias", f"{owner.namespace}/{wanted.alias}"),
            ("modelalias.model", wanted.model),
            ("modelalias.request", f"{owner.namespace}/{owner.name}"),
            ("modelalias.side", side.value),
            ("modelalias.version", version),
        ),
    )
    job = NewJob(
        ref=JobRef(namespace=owner.namespace, name=name),
        cron_job=wanted.rules.cron_job,
        owner=owner,
        alias=wanted.alias,
        run_id="",
        environment=(("MODELALIAS_SIDE", side.value), ("MODEL_URI", f"models:/{wanted.model}/{version}")),
        timeout_seconds=wanted.rules.timeout_seconds,
    )
    return StartEvaluation(run=run, job=job)
