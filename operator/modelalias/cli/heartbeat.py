"""Whether the operator runs, as its Lease tells: it renews it every few seconds."""

import argparse
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from modelalias.adapters.leadership import RENEW_SECONDS
from modelalias.cli import output
from modelalias.cli.cluster import Heartbeat, PersonsCluster
from modelalias.core.errors import InvalidRequest, Refused, Unavailable

NAMESPACE: Final = "modelalias-system"
LATE: Final = timedelta(seconds=60)
"""After which statuses are said to be old. A standby takes the Lease after some 18 s; clocks differ."""
_FRESH: Final = timedelta(seconds=5 * RENEW_SECONDS)
"""Up to which nothing is odd about the Lease's age."""


class Standing(NamedTuple):
    """How the operator stands, as its Lease tells."""

    sentence: str
    is_silent: bool = False
    """Whether statuses may be old: the Lease is, or nobody holds it. Not where that cannot be told."""
    lasting: str = ""
    """The sentence without what changes each minute, where it may be old."""
    is_fresh: bool = False
    """Whether the Lease was renewed as one is that is held."""


def add_flag(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the operator is."""
    parser.add_argument(
        "--operator-namespace",
        default=NAMESPACE,
        metavar="NAMESPACE",
        help=f"where the operator and its Lease are; default: {NAMESPACE}",
    )


async def look(cluster: PersonsCluster, namespace: str) -> Standing:
    """Return how the operator stands that is installed in a namespace."""
    try:
        found = await cluster.heartbeat(namespace)
    except Refused:
        return _unknown("no role of yours lets you read its Lease")
    except (Unavailable, InvalidRequest) as error:
        return _unknown(str(error))
    if found is None:
        return _unknown(f"there is no Lease of it in namespace {namespace}")
    return standing(found, cluster.now())


async def warn(cluster: PersonsCluster, namespace: str) -> None:
    """Say on standard error where statuses may be old; nothing where that cannot be told."""
    found = await look(cluster, namespace)
    if found.is_silent:
        output.tell(found.sentence)


def standing(found: Heartbeat, now: datetime) -> Standing:
    """Return what the Lease says."""
    if found.renewed is None:
        return _unknown("its Lease was never renewed")
    ago = now - found.renewed
    if ago > LATE:
        silent, old = "the operator has not renewed its Lease since", "statuses may be old"
        return Standing(
            f"{silent} {found.renewed:%H:%M} UTC ({_long(ago)} ago): {old}",
            is_silent=True,
            lasting=f"{silent} {found.renewed:%Y-%m-%d %H:%M} UTC: {old}",
        )
    if not found.holder:
        released = "no operator holds the Lease at the moment: statuses may be old soon"
        return Standing(released, is_silent=True, lasting=released)
    renewed = f"the operator renewed its Lease {max(0, int(ago.total_seconds()))} s ago"
    if ago > _FRESH:
        return Standing(f"{renewed}; while it runs it does so every {RENEW_SECONDS:g} s")
    return Standing(renewed, is_fresh=True)


def _unknown(why: str) -> Standing:
    return Standing(f"whether the operator runs is not known: {why}")


def where_to_look(namespace: str) -> tuple[str, ...]:
    """Return what to type where the operator does not do its work."""
    return (
        f"is it there?      {is_there(namespace)}",
        f"what does it say? {logs(namespace)}",
    )


def is_there(namespace: str) -> str:
    """Return the command that shows whether the operator is installed."""
    return f"kubectl -n {namespace} get deployment,pods"


def logs(namespace: str) -> str:
    """Return the command that shows what the operator says."""
    return f"kubectl -n {namespace} logs deployment/modelalias-operator"


def _long(ago: timedelta) -> str:
    minutes = int(ago.total_seconds() // 60)
    if minutes < 120:  # noqa: PLR2004 - up to two hours minutes tell more
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
