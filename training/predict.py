"""`python -m training.predict`: predict a table with the version that an alias names, and keep what was predicted.

MODEL_URI (`models:/forecast@production`) says with which model, MLFLOW_TRACKING_URI where. The predictions are the
file `predictions.csv` of a run in the experiment `<model>-live`; what the table says happened is beside them, and
how far off they were is a metric, which a monitor of the operator can watch. Prints one line of JSON: model,
version, runId, dataMd5, rows, metrics. Exit status: 0 done, 2 wrong usage or data, or a model that does not predict
for it, 3 the registry did not answer or refused.
"""

import argparse
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from training.model_uri import ModelUri
from training.pipelines import NAMES
from training.settings import Exit, prepare_mlflow, report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.predict",
        description="Predict a table with the version that an alias names, and keep what was predicted.",
    )
    parser.add_argument("--pipeline", choices=NAMES, default="churn", help="whose (default: %(default)s)")
    data = parser.add_argument_group("data", "without any of these, the same generated table each time")
    data.add_argument("--data", type=Path, help="a CSV file to predict for")
    data.add_argument("--data-seed", type=int, help="generate another table")
    data.add_argument("--rows", type=int, help="generate this many rows")
    data.add_argument("--population", default="ordinary", help="whose outcomes the generated table shows")
    return parser


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> Exit:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        uri = ModelUri.read(environ)
    except ValueError as error:
        report("error", str(error))
        return Exit.USAGE
    if not environ.get("MLFLOW_TRACKING_URI"):
        report("error", "MLFLOW_TRACKING_URI is not set: it names the MLflow server")
        return Exit.USAGE
    prepare_mlflow(environ)
    # Here and not above: it takes seconds, wrong usage is told at once, and MLflow reads its environment on
    # import.
    from training.prediction import run  # noqa: PLC0415

    return run(options, uri)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
