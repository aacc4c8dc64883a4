"""Runs that the operator opens for evaluation Jobs, and ends after them."""

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from mlflow.entities import Experiment, LifecycleStage, RunTag, ViewType
from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus as MlflowStatus

from modelalias.adapters.mlflow_calls import Calls, Locks
from modelalias.adapters.mlflow_errors import STRANGE, Clash, MissingResource, Taken
from modelalias.adapters.mlflow_runs import EVALUATION_TAG
from modelalias.adapters.mlflow_sources import RUN_ID
from modelalias.adapters.mlflow_wire import Runs
from modelalias.core.errors import InvalidRequest, Unavailable
from modelalias.ports import EvaluationRun, RunStatus

KEY: Final = re.compile(r"[0-9a-f]{1,64}")
"""Holds nothing that could leave its quotes in a search filter."""

ATTEMPTS: Final = 4
"""Tries of a write that meets others in the database."""

OPEN: Final = frozenset({RunStatus.RUNNING, RunStatus.SCHEDULED})

T = TypeVar("T")


class Guard(Protocol):
    """Does a write if it still may be done."""

    def __call__(self, work: Callable[[], T]) -> T:
        """Raise when it may not be done, else return what the work returns."""
        ...


class EvaluationRuns:
    """Creates and ends runs; those of one experiment are searched for and created one after another."""

    def __init__(
        self, store: Runs, calls: Calls, guarded: Guard, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._calls = calls
        self._guarded = guarded
        self._now = now
        self._locks = Locks()

    async def open(self, wanted: EvaluationRun) -> str:
        """Return the id of the run with that key; create it, and its experiment, if there is none.

        Each try searches for the run first, in case an earlier try created it without getting the answer.
        """
        if not KEY.fullmatch(wanted.key):
            raise ValueError("the key of an evaluation run is lower-case hexadecimal, at most 64 long")
        async with self._locks.hold(wanted.experiment):
            for _ in range(ATTEMPTS):
                try:
                    experiment_id = await self._experiment(wanted.experiment)
                    return await self._find(experiment_id, wanted.key) or await self._create(
                        experiment_id, wanted
                    )
                except (Clash, MissingResource, Taken):
                    continue
        raise Unavailable(
            f"experiment {wanted.experiment} is being changed by others: the registry refused "
            f"{ATTEMPTS} tries"
        )

    async def end(self, run_id: str, key: str, status: RunStatus) -> None:
        """End a run that is there, carries the key and is still running."""
        if status in OPEN:
            raise ValueError(f"a run does not end as {status}")
        for _ in range(ATTEMPTS):
            if not await self._is_running(run_id, key):
                return
            end = partial(
                self._store.update_run_info,
                run_id,
                MlflowStatus.from_string(status.value),
                self._milliseconds(),
                None,
            )
            try:
                await self._calls.run(partial(self._guarded, end))
            except MissingResource:
                return
            except Clash:
                continue
            return
        raise Unavailable(
            f"run {run_id} is being changed by others: the registry refused the write {ATTEMPTS} times"
        )

    async def _experiment(self, name: str) -> str:
        try:
            experiment = await self._calls.run(lambda: self._store.get_experiment_by_name(name))
        except MissingResource:
            return await self._calls.run(partial(self._guarded, lambda: self._store.create_experiment(name)))
        return _usable(experiment, name)

    async def _find(self, experiment_id: str, key: str) -> str | None:
        """Return the oldest run with that key: another process may have made a second at the same moment."""
        runs = await self._calls.run(
            lambda: self._store.search_runs(
                [experiment_id],
                f"tags.`{EVALUATION_TAG}` = '{key}'",
                ViewType.ACTIVE_ONLY,
                max_results=1,
                order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
            )
        )
        return next((_checked_id(run, key) for run in runs), None)

    async def _create(self, experiment_id: str, wanted: EvaluationRun) -> str:
        tags = {**dict(wanted.tags), EVALUATION_TAG: wanted.key}
        create = partial(
            self._store.create_run,
            experiment_id,
            "",
            self._milliseconds(),
            [RunTag(name, text) for name, text in tags.items()],
            wanted.name,
        )
        return _checked_id(await self._calls.run(partial(self._guarded, create)), wanted.key)

    async def _is_running(self, run_id: str, key: str) -> bool:
        if not RUN_ID.fullmatch(run_id) or not KEY.fullmatch(key):
            return False
        try:
            run = await self._calls.run(lambda: self._store.get_run(run_id))
        except MissingResource:
            return False
        if run.info.run_id != run_id:
            raise Unavailable(STRANGE)
        is_ours = run.data.tags.get(EVALUATION_TAG) == key
        is_there = run.info.lifecycle_stage == LifecycleStage.ACTIVE
        return is_ours and is_there and RunStatus(run.info.status) in OPEN

    def _milliseconds(self) -> int:
        return int(self._now() * 1000)


def _usable(experiment: Experiment | None, name: str) -> str:
    """Return the experiment's id; MLflow keeps the name of a deleted one taken."""
    if experiment is None or experiment.name != name or not experiment.experiment_id:
        raise Unavailable(STRANGE)
    if experiment.lifecycle_stage != LifecycleStage.ACTIVE:
        raise InvalidRequest(f"experiment {name} is deleted in the registry: restore it")
    experiment_id: str = experiment.experiment_id
    return experiment_id


def _checked_id(run: MlflowRun, key: str) -> str:
    run_id: str = run.info.run_id
    if not RUN_ID.fullmatch(run_id) or run.data.tags.get(EVALUATION_TAG) != key:
        raise Unavailable(STRANGE)
    return run_id
