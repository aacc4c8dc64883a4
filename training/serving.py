"""The serving process: resolve, load, answer until SIGTERM."""

import tempfile

import uvicorn
from mlflow.tracking import MlflowClient

from training.loading import load, resolve
from training.model_uri import ModelUri
from training.predictions import application
from training.registration import REGISTRY_ERRORS
from training.settings import Exit, report

_SHUTDOWN_SECONDS = 10


def serve(uri: ModelUri, host: str, port: int) -> Exit:
    """Serve what the address means now, until SIGTERM; a later move of the alias changes nothing here."""
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
        uvicorn.run(
            application(served, model),
            host=host,
            port=port,
            # The probes of a cluster would fill the log.
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    return Exit.DONE
