"""`modelalias serving`: what the pods of an alias run, pod by pod, now or as it changes."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.cli import heartbeat, output, pods_table, session, waiting
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.pods_table import Served
from modelalias.cli.waiting import Clock
from modelalias.core.errors import Unavailable
from modelalias.ports import WorkloadRef

PAUSE_SECONDS: Final = 2.0

_MORE: Final = """\
The lines above the table are what the operator says of each workload; the table is read from the API server in your
name: it takes get on the workloads, and list on pods and replicasets. VERSION is what a pod was told by its variable,
or what the alias named when it started; ? where that is not known.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion --watch

exit status:
  0     the pods were shown
  2     they could not be read; standard error says why
  130   --watch was interrupted
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "serving",
        help="show which version each pod of an alias runs, live",
        description="Show which version each pod of an alias runs.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="go on until interrupted: a terminal is drawn anew, elsewhere each change is a line",
    )
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""

    async def show(cluster: PersonsCluster) -> str:
        await heartbeat.warn(cluster, options.operator_namespace)
        if options.watch:
            await watch(cluster, options.alias, output.show, waiting.clock(), redraws=sys.stdout.isatty())
        alias, found = await read(cluster, options.alias)
        return pods_table.text(alias, found)

    return session.with_cluster(options, show), 0


async def read(cluster: PersonsCluster, name: str) -> tuple[ModelAlias, Sequence[Served]]:
    """Read an alias, its workloads and their pods."""
    alias = await cluster.alias(name)
    found = []
    for serving in alias.spec.serving:
        ref = WorkloadRef(kind=serving.kind, namespace=alias.metadata.namespace, name=serving.name)
        workload = await cluster.workload(ref)
        pods = [] if workload is None else await cluster.pods(workload)
        found.append(Served(serving, workload, pods))
    return alias, found


async def watch(
    cluster: PersonsCluster, name: str, show: Callable[[str], object], clock: Clock, *, redraws: bool
) -> None:
    """Show the pods until interrupted: anew whenever something changed, or the changes alone."""
    before: str | None = None
    known: tuple[Sequence[str], ...] = ()
    trouble = ""
    while True:
        try:
            alias, found = await read(cluster, name)
        except Unavailable as error:
            if str(error) != trouble:
                trouble = str(error)
                output.tell(f"{trouble}; trying again")
        else:
            trouble, text = "", pods_table.text(alias, found)
            rows = tuple(row for item in found for row in pods_table.rows_of(alias, item))
            if text != before:
                if redraws:
                    show(f"{output.CLEAR}{text}")
                elif before is None:
                    show(text)
                else:
                    heads = [
                        line for line in pods_table.heads(alias, found) if line not in before.splitlines()
                    ]
                    show(output.lines([*heads, *pods_table.changes(known, rows)]))
            before, known = text, rows
        await clock.pause(PAUSE_SECONDS)
