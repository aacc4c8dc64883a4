"""`python -m training.train`: train a model, log it, register it and name it challenger.

Prints a line of JSON for each: model, version, alias, runId, dataMd5, metrics. The server is MLFLOW_TRACKING_URI's;
GIT_COMMIT names the commit where there is no checkout. Exit status: 0 done, 2 wrong usage or data, 3 the
registry did not answer or refused.
"""

import argparse
import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from training.pipelines import NAMES
from training.recipe import Quality
from training.settings import Exit, prepare_mlflow, report

_VALIDATED_BY = "training/holdout"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.train",
        description="Train on scikit-learn, log to MLflow, register, and name it challenger.",
    )
    parser.add_argument("--pipeline", choices=NAMES, default="churn", help="whose (default: %(default)s)")
    parser.add_argument("--model", help="registered model (default: the pipeline's name)")
    parser.add_argument("--experiment", help="MLflow experiment (default: the model's name)")
    recipe = parser.add_argument_group("recipe", "a quality, and what shall differ from it")
    recipe.add_argument(
        "--quality",
        choices=tuple(Quality),
        type=Quality,
        nargs="+",
        default=[Quality.GOOD],
        help="one model for each, one after another",
    )
    recipe.add_argument("--samples", type=int, help="learn from this many rows only")
    recipe.add_argument("--noise", type=float, help="share of labels to flip before learning, 0 to 0.5")
    recipe.add_argument("--degree", type=int, help="1: features alone; 2: also how they act together")
    recipe.add_argument("--regularization", type=float, help="strength of the penalty on large weights")
    data = parser.add_argument_group("data", "without any of these, the same generated table each time")
    data.add_argument("--data", type=Path, help="a CSV file to learn from")
    data.add_argument("--dvc", type=Path, help="a .dvc pointer; its md5 must be that of the data")
    data.add_argument("--data-seed", type=int, help="generate another table")
    data.add_argument(
        "--population",
        default="ordinary",
        help="whose outcomes the generated table shows; churn has also promotion, forecast discounters",
    )
    parser.add_argument(
        "--print", choices=("version", "runId"), help="print nothing but this, for use in a shell"
    )
    registration = parser.add_argument_group("registration")
    registration.add_argument("--register", choices=("yes", "no"), default="yes", help="no: log the run only")
    registration.add_argument("--alias", default="challenger", help="alias to set (default: %(default)s)")
    registration.add_argument(
        "--no-alias", dest="alias", action="store_const", const=None, help="set no alias"
    )
    registration.add_argument("--validated-by", default=_VALIDATED_BY, help="tag (default: %(default)s)")
    return parser


def main(arguments: Sequence[str], environ: MutableMapping[str, str]) -> Exit:
    """Run the command and return its exit status."""
    options = _parser().parse_args(arguments)
    if not environ.get("MLFLOW_TRACKING_URI"):
        report("error", "MLFLOW_TRACKING_URI is not set: it names the MLflow server")
        return Exit.USAGE
    prepare_mlflow(environ)
    # Here and not above: it takes seconds, wrong usage is told at once, and MLflow reads its environment on
    # import.
    from training.train_command import run  # noqa: PLC0415

    return run(options, environ.get("GIT_COMMIT"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
