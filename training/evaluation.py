"""What `python -m training.evaluate` does once it knows its assignment: load, predict, measure, log."""

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping

import mlflow
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from training.assignment import Assignment, Side
from training.loading import as_served, load
from training.pipeline import Pipeline
from training.pipelines import pipeline
from training.registration import REGISTRY_ERRORS
from training.settings import Exit, report
from training.tables import DataError, Table, choose

_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})", re.ASCII)


class UnfitModelError(ValueError):
    """The model gives nothing that could be compared with what happened."""


class Evaluated(BaseModel):
    """What was measured and on what; the digest of the data is the same for both sides of a comparison."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    model: str
    version: str
    side: Side
    run_id: str
    data_md5: str
    rows: int
    metrics: Mapping[str, float]


def run(options: argparse.Namespace, assignment: Assignment) -> Exit:
    """Evaluate as the options say, print the result and return the exit status.

    The run ends FINISHED or FAILED.
    """
    chosen = pipeline(options.pipeline)
    tags = {"evaluation.side": assignment.side.value, "evaluation.model": str(assignment.uri)}
    try:
        # A Job's second try opens the run again and logs the same once more: the last value counts.
        with mlflow.start_run(run_id=assignment.run_id, tags=tags):
            evaluated = evaluate(chosen, assignment, _holdout(chosen, options))
    except (DataError, UnfitModelError) as error:
        report("error", str(error))
        return Exit.USAGE
    except (*REGISTRY_ERRORS, OSError) as error:
        report("error", f"cannot evaluate {assignment.uri}: {error}")
        return Exit.REGISTRY
    sys.stdout.write(evaluated.model_dump_json(by_alias=True) + "\n")
    return Exit.DONE


def evaluate(chosen: Pipeline, assignment: Assignment, table: Table) -> Evaluated:
    """Measure the version on the table and log that into the run that is open.

    Raises:
        DataError: the table cannot be used, or the version was trained on it.
        UnfitModelError: the model does not predict for such rows.
        mlflow.MlflowException: there is no such version, or the server did not answer or refused.
    """
    frame = chosen.frame(table)
    version = MlflowClient().get_model_version(assignment.uri.model, str(assignment.uri.version))
    _must_be_new_to(version, table)
    metrics = _measure(chosen, version, frame)
    holdout = from_pandas(frame, targets=chosen.target, name=f"{chosen.name}-holdout-fresh", digest=table.md5)
    mlflow.log_input(holdout, context="validation")
    mlflow.log_metrics(dict(metrics), dataset=holdout, model_id=_logged_model(version))
    return Evaluated(
        model=version.name,
        version=str(version.version),
        side=assignment.side,
        run_id=assignment.run_id,
        data_md5=table.md5,
        rows=len(frame),
        metrics=metrics,
    )


def _holdout(chosen: Pipeline, options: argparse.Namespace) -> Table:
    seed = chosen.holdout_seed if options.data_seed is None else options.data_seed
    return choose(options.data, options.dvc, otherwise=chosen.generate(options.rows, seed))


def _must_be_new_to(version: ModelVersion, table: Table) -> None:
    if version.tags.get("training_data") == table.md5:
        raise DataError(
            f"{table.source}: version {version.version} was trained on this very table, md5 {table.md5}"
        )


def _logged_model(version: ModelVersion) -> str | None:
    """Return the id of the logged model that the version was made from; MLflow 2 had none.

    The SQL store answers without `model_id` and keeps it in the source alone.
    """
    found = _LOGGED_MODEL.fullmatch(version.source or "")
    return found[1] if found else version.model_id


def _measure(chosen: Pipeline, version: ModelVersion, frame: pd.DataFrame) -> Mapping[str, float]:
    # Until it is measured: some models read their files when they are asked, not when they are loaded.
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        predict = load(as_served(version), folder)
        try:
            predicted = predict(frame[list(chosen.features)])
            return chosen.measure(frame, predicted, "holdout")
        except (mlflow.MlflowException, ValueError, TypeError) as error:
            raise UnfitModelError(
                f"version {version.version} cannot be measured on this holdout: {error}"
            ) from error
