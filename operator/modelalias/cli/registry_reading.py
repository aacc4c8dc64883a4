"""A registry for the commands that read from it and write nothing."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from modelalias.core.errors import Refused
from modelalias.ports import Registry
from modelalias.settings import ClientSettings

ENVIRONMENT: Final = """\
environment, as for MLflow's own client:
  MLFLOW_TRACKING_URI                                    default of --tracking-uri
  MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD     credentials, or
  MLFLOW_TRACKING_TOKEN                                  a token
  MLFLOW_TRACKING_SERVER_CERT_PATH                       certificates to trust
  MLFLOW_TRACKING_INSECURE_TLS                           true: trust any certificate
"""
_NO_CREDENTIALS: Final = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the registry."""
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="address of the MLflow server, without credentials"
    )


@asynccontextmanager
async def opened(settings: ClientSettings) -> AsyncIterator[Registry]:
    """Open the registry for the block; say which credentials are missing where it refuses for none."""
    # imported late: loading MLflow takes longer than everything else
    from modelalias.adapters.mlflow_errors import Unauthorized  # noqa: PLC0415
    from modelalias.adapters.mlflow_registry import open_registry  # noqa: PLC0415

    registry = open_registry(settings, _write_nothing)
    try:
        yield registry
    except Unauthorized as error:
        raise error if settings.given.are_set else Refused(f"{error}: {_NO_CREDENTIALS}") from error
    finally:
        await registry.close()


def _write_nothing() -> None:
    raise AssertionError("this command writes nothing")
