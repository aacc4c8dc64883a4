"""What the tests of the chart share: a cluster in which they may install what is the whole cluster's."""

from collections.abc import Iterator

import pytest

from hack.cluster.provider import Kind
from hack.cluster.selection import detect
from tests.support.own_cluster import own_cluster


@pytest.fixture(scope="module")
def own_kubeconfig() -> Iterator[str]:
    if detect() is Kind.KIND:
        pytest.skip("beside kind's cluster a second one would have to be compiled")
    with own_cluster() as kubeconfig:
        yield kubeconfig
