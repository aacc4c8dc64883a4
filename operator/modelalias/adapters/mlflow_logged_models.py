"""Metrics of logged models, each held against the history of the run that logged it.

MLflow's SQL stores keep NaN as 0 in the table of logged models and say so nowhere; the run's own history
keeps it.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Final

from mlflow.entities import LoggedModel, Metric

from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_errors import STRANGE, MissingResource
from modelalias.adapters.mlflow_runs import RunReader
from modelalias.adapters.mlflow_versions import MODEL_ID
from modelalias.adapters.mlflow_wire import Runs
from modelalias.core.errors import InvalidRequest, LoggedModelNotFound, Unavailable
from modelalias.ports import Dataset, MeasuredModel, Measurement

MOST_MEASUREMENTS: Final = 200
"""Keys and datasets of one logged model that are read; each may cost a call."""

HISTORY_PAGE: Final = 10_000
MOST_PAGES: Final = 20
"""Of one history; a point that comes later counts as not held."""

Moment = tuple[int, int]
"""Step and time."""

Points = Mapping[Moment, Sequence[float]]


class MeasurementReader:
    """Reads the metrics of logged models."""

    def __init__(self, store: Runs, calls: Calls, runs: RunReader) -> None:
        self._store = store
        self._calls = calls
        self._runs = runs

    async def read(
        self, model_id: str, keys: Sequence[str], evaluations: Sequence[str] = ()
    ) -> MeasuredModel:
        """Return the last value for each key and dataset, where it counts; raise `LoggedModelNotFound`.

        Only what the run that made the model has logged is looked at, and what these evaluations have: anybody
        may log onto a model from a run of their own. Of that, a last value that does not count hides the
        earlier ones all the same.
        """
        model = await self._model(model_id)
        by = {model.source_run_id or "", *evaluations} - {""}
        own = (item for item in model.metrics or () if (item.run_id or model.source_run_id) in by)
        last = _last(own, frozenset(keys))
        if len(last) > MOST_MEASUREMENTS:
            raise InvalidRequest(
                f"logged model {model_id} has more than {MOST_MEASUREMENTS} measurements of the metrics "
                "wanted"
            )
        logged = [(metric, metric.run_id or model.source_run_id or "") for metric in last]
        runs = await self._runs.read([run_id for _, run_id in logged])
        alive = {run_id for run_id, run in runs.items() if not run.deleted}
        wanted: dict[tuple[str, str], set[Moment]] = {}
        for metric, run_id in logged:
            if run_id in alive:
                wanted.setdefault((run_id, metric.key), set()).add(_moment(metric))
        histories = await asyncio.gather(
            *(self._points(*which, moments) for which, moments in wanted.items())
        )
        points_of = dict(zip(wanted, histories, strict=True))
        with_points = (
            (metric, points_of.get((run_id, metric.key), {}).get(_moment(metric), ()))
            for metric, run_id in logged
        )
        return MeasuredModel(
            model_id=model_id,
            run_id=model.source_run_id or None,
            measurements=tuple(
                _measurement(metric, points)
                for metric, points in with_points
                if _counts(metric.value, points)
            ),
        )

    async def _model(self, model_id: str) -> LoggedModel:
        if not MODEL_ID.fullmatch(model_id):
            raise _no_model(model_id)
        try:
            model = await self._calls.run(lambda: self._store.get_logged_model(model_id))
        except MissingResource as error:
            raise _no_model(model_id) from error
        if model.model_id != model_id:
            raise Unavailable(STRANGE)
        return model

    async def _points(self, run_id: str, key: str, moments: set[Moment]) -> Points:
        """Return what the run's history of a metric holds at these moments."""
        points: dict[Moment, list[float]] = {}
        token: str | None = None
        for _ in range(MOST_PAGES):
            try:
                page = await self._calls.run(
                    partial(self._store.get_metric_history, run_id, key, HISTORY_PAGE, token)
                )
            except MissingResource:
                return {}
            for point in page:
                if _moment(point) in moments:
                    points.setdefault(_moment(point), []).append(point.value)
            token = page.token
            if not token:
                break
        return points


def _last(metrics: Iterable[Metric], keys: frozenset[str]) -> Sequence[Metric]:
    """Return the last metric of each key and dataset by step, then by time, in an order of their own."""
    latest: dict[tuple[str, str, str], Metric] = {}
    for metric in metrics:
        if metric.key in keys:
            name = (metric.key, metric.dataset_name or "", metric.dataset_digest or "")
            latest[name] = max(latest.get(name, metric), metric, key=_order)
    return [latest[name] for name in sorted(latest)]


def _order(metric: Metric) -> tuple[int, int, float, str]:
    """Order by step and time; what two runs logged in the same millisecond goes by value, as MLflow does, then by run."""
    return (*_moment(metric), metric.value, metric.run_id or "")


def _moment(metric: Metric) -> Moment:
    return (metric.step, metric.timestamp)


def _counts(value: float, points: Sequence[float]) -> bool:
    return any(math.isnan(point) or point == value for point in points)


def _measurement(metric: Metric, points: Sequence[float]) -> Measurement:
    """Take the shortest decimal that names the float.

    Any NaN among the run's points at that moment makes it NaN.
    """
    return Measurement(
        key=metric.key,
        value=Decimal("NaN") if any(map(math.isnan, points)) else Decimal(repr(metric.value)),
        dataset=Dataset(name=metric.dataset_name, digest=metric.dataset_digest or "")
        if metric.dataset_name
        else None,
    )


def _no_model(model_id: str) -> LoggedModelNotFound:
    return LoggedModelNotFound(f"the registry has no logged model {model_id}")
