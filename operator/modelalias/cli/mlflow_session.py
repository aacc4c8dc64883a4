"""The address of an MLflow server as commands take it, and their connection to it, with nothing but reads."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from modelalias import settings
from modelalias.core.errors import Refused
from modelalias.ports import Registry
from modelalias.settings import ClientSettings

T = TypeVar("T")

ENVIRONMENT: Final = """\
environment, as for MLflow's own client:
  MLFLOW_TRACKING_URI                                    default of --tracking-uri
  MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD     credentials, or
  MLFLOW_TRACKING_TOKEN                                  a token
"""
_NO_CREDENTIALS: Final = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the option for the server."""
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="address of the MLflow server, without credentials"
    )


def with_registry(options: argparse.Namespace, work: Callable[[Registry], Awaitable[T]]) -> T:
    """Run `work` with the registry that the options name."""
    return asyncio.run(_work(settings.client(options.tracking_uri), work))


async def _work(client: ClientSettings, work: Callable[[Registry], Awaitable[T]]) -> T:
    # imported late: loading MLflow takes longer than everything else
    from modelalias.adapters.mlflow_errors import Unauthorized  # noqa: PLC0415
    from modelalias.adapters.mlflow_registry import open_registry  # noqa: PLC0415

    registry = open_registry(client, _write_nothing)
    try:
        return await work(registry)
    except Unauthorized as error:
        raise error if client.given.are_set else Refused(f"{error}: {_NO_CREDENTIALS}") from error
    finally:
        await registry.close()


def _write_nothing() -> None:
    raise AssertionError("this command writes nothing")
