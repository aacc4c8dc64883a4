"""Reading a record from the registry for a command, with nothing but reads."""

import argparse
import asyncio
from typing import Final

from modelalias import settings
from modelalias.cli import record_reference
from modelalias.cli.record_reference import Found, Reference
from modelalias.core.errors import Refused
from modelalias.settings import ClientSettings

ENVIRONMENT: Final = """\
environment, as for MLflow's own client:
  MLFLOW_TRACKING_URI                                    default of --tracking-uri
  MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD     credentials, or
  MLFLOW_TRACKING_TOKEN                                  a token
"""
_NO_CREDENTIALS: Final = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name the record."""
    parser.add_argument("record", metavar="RECORD", help="MODEL@ALIAS or models:/MODEL/VERSION")
    parser.add_argument("--alias", help="with models:/MODEL/VERSION: the alias whose record is meant")
    parser.add_argument(
        "--registry", metavar="NAME", help="the registry's name in the operator's configuration"
    )
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="address of the MLflow server, without credentials"
    )


def read(options: argparse.Namespace) -> Found:
    """Return the record that the arguments name."""
    reference = record_reference.parse(options.record, options.alias)
    return asyncio.run(_find(settings.client(options.tracking_uri), reference))


async def _find(registry: ClientSettings, reference: Reference) -> Found:
    # imported late: loading MLflow takes longer than everything else
    from modelalias.adapters.mlflow_errors import Unauthorized  # noqa: PLC0415
    from modelalias.adapters.mlflow_registry import open_registry  # noqa: PLC0415

    mlflow = open_registry(registry, _write_nothing)
    try:
        return await record_reference.find(mlflow, reference)
    except Unauthorized as error:
        raise error if registry.given.are_set else Refused(f"{error}: {_NO_CREDENTIALS}") from error
    finally:
        await mlflow.close()


def _write_nothing() -> None:
    raise AssertionError("this command writes nothing")
