"""The operator's account on MLflow's own basic-auth: what docs/install.md grants it is enough, and less is refused.

Only `make compatibility` runs it: this server hashes a password for each call, which costs 40 s of processor time.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import requests

from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import Refused
from modelalias.ports import EvaluationRun, RunStatus
from modelalias.servers import Credentials
from modelalias.settings import RegistrySettings
from tests.support.mlflow_server import OTHER_PYTHON, Server, running_mlflow
from tests.support.registry_seeder import MlflowSeeder

pytestmark = pytest.mark.skipif(OTHER_PYTHON not in os.environ, reason="only make compatibility runs it")

ADMIN = ("admin", "password-of-a-test")
ACCOUNT = ("modelalias", "password-of-the-operator")
CONFIG = f"""[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///basic_auth.db
admin_username = {ADMIN[0]}
admin_password = {ADMIN[1]}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


class Granted:
    """A server with an account, and who gives it permissions."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.seeder = MlflowSeeder(server, f"auth-{secrets.token_hex(4)}")
        self.call("2.0/mlflow/users/create", {"username": ACCOUNT[0], "password": ACCOUNT[1]})

    def call(self, path: str, body: Mapping[str, str]) -> None:
        answer = requests.post(f"{self.server.uri}/api/{path}", json=body, auth=ADMIN, timeout=30)
        assert answer.ok, answer.text

    async def model(self, permission: str) -> tuple[str, str]:
        """Make a model with a version, grant that on both, and return its name and the run's id."""
        name, run_id = f"model-{secrets.token_hex(4)}", await self.seeder.create_run([("auc", 0.9, 0)])
        await self.seeder.create_model(name)
        await self.seeder.create_version(name, run_id)
        self.grant("registered_model", name, permission)
        return name, run_id

    def grant(self, kind: str, which: str, permission: str) -> None:
        grant = {"resource_type": kind, "resource_id": which, "permission": permission}
        self.call("3.0/mlflow/users/permissions/grant", {"username": ACCOUNT[0], **grant})


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Granted]:
    folder = tmp_path_factory.mktemp("auth")
    config = folder / "basic_auth.ini"
    config.write_text(CONFIG)
    variables = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "of a test"}
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
        environ.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
        with running_mlflow(folder, arguments=("--app-name", "basic-auth"), variables=variables) as server:
            made = Granted(server)
            made.grant("experiment", made.seeder.experiment_id, "READ")
            yield made


@pytest.fixture
def account(tmp_path: Path) -> Credentials:
    for name, text in zip(("username", "password"), ACCOUNT, strict=True):
        (tmp_path / name).write_text(text)
    return Credentials(username_file=tmp_path / "username", password_file=tmp_path / "password")


@pytest.fixture
async def registry(granted: Granted, account: Credentials) -> AsyncIterator[MlflowRegistry]:
    registry = MlflowRegistry(RegistrySettings(uri=granted.server.uri, credentials=account))
    yield registry
    await registry.close()


async def test_edit_and_read_are_enough_to_judge_and_move(granted: Granted, registry: MlflowRegistry) -> None:
    model, run_id = await granted.model("EDIT")
    another = await granted.seeder.create_run()

    await registry.set_alias(model, "champion", "1")
    await registry.tag_version(model, "1", {"modelalias.champion": "{}"})
    made = await registry.version_of_run(model, another, None)
    run = (await registry.runs([run_id]))[run_id]
    evaluation = await registry.evaluation_run(
        EvaluationRun(key="9f", experiment=model, name="eval", tags=())
    )
    await registry.end_run(evaluation, "9f", RunStatus.FINISHED)

    assert made is not None
    assert made.version == "2"
    assert (await registry.snapshot())[model] == {"champion": "1"}
    assert run.metrics.keys() == {"auc"}


async def test_taking_away_needs_manage(granted: Granted, registry: MlflowRegistry) -> None:
    edited, _ = await granted.model("EDIT")
    managed, _ = await granted.model("MANAGE")
    for model in (edited, managed):
        await registry.set_alias(model, "champion", "1")

    with pytest.raises(Refused):
        await registry.delete_alias(edited, "champion")
    await registry.delete_alias(managed, "champion")

    assert await registry.aliases(edited) == {"champion": "1"}
    assert await registry.aliases(managed) == {}


async def test_what_it_may_not_read_is_refused_and_not_in_a_snapshot(
    granted: Granted, registry: MlflowRegistry
) -> None:
    model, _ = await granted.model("DENY")

    with pytest.raises(Refused, match="do not permit"):
        await registry.aliases(model)

    assert model not in await registry.snapshot()


async def test_another_password_is_refused(granted: Granted, account: Credentials) -> None:
    assert account.password_file is not None
    account.password_file.write_text("another password")
    registry = MlflowRegistry(RegistrySettings(uri=granted.server.uri, credentials=account))

    with pytest.raises(Refused, match="does not accept the credentials"):
        await registry.snapshot()
    await registry.close()
