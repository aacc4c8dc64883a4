"""Evaluation: both sides measured afresh by Jobs, each of which logs into a run that the operator made for it.

A run is found by its own tag, which holds the key of the evaluation, and stands in the status before the Job
that logs into it is started. So a Job that is there before is somebody else's, whatever it says of itself, and
only a run that carries the key is read or ended. What a Job has brought is kept in the status, because Jobs
are cleaned away. Another champion or another template is another evaluation, of both sides, so that both see
the same data.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

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

TAG: Final = "modelalias.evaluation"
"""Of a run: the key of its evaluation."""

_LONGEST_NAME: Final = 63


class Owner(NamedTuple):
    """Whose Jobs are meant: of which object, and where."""

    namespace: str
    uid: str


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


class _Part(Value):
    """What one side wants: a run and a Job that logs into it."""

    run: EvaluationRun
    job: NewJob
    """Without the run's id, which is known once the run is made."""

    def start(self, run_id: str) -> StartEvaluation:
        """Return how the Job is started that logs into the run."""
        environment = (*self.job.environment, ("MLFLOW_RUN_ID", run_id))
        return StartEvaluation(job=self.job.changed(run_id=run_id, environment=environment))


def look(wanted: WantedEvaluation, before: tuple[Evaluated, ...], facts: Facts) -> EvaluationProgress:
    """Find out how far the evaluation is, and the next thing to do for it."""
    attempt = _attempt(wanted, before)
    parts = {side: _part(wanted, side, attempt) for side in wanted.versions}
    names = {part.job.ref.name for part in parts.values()}
    owner = Owner(wanted.owner.namespace, wanted.owner.uid)
    stop = leftover((item for item in before if item.job not in names), owner, facts)
    if stop is not None:
        return EvaluationProgress(sides=before, effect=stop)  # until they are stopped the status keeps them
    known = {item.job: item for item in before}
    steps = [
        _step(part, _blank(side, part, wanted, attempt), known.get(part.job.ref.name), facts)
        for side, part in parts.items()
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
    names = {_part(wanted, side, last).job.ref.name for side in wanted.versions}
    return last if names == {item.job for item in before} else last + 1


def runs_of(
    wanted: WantedEvaluation | None, before: tuple[Evaluated, ...], version: str, facts: Facts
) -> tuple[str, ...]:
    """Return the runs that measured a version in the evaluation under way."""
    if wanted is None or not before:
        return ()
    current = {_part(wanted, side, _attempt(wanted, before)).job.ref.name for side in wanted.versions}
    runs = facts.runs(run_ids(before)) if all(item.job in current for item in before) else {}
    mine = (item for item in before if item.version == version and item.state is EvaluationState.SUCCEEDED)
    return tuple(sorted(run.run_id for item in mine if (run := _own_run(item, runs)) is not None))


def leftover(sides: Iterable[Evaluated], owner: Owner, facts: Facts) -> StopEvaluation | EndRun | None:
    """Return the next thing to do so that nothing runs any more for these sides of an owner.

    End a run, then delete its Job. What the operator may not stop is left to the Job's deadline and its
    owner; raises `Failed` when something does not answer.
    """
    for item in sides:
        if item.state in ENDED:
            continue
        try:
            step = _stop(item, owner, facts)
        except Failed as failed:
            if not isinstance(failed.error, Refused):
                raise
            continue
        if step is not None:
            return step
    return None


def _stop(item: Evaluated, owner: Owner, facts: Facts) -> StopEvaluation | EndRun | None:
    ref = JobRef(namespace=owner.namespace, name=item.job)
    job, stop = facts.job(ref), StopEvaluation(ref=ref)
    try:
        end = _end_run(item, RunStatus.KILLED, facts)
    except Failed as failed:
        if not isinstance(failed.error, Refused):
            raise
        end = None
    runs = (
        job is not None and _is_own(job, item, owner.uid) and not job.ending and job.state is JobState.RUNNING
    )
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
    run = _own_run(evaluated, runs)
    if run is None:
        foreign = evaluated.run_id in runs
        how = f"does not carry the tag {TAG}={evaluated.key}" if foreign else "is gone"
        return metrics.missing(
            f"run {evaluated.run_id} of the {side.lower()}'s evaluation {how}", unclear=True
        )
    readings = metrics.of_run(run, metric)
    if readings[0].value is None:
        note = f"the evaluation of the {side.lower()} did not log {metric} into run {run.run_id}"
        return tuple(item.changed(note=note) for item in readings)
    return readings


def _blank(side: Side, part: _Part, wanted: WantedEvaluation, attempt: int) -> Evaluated:
    """Return a side of which nothing is known yet."""
    return Evaluated(
        side=side,
        version=wanted.versions[side],
        job=part.job.ref.name,
        key=part.run.key,
        state=EvaluationState.STARTING,
        attempt=attempt,
    )


def _step(part: _Part, blank: Evaluated, known: Evaluated | None, facts: Facts) -> EvaluationProgress:
    """Find out how far one side is."""
    if known is not None and known.state in ENDED:
        return EvaluationProgress(sides=(known,))
    ref = part.job.ref
    side = blank if known is None else blank.changed(run_id=known.run_id)
    job = facts.job(ref)
    if job is not None and not _is_own(job, side, part.job.owner.uid):
        message = f"Job {ref.name} is not the one that was started: somebody made another of that name"
        return _failed(side, message)
    if job is not None:
        return _of_job(side, job, facts)
    if known is not None and known.state is EvaluationState.RUNNING and side.run_id is not None:
        return _without_job(side.changed(state=EvaluationState.RUNNING), side.run_id, facts)
    return _start(part, side, facts)


def _start(part: _Part, side: Evaluated, facts: Facts) -> EvaluationProgress:
    """Open the run, and start the Job once the status names it."""
    try:
        if side.run_id is None:
            facts.require_template(part.job.ref.namespace, part.job.cron_job)
            side = side.changed(run_id=facts.evaluation_run(part.run))
    except InvalidRequest as error:
        return EvaluationProgress(sides=(side.changed(message=str(error)),), problem=error)
    start = part.start(side.run_id or "")
    problem = facts.failure(start)
    if problem is not None:
        return EvaluationProgress(sides=(side.changed(message=str(problem)),), problem=problem)
    return EvaluationProgress(sides=(side,), effect=start)


def _is_own(job: Job, side: Evaluated, owner: str) -> bool:
    """Return whether a Job can be the one that was started: the status named the run of that one before."""
    return job.owner == owner and side.run_id is not None and job.run_id == side.run_id


def _of_job(side: Evaluated, job: Job, facts: Facts) -> EvaluationProgress:
    running = side.changed(state=EvaluationState.RUNNING)
    if job.state is JobState.RUNNING:
        return EvaluationProgress(sides=(running.changed(message=job.message),))
    good = job.state is JobState.SUCCEEDED
    end = _end_run(side, RunStatus.FINISHED if good else RunStatus.FAILED, facts)
    if end is not None:
        return EvaluationProgress(sides=(running,), effect=end)
    if good:
        return EvaluationProgress(sides=(side.changed(state=EvaluationState.SUCCEEDED),))
    side = side.changed(last_lines=_last_lines(job.ref, facts))
    return _failed(side, f"Job {job.ref.name} failed: {job.message or 'no reason was given'}")


def _without_job(side: Evaluated, run_id: str, facts: Facts) -> EvaluationProgress:
    """Judge by its run a side whose Job was cleaned away before anybody looked."""
    run = _own_run(side, facts.runs((run_id,)))
    if run is not None and run.status is RunStatus.FINISHED:
        return EvaluationProgress(sides=(side.changed(state=EvaluationState.SUCCEEDED),))
    end = _end_run(side, RunStatus.FAILED, facts)
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


def _own_run(side: Evaluated, runs: Mapping[str, Run]) -> Run | None:
    """Return the run of a side, if it is there and carries the key of this very evaluation."""
    run = runs.get(side.run_id or "")
    return run if run is not None and side.key and run.evaluation == side.key else None


def _end_run(side: Evaluated, status: RunStatus, facts: Facts) -> EndRun | None:
    """Return how to end a run that its container left running."""
    if side.run_id is None or side.key is None:
        return None
    run = _own_run(side, facts.runs((side.run_id,)))
    end = EndRun(run_id=side.run_id, key=side.key, status=status)
    return end if run is not None and not run.finished and facts.failure(end) is None else None


def _part(wanted: WantedEvaluation, side: Side, attempt: int) -> _Part:
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
    return _Part(run=run, job=job)
