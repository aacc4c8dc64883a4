"""`modelalias resolve`: which version an alias names now, as a script wants it."""

import argparse
import json
from typing import Any, Final

from modelalias.cli import output, record_reference, registry_reading
from modelalias.ports import ModelVersion, Registry

_MORE: Final = f"""\
Prints the number of the version and nothing else. Needs no cluster and writes nothing.

examples:
  %(prog)s churn@champion
  %(prog)s models:/prod.ml.churn@champion -o json

exit status:
  0   the version was printed
  2   there is no such alias or version, or it could not be read: standard error says why

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "resolve",
        help="print the version that an alias names, without a cluster",
        description="Print the version that an alias names, without a cluster.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "reference", metavar="REFERENCE", help="MODEL@ALIAS, models:/MODEL@ALIAS or models:/MODEL/VERSION"
    )
    registry_reading.add_flags(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("version", "json"),
        default="version",
        help="the number alone, or with run, source and status; default: version",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    reference = record_reference.parse(options.reference, None)

    async def resolve(registry: Registry) -> str:
        number = reference.version or record_reference.named_by(
            await registry.aliases(reference.model), reference
        )
        if options.output == "json":
            version = await registry.version(reference.model, number)
            source = await registry.artifact_address(reference.model, number)
            return as_json(reference.alias, version, source)
        if reference.alias is None:
            await registry.version(reference.model, number)
        return output.lines([number])

    return registry_reading.with_registry(options, resolve), 0


def as_json(alias: str | None, version: ModelVersion, source: str) -> str:
    """Return the version as JSON; what is not known is left out."""
    fields = {
        "model": version.model,
        "alias": alias,
        "version": version.version,
        "runId": version.run_id,
        "source": source,
        "status": version.state.value,
    }
    return json.dumps({key: value for key, value in fields.items() if value is not None}, indent=2) + "\n"
