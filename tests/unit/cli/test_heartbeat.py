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
        (_lease(seconds=5), "the operator renewed its Lease 5 s ago"),
        (_lease(seconds=10), "the operator renewed its Lease 10 s ago"),
        (_lease(seconds=38), "the operator renewed its Lease 38 s ago; while it runs it does so every 2 s"),
        (_lease(seconds=60), "the operator renewed its Lease 60 s ago"),
        (_lease(seconds=-40), "the operator renewed its Lease 0 s ago"),
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

    assert words in (await heartbeat.look(cluster, heartbeat.NAMESPACE)).sentence


@pytest.mark.parametrize(
    ("lease", "is_told"),
    [
        (_lease(seconds=38), False),
        (_lease(seconds=61), True),
        (_lease("", seconds=5), True),
        (None, False),
        (Refused("may not get leases"), False),
        (Unavailable("no answer in 10 s"), False),
    ],
    ids=str,
)
async def test_statuses_are_called_old_where_that_is_known(
    lease: Heartbeat | OperatorError | None, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = FakeCluster()
    cluster.time, cluster.lease = NOW, lease

    await heartbeat.warn(cluster, heartbeat.NAMESPACE)

    assert ("statuses may be old" in capsys.readouterr().err) is is_told
