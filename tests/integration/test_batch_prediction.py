"""`python -m training.predict` against a real MLflow server: which version predicts, what is kept, what a monitor reads."""

import csv
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.support.mlflow_server import Server
from tests.support.training_process import Forks, command, forking
from training.pipelines.forecast import PIPELINE
from training.settings import Exit

# On a loaded machine importing MLflow alone takes most of a minute.
pytestmark = pytest.mark.timeout(600)
ROWS = ("--pipeline", "forecast", "--rows", "400")


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with forking() as started:
        yield started


@pytest.fixture(scope="module")
def model(mlflow_server: Server, forks: Forks) -> str:
    """Two versions of a forecast, of which production is the first."""
    name = f"forecast-{secrets.token_hex(4)}"
    for words in (("--quality", "better", "--alias", "production"), ("--quality", "good", "--no-alias")):
        done = forks.command(
            mlflow_server.uri, "training.train", "--pipeline", "forecast", "--model", name, *words
        )
        assert done.returncode == Exit.DONE, done.stderr
    return name


@pytest.fixture
def client(mlflow_server: Server) -> MlflowClient:
    return MlflowClient(mlflow_server.uri)


def test_version_of_a_stage_predicts_and_its_predictions_are_kept(
    mlflow_server: Server, client: MlflowClient, model: str, tmp_path: Path
) -> None:
    uri = f"models:/{model}@production"

    done = command(mlflow_server.uri, "training.predict", *ROWS, MODEL_URI=uri)

    assert done.returncode == Exit.DONE, done.stderr
    result = json.loads(done.stdout)
    assert (result["model"], result["version"], result["rows"]) == (model, "1", 400)
    assert result["dataMd5"] == PIPELINE.generate(400, PIPELINE.holdout_seed).md5
    kept = client.download_artifacts(result["runId"], "predictions.csv", str(tmp_path))
    with Path(kept).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    errors = [abs(float(row["predicted"]) / float(row["sales"]) - 1) for row in rows]
    assert sum(errors) / len(errors) == pytest.approx(result["metrics"]["live_mape"], abs=1e-4)


def test_how_far_off_it_was_is_logged_for_that_version_where_a_monitor_reads(
    mlflow_server: Server, client: MlflowClient, forks: Forks, model: str
) -> None:
    ordinary, changed = (
        forks.command(mlflow_server.uri, "training.predict", *ROWS, *words, MODEL_URI=f"models:/{model}/2")
        for words in ((), ("--population", "discounters"))
    )

    assert ordinary.returncode == changed.returncode == Exit.DONE, ordinary.stderr + changed.stderr
    metrics = [json.loads(done.stdout)["metrics"] for done in (ordinary, changed)]
    experiment = client.get_experiment_by_name(f"{model}-live")
    assert experiment is not None
    tags = f"tags.`modelalias.model` = '{model}' AND tags.`modelalias.version` = '2'"
    runs = client.search_runs([experiment.experiment_id], tags, order_by=["start_time DESC"])
    assert [run.data.metrics for run in runs] == [pytest.approx(told) for told in reversed(metrics)]
    assert metrics[1]["live_rmspe"] > metrics[0]["live_rmspe"] + 0.05


@pytest.mark.parametrize(
    ("environ", "words", "status", "says"),
    [
        ({}, (), Exit.USAGE, "MODEL_URI must look like"),
        (
            {"MODEL_URI": "models:/{model}@production"},
            ("--population", "elsewhere"),
            Exit.USAGE,
            "forecast knows",
        ),
        ({"MODEL_URI": "models:/{model}@nobody"}, (), Exit.REGISTRY, "cannot predict with models:/"),
        (
            {"MODEL_URI": "models:/{model}@production"},
            ("--pipeline", "fraud"),
            Exit.USAGE,
            "does not predict for",
        ),
    ],
    ids=["no model", "unknown population", "no such alias", "a table of another kind"],
)
def test_what_cannot_be_predicted_ends_with_one_line(
    mlflow_server: Server,
    forks: Forks,
    model: str,
    environ: dict[str, str],
    words: tuple[str, ...],
    status: Exit,
    says: str,
) -> None:
    named = {key: value.format(model=model) for key, value in environ.items()}

    done = forks.command(mlflow_server.uri, "training.predict", *ROWS, *words, **named)

    assert (done.returncode, done.stdout) == (status, "")
    assert says in json.loads(done.stderr.splitlines()[-1])["message"]
