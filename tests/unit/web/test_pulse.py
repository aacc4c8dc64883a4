"""What pages say of the operator's Lease: where it is read, in whose name, and how often."""

from datetime import timedelta

import pytest

from modelalias.cli.cluster import Heartbeat
from modelalias.cli.kubeconfig import Access
from modelalias.core.errors import Refused, Unavailable
from modelalias.web.config import DashboardConfig
from modelalias.web.deployed import operator_namespace
from modelalias.web.pulse import KEPT_SECONDS, Pulse
from tests.support.web_site import NOW, Cluster, alias

OLD = Heartbeat(holder="pod", renewed=NOW - timedelta(hours=1))
FRESH = Heartbeat(holder="pod", renewed=NOW)
OUTSIDE = Access("ml", {"server": "https://10.0.0.1"}, {"token": "x"})
POD = Access("tools")


def config(**fields: str) -> DashboardConfig:
    return DashboardConfig.model_validate({"auth": {"mode": "viewer"}, "hosts": ["localhost"], **fields})


async def test_the_lease_is_read_again_after_some_seconds_and_not_sooner() -> None:
    cluster, seconds = Cluster([alias()]), 0.0
    pulse = Pulse(clock=lambda: seconds)
    cluster.lease = OLD
    assert "statuses may be old" in str(await pulse.warning(cluster))

    cluster.lease = FRESH
    seconds = KEPT_SECONDS - 1
    assert "statuses may be old" in str(await pulse.warning(cluster))
    seconds = KEPT_SECONDS
    assert await pulse.warning(cluster) is None


async def test_what_one_person_may_read_is_told_to_nobody_else() -> None:
    ana, bo, pulse = Cluster([alias()]), Cluster([alias()]), Pulse()
    ana.lease, bo.lease = OLD, Refused("may not get leases")
    bo.me = bo.me.changed(user="bo")

    assert await pulse.warning(ana)
    assert await pulse.warning(bo) is None


async def test_who_cannot_be_told_apart_hears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster([alias()])
    cluster.lease = OLD

    async def fails() -> None:
        raise Unavailable("no answer")

    monkeypatch.setattr(cluster, "who", fails)

    assert await Pulse().warning(cluster) is None


def test_a_dashboard_looks_where_its_pod_is_or_where_it_is_told() -> None:
    assert operator_namespace(config(), POD) == "tools"
    assert operator_namespace(config(), OUTSIDE) == "modelalias-system"
    assert operator_namespace(config(operatorNamespace="mlops"), POD) == "mlops"
