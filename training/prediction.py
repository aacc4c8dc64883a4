"""What `python -m training.predict` does once it knows its model: resolve, load, predict, keep."""

import argparse
import sys
import tempfile
from collections.abc import Mapping

import mlflow
import numpy as np
import pandas as pd
from mlflow.tracking import MlflowClient
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from training.evaluation import UnfitModelError
from training.loading import load, resolve
from training.model_uri import ModelUri
from training.pipeline import Pipeline
from training.pipelines import pipeline
from training.registration import REGISTRY_ERRORS
from training.served_version import ServedVersion
from training.settings import Exit, report
from training.tables import DataError, Table, choose


class Predicted(BaseModel):
    """What was predicted, by which version, and how far off it was."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    model: str
    version: str
    run_id: str
    data_md5: str
    rows: int
    metrics: Mapping[str, float]


def run(options: argparse.Namespace, uri: ModelUri) -> Exit:
    """Predict as the options say, print the result and return the exit status."""
    chosen = pipeline(options.pipeline)
    try:
        predicted = predict(chosen, uri, _table(chosen, options))
    except (DataError, UnfitModelError) as error:
        report("error", str(error))
        return Exit.USAGE
    except (*REGISTRY_ERRORS, OSError) as error:
        report("error", f"cannot predict with {uri}: {error}")
        return Exit.REGISTRY
    sys.stdout.write(predicted.model_dump_json(by_alias=True) + "\n")
    return Exit.DONE


def predict(chosen: Pipeline, uri: ModelUri, table: Table) -> Predicted:
    """Predict the table with the version that the address means now, and keep the predictions in a run.

    The alias is resolved once: the predictions are one version's, also if it moves meanwhile.

    Raises:
        DataError: the table cannot be used.
        UnfitModelError: the model does not predict for such rows.
        mlflow.MlflowException: there is no such version, or the server did not answer or refused.
    """
    frame = chosen.frame(table)
    version = resolve(MlflowClient(), uri)
    predictions, metrics = _predictions(chosen, version, frame)
    mlflow.set_experiment(f"{version.model}-live")
    # by these tags a monitor knows of which version a measurement is
    tags = {"modelalias.model": version.model, "modelalias.version": version.version}
    with mlflow.start_run(tags=tags) as kept:
        mlflow.log_text(predictions.to_csv(index=False, float_format="%.8g"), "predictions.csv")
        mlflow.log_param("data_md5", table.md5)
        mlflow.log_metrics(dict(metrics))
    return Predicted(
        model=version.model,
        version=version.version,
        run_id=kept.info.run_id,
        data_md5=table.md5,
        rows=len(frame),
        metrics=metrics,
    )


def _table(chosen: Pipeline, options: argparse.Namespace) -> Table:
    seed = chosen.holdout_seed if options.data_seed is None else options.data_seed
    return choose(options.data, None, otherwise=chosen.generate(options.rows, seed, options.population))


def _predictions(
    chosen: Pipeline, version: ServedVersion, frame: pd.DataFrame
) -> tuple[pd.DataFrame, Mapping[str, float]]:
    # Until it is measured: some models read their files when they are asked, not when they are loaded.
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        predict = load(version, folder)
        try:
            predicted = np.asarray(predict(frame[list(chosen.features)]), dtype=float)
            metrics = chosen.measure(frame, predicted, "live")
        except (mlflow.MlflowException, ValueError, TypeError) as error:
            raise UnfitModelError(
                f"version {version.version} does not predict for this table: {error}"
            ) from error
    # of probabilities the last one counts, as in the metrics of serving
    told = predicted if predicted.ndim == 1 else predicted[:, -1]
    return frame.assign(predicted=told), metrics
