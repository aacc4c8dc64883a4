"""Reading a record from the registry for a command, with nothing but reads."""

import argparse
import asyncio

from modelalias import settings
from modelalias.cli import record_reference, registry_reading
from modelalias.cli.record_reference import Found, Reference
from modelalias.settings import ClientSettings


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name the record."""
    parser.add_argument("record", metavar="RECORD", help="MODEL@ALIAS or MODEL/VERSION")
    parser.add_argument("--alias", help="with MODEL/VERSION: the alias whose record is meant")
    parser.add_argument(
        "--registry", metavar="NAME", help="the registry's name in the operator's configuration"
    )
    registry_reading.add_flags(parser)


def read(options: argparse.Namespace) -> Found:
    """Return the record that the arguments name."""
    reference = record_reference.parse(options.record, options.alias)
    return asyncio.run(_find(settings.client(options.tracking_uri), reference))


async def _find(client: ClientSettings, reference: Reference) -> Found:
    async with registry_reading.opened(client) as registry:
        return await record_reference.find(registry, reference)
