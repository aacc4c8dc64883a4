"""The pages in a real browser on a real API server: one of each for a module, a window of its own for a test."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import chromium
from tests.support.kube_api import GROUP, KubeApi, Person
from tests.support.opened_dashboard import Dashboard, dashboard
from tests.support.shown_team import ANA, BO, EVE, PEOPLE, ShownTeam, bind


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def shown(kube_api: KubeApi) -> Iterator[str]:
    """A namespace in which there is something to see, and people have their roles."""
    name = f"test-{secrets.token_hex(4)}"
    made = kube_api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    assert made.ok, made.message
    bind(kube_api, name)
    ShownTeam(kube_api, name).fill()
    _until_known(kube_api, name)
    yield name
    kube_api.send("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def team(kube_api: KubeApi, shown: str) -> ShownTeam:
    """Who changes what there is to see."""
    return ShownTeam(kube_api, shown)


@pytest.fixture(scope="module")
def dashboards(kubeconfig: str, shown: str) -> Iterator[Mapping[Person, Dashboard]]:
    """The pages of everybody, each started when a test first asks."""
    with ExitStack() as stack:
        yield _Started(stack, kubeconfig, shown)


class _Started(dict[Person, Dashboard]):
    def __init__(self, stack: ExitStack, kubeconfig: str, namespace: str) -> None:
        super().__init__()
        self._stack, self._kubeconfig, self._namespace = stack, kubeconfig, namespace

    def __missing__(self, who: Person) -> Dashboard:
        flags = ("--read-only",) if who is EVE else ()
        self[who] = self._stack.enter_context(dashboard(self._kubeconfig, self._namespace, who, *flags))
        return self[who]


@pytest.fixture
def ana(dashboards: Mapping[Person, Dashboard]) -> Dashboard:
    """The pages of who files requests."""
    return dashboards[ANA]


@pytest.fixture
def bo(dashboards: Mapping[Person, Dashboard]) -> Dashboard:
    """The pages of who approves."""
    return dashboards[BO]


@pytest.fixture
def eve(dashboards: Mapping[Person, Dashboard]) -> Dashboard:
    """The pages of who only looks."""
    return dashboards[EVE]


def _until_known(api: KubeApi, namespace: str) -> None:
    """Wait until the API server knows everybody's role."""
    deadline = time.monotonic() + 30
    path = f"{GROUP}/namespaces/{namespace}/promotionrequests"
    while not all(api.send("GET", path, who=who).ok for who in PEOPLE):
        assert time.monotonic() < deadline, "not within 30 s: the API server knows who may look"
        time.sleep(0.1)  # poll
