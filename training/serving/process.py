"""The serving process: resolve, load, answer until some seconds after SIGTERM."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict

from training.fetching import LeftToMlflowError, NoSuchVersionError, fetch
from training.model_uri import ModelUri
from training.served_version import ServedVersion
from training.serving.by_weights import ModelByWeights
from training.serving.leaving import LeavingServer
from training.serving.model import Model, NotLoadedError
from training.serving.predictions import application
from training.settings import Exit, report

_LEAVING_SECONDS = 5
"""More than a cluster needs to tell its nodes that a pod has gone; a pod has 30 s to end."""


def serve(uri: ModelUri, host: str, port: int, environ: Mapping[str, str]) -> Exit:
    """Serve what the address means now, until SIGTERM and a little longer.

    A later move of the alias changes nothing here.
    """
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        try:
            served, model = load(uri, folder, environ)
        except (NoSuchVersionError, NotLoadedError) as error:
            report("error", f"cannot serve {uri}: {error}")
            return Exit.REGISTRY
        report("info", "serving", **asdict(served))
        LeavingServer(application(served, model), host, port, seconds=_LEAVING_SECONDS).run()
    return Exit.DONE


def load(uri: ModelUri, folder: str, environ: Mapping[str, str]) -> tuple[ServedVersion, Model]:
    """Load a version by its weights if it has any, else by MLflow, whose files are in the folder then.

    Raises:
        NoSuchVersionError, NotLoadedError: there is no such version (yet), or it cannot be loaded.
    """
    try:
        served, weights = fetch(uri, environ)
    except LeftToMlflowError:
        # Here and not above: with what it imports it takes seconds, and most models need nothing of it.
        from training.serving import by_mlflow  # noqa: PLC0415

        return by_mlflow.load(uri, folder)
    return served, ModelByWeights(weights)
