"""`modelalias promote`: file a promotion request in one's own name."""

import argparse
from typing import Any, Final

from modelalias.api.request import RequestOperation
from modelalias.cli import edits, filing, output, session, status
from modelalias.cli.cluster import Cluster, Missing
from modelalias.core.errors import InvalidRequest, Refused

_MORE: Final = """\
examples:
  %(prog)s churn-champion --version 4 --reason "retrained on Q3" --wait
  %(prog)s churn-champion --from-alias challenger --delete-source-alias
  %(prog)s churn-champion --run-id "$RUN_ID" --wait --timeout 1h -o json > verdict.json
  %(prog)s churn-champion --previous --reason "complaints from the branch"
  %(prog)s churn-champion --version 4 --dry-run | kubectl create -f -

exit status:
  0   filed; with --wait: the request succeeded
  1   with --wait: it was refused, failed, undone, stopped or deleted
  2   with --wait: it has not ended in time; or it was not filed: the message on standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "promote",
        help="file a request to move an alias",
        description="File a request to move an alias.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    _add_source(parser)
    _add_wishes(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="print the request and do nothing; kubectl create takes it"
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "name", "json", "yaml"),
        help="name: the request's name alone; json: as status has it; with --dry-run yaml (the default) or json",
    )
    status.add_wait_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def _add_source(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to promote")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--version", metavar="N", help="a version of the model")
    source.add_argument(
        "--run-id", metavar="ID", help="a run; its model is registered as a version if it is not one yet"
    )
    source.add_argument(
        "--from-alias", metavar="ALIAS", help="the version that another alias of the model holds"
    )
    source.add_argument("--previous", action="store_true", help="the version before; a rollback")
    group.add_argument(
        "--artifact-path", metavar="PATH", help="with --run-id: where the model is in the run's artifacts"
    )


def _add_wishes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how")
    group.add_argument(
        "--operation", choices=[str(item) for item in RequestOperation], help="default: Promote"
    )
    group.add_argument(
        "--reason", metavar="WHY", help="for the record; a rollback, a swap and --skip-gates need it"
    )
    group.add_argument("--expected-current", metavar="N", help="only if the alias still holds this version")
    group.add_argument(
        "--skip-gates", action="store_true", help="an emergency: needs the verb bypass, and an approval"
    )
    group.add_argument(
        "--verdict-only", action="store_true", help="give the verdict and change nothing (spec.dryRun)"
    )
    group.add_argument(
        "--delete-source-alias", action="store_true", help="afterwards remove the alias of --from-alias"
    )
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set on the version; may stand repeatedly",
    )
    group.add_argument("--expires-after", metavar="TIME", help="how long it may wait to begin; default: 7d")
    group.add_argument(
        "--ttl-seconds-after-finished", type=int, metavar="N", help="delete the request so long after its end"
    )
    group.add_argument(
        "--name", metavar="NAME", help="of the request; default: a free one that begins with ALIAS"
    )


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return what is to be printed, and the status."""
    if options.output == "yaml" and not options.dry_run:
        raise InvalidRequest("-o yaml goes with --dry-run")
    if options.dry_run and options.wait:
        raise InvalidRequest("--dry-run files nothing that --wait could wait for")
    return session.with_cluster(options, lambda cluster: _promote(cluster, options))


async def _promote(cluster: Cluster, options: argparse.Namespace) -> tuple[str, int]:
    who = await cluster.who()
    wanted = filing.of(options, who.user, cluster.namespace)
    await _must_exist(cluster, options.alias)
    if options.dry_run:
        return edits.text(wanted, options.output), 0
    made = await cluster.create(wanted.body)
    filed = f"request {made.metadata.name} filed by {who.user}"
    if options.wait:
        output.tell(filed)
        return await status.wait(cluster, made, options.timeout, options.output)
    return status.written(made, options.output) if options.output in {"name", "json"} else output.lines(
        [filed]
    ), 0


async def _must_exist(cluster: Cluster, alias: str) -> None:
    """Raise `Missing` when there is no such ModelAlias.

    Who may not look is believed, and so is one of a newer release.
    """
    try:
        await cluster.alias(alias)
    except Missing:
        raise
    except (Refused, InvalidRequest):
        return
