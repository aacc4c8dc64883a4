"""The serving process: resolve, load, answer until some seconds after SIGTERM."""

import tempfile

from mlflow.tracking import MlflowClient

from training.loading import load, resolve
from training.model_uri import ModelUri
from training.registration import REGISTRY_ERRORS
from training.serving.leaving import LeavingServer
from training.serving.predictions import application
from training.settings import Exit, report

_LEAVING_SECONDS = 5
"""More than a cluster needs to tell its nodes that a pod has gone; a pod has 30 s to end."""


def serve(uri: ModelUri, host: str, port: int) -> Exit:
    """Serve what the address means now, until SIGTERM and a little longer.

    A later move of the alias changes nothing here.
    """
    # For as long as the process lives: some models read their files when they are asked, not when they are
    # loaded.
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        try:
            served = resolve(MlflowClient(), uri)
            model = load(served, folder)
        except (*REGISTRY_ERRORS, OSError) as error:
            report("error", f"cannot serve {uri}: {error}")
            return Exit.REGISTRY
        report("info", "serving", **served.model_dump())
        LeavingServer(application(served, model), host, port, seconds=_LEAVING_SECONDS).run()
    return Exit.DONE
