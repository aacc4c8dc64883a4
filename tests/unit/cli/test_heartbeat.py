"""Whether the operator runs, as its Lease tells."""

from datetime import UTC, datetime, timedelta

import pytest

from modelalias.cli import heartbeat
from modelalias.cli.cluster import Heartbeat
from modelalias.core.errors import OperatorError, Refused, Unavailable
from tests.support.cli_cluster import FakeCluster

NOW = datetime(2026, 1, 1, 12, 11, tzinfo=UTC)


def _lease(holder: str = "pod", **ago: float) -> Heartbeat:
    return Heartbeat(holder=holder, renewed=NOW - timedelta(**ago))


@pytest.mark.parametrize(
    ("lease", "words"),
    [
        (_lease(seconds=5), "the operator runs"),
        (_lease(seconds=60), "the operator runs"),
        (_lease(seconds=-40), "the operator runs"),
        (
            _lease(minutes=7),
            "the operator has not renewed its Lease since 12:04 UTC (7 min ago): statuses may be old",
        ),
        (_lease("", minutes=7), "since 12:04 UTC (7 min ago): statuses may be old"),
        (_lease(hours=5), "(5 h ago): statuses may be old"),
        (_lease(days=3), "(3 days ago): statuses may be old"),
        (_lease("", seconds=5), "no operator holds the Lease at the moment"),
        (Heartbeat(holder="pod", renewed=None), "is not known: its Lease was never renewed"),
        (None, "is not known: there is no Lease of it in namespace modelalias-system"),
        (Refused("may not get leases"), "is not known: no role of yours lets you read its Lease"),
        (Unavailable("no answer in 10 s"), "is not known: no answer in 10 s"),
    ],
    ids=str,
)
async def test_it_says_how_the_operator_stands(lease: Heartbeat | OperatorError | None, words: str) -> None:
    cluster = FakeCluster()
    cluster.time, cluster.lease = NOW, lease

    assert words in await heartbeat.look(cluster, heartbeat.NAMESPACE)
