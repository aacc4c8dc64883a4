"""Many runs in few calls.

MLflow searches runs inside experiments that the caller must name, and nothing tells the experiment of a run
but the run. So the experiments met so far are remembered; runs that are not in them are read one by one, a
few first, because their neighbours tend to be in the same experiment.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Final

from mlflow.entities import LifecycleStage, ViewType
from mlflow.entities import Run as MlflowRun

from modelalias.adapters.batches import Batches
from modelalias.adapters.mlflow_calls import Calls
from modelalias.adapters.mlflow_errors import STRANGE, MissingResource
from modelalias.adapters.mlflow_sources import RUN_ID
from modelalias.adapters.mlflow_wire import Runs
from modelalias.core.errors import Unavailable
from modelalias.ports import Dataset, Run, RunDetails, RunStatus

BATCH: Final = 200
"""Runs asked for in one search."""

FEW: Final = 6
"""Up to so many runs whose experiment is not known are read one by one, all at once."""

EVALUATION_TAG: Final = "modelalias.evaluation"
"""The tag of a run that the operator opened, with the key of the evaluation."""

ROWS: Final = "num_rows"
"""The field of a dataset's profile that says how many rows it has."""

MOST_ROWS: Final = 2**63
"""A larger number is none that anybody counted."""

CONTEXT_TAG: Final = "mlflow.data.context"
"""The tag of an input that says what the run used it for."""

USER_TAG: Final = "mlflow.user"

MOST_EXPERIMENTS: Final = 500
"""Experiments remembered and named in one search."""


class RunReader:
    """Reads runs and remembers in which experiments it found them."""

    def __init__(self, store: Runs, calls: Calls) -> None:
        self._store = store
        self._calls = calls
        self._experiments: dict[str, None] = {}
        self._found = Batches(self._one, self._many, calls.turn, BATCH)

    async def read(self, run_ids: Iterable[str]) -> Mapping[str, Run]:
        """Return the runs that exist, deleted ones too."""
        wanted = [run_id for run_id in dict.fromkeys(run_ids) if RUN_ID.fullmatch(run_id)]
        found = await asyncio.gather(*map(self._found.ask, wanted))
        return {run_id: run for run_id, run in zip(wanted, found, strict=True) if run is not None}

    def close(self) -> None:
        """Start nothing new."""
        self._found.close()

    async def _one(self, run_id: str) -> Run | None:
        return (await self._many((run_id,)))[run_id]

    async def _many(self, run_ids: Sequence[str]) -> Mapping[str, Run | None]:
        runs = await self._read(run_ids)
        return {run_id: _value(runs[run_id]) if run_id in runs else None for run_id in run_ids}

    async def details(self, run_ids: Iterable[str]) -> Mapping[str, RunDetails]:
        """Return the runs that exist, deleted ones too, with what people want to know of them."""
        runs = await self._read(run_ids)
        return {run_id: _details(run) for run_id, run in runs.items()}

    async def _read(self, run_ids: Iterable[str]) -> Mapping[str, MlflowRun]:
        wanted = [run_id for run_id in dict.fromkeys(run_ids) if RUN_ID.fullmatch(run_id)]
        runs: dict[str, MlflowRun] = {}
        probes = 1
        if len(wanted) > 1:
            runs |= await self._search(wanted, tuple(self._experiments))
        rest = [run_id for run_id in wanted if run_id not in runs]
        while rest:
            probed, rest = (rest, []) if len(rest) <= FEW else (rest[:probes], rest[probes:])
            known = set(self._experiments)
            found = await asyncio.gather(*map(self._get, probed))
            runs |= {run.info.run_id: run for run in found if run is not None}
            probes *= 2
            if rest and (new := tuple(name for name in self._experiments if name not in known)):
                runs |= await self._search(rest, new)
                rest = [run_id for run_id in rest if run_id not in runs]
        return runs

    async def _get(self, run_id: str) -> MlflowRun | None:
        try:
            run = await self._calls.run(partial(self._store.get_run, run_id), ahead=True)
        except MissingResource:
            return None
        if run.info.run_id != run_id:
            raise Unavailable(STRANGE)
        self._remember(run)
        return run

    async def _search(self, run_ids: Sequence[str], experiments: Sequence[str]) -> Mapping[str, MlflowRun]:
        """Search the runs in these experiments.

        Ids hold letters, digits, _ and - only, so they cannot leave their quotes.
        """
        if not experiments:
            return {}
        runs: dict[str, MlflowRun] = {}
        for start in range(0, len(run_ids), BATCH):
            names = ", ".join(f"'{run_id}'" for run_id in run_ids[start : start + BATCH])
            search = partial(
                self._store.search_runs,
                experiment_ids=list(experiments),
                filter_string=f"attributes.run_id IN ({names})",
                run_view_type=ViewType.ALL,
                max_results=BATCH,
            )
            page = await self._calls.run(search, ahead=True)
            runs |= {run.info.run_id: run for run in page}
        return runs

    def _remember(self, run: MlflowRun) -> None:
        """Keep the experiment, the newest at the end, and forget the oldest beyond the bound."""
        self._experiments.pop(run.info.experiment_id, None)
        self._experiments[run.info.experiment_id] = None
        while len(self._experiments) > MOST_EXPERIMENTS:
            del self._experiments[next(iter(self._experiments))]


def _value(run: MlflowRun) -> Run:
    """Take each metric as the shortest decimal that names its float, so that 0.1 is a tenth; NaN stays NaN."""
    metrics = {key: Decimal(repr(value)) for key, value in run.data.metrics.items()}
    return Run(
        run_id=run.info.run_id,
        status=RunStatus(run.info.status),
        metrics=metrics,
        datasets=_datasets(run),
        models=frozenset(item.model_id for item in (run.outputs.model_outputs if run.outputs else ())),
        evaluation=run.data.tags.get(EVALUATION_TAG, ""),
        deleted=run.info.lifecycle_stage != LifecycleStage.ACTIVE,
    )


def _details(run: MlflowRun) -> RunDetails:
    info, tags = run.info, dict(run.data.tags)
    return RunDetails(
        **dict(_value(run)),
        name=info.run_name or "",
        user=info.user_id or tags.get(USER_TAG, ""),
        started_at=_time(info.start_time),
        ended_at=_time(info.end_time),
        parameters=dict(run.data.params),
        tags=tags,
    )


def _time(milliseconds: int | None) -> datetime | None:
    """Return a time to the second; one that no calendar has is not known."""
    try:
        return datetime.fromtimestamp(milliseconds // 1000, UTC) if milliseconds else None
    except (OverflowError, OSError, ValueError):
        return None


def _datasets(run: MlflowRun) -> tuple[Dataset, ...]:
    """Return each dataset once, sorted: the database gives them in no order."""
    datasets = {
        (
            item.dataset.name,
            item.dataset.digest,
            next((tag.value for tag in item.tags if tag.key == CONTEXT_TAG), ""),
            _rows(item.dataset.profile),
        )
        for item in (run.inputs.dataset_inputs if run.inputs else ())
    }
    return tuple(
        Dataset(name=name, digest=digest, context=context, rows=rows)
        for name, digest, context, rows in sorted(datasets, key=str)
    )


def _rows(profile: str | None) -> int | None:
    """Return how many rows a profile names, which is JSON or any other text that somebody wrote."""
    try:
        fields = json.loads(profile or "")
    except (ValueError, RecursionError):
        return None
    rows = fields.get(ROWS) if isinstance(fields, dict) else None
    return rows if type(rows) is int and 0 <= rows < MOST_ROWS else None
