"""`modelalias lineage`: where a version comes from, and how its aliases came to it."""

import argparse
import asyncio
import json
from typing import Any, Final

from modelalias import settings
from modelalias.cli import (
    graph_text,
    lineage_graph,
    lineage_json,
    lineage_table,
    public_keys,
    record_reference,
    registry_reading,
    version_lineage,
)
from modelalias.cli.record_reference import Reference
from modelalias.cli.version_lineage import Lineage, Trust
from modelalias.settings import ClientSettings

_MORE: Final = f"""\
Shows the version, its run with parameters and metrics, the git commit, the hash of the data with each source that
names it, the version's tags, the aliases that name it, and the operator's signed record: who promoted it over what,
when, why, by which approvals, on which numbers. Needs no cluster and writes nothing.

Whoever may write in MLflow can have written what the registry says. A record is proved only when its signature was
checked with the operator's public keys, which who can sign in to the cluster may read:
  kubectl -n modelalias-system get configmap modelalias-public-keys -o yaml > keys.yaml

examples:
  %(prog)s churn@champion --public-keys keys.yaml
  %(prog)s churn/3 -o json
  %(prog)s churn@champion -o mermaid > lineage.mmd
  %(prog)s churn@champion -o dot | dot -Tsvg > lineage.svg

exit status:
  0   shown, whatever the records were found to be
  2   there is no such version, or it could not be read: standard error says why

{registry_reading.ENVIRONMENT}"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "lineage",
        help="show where a version comes from, and who moved its aliases",
        description="Show where a model version comes from, and how its aliases came to it.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("version", metavar="VERSION", help="MODEL@ALIAS or MODEL/VERSION")
    parser.add_argument(
        "--registry", metavar="NAME", help="the registry's name in the operator's configuration"
    )
    registry_reading.add_flags(parser)
    public_keys.add_flags(parser)
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "json", "mermaid", "dot"),
        default="table",
        help="default: table; mermaid and dot are pictures",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    trust = Trust(public_keys.read(options), options.registry)
    reference = record_reference.parse(options.version, None)
    lineage = asyncio.run(_read(settings.client(options.tracking_uri), reference, trust))
    match options.output:
        case "json":
            return json.dumps(lineage_json.result(lineage), indent=2) + "\n", 0
        case "mermaid":
            return graph_text.mermaid(lineage_graph.graph(lineage)), 0
        case "dot":
            return graph_text.dot(lineage_graph.graph(lineage)), 0
        case _:
            return lineage_table.text(lineage), 0


async def _read(client: ClientSettings, reference: Reference, trust: Trust) -> Lineage:
    async with registry_reading.opened(client) as registry:
        return await version_lineage.read(registry, reference, trust)
