"""`python -m training.serve`: serve one version of a model over HTTP until SIGTERM.

MODEL_URI (`models:/churn@champion` or `models:/churn/3`), or MODEL_NAME and MODEL_ALIAS, say which,
MLFLOW_TRACKING_URI where, PORT (8080) on which port. Exit status: 0 after SIGTERM, 2 a setting is wrong, 3 the
version does not exist yet or cannot be loaded.
"""

import os
import signal
import sys
from collections.abc import MutableMapping
from types import FrameType

from training.model_uri import ModelUri
from training.settings import Exit, prepare_mlflow, report

_HIGHEST_PORT = 65535


def main(environ: MutableMapping[str, str]) -> Exit:
    """Run the command and return its exit status."""
    try:
        uri = ModelUri.read(environ)
        port = _port(environ.get("PORT", "8080"))
    except ValueError as error:
        report("error", str(error))
        return Exit.USAGE
    if not environ.get("MLFLOW_TRACKING_URI"):
        report("error", "MLFLOW_TRACKING_URI is not set: it names the MLflow server")
        return Exit.USAGE
    # As process 1 of a container SIGTERM would be ignored while the model loads; and uvicorn, once it has
    # stopped in
    # good order, raises the signal again for whoever handled it before.
    signal.signal(signal.SIGTERM, _leave)
    prepare_mlflow(environ)
    # Here and not above: wrong settings are told at once, and MLflow, if it is needed, reads its environment on
    # import.
    from training.serving.process import serve  # noqa: PLC0415

    return serve(uri, environ.get("HOST", "0.0.0.0"), port, environ)  # noqa: S104 - a pod's address is not known beforehand


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _HIGHEST_PORT):
        raise ValueError(f"PORT must be a number from 1 to {_HIGHEST_PORT}, not {text!r}")
    return int(text)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(Exit.DONE)


if __name__ == "__main__":
    sys.exit(main(os.environ))
