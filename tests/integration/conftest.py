"""What the integration tests stand on: the CRDs in a running cluster and words to its API server."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hack.cluster import recipes
from tests.support.argo_rollouts import installed
from tests.support.installation import install_account, install_crds, install_policy
from tests.support.kube_api import KubeApi
from tests.support.mlflow_server import Server
from tests.support.operator_process import OperatorProcess, config_for, running_operator
from tests.support.seeding import Seeding
from tests.support.stage import Stage


@pytest.fixture(scope="session")
def crds_installed(kubeconfig: str) -> None:
    """Both kinds are served."""
    install_crds(kubeconfig)


@pytest.fixture(scope="session")
def kube_api(kubeconfig: str, crds_installed: None) -> KubeApi:  # noqa: ARG001 - the kinds must be served
    """The API server of a cluster in which all is installed that is shipped, the admission policy as well."""
    install_account(kubeconfig)
    install_policy(kubeconfig)
    return KubeApi(kubeconfig)


@pytest.fixture(scope="session")
def gateway_api(kubeconfig: str) -> None:
    """HTTPRoutes, Gateways and what belongs to them are served; nothing acts on them."""
    installed(kubeconfig, recipes.GATEWAY)


@pytest.fixture
def stage(kubeconfig: str, namespace: str, kube_api: KubeApi) -> Stage:
    return Stage(kubeconfig, namespace, kube_api.who_am_i())


@pytest.fixture(scope="module", autouse=True)
def seeded_models() -> Iterator[list[Seeding]]:
    """The models of the module's tests, which go when no operator manages them any more: every operator of the
    run looks at all models every two seconds."""
    models: list[Seeding] = []
    yield models
    for model in models:
        model.remove()


@pytest.fixture
def seeded(mlflow_server: Server, seeded_models: list[Seeding]) -> Seeding:
    seeded_models.append(Seeding(mlflow_server.uri, f"churn-{secrets.token_hex(4)}"))
    return seeded_models[-1]


@pytest.fixture
def operator(
    kubeconfig: str, namespace: str, mlflow_server: Server, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """An operator of the test's own, which it may kill."""
    with running_operator(kubeconfig, config_for(namespace, mlflow_server.uri), tmp_path) as process:
        yield process


@pytest.fixture(scope="module")
def watched_namespaces(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """A name for the namespace of each test of the module that shares the operator, which is told them when
    it starts."""
    of_module = [
        item
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function)
    ]
    return {item.nodeid: new_name() for item in of_module if "shared_operator" in item.fixturenames}


@pytest.fixture
def namespace_name(request: pytest.FixtureRequest) -> str:
    if "shared_operator" not in request.fixturenames:
        return new_name()
    watched: Mapping[str, str] = request.getfixturevalue("watched_namespaces")
    return watched[request.node.nodeid]


@pytest.fixture(scope="module")
def shared_operator(
    kubeconfig: str,
    kube_api: KubeApi,
    mlflow_server: Server,
    watched_namespaces: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """One operator for the tests of a module that leave it running; starting it takes longer than most of
    them."""
    home = new_name()
    assert kube_api.create("/api/v1/namespaces", {"metadata": {"name": home}}).ok
    config = {**config_for(home, mlflow_server.uri), "namespaces": [*watched_namespaces.values()]}
    with running_operator(kubeconfig, config, tmp_path_factory.mktemp("operator")):
        yield
    kube_api.send("DELETE", f"/api/v1/namespaces/{home}")


def new_name() -> str:
    """Return a name for a namespace that nobody has."""
    return f"test-{secrets.token_hex(4)}"
