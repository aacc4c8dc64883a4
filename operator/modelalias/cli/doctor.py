"""`modelalias doctor`: what is installed, what is missing, and what to do about it."""

import argparse
import json
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

from modelalias.cli import diagnosis, examination, heartbeat, output, session
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.diagnosis import Line

_MORE: Final = """\
Looks at the CRDs, the admission policies, the operator and its Lease, your rights in the namespace, the registries as the
operator says that they answer, clocks, the key that signs records, and where metrics are. Reads with your rights and
changes nothing; what you may not read is said as such, and counts as unknown. No registry is asked.

examples:
  %(prog)s
  %(prog)s -n ml -o json

exit status:
  0   nothing is missing
  1   something is missing: the lines say what, and what to type
  2   the API server could not be asked; standard error says why
"""

_COLUMNS: Final = ("CHECK", "STATE", "MESSAGE")


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "doctor",
        help="say what is installed and what is missing, and what to do about it",
        description="Say what is installed and what is missing, and what to do about it.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""

    async def look(cluster: PersonsCluster) -> tuple[str, int]:
        ours = metadata.version("modelalias")
        lines = await examination.examine(cluster, options.operator_namespace, ours)
        shown = as_json(lines) if options.output == "json" else text(lines)
        return shown, 0 if diagnosis.is_complete(lines) else 1

    return session.with_cluster(options, look)


def text(lines: Sequence[Line]) -> str:
    """Return the lines as a table, and below it what to type."""
    rows = output.aligned([_COLUMNS, *((line.name, line.state, line.message) for line in lines)])
    remedies = [line for line in lines if line.remedy]
    return output.lines(
        [
            *rows,
            *(["", "what to do:"] if remedies else []),
            *(item for line in remedies for item in (f"  {line.name}:", f"    {line.remedy}")),
        ]
    )


def as_json(lines: Sequence[Line]) -> str:
    """Return the lines as JSON."""
    checks = [line.model_dump(mode="json") for line in lines]
    return json.dumps({"complete": diagnosis.is_complete(lines), "checks": checks}, indent=2) + "\n"
