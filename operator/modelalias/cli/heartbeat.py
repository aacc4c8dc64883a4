"""Whether the operator runs, as its Lease tells: it renews it every few seconds."""

import argparse
from datetime import datetime, timedelta
from typing import Final

from modelalias.cli.cluster import Heartbeat, PersonsCluster
from modelalias.core.errors import InvalidRequest, Refused, Unavailable

NAMESPACE: Final = "modelalias-system"
LATE: Final = timedelta(seconds=60)
"""After which the operator is said not to run. A standby takes the Lease after some 18 s; clocks differ."""


def add_flag(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the operator is."""
    parser.add_argument(
        "--operator-namespace",
        default=NAMESPACE,
        metavar="NAMESPACE",
        help=f"where the operator and its Lease are; default: {NAMESPACE}",
    )


async def look(cluster: PersonsCluster, namespace: str) -> str:
    """Return in a sentence how the operator stands that is installed in a namespace; one that runs says so first."""
    try:
        found = await cluster.heartbeat(namespace)
    except Refused:
        return "whether the operator runs is not known: no role of yours lets you read its Lease"
    except (Unavailable, InvalidRequest) as error:
        return f"whether the operator runs is not known: {error}"
    if found is None:
        return f"whether the operator runs is not known: there is no Lease of it in namespace {namespace}"
    return sentence(found, cluster.now())


def sentence(found: Heartbeat, now: datetime) -> str:
    """Return what the Lease says."""
    if found.renewed is None:
        return "whether the operator runs is not known: its Lease was never renewed"
    ago = now - found.renewed
    if ago > LATE:
        since = f"{found.renewed:%H:%M} UTC ({_long(ago)} ago)"
        return f"the operator has not renewed its Lease since {since}: statuses may be old"
    if not found.holder:
        return "no operator holds the Lease at the moment: statuses may be old soon"
    return RUNS


RUNS: Final = "the operator runs"


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
