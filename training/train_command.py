"""What `python -m training.train` does once its arguments are parsed.

From options to values, from errors to statuses.
"""

import argparse
import json
import sys

from pydantic import ValidationError

from training.pipeline import Pipeline
from training.pipelines import pipeline
from training.recipe import Quality, Recipe
from training.registration import REGISTRY_ERRORS, Registration
from training.settings import Exit, report
from training.tables import DataError, choose
from training.training_run import train


def run(options: argparse.Namespace, git_commit: str | None) -> Exit:
    """Train as the options say, print each result and return the exit status."""
    chosen = pipeline(options.pipeline)
    model = options.model or chosen.name
    try:
        recipes = [_recipe(chosen, quality, options) for quality in options.quality]
    except ValidationError as error:
        first = error.errors()[0]
        report("error", f"--{first['loc'][0]}: {first['msg']}")
        return Exit.USAGE
    try:
        generated = chosen.generate(seed=options.data_seed, population=options.population)
        table = choose(options.data, options.dvc, otherwise=generated)
        for recipe in recipes:
            trained = train(
                chosen,
                recipe,
                table,
                experiment=options.experiment or model,
                # In a checkout MLflow finds the commit by itself.
                run_tags={"mlflow.source.git.commit": git_commit} if git_commit else {},
                wanted=_registration(model, options),
                pointer=options.dvc,
            )
            told = trained.model_dump(mode="json", by_alias=True)
            sys.stdout.write(f"{told[options.print] if options.print else json.dumps(told)}\n")
            sys.stdout.flush()
    except DataError as error:
        report("error", str(error))
        return Exit.USAGE
    except REGISTRY_ERRORS as error:
        report("error", f"MLflow: {error}")
        return Exit.REGISTRY
    return Exit.DONE


def _recipe(chosen: Pipeline, quality: Quality, options: argparse.Namespace) -> Recipe:
    changed = {
        name: getattr(options, name) for name in Recipe.model_fields if getattr(options, name) is not None
    }
    return Recipe.model_validate({**chosen.recipes[quality].model_dump(), **changed})


def _registration(model: str, options: argparse.Namespace) -> Registration | None:
    if options.register == "no":
        return None
    return Registration(model=model, alias=options.alias, validated_by=options.validated_by)
