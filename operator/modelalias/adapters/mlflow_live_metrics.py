"""Metrics that jobs measure in production and log to an experiment, found by the tags of their runs."""

import re
from decimal import Decimal
from functools import partial
from typing import Final

from mlflow.entities import LifecycleStage, ViewType
from mlflow.entities import Run as MlflowRun

from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_errors import STRANGE, MissingResource
from modelalias.adapters.mlflow_versions import check_version
from modelalias.adapters.mlflow_wire import Runs
from modelalias.core.errors import Unavailable
from modelalias.ports import LiveMetric

MODEL_TAG: Final = "modelalias.model"
VERSION_TAG: Final = "modelalias.version"

NEWEST: Final = 5
"""Runs among which the newest with the metric is found: a job that is still running may not have logged it yet."""

NEWEST_OF_ANY_MODEL: Final = 200
"""The same where the model's name cannot stand in a filter, so that runs of other models are among them."""

_QUOTABLE: Final = re.compile(r"[A-Za-z0-9_. -]+")
"""Names that cannot leave their quotes in a search filter, nor mean anything else in it."""


class LiveMetricReader:
    """Finds the newest measurement of a version."""

    def __init__(self, store: Runs, calls: Calls) -> None:
        self._store = store
        self._calls = calls

    async def read(self, experiment: str, metric: str, model: str, version: str) -> LiveMetric | None:
        """Return the metric of the newest run that has it, None without such a run or experiment."""
        check_version(model, version)
        experiment_id = await self._experiment(experiment)
        if experiment_id is None:
            return None
        by_model = _QUOTABLE.fullmatch(model) is not None
        wanted = f"tags.`{VERSION_TAG}` = '{version}'"
        if by_model:
            wanted += f" AND tags.`{MODEL_TAG}` = '{model}'"
        runs = await self._calls.run(
            partial(
                self._store.search_runs,
                [experiment_id],
                wanted,
                ViewType.ACTIVE_ONLY,
                max_results=NEWEST if by_model else NEWEST_OF_ANY_MODEL,
                order_by=["attributes.start_time DESC", "attributes.run_id DESC"],
            )
        )
        ours = [run for run in runs if _names(run, model, version)][:NEWEST]
        return next((_value(run, metric) for run in ours if metric in run.data.metrics), None)

    async def _experiment(self, name: str) -> str | None:
        try:
            experiment = await self._calls.run(lambda: self._store.get_experiment_by_name(name))
        except MissingResource:
            return None
        if experiment is None or experiment.lifecycle_stage != LifecycleStage.ACTIVE:
            return None
        if experiment.name != name or not experiment.experiment_id:
            raise Unavailable(STRANGE)
        experiment_id: str = experiment.experiment_id
        return experiment_id


def _names(run: MlflowRun, model: str, version: str) -> bool:
    """Return whether the run's tags name the version: a database may search without regard to case."""
    tags = run.data.tags
    return (tags.get(MODEL_TAG), tags.get(VERSION_TAG)) == (model, version)


def _value(run: MlflowRun, metric: str) -> LiveMetric:
    return LiveMetric(run_id=run.info.run_id, value=Decimal(repr(run.data.metrics[metric])))
