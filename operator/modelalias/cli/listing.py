"""`modelalias list`: ModelAliases or requests, a line for each, now or as they change."""

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.request import PromotionRequest
from modelalias.cli import (
    alias_report,
    alias_rows,
    following,
    heartbeat,
    listed_objects,
    named_objects,
    output,
    report,
    request_rows,
    session,
    status,
    waiting,
)
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.following import Objects, Wanted
from modelalias.cli.table_watch import Drawn, Rows, Show
from modelalias.cli.waiting import Clock
from modelalias.core.errors import InvalidRequest

_ONE: Final = "say aliases or requests; one of them is shown by modelalias status NAME"
_MORE: Final = """\
KIND is aliases, which is the default, or requests, the newest last; the short names of kubectl do as well. It asks the
API server; what stands in a registry, with a ModelAlias or without, is listed by modelalias aliases.

examples:
  %(prog)s
  %(prog)s -A -o wide
  %(prog)s -l team=risk --watch
  %(prog)s requests --alias churn-champion
  %(prog)s requests -o name

exit status:
  0     they were printed, or there are none
  2     they could not be read; standard error says why
  130   --watch was interrupted
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "list",
        help="list ModelAliases or requests, a line for each, and follow them",
        description="List ModelAliases or requests, a line for each.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "kind", nargs="?", metavar="KIND", default=named_objects.ALIAS, help="aliases or requests"
    )
    parser.add_argument("--alias", metavar="MODELALIAS", help="only this ModelAlias, or only its requests")
    parser.add_argument(
        "-l",
        "--selector",
        metavar="LABELS",
        default="",
        help="only what has these labels, such as team=risk,tier!=test",
    )
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="those of all namespaces")
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "wide", "json", "yaml", "name"),
        default="table",
        help="json, yaml: a list of what status prints; default: table",
    )
    status.add_watch_flag(parser, "what changes is a line")
    heartbeat.add_flag(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    if options.all_namespaces and options.namespace:
        raise InvalidRequest("-n and -A exclude each other")
    if options.watch and options.output not in {"table", "wide"}:
        raise InvalidRequest("--watch shows a table: with -o table or -o wide")
    named_objects.kind(options.kind, _ONE)

    async def show(cluster: PersonsCluster) -> str:
        await heartbeat.warn(cluster, options.operator_namespace)
        if options.watch:
            redraws = sys.stdout.isatty()
            await watch(cluster, options, output.show, waiting.clock(), redraws=redraws)
            return ""
        return await listed(cluster, options)

    return session.with_cluster(options, show), 0


async def listed(cluster: PersonsCluster, options: argparse.Namespace) -> str:
    """Return what there is, in the form that is asked for."""
    wanted = _wanted(cluster, options)
    bodies = cluster.every(wanted.kind, wanted.namespace, selector=wanted.selector, labels=wanted.labels)
    objects = {following.key_of(body): body async for body in bodies}
    if options.output in {"json", "yaml"}:
        return status.as_data(_data(cluster, wanted.kind, objects), options.output)
    if options.output == "name":
        prefix = named_objects.ALIAS if wanted.kind is Kind.ALIASES else named_objects.REQUEST
        return output.lines(f"{prefix}/{key.name}" for key in sorted(objects))
    drawn = _drawn(cluster, options, objects)
    if not drawn.rows:
        output.tell(f"there are no {_plural(wanted.kind)}{_where(wanted)}")
    return drawn.text


async def watch(
    cluster: PersonsCluster, options: argparse.Namespace, show: Show, clock: Clock, *, redraws: bool
) -> None:
    """Show what there is, and what changes, until nobody reads on."""
    rows = Rows(show, redraws=redraws)
    async with aclosing(following.follow(cluster, _wanted(cluster, options), output.tell, clock)) as looks:
        async for objects in looks:
            if not rows.look(objects, _drawn(cluster, options, objects)):
                return


def _wanted(cluster: PersonsCluster, options: argparse.Namespace) -> Wanted:
    kind = named_objects.kind(options.kind)
    field = "metadata.name" if kind is Kind.ALIASES else "spec.aliasRef.name"
    return Wanted(
        kind=kind,
        namespace="" if options.all_namespaces else cluster.namespace,
        selector=f"{field}={options.alias}" if options.alias else "",
        labels=options.selector,
    )


def _drawn(cluster: PersonsCluster, options: argparse.Namespace, objects: Objects) -> Drawn:
    """Return the table."""
    is_wide, is_everywhere, now = options.output == "wide", options.all_namespaces, cluster.now()
    if named_objects.kind(options.kind) is Kind.ALIASES:
        aliases = listed_objects.readable(ModelAlias, objects, output.tell)
        columns = alias_rows.columns(is_wide=is_wide)
        rows = {key: alias_rows.row(aliases[key], now, is_wide=is_wide) for key in sorted(aliases)}
    else:
        requests = listed_objects.readable(PromotionRequest, objects, output.tell)
        columns = request_rows.columns(is_wide=is_wide)
        rows = {
            key: request_rows.row(requests[key], now, is_wide=is_wide)
            for key in sorted(requests, key=lambda key: request_rows.place(requests[key]))
        }
    if not is_everywhere:
        return Drawn(columns, rows)
    return Drawn(["NAMESPACE", *columns], {key: [key.namespace, *row] for key, row in rows.items()})


def _data(cluster: PersonsCluster, kind: Kind, objects: Objects) -> list[Mapping[str, Any]]:
    tell: Callable[[str], None] = output.tell
    if kind is Kind.ALIASES:
        aliases = listed_objects.readable(ModelAlias, objects, tell)
        return [alias_report.as_json(aliases[key], cluster.now()) for key in sorted(aliases)]
    requests = listed_objects.readable(PromotionRequest, objects, tell).values()
    return [report.as_json(item) for item in sorted(requests, key=request_rows.place)]


def _plural(kind: Kind) -> str:
    return "ModelAliases" if kind is Kind.ALIASES else "requests"


def _where(wanted: Wanted) -> str:
    place = f" in namespace {wanted.namespace}" if wanted.namespace else ""
    return f"{place} that were asked for" if wanted.selector or wanted.labels else place
