"""`modelalias history`: the moves of an alias."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, Final

from modelalias.api.history import HistoryEntry
from modelalias.cli import heartbeat, output, session
from modelalias.cli.cluster import PersonsCluster

_MORE: Final = """\
The newest move comes first. spec.historyLimit of the ModelAlias says how many are kept.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion -o json

exit status:
  0   the history was printed
  2   the history could not be read; standard error says why
"""

_COLUMNS: Final = ("AT", "OPERATION", "FROM", "TO", "OUTCOME", "ACTOR", "APPROVERS", "REQUEST", "REASON")


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "history",
        help="show who moved an alias, when, from which version to which, and why",
        description="Show who moved an alias, when, from which version to which, and why.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""

    async def show(cluster: PersonsCluster) -> str:
        history = (await cluster.alias(options.alias)).status.history[::-1]
        await heartbeat.warn(cluster, options.operator_namespace)
        return as_json(history) if options.output == "json" else text(history)

    return session.with_cluster(options, show), 0


def text(history: Sequence[HistoryEntry]) -> str:
    """Return the entries as a table, or a sentence if there are none."""
    return output.lines(
        output.aligned([_COLUMNS, *map(_row, history)]) if history else ["the alias was never moved"]
    )


def as_json(history: Sequence[HistoryEntry]) -> str:
    """Return the entries as JSON."""
    return (
        json.dumps(
            [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in history], indent=2
        )
        + "\n"
    )


def _row(entry: HistoryEntry) -> Sequence[str]:
    at = entry.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    versions = (entry.left or "", entry.to or "")
    why = "; ".join(item for item in (entry.reason, entry.failure) if item)
    people = (entry.actor or "", ",".join(entry.approvers))
    return (at, entry.operation, *versions, entry.outcome, *people, entry.request or "", why)
