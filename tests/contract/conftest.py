"""The registry that a contract is asked of: the fake, and a real MLflow server."""

from collections.abc import AsyncIterator

import pytest
from packaging.version import Version

from modelalias.ports import Registry
from tests.support.both_registries import KINDS, opened_registry
from tests.support.mlflow_server import Server
from tests.support.registry_seeder import Seeder


@pytest.fixture(params=KINDS)
async def both(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Registry, Seeder]]:
    async with opened_registry(request) as opened:
        yield opened


@pytest.fixture
def registry(both: tuple[Registry, Seeder]) -> Registry:
    return both[0]


@pytest.fixture
def seeder(both: tuple[Registry, Seeder]) -> Seeder:
    return both[1]


@pytest.fixture(autouse=True)
def _server_has_what_is_asked(request: pytest.FixtureRequest) -> None:
    """Leave out what a real server does not have, its release or its database.

    The markers are `needs_mlflow("3.0", "logged models")` and `needs_database("sqlite", "run ids of any length")`.
    """
    release, database = map(request.node.get_closest_marker, ("needs_mlflow", "needs_database"))
    callspec = getattr(request.node, "callspec", None)
    if not (release or database) or (callspec is not None and callspec.params.get("both") == "fake"):
        return
    server: Server = request.getfixturevalue("mlflow_server")
    if release and Version(server.release) < Version(release.args[0]):
        pytest.skip(f"MLflow {server.release} has no {release.args[1]}")
    kind = server.database.partition(":")[0].partition("+")[0]
    if database and kind not in database.args[:-1]:
        pytest.skip(f"MLflow on {kind} has no {database.args[-1]}")
