"""What only MLflow itself can show: that our reading of its API is what its own client does."""

import secrets
from collections.abc import AsyncIterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from modelalias.adapters.mlflow_errors import failure
from modelalias.adapters.mlflow_registry import MlflowRegistry
from modelalias.core.errors import ModelNotFound, NotLeading, Refused, Unreadable
from modelalias.ports import EvaluationRun, RunStatus
from modelalias.settings import RegistrySettings
from tests.support.mlflow_server import Server
from tests.support.registry_seeder import MlflowSeeder
from tests.support.seeded import ModelFile
from tests.support.seeding import Seeding

MODEL_CODE = """
import mlflow

class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return model_input

mlflow.models.set_model(Echo())
"""


@pytest.fixture
async def registry(mlflow_server: Server) -> AsyncIterator[MlflowRegistry]:
    registry = MlflowRegistry(RegistrySettings(uri=mlflow_server.uri))
    yield registry
    await registry.close()


@pytest.fixture
def client(mlflow_server: Server, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """MLflow's own client; its fluent functions speak to the server too."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", mlflow_server.uri)
    return MlflowClient(mlflow_server.uri)


@pytest.fixture
def seeder(mlflow_server: Server) -> MlflowSeeder:
    return MlflowSeeder(mlflow_server, f"mlflow-{secrets.token_hex(4)}")


@pytest.fixture
def model(client: MlflowClient) -> str:
    name = f"model-{secrets.token_hex(4)}"
    client.create_registered_model(name)
    return name


@pytest.mark.filterwarnings(
    "ignore::UserWarning"
)  # importing its own pyfunc, MLflow warns of its own type hints
@pytest.mark.needs_mlflow("3.0", "logged models")
async def test_a_registered_run_loads_and_is_what_mlflow_would_register(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str, tmp_path: Path
) -> None:
    code = tmp_path / "echo.py"
    code.write_text(MODEL_CODE)
    with mlflow.start_run(experiment_id=seeder.experiment_id) as run:
        mlflow.pyfunc.log_model(name="model", python_model=str(code), pip_requirements=[])
    run_id = run.info.run_id
    theirs = mlflow.register_model(f"runs:/{run_id}/model", f"{model}-theirs")

    await registry.version_of_run(model, run_id, None)

    ours = client.get_model_version(model, "1")
    assert (ours.source, ours.run_id, ours.status) == (theirs.source, theirs.run_id, theirs.status)
    assert mlflow.pyfunc.load_model(f"models:/{model}/1").predict(["a"]) == ["a"]
    tags = client.get_logged_model(str(ours.source).removeprefix("models:/")).tags
    assert model in tags["mlflow.modelVersions"]


@pytest.mark.needs_mlflow("3.0", "logged models")
@pytest.mark.parametrize("how", ["runs", "models"])
async def test_a_version_that_mlflow_registered_is_found(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str, how: str
) -> None:
    run_id = await seeder.create_run()
    (logged,) = client.search_logged_models([seeder.experiment_id])
    theirs = mlflow.register_model(f"runs:/{run_id}/model" if how == "runs" else logged.model_uri, model)

    ours = await registry.version_of_run(model, run_id, None)

    assert ours is not None
    assert ours.version == str(theirs.version)


@pytest.mark.needs_mlflow("3.0", "logged models")
async def test_of_checkpoints_under_one_name_the_last_step_is_registered(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str
) -> None:
    run_id = await seeder.create_run(models=[])
    seeder.log_model(run_id, "net", step=1)
    last = seeder.log_model(run_id, "net", step=30)
    seeder.log_model(run_id, "net", step=20)

    await registry.version_of_run(model, run_id, None)

    assert client.get_model_version(model, "1").source == f"models:/{last}"


@pytest.mark.parametrize("path", ["model", "deep/er/model", "with space", None])
async def test_a_model_among_the_artifacts_of_a_run_is_registered(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str, path: str | None
) -> None:
    """As MLflow 2 wrote them: files of the run, and a tag that lists where."""
    where = path or "model"
    run_id = await seeder.create_run(models=[])
    client.log_text(run_id, "flavors: {}\n", f"{where}/MLmodel")
    client.set_tag(run_id, "mlflow.log-model.history", f'[{{"artifact_path": "{where}"}}]')

    first = await registry.version_of_run(model, run_id, path)
    again = await registry.version_of_run(model, run_id, path)

    assert first == again
    assert (
        client.get_model_version(model, "1").source == f"{client.get_run(run_id).info.artifact_uri}/{where}"
    )


@pytest.mark.filterwarnings(
    "ignore::UserWarning"
)  # importing its own pyfunc, MLflow warns of its own type hints
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.needs_mlflow("3.0", "logged models")
async def test_the_signature_that_mlflow_wrote_is_read(
    registry: MlflowRegistry,
    seeder: MlflowSeeder,
    client: MlflowClient,
    model: str,
    tmp_path: Path,
    *,
    signed: bool,
) -> None:
    """Once as it is registered, once through `runs:/`, which the server does not follow to a logged model."""
    code = tmp_path / "echo.py"
    code.write_text(MODEL_CODE)
    what = {"python_model": str(code)} if signed else {"loader_module": "json"}
    with mlflow.start_run(experiment_id=seeder.experiment_id) as run:
        logged = mlflow.pyfunc.log_model(name="model", pip_requirements=[], **what)
    mlflow.register_model(logged.model_uri, model)
    client.create_model_version(model, f"runs:/{run.info.run_id}/model", run.info.run_id)

    assert [await registry.has_signature(model, version) for version in ("1", "2")] == [signed] * 2


@pytest.mark.parametrize("source", ["mlflow-artifacts:", "runs:/"])
async def test_the_signature_among_the_artifacts_of_a_run_is_read(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str, source: str
) -> None:
    """As MLflow 2 wrote them; the server does not read a version's file through `runs:/`."""
    run_id = await seeder.create_run(models=[])
    client.log_text(run_id, ModelFile.SIGNED, "deep/er model/MLmodel")
    root = client.get_run(run_id).info.artifact_uri if source != "runs:/" else f"runs:/{run_id}"
    client.create_model_version(model, f"{root}/deep/er model", run_id)

    assert await registry.has_signature(model, "1") is True


@pytest.mark.parametrize(
    "path",
    ["nothing", pytest.param("model", marks=pytest.mark.needs_mlflow("3.0", "models without files"))],
)
async def test_a_run_without_that_file_is_unreadable(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str, path: str
) -> None:
    run_id = await seeder.create_run()
    client.create_model_version(model, f"runs:/{run_id}/{path}", run_id)

    with pytest.raises(Unreadable, match="cannot hand out the MLmodel file of version 1"):
        await registry.has_signature(model, "1")


async def test_a_file_that_is_too_large_is_unreadable(
    registry: MlflowRegistry, seeder: MlflowSeeder, client: MlflowClient, model: str
) -> None:
    run_id = await seeder.create_run(models=[])
    client.log_text(run_id, f"flavors: {{}}\n# {'x' * 1024 * 1024}\n", "model/MLmodel")
    client.create_model_version(model, f"{client.get_run(run_id).info.artifact_uri}/model", run_id)

    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        await registry.has_signature(model, "1")


async def test_of_two_runs_with_one_key_the_older_counts(
    registry: MlflowRegistry, client: MlflowClient, model: str
) -> None:
    """Another process may have made the second at the same moment."""
    experiment = client.create_experiment(model)
    tags = {"modelalias.evaluation": "9f3c"}
    times = [2_000, 1_000, 3_000]
    runs = [client.create_run(experiment, start_time=time, tags=tags).info.run_id for time in times]

    assert (
        await registry.evaluation_run(EvaluationRun(key="9f3c", experiment=model, name="eval", tags=()))
        == runs[1]
    )


async def test_runs_of_several_experiments_are_read_together(
    registry: MlflowRegistry, mlflow_server: Server, client: MlflowClient
) -> None:
    seeders = [MlflowSeeder(mlflow_server, f"several-{secrets.token_hex(4)}") for _ in range(3)]
    run_ids = [await seeder.create_run([("auc", 0.5, 0)], models=[]) for seeder in seeders for _ in range(5)]

    first = await registry.runs(run_ids)
    again = await registry.runs(run_ids)

    assert sorted(first) == sorted(run_ids)
    assert again == first
    assert client.get_run(run_ids[0]).data.metrics == {"auc": 0.5}


async def test_a_model_in_another_case_is_not_there_and_told_by_its_own_name_where_the_database_finds_it(
    registry: MlflowRegistry, mlflow_server: Server, model: str
) -> None:
    with pytest.raises(ModelNotFound, match=model.upper()) as failure:
        await registry.aliases(model.upper())

    assert (f"but one named {model}" in str(failure.value)) is mlflow_server.database.startswith("mysql")


@pytest.mark.needs_mlflow("3.5", "check of host names")
def test_mlflow_refuses_a_host_it_does_not_know_in_the_words_we_look_for(mlflow_server: Server) -> None:
    connection = HTTPConnection(mlflow_server.host, mlflow_server.port, timeout=10)
    with closing(connection):
        connection.request(
            "GET", "/api/2.0/mlflow/registered-models/search", headers={"Host": "registry.example"}
        )
        answer = connection.getresponse()
        text = answer.read().decode()

    found = failure(answer.status, "", dict(answer.headers), text=text, host="registry.example")

    assert isinstance(found, Refused)
    assert "registry.example: start MLflow with this name in --allowed-hosts" in str(found)


def test_mlflow_says_that_an_endpoint_is_not_there_in_another_way_than_a_model(mlflow_server: Server) -> None:
    connection = HTTPConnection(mlflow_server.host, mlflow_server.port, timeout=10)
    with closing(connection):
        connection.request("GET", "/api/2.0/mlflow/registered-models/search-of-another-release")
        answer = connection.getresponse()
        text = answer.read().decode()

    assert answer.status == 404
    assert "RESOURCE_DOES_NOT_EXIST" not in text


async def test_a_process_that_no_longer_leads_reads_and_writes_nothing(mlflow_server: Server) -> None:
    def may_not() -> None:
        raise NotLeading("another process leads")

    seeded = Seeding(mlflow_server.uri, f"model-{secrets.token_hex(4)}")
    model, version = seeded.model, seeded.version()
    running = seeded.client.create_run("0", tags={"modelalias.evaluation": "9e"})
    registry = MlflowRegistry(RegistrySettings(uri=mlflow_server.uri), may_write=may_not)

    with pytest.raises(NotLeading):
        await registry.set_alias(model, "champion", version)
    with pytest.raises(NotLeading):
        await registry.tag_version(model, version, {"key": "value"})
    for experiment in (model, "Default"):
        with pytest.raises(NotLeading):
            await registry.evaluation_run(
                EvaluationRun(key="9f", experiment=experiment, name="eval", tags=())
            )
    with pytest.raises(NotLeading):
        await registry.end_run(running.info.run_id, "9e", RunStatus.FINISHED)
    aliases = await registry.aliases(model)
    await registry.close()

    assert aliases == {}
    assert seeded.tags(version) == {}
    assert seeded.client.get_experiment_by_name(model) is None
    assert seeded.client.get_run(running.info.run_id).info.status == "RUNNING"
