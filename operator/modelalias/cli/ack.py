"""`modelalias ack`: let a drift be corrected although many aliases have one at once."""

import argparse
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from modelalias.api import unfit
from modelalias.api.alias import ModelAlias
from modelalias.api.metadata import ACKNOWLEDGE_DRIFT
from modelalias.cli import drift, drift_waiting, output, release, said, session, waiting
from modelalias.cli.cluster import Kind, PersonsCluster
from modelalias.cli.drift import Drifted
from modelalias.cli.waiting import Ending
from modelalias.core.errors import InvalidRequest, OperatorError

_MORE: Final = f"""\
When many aliases of a registry were moved by hand at once (InSync has the reason MassDrift), the operator
corrects none of them until a person has looked. This writes the annotation {ACKNOWLEDGE_DRIFT}, with the version
that the registry names now and your name, and waits until the alias is in sync: restored or adopted, as spec.drift
says. A version that somebody sets later has to be acknowledged anew.

examples:
  %(prog)s churn-champion fraud-champion
  %(prog)s --all -n ml
  %(prog)s --all --dry-run     # prints the kubectl commands

exit status:
  0   nothing drifts, now or before; with spec.drift: Report, the drift is acknowledged
  1   nothing follows from it, or somebody moved an alias meanwhile, or it was deleted
  2   not corrected in time, or not written; standard error says why
"""


class _Result(NamedTuple):
    line: str
    ending: Ending


class _Written(NamedTuple):
    alias: ModelAlias
    drifted: Drifted


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "ack",
        help="let the drift of aliases be corrected",
        description="Let the drift of aliases be corrected.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("aliases", metavar="ALIAS", nargs="*", help="names of ModelAliases")
    parser.add_argument("--all", action="store_true", help="all of the namespace that have MassDrift")
    release.add_flags(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""
    if bool(options.aliases) == options.all:
        raise InvalidRequest("name the ModelAliases, or say --all")

    async def acknowledge(cluster: PersonsCluster) -> tuple[str, int]:
        user = (await cluster.who()).user
        aliases = [item async for item in _chosen(cluster, options)]
        if options.dry_run:
            edits = ((alias, drift.wanted(alias, user)) for alias in aliases)
            return output.lines(new.command(alias) for alias, new in edits if new is not None), 0
        results = await acknowledged(cluster, aliases, user, options.timeout, waiting.clock())
        lines = [item.line for item in results] or [
            f"no alias in namespace {cluster.namespace} has MassDrift"
        ]
        return output.lines(lines), max((item.ending for item in results), default=Ending.SUCCEEDED)

    return session.with_cluster(options, acknowledge)


async def _chosen(cluster: PersonsCluster, options: argparse.Namespace) -> AsyncIterator[ModelAlias]:
    for name in options.aliases:
        yield await cluster.alias(name)
    if options.all:
        async for body in cluster.every(Kind.ALIASES, cluster.namespace):
            try:
                alias = ModelAlias.model_validate(body)
            except ValidationError as error:
                name = body.get("metadata", {}).get("name", "")
                output.tell(f"this release cannot read ModelAlias {name}: {unfit.message(error)}")
                continue
            if drift.is_mass(alias):
                yield alias


async def acknowledged(
    cluster: PersonsCluster, aliases: Sequence[ModelAlias], user: str, seconds: float, clock: waiting.Clock
) -> Sequence[_Result]:
    """Acknowledge all, then wait for each; one that cannot be written keeps no other from it."""
    deadline = clock.now() + seconds
    first = [await _acknowledge(cluster, alias, user) for alias in aliases]
    results = []
    for item in first:
        if isinstance(item, _Result):
            results.append(item)
            continue
        left = max(0.0, deadline - clock.now())
        results.append(
            _Result(*await drift_waiting.until_corrected(cluster, item.alias, item.drifted, left, clock))
        )
    return results


async def _acknowledge(cluster: PersonsCluster, alias: ModelAlias, user: str) -> _Result | _Written:
    """Write the acknowledgement, or say why there is nothing to wait for."""
    name, found = alias.metadata.name, drift.of(alias)
    if found is None:
        return _Result(f"{name}: there is no drift", Ending.SUCCEEDED)
    follows = drift.FOLLOWS[alias.spec.drift]
    if not drift.has_effect(alias):
        return _Result(f"{name}: the registry names {found}, and {follows}", Ending.NOT_SUCCEEDED)
    try:
        written, new = await said.say(cluster, alias, lambda item: drift.wanted(item, user))
    except OperatorError as error:
        output.tell(f"modelalias: {name}: {error}")
        return _Result(f"{name}: not acknowledged", Ending.TIMED_OUT)
    latest = drift.of(written) or found
    if new is not None:
        output.tell(f"{name}: {latest} acknowledged by {user}: {follows}")
    return _Written(written, latest)
