"""What `python -m training.train` does once its arguments are parsed.

From options to values, from errors to statuses.
"""

import argparse
import sys

from pydantic import ValidationError

from training.pipelines.churn import RECIPES, Quality, Recipe
from training.registration import REGISTRY_ERRORS, Registration
from training.settings import Exit, report
from training.tables import DEFAULT_SEED, DataError, Population, Table, choose, generate
from training.training_run import train


def run(options: argparse.Namespace, git_commit: str | None) -> Exit:
    """Train as the options say, print the result and return the exit status."""
    try:
        recipe = _recipe(options)
    except ValidationError as error:
        first = error.errors()[0]
        report("error", f"--{first['loc'][0]}: {first['msg']}")
        return Exit.USAGE
    try:
        trained = train(
            recipe,
            _table(options),
            experiment=options.experiment or options.model,
            # In a checkout MLflow finds the commit by itself.
            run_tags={"mlflow.source.git.commit": git_commit} if git_commit else {},
            wanted=_registration(options),
        )
    except DataError as error:
        report("error", str(error))
        return Exit.USAGE
    except REGISTRY_ERRORS as error:
        report("error", f"MLflow: {error}")
        return Exit.REGISTRY
    sys.stdout.write(trained.model_dump_json(by_alias=True) + "\n")
    return Exit.DONE


def _recipe(options: argparse.Namespace) -> Recipe:
    changed = {
        name: getattr(options, name) for name in Recipe.model_fields if getattr(options, name) is not None
    }
    return Recipe.model_validate({**RECIPES[Quality(options.quality)].model_dump(), **changed})


def _table(options: argparse.Namespace) -> Table:
    seed = DEFAULT_SEED if options.data_seed is None else options.data_seed
    return choose(
        options.data, options.dvc, otherwise=generate(seed=seed, population=Population(options.population))
    )


def _registration(options: argparse.Namespace) -> Registration | None:
    if options.register == "no":
        return None
    return Registration(model=options.model, alias=options.alias, validated_by=options.validated_by)
