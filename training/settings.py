"""What every command of this package needs before it talks to MLflow: bounds, exit statuses, clean messages.

Imports nothing heavy, so that `--help` and wrong usage answer at once.
"""

import json
import re
import sys
from collections.abc import MutableMapping
from enum import IntEnum
from typing import Any

_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")

_MLFLOW_DEFAULTS = {
    # The client's own bounds are 7 tries of 120 s: a pod would hang for minutes before it says what is wrong.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # Standard output is one line of JSON, and this would print the server's URL, credentials included, beside
    # it.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


class Exit(IntEnum):
    """Exit statuses of the commands. 1 is left to Python: a bug, with its stack trace."""

    DONE = 0
    USAGE = 2
    REGISTRY = 3


def prepare_mlflow(environ: MutableMapping[str, str]) -> None:
    """Bound MLflow's client, leaving alone what the caller's environment already says.

    Call it before the first `import mlflow`: telemetry is decided while that module is imported.
    """
    for name, value in _MLFLOW_DEFAULTS.items():
        environ.setdefault(name, value)


def without_credentials(text: str) -> str:
    """Return the text as one line, with `user:password@` removed from every URL in it."""
    return _CREDENTIALS_IN_URL.sub("***@", " ".join(text.split()))


def report(level: str, message: str, **fields: Any) -> None:
    """Write one line of JSON to standard error, which is where logs go: standard output is for results."""
    line = {"level": level, "message": without_credentials(message), **fields}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()
