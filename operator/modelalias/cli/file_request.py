"""What commands that file a request have in common: filing it, printing it in place of that, waiting for its end."""

import argparse

from modelalias.api.request import PromotionRequest
from modelalias.cli import edits, filing, output, session, source_alias, status, waiting
from modelalias.cli.cluster import ObjectMissing, PersonsCluster
from modelalias.cli.filing import Wanted
from modelalias.cli.waiting import Ending
from modelalias.core.errors import InvalidRequest, Refused


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options that all of them have."""
    parser.add_argument(
        "--name", metavar="NAME", help="name of the request; default: a new name that begins with ALIAS"
    )
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


def run(wanted: Wanted, options: argparse.Namespace, *, source_must_exist: bool = False) -> tuple[str, int]:
    """File the request; return the output and the exit status."""
    if options.output == "yaml" and not options.dry_run:
        raise InvalidRequest("-o yaml needs --dry-run")
    check_dry_run(options)
    return session.with_cluster(
        options, lambda cluster: _file(cluster, wanted, options, source_must_exist=source_must_exist)
    )


def check_dry_run(options: argparse.Namespace) -> None:
    """Raise `InvalidRequest` for what needs a request that was filed, where it is only printed."""
    if options.dry_run and options.wait:
        raise InvalidRequest("--wait has nothing to wait for: --dry-run files no request")
    if options.dry_run and options.output in {"text", "name", "markdown"}:
        raise InvalidRequest("--dry-run prints the request as yaml or json")


async def _file(
    cluster: PersonsCluster, wanted: Wanted, options: argparse.Namespace, *, source_must_exist: bool
) -> tuple[str, int]:
    who = await cluster.who()
    draft = filing.draft(wanted, who.user, cluster.namespace)
    await _must_exist(cluster, wanted.alias)
    if options.dry_run:
        return edits.text(draft, options.output), 0
    request = await cluster.create(draft.body)
    message = f"request {request.metadata.name} filed by {who.user}"
    if options.wait:
        output.tell(message)
        return await _wait(cluster, request, options, source_must_exist=source_must_exist)
    if options.output in {"name", "json", "markdown"}:
        return status.formatted(request, options.output), 0
    return output.lines([message]), 0


async def _wait(
    cluster: PersonsCluster,
    request: PromotionRequest,
    options: argparse.Namespace,
    *,
    source_must_exist: bool,
) -> tuple[str, int]:
    """Wait for the end; tell a source alias that never was from one that was promoted before."""
    latest, ending = await waiting.until_ended(
        cluster, request, options.timeout, output.tell, waiting.clock()
    )
    if source_alias.is_missing(latest):
        warning = await source_alias.warning(cluster, latest)
        if warning:
            output.tell(warning)
        if source_must_exist:
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
