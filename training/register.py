"""`python -m training.register RUN_ID`: register a finished run's model, now or months later.

Prints one line of JSON: model, version, alias, runId. The same run again gives the same version. Exit status:
0 done, 2 wrong usage or a run without a model, 3 the registry did not answer or refused.
"""

import argparse
import json
import os
import sys
from collections.abc import MutableMapping, Sequence

from training.settings import Exit, prepare_mlflow, report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.register",
        description="Register the model of a finished MLflow run; the same run twice gives the same version.",
    )
    parser.add_argument("run_id")
    parser.add_argument("--model", default="churn", help="registered model (default: %(default)s)")
    parser.add_argument("--alias", default="challenger", help="alias to set (default: %(default)s)")
    parser.add_argument("--no-alias", dest="alias", action="store_const", const=None, help="set no alias")
    parser.add_argument("--validated-by", default="training/holdout", help="tag (default: %(default)s)")
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
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    from training.registration import REGISTRY_ERRORS, NoSuchModelError, Registration, register_run  # noqa: PLC0415

    wanted = Registration(model=options.model, alias=options.alias, validated_by=options.validated_by)
    try:
        version = register_run(MlflowClient(), options.run_id, wanted)
    except NoSuchModelError as error:
        report("error", str(error))
        return Exit.USAGE
    except REGISTRY_ERRORS as error:
        report("error", f"MLflow: {error}")
        return Exit.REGISTRY
    result = {"model": wanted.model, "version": version, "alias": wanted.alias, "runId": options.run_id}
    sys.stdout.write(json.dumps(result) + "\n")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
