"""`modelalias history`: the ledger of an alias."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, Final

from modelalias.api.alias_status import HistoryEntry
from modelalias.cli import output, session
from modelalias.cli.cluster import Cluster

_MORE: Final = """\
The newest move first, as many as spec.historyLimit keeps.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion -o json

exit status:
  0   told
  2   nothing could be said: the message on standard error says why
"""

_COLUMNS: Final = ("AT", "OPERATION", "FROM", "TO", "OUTCOME", "ACTOR", "APPROVERS", "REQUEST", "REASON")


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "history",
        help="say who moved an alias, when, from where, to where and why",
        description="Say who moved an alias, when, from where, to where and why.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table", help="default: table")
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return what is to be printed, and the status."""

    async def look(cluster: Cluster) -> str:
        history = (await cluster.alias(options.alias)).status.history[::-1]
        return as_json(history) if options.output == "json" else text(history)

    return session.with_cluster(options, look), 0


def text(history: Sequence[HistoryEntry]) -> str:
    """Lay out the entries, or say that there is none."""
    return output.lines(
        output.aligned([_COLUMNS, *map(_row, history)]) if history else ["it was never moved"]
    )


def as_json(history: Sequence[HistoryEntry]) -> str:
    """Write the entries for programs."""
    return (
        json.dumps(
            [item.model_dump(mode="json", by_alias=True, exclude_none=True) for item in history], indent=2
        )
        + "\n"
    )


def _row(entry: HistoryEntry) -> Sequence[str]:
    at = entry.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    moved = (entry.from_ or "", entry.to or "")
    why = "; ".join(item for item in (entry.reason, entry.failure) if item)
    people = (entry.actor or "", ",".join(entry.approvers))
    return (at, entry.operation, *moved, entry.outcome, *people, entry.request or "", why)
