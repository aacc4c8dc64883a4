"""A registry for the commands that read from it and write nothing."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
  MLFLOW_TRACKING_SERVER_CERT_PATH                       certificates to trust
  MLFLOW_TRACKING_INSECURE_TLS                           true: trust any certificate
"""
MOST_LOOKS: Final = 4
_NO_CREDENTIALS: Final = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the registry."""
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="address of the MLflow server, without credentials"
    )


def with_registry(options: argparse.Namespace, work: Callable[[Registry], Awaitable[T]]) -> T:
    """Run `work` with the registry that the options name."""
    return asyncio.run(_work(settings.client(options.tracking_uri), work))


async def _work(client: ClientSettings, work: Callable[[Registry], Awaitable[T]]) -> T:
    async with opened(client) as registry:
        return await work(registry)


async def settled(read: Callable[[], Awaitable[T]]) -> T:
    """Read a list of all models until it says the same twice in a row; the last one where it never does.

    MLflow's pages are offsets: where a model comes or goes meanwhile, another one may be told without its aliases.
    """
    found = await read()
    for _ in range(MOST_LOOKS - 1):
        before, found = found, await read()
        if found == before:
            break
    return found


@asynccontextmanager
async def opened(client: ClientSettings) -> AsyncIterator[Registry]:
    """Open the registry for the block; say which credentials are missing where it refuses for none."""
    # imported late: loading MLflow takes longer than everything else
    from modelalias.adapters.mlflow_errors import Unauthorized  # noqa: PLC0415
    from modelalias.adapters.mlflow_registry import open_registry  # noqa: PLC0415

    registry = open_registry(client, _write_nothing)
    try:
        yield registry
    except Unauthorized as error:
        raise error if client.given.are_set else Refused(f"{error}: {_NO_CREDENTIALS}") from error
    finally:
        await registry.close()


def _write_nothing() -> None:
    raise AssertionError("this command writes nothing")
