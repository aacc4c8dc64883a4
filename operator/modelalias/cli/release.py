"""`modelalias release`: end the hold after a rollback, so that automatic steps go on."""

import argparse
from typing import Any, Final

from modelalias.api.alias import ModelAlias
from modelalias.api.alias_status import Hold
from modelalias.api.conditions import AliasCondition, find
from modelalias.api.fields import timestamp_text
from modelalias.api.metadata import RELEASE_HOLD
from modelalias.cli import alias_waiting, holds, output, said, session, status, waiting
from modelalias.cli.alias_waiting import Awaited
from modelalias.cli.cluster import PersonsCluster
from modelalias.cli.waiting import Ending

_MORE: Final = f"""\
Writes the annotation {RELEASE_HOLD}, with the time at which the hold began and your name, and waits until the
operator has ended that hold. A hold that begins later is another one.

examples:
  %(prog)s churn-champion
  %(prog)s churn-champion --dry-run     # prints the kubectl command

exit status:
  0   there is no hold, now or before
  1   another hold has begun meanwhile, or the ModelAlias was deleted
  2   the hold has not ended in time, or nothing was written; standard error says why
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "release",
        help="end a hold, so that automatic steps go on",
        description="End a hold, so that automatic steps go on.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("alias", metavar="ALIAS", help="name of the ModelAlias")
    add_flags(parser)
    parser.set_defaults(run=run)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that say something and wait for what follows."""
    parser.add_argument(
        "--dry-run", action="store_true", help="print the kubectl command, and change nothing"
    )
    status.add_timeout_flag(parser, "2m", "how long to wait for the operator")
    session.add_flags(parser)


def run(options: argparse.Namespace) -> tuple[str, int]:
    """Return the output and the exit status."""

    async def release(cluster: PersonsCluster) -> tuple[str, int]:
        user = (await cluster.who()).user
        alias = await cluster.alias(options.alias)
        hold = alias.status.hold
        if hold is None:
            return output.lines([f"{options.alias}: there is no hold"]), Ending.SUCCEEDED
        if options.dry_run:
            return output.lines([holds.release(hold, user).command(alias)]), Ending.SUCCEEDED
        written, new = await said.say(cluster, alias, lambda found: holds.wanted(found, user))
        if new is not None:
            output.tell(f"{options.alias}: release of {holds.described(hold)} asked for by {user}")
        return await until_released(cluster, written, hold, options.timeout, waiting.clock())

    return session.with_cluster(options, release)


async def until_released(
    cluster: PersonsCluster, alias: ModelAlias, hold: Hold, seconds: float, clock: waiting.Clock
) -> tuple[str, int]:
    """Wait until that hold has ended; return the output and the exit status."""
    name = alias.metadata.name
    awaited = Awaited(lambda latest: ending_of(latest, hold), f"the hold of {name} has not ended")
    latest, ending = await alias_waiting.until(cluster, alias, awaited, seconds, output.tell, clock)
    return output.lines([f"{name}: {conclusion(latest, hold)}"]), ending


def ending_of(latest: ModelAlias, hold: Hold) -> Ending | None:
    """Return how waiting for the end of a hold ended; None while it has not."""
    now = latest.status.hold
    if now is None:
        return Ending.SUCCEEDED
    return None if now.since == hold.since else Ending.NOT_SUCCEEDED


def conclusion(latest: ModelAlias, hold: Hold) -> str:
    """Return in one sentence where the hold stands."""
    now = latest.status.hold
    if now is None:
        return f"{holds.described(hold)} has ended"
    if now.since != hold.since:
        another = f"another one began at {timestamp_text(now.since)} ({now.reason})"
        return f"{holds.described(hold)} has ended, and {another}"
    condition = find(latest.status.conditions, AliasCondition.HELD)
    message = "" if condition is None else condition.message
    return f"{holds.described(hold)} goes on{f': {message}' if message else ''}"
