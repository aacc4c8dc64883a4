"""A registry of many models without a call for each: rows written through MLflow's own tables, before its server starts."""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mlflow.store.model_registry.dbmodels.models import (
    SqlModelVersion,
    SqlRegisteredModel,
    SqlRegisteredModelAlias,
)
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlRun
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import insert

from tests.bench.sides import run_id

ROWS_AT_ONCE: Final = 5000
DATABASE: Final = "mlflow.db"
"""The name that `running_mlflow` gives it in its directory."""
ALIASES_OF_A_MODEL: Final = ("champion", "canary")
_NOW: Final = 1_767_225_600_000


@dataclass(frozen=True)
class RowModel:
    """A registered model whose versions 1, 2, ... each come from a run."""

    name: str
    val_auc: Sequence[float]
    """The metric of each version's run."""
    aliases: Mapping[str, int] = field(default_factory=dict)


def write_pairs(directory: Path, aliases: int) -> Sequence[str]:
    """Make a registry in which each model holds two of so many aliases, and return the models."""
    models = [f"model-{number:05d}" for number in range(math.ceil(aliases / len(ALIASES_OF_A_MODEL)))]
    held = dict.fromkeys(ALIASES_OF_A_MODEL, 1)
    write(directory, (RowModel(model, [0.5], held) for model in models))
    return models


def write(directory: Path, models: Iterable[RowModel]) -> None:
    """Make the database that `running_mlflow` finds in its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    artifacts = (directory / "artifacts").as_uri()
    store = SqlAlchemyStore(f"sqlite:///{directory / DATABASE}", artifacts)  # type: ignore[no-untyped-call]
    every = tuple(models)
    try:
        with store.ManagedSessionMaker() as session:
            for table, rows in _tables(every, artifacts):
                for batch in _batches(rows):
                    session.execute(insert(table), batch)
    finally:
        store.engine.dispose()


def _tables(models: Sequence[RowModel], artifacts: str) -> Iterator[tuple[type, Iterable[Mapping[str, Any]]]]:
    versions = [
        (model, number, auc, run_id(model.name, number))
        for model in models
        for number, auc in enumerate(model.val_auc, 1)
    ]
    yield (
        SqlRun,
        (
            {
                "run_uuid": run,
                "name": run,
                "user_id": "bench",
                "status": "FINISHED",
                "start_time": _NOW,
                "end_time": _NOW,
                "artifact_uri": f"{artifacts}/0/{run}/artifacts",
                "experiment_id": 0,
            }
            for *_, run in versions
        ),
    )
    metrics = [
        {"key": "val_auc", "value": auc, "timestamp": _NOW, "step": 0, "is_nan": False, "run_uuid": run}
        for *_, auc, run in versions
    ]
    yield SqlMetric, metrics
    yield SqlLatestMetric, metrics
    yield SqlRegisteredModel, ({"name": model.name, "creation_time": _NOW} for model in models)
    yield (
        SqlModelVersion,
        (
            {
                "name": model.name,
                "version": number,
                "creation_time": _NOW,
                "last_updated_time": _NOW,
                "source": f"runs:/{run}/model",
                "storage_location": f"{artifacts}/0/{run}/artifacts/model",
                "run_id": run,
            }
            for model, number, _, run in versions
        ),
    )
    yield (
        SqlRegisteredModelAlias,
        (
            {"name": model.name, "alias": alias, "version": version}
            for model in models
            for alias, version in model.aliases.items()
        ),
    )


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, ROWS_AT_ONCE)):
        yield batch
