"""`python -m hack.demo.train_versions`: three versions of the churn model, by the training command of users.

One process, because importing MLflow and scikit-learn takes longer than training. It imports while the MLflow
server of MLFLOW_TRACKING_URI still starts, and prints the training command's line of JSON for each version.
"""

import os
import sys
import time
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from training import train
from training.settings import prepare_mlflow

QUALITIES: Final = ("good", "better", "worse")
_SECONDS: Final = 120.0


def main() -> int:
    """Train the versions; return the first exit status that is not 0."""
    prepare_mlflow(os.environ)
    import training.train_command  # noqa: F401, PLC0415 - after the settings, before the server is there

    if not _answers(os.environ["MLFLOW_TRACKING_URI"]):
        return 3
    for quality in QUALITIES:
        if status := train.main(["--quality", quality], os.environ):
            return status
        sys.stdout.flush()
    return 0


def _answers(uri: str) -> bool:
    address = urlsplit(uri)
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:  # noqa: PLR2004 - OK
                return True
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    return False


if __name__ == "__main__":
    sys.exit(main())
