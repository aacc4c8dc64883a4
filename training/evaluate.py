"""`python -m training.evaluate`.

Measure one version on a fresh holdout, so that two versions can be compared. The operator starts it once for
the candidate and once for the champion. MODEL_URI (`models:/churn/3`) says which version, MODELALIAS_SIDE
(`Candidate` or `Champion`) for which side, MLFLOW_RUN_ID into which run, MLFLOW_TRACKING_URI where. The same
options give both the same rows. Prints one line of JSON: model, version, side, runId, dataMd5, rows, metrics.
Exit status: 0 done, 2 wrong usage or data, or a model that cannot be measured on it, 3 the registry did not
answer or refused.
"""

import argparse
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from training.assignment import Assignment
from training.pipelines import NAMES
from training.settings import Exit, prepare_mlflow, report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Measure one version on a fresh holdout and log that into a run that exists.",
    )
    parser.add_argument("--pipeline", choices=NAMES, default="churn", help="whose (default: %(default)s)")
    data = parser.add_argument_group("data", "without any of these, the same generated holdout each time")
    data.add_argument("--data", type=Path, help="a CSV file to measure on")
    data.add_argument("--dvc", type=Path, help="a .dvc pointer; its md5 must be that of the data")
    data.add_argument("--data-seed", type=int, help="generate another holdout")
    data.add_argument("--rows", type=int, help="generate this many rows")
    return parser


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> Exit:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        assignment = Assignment.read(environ)
    except ValueError as error:
        report("error", str(error))
        return Exit.USAGE
    if not environ.get("MLFLOW_TRACKING_URI"):
        report("error", "MLFLOW_TRACKING_URI is not set: it names the MLflow server")
        return Exit.USAGE
    prepare_mlflow(environ)
    # Here and not above: it takes seconds, wrong usage is told at once, and MLflow reads its environment on
    # import.
    from training.evaluation import run  # noqa: PLC0415

    return run(options, assignment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
