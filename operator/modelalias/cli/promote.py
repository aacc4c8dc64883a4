"""`modelalias promote`: file a promotion request in the caller's name."""

import argparse
from typing import Any, Final

from modelalias.api.request import PromotionRequest, RequestOperation
from modelalias.cli import edits, filing, output, session, source_alias, status, waiting
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.cli.waiting import Ending
from modelalias.core.errors import InvalidRequest, Refused

_MORE: Final = """\
examples:
  %(prog)s churn-champion --version 4 --reason "retrained on Q3" --wait
  %(prog)s churn-champion --from-alias challenger --delete-source-alias
  %(prog)s churn-champion --run-id "$RUN_ID" --wait --timeout 1h -o json > verdict.json
  %(prog)s churn-champion --previous --reason "complaints from the branch"
  %(prog)s churn-champion --version 4 --dry-run | kubectl create -f -

exit status:
  0   the request was filed; with --wait: it succeeded, also where there was nothing to do
  1   with --wait: the request was refused, failed, undone, aborted or deleted; with --must-exist: the model
      has no alias of the name in --from-alias
  2   with --wait: the request has not ended in time; or it was not filed: standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "promote",
        help="ask to move an alias to another version",
        description="Ask to move an alias to another version: file a PromotionRequest.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    _add_source(parser)
    _add_options(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the request for kubectl create, and file nothing",
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("text", "name", "json", "markdown", "yaml"),
        help="name: only the request's name; json, markdown: the same as of status; "
        "with --dry-run: yaml (the default) or json",
    )
    status.add_wait_flags(parser)
    session.add_flags(parser)
    parser.set_defaults(run=run)


def _add_source(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to promote")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--version", metavar="N", help="a version of the model")
    source.add_argument(
        "--run-id", metavar="ID", help="the model of a run; it is registered if it is not registered yet"
    )
    source.add_argument(
        "--from-alias", metavar="ALIAS", help="the version that another alias of the model names"
    )
    source.add_argument(
        "--previous",
        action="store_true",
        help="the previous version; this is a rollback and needs a --reason",
    )
    group.add_argument(
        "--must-exist",
        action="store_true",
        help="with --from-alias and --wait: exit status 1 if the model has no such alias",
    )
    group.add_argument(
        "--artifact-path", metavar="PATH", help="with --run-id: path of the model in the run's artifacts"
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("options of the request")
    group.add_argument(
        "--operation",
        choices=[str(item) for item in RequestOperation],
        help="default: Promote; with --previous: Rollback",
    )
    group.add_argument(
        "--reason",
        metavar="WHY",
        help="why; it is kept in the history; required for a rollback, a swap and --skip-gates",
    )
    group.add_argument(
        "--expected-current", metavar="N", help="reject the request unless the alias still names this version"
    )
    group.add_argument(
        "--skip-gates",
        action="store_true",
        help="emergency: do not judge the gates; needs the verb bypass and an approval",
    )
    group.add_argument(
        "--verdict-only", action="store_true", help="give the verdict and change nothing (spec.dryRun)"
    )
    group.add_argument(
        "--delete-source-alias",
        action="store_true",
        help="remove the alias in --from-alias after the promotion",
    )
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set this tag on the version, if policy.requestTags allows it; can be given several times",
    )
    group.add_argument(
        "--expires-after", metavar="TIME", help="give up if it has not begun after this time; default: 7d"
    )
    group.add_argument(
        "--ttl-seconds-after-finished",
        type=int,
        metavar="N",
        help="delete the request this many seconds after its end",
    )
    group.add_argument(
        "--name", metavar="NAME", help="name of the request; default: a new name that begins with ALIAS"
    )


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    if options.output == "yaml" and not options.dry_run:
        raise InvalidRequest("-o yaml needs --dry-run")
    if options.output == "markdown" and options.dry_run:
        raise InvalidRequest("--dry-run prints the request as yaml or json")
    if options.dry_run and options.wait:
        raise InvalidRequest("--wait has nothing to wait for: --dry-run files no request")
    if options.must_exist and not (options.from_alias and options.wait):
        raise InvalidRequest(
            "--must-exist needs --from-alias and --wait: only the operator looks the alias up"
        )
    return session.with_cluster(options, lambda cluster: _promote(cluster, options))


async def _promote(cluster: PersonsCluster, options: argparse.Namespace) -> tuple[str, int]:
    who = await cluster.who()
    draft = filing.draft(options, who.user, cluster.namespace)
    await _must_exist(cluster, options.alias)
    if options.dry_run:
        return edits.text(draft, options.output), 0
    request = await cluster.create(draft.body)
    message = f"request {request.metadata.name} filed by {who.user}"
    if options.wait:
        output.tell(message)
        return await _wait(cluster, request, options)
    if options.output in {"name", "json", "markdown"}:
        return status.formatted(request, options.output), 0
    return output.lines([message]), 0


async def _wait(
    cluster: PersonsCluster, request: PromotionRequest, options: argparse.Namespace
) -> tuple[str, int]:
    """Wait for the end; tell a source alias that never was from one that was promoted before."""
    latest, ending = await waiting.until_ended(
        cluster, request, options.timeout, output.tell, waiting.clock()
    )
    if source_alias.is_missing(latest):
        warning = await source_alias.warning(cluster, latest)
        if warning:
            output.tell(warning)
        if options.must_exist:
            ending = Ending.NOT_SUCCEEDED
    return status.formatted(latest, options.output), ending


async def _must_exist(cluster: PersonsCluster, alias: str) -> None:
    """Raise `ObjectMissing` if there is no such ModelAlias.

    Pass if the caller may not read it, or if it is of a newer release: the API server and the operator decide
    then.
    """
    try:
        await cluster.alias(alias)
    except ObjectMissing:
        raise
    except (Refused, InvalidRequest):
        return
