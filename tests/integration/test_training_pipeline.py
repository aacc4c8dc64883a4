"""The pipeline against a real MLflow server: train, register, evaluate, serve.

Each command runs at least once as users run it; where only its work is of interest, it is forked.
"""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow.sklearn
import pandas as pd
import pytest
import requests
from mlflow.entities import Run
from mlflow.models import Model, infer_signature
from mlflow.tracking import MlflowClient
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression

from modelalias.adapters.prometheus import Prometheus
from modelalias.adapters.served_version import Said, ask_address, session
from modelalias.api.workload import Verify
from modelalias.core.monitoring.promql import render
from modelalias.servers import PrometheusSettings
from tests.support.mlflow_server import Server
from tests.support.prometheus_server import PrometheusServer, running_prometheus
from tests.support.training_process import ROOT, Done, Forks, command, forking
from training.fetching import fetch
from training.loading import load_pyfunc, resolve
from training.model_uri import ModelUri
from training.pipelines.churn import FEATURES, PIPELINE
from training.served_version import ServedVersion
from training.settings import Exit

generate = PIPELINE.generate
HOLDOUT_SEED = PIPELINE.holdout_seed
START_SECONDS = 90.0
# On a loaded machine importing MLflow alone takes most of a minute, and fixtures import it more than once.
pytestmark = pytest.mark.timeout(600)
ROW = [12, 1, 80, 2, 0, 3.5, 44]

Command = Callable[..., Done]


@pytest.fixture
def model() -> str:
    return f"churn-{secrets.token_hex(4)}"


@pytest.fixture
def client(mlflow_server: Server) -> MlflowClient:
    return MlflowClient(mlflow_server.uri)


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with forking() as started:
        yield started


def train(run: Command, server: Server, model: str, *words: str, **environ: str) -> Mapping[str, Any]:
    done = run(server.uri, "training.train", "--model", model, *words, **environ)
    assert done.returncode == Exit.DONE, done.stderr
    (line,) = done.stdout.splitlines()
    result: Mapping[str, Any] = json.loads(line)
    return result


@pytest.fixture(scope="module")
def trained(mlflow_server: Server, forks: Forks) -> Sequence[Mapping[str, Any]]:
    """Three versions of one model, of the three qualities: each takes seconds, and most tests only look."""
    model = f"churn-{secrets.token_hex(4)}"
    words = (
        (command, "good", "--validated-by", "ana", "--alias", "champion"),
        (forks.command, "better"),
        (forks.command, "worse", "--no-alias"),
    )
    return [
        train(run, mlflow_server, model, "--quality", *more, GIT_COMMIT="0123abc") for run, *more in words
    ]


def test_run_is_registered_with_its_lineage_and_named(
    client: MlflowClient, trained: Sequence[Mapping[str, Any]]
) -> None:
    result = trained[0]

    version = client.get_model_version_by_alias(result["model"], "champion")
    run = client.get_run(result["runId"])
    assert (version.version, version.run_id) == (result["version"], result["runId"]) == ("1", run.info.run_id)
    assert version.tags == {"training_data": generate().md5, "validated_by": "ana"}
    assert run.info.status == "FINISHED"
    assert run.data.params["data_md5"] == result["dataMd5"] == generate().md5
    assert run.data.tags["mlflow.source.git.commit"] == "0123abc"
    assert run.data.metrics == pytest.approx(result["metrics"])
    assert run.inputs is not None
    inputs = {given.dataset.name: given.dataset.digest for given in run.inputs.dataset_inputs}
    assert inputs["churn"] == generate().md5
    assert inputs["churn-holdout"]


def test_challenger_is_the_default_alias_and_none_can_be_had(
    client: MlflowClient, trained: Sequence[Mapping[str, Any]]
) -> None:
    assert client.get_registered_model(trained[0]["model"]).aliases == {"champion": "1", "challenger": "2"}


def test_model_has_signature_example_and_metrics_of_the_holdout(
    mlflow_server: Server,
    client: MlflowClient,
    trained: Sequence[Mapping[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    outputs = client.get_run(trained[0]["runId"]).outputs
    assert outputs is not None
    (output,) = outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    described = Model.load(f"models:/{output.model_id}")

    assert described.signature is not None
    assert described.signature.inputs.input_names() == list(FEATURES)
    assert described.saved_input_example_info
    assert {(metric.key, metric.dataset_name) for metric in logged.metrics or ()} == {
        ("val_auc", "churn-holdout"),
        ("val_log_loss", "churn-holdout"),
        ("val_accuracy", "churn-holdout"),
    }


def test_three_qualities_are_three_versions_on_one_table(trained: Sequence[Mapping[str, Any]]) -> None:
    good, better, worse = trained

    assert [result["version"] for result in trained] == ["1", "2", "3"]
    assert good["dataMd5"] == better["dataMd5"] == worse["dataMd5"]
    assert better["metrics"]["val_auc"] >= good["metrics"]["val_auc"] + 0.002
    assert worse["metrics"]["val_auc"] < good["metrics"]["val_auc"] - 0.002


def test_run_registered_later_twice_is_one_version(
    mlflow_server: Server, client: MlflowClient, forks: Forks, model: str
) -> None:
    trained = train(forks.command, mlflow_server, model, "--register", "no")
    assert trained["version"] is None
    assert not client.search_model_versions(f"name = '{model}'")

    first, second = (
        run(mlflow_server.uri, "training.register", trained["runId"], "--model", model)
        for run in (command, forks.command)
    )

    assert first.returncode == second.returncode == Exit.DONE, first.stderr + second.stderr
    assert json.loads(first.stdout) == json.loads(second.stdout)
    (version,) = client.search_model_versions(f"name = '{model}'")
    assert version.run_id == trained["runId"]
    assert version.tags["training_data"] == generate().md5
    assert client.get_model_version_by_alias(model, "challenger").version == version.version


def test_pointer_to_other_data_is_refused_before_the_server_is_asked(tmp_path: Path, forks: Forks) -> None:
    pointer = tmp_path / "churn.csv.dvc"
    pointer.write_text(f"outs:\n- md5: {'ab' * 16}\n  path: churn.csv\n")

    done = forks.command(f"http://127.0.0.1:{free_port()}", "training.train", "--dvc", str(pointer))

    assert done.returncode == Exit.USAGE
    assert "ab" * 16 in done.stderr


def test_lineage_names_the_data_of_the_pointer_that_was_trained_from(
    mlflow_server: Server, model: str, tmp_path: Path, forks: Forks
) -> None:
    table = generate()
    (tmp_path / "churn.csv").write_bytes(table.csv)
    pointer = tmp_path / "churn.csv.dvc"
    pointer.write_text(f"outs:\n- md5: {table.md5}\n  path: churn.csv\n")
    done = forks.command(
        mlflow_server.uri, "training.train", "--dvc", str(pointer), "--model", model, GIT_COMMIT="5c1e943"
    )
    assert done.returncode == Exit.DONE, done.stderr

    shown = command(mlflow_server.uri, "modelalias.cli", "lineage", f"{model}@challenger", "-o", "json")

    said = json.loads(shown.stdout)["registry"]
    assert (said["gitCommit"], said["data"]["md5"], said["data"]["agreement"]) == (
        "5c1e943",
        table.md5,
        "Agree",
    )
    assert [item["source"] for item in said["data"]["sources"] if item["compared"]] == [
        "parameter data_md5 of the run",
        "dataset of the run: churn",
        "DVC pointer of the run: churn.csv.dvc (churn.csv)",
        "tag training_data of the version",
    ]


def test_server_that_does_not_answer_is_status_3_without_credentials(forks: Forks, model: str) -> None:
    unreachable = f"http://ana:s3cret@127.0.0.1:{free_port()}"

    done = forks.command(unreachable, "training.train", "--model", model, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")

    assert done.returncode == Exit.REGISTRY
    assert done.stdout == ""
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_pod_serves_what_the_alias_meant_when_it_started(
    mlflow_server: Server, client: MlflowClient, trained: Sequence[Mapping[str, Any]]
) -> None:
    first, second, _ = trained
    model = first["model"]
    client.set_registered_model_alias(model, "moving", "1")

    with serving(mlflow_server, f"models:/{model}@moving") as pod:
        before = pod.post("/predict", {"inputs": [ROW]})
        client.set_registered_model_alias(model, "moving", "2")
        after = pod.post("/predict", {"inputs": [ROW]})
        assert pod.get("/version") == (200, {"model": model, "version": "1", "run": first["runId"]})
    with serving(mlflow_server, f"models:/{model}@moving") as pod:
        renewed = pod.post("/predict", {"inputs": [ROW]})
        assert asyncio.run(said_by(pod.port)) == Said(version="2")
        assert pod.get("/version") == (200, {"model": model, "version": "2", "run": second["runId"]})

    status, answer = before
    assert status == 200
    assert answer["version"] == "1"
    assert sum(answer["predictions"][0]) == pytest.approx(1)
    assert before == after
    assert renewed[1]["version"] == "2"
    assert renewed[1]["predictions"] != answer["predictions"]


def test_a_monitor_sees_which_share_of_its_requests_a_version_does_not_answer(
    mlflow_server: Server, trained: Sequence[Mapping[str, Any]], tmp_path: Path
) -> None:
    model = trained[1]["model"]
    share = (
        'sum(rate(model_requests_total{model="$model",version="$version",outcome=~"failed|refused"}[5m]))'
        ' / sum(rate(model_requests_total{model="$model",version="$version"}[5m]))'
    )
    predicted = 'sum(model_predictions_count{model="$model",version="$version"})'

    with (
        serving(mlflow_server, f"models:/{model}/2") as pod,
        running_prometheus(tmp_path, [f"127.0.0.1:{pod.port}"]) as prometheus,
    ):
        read_until(prometheus, predicted, 0, model=model, version="2")
        for body in (*(3 * [{"inputs": [ROW]}]), {"inputs": []}):
            pod.post("/predict", body)
        read_until(prometheus, share, 0.25, model=model, version="2")
        read_until(prometheus, predicted, 3, model=model, version="2")
        read_until(prometheus, share, None, model=model, version="1")


def test_pinned_pod_answers_bad_input_with_400_and_stays_well(
    mlflow_server: Server, trained: Sequence[Mapping[str, Any]]
) -> None:
    bad: Sequence[Any] = (
        {},
        {"inputs": []},
        {"inputs": [[1, 2]]},
        {"inputs": [[None, *ROW[1:]]]},
        {"inputs": [{"age": 3}]},
    )

    with serving(mlflow_server, f"models:/{trained[2]['model']}/3") as pod:
        answers = [pod.post("/predict", body) for body in bad]
        too_large = pod.post("/predict", {"inputs": "x" * (9 * 2**20)})
        well = pod.post("/predict", {"inputs": [ROW]})

    assert [status for status, _ in answers] == [400] * 5
    assert all(answer["error"] for _, answer in answers)
    assert too_large[0] == 413
    assert (well[0], well[1]["version"]) == (200, "3")


@pytest.mark.filterwarnings("ignore:.*Any type hint")
def test_model_without_weights_is_served_by_mlflow(
    mlflow_server: Server, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    rows = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0]})
    other = DummyRegressor(strategy="median").fit(rows, [10.0, 20.0, 30.0, 90.0])
    mlflow.sklearn.log_model(
        other,
        name="model",
        registered_model_name=model,
        signature=infer_signature(rows),
        pip_requirements=[],
    )

    with serving(mlflow_server, f"models:/{model}/1") as pod:
        well = pod.post("/predict", {"dataframe_records": [{"size": 2}, {"size": 4}]})
        bad = pod.post("/predict", {"inputs": [["large"]]})

    assert well == (200, {"predictions": [25.0, 25.0], "version": "1"})
    assert bad[0] == 400


def test_model_predicts_the_same_by_its_weights_as_by_mlflow(
    mlflow_server: Server,
    trained: Sequence[Mapping[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    served = ServedVersion(model=trained[1]["model"], version="2", run=None)
    rows = PIPELINE.frame(generate(rows=200, seed=3))[list(FEATURES)]

    by_mlflow = load_pyfunc(served, str(tmp_path)).predict(rows)

    _, weights = fetch(ModelUri(model=served.model, version="2"), os.environ)
    assert weights.predict(rows.to_numpy()) == pytest.approx(by_mlflow, rel=1e-9)


@pytest.mark.parametrize("uri", ["models:/{model}@champion", "models:/{model}/9"])
def test_version_that_does_not_exist_yet_ends_the_pod_with_one_line(
    mlflow_server: Server, model: str, uri: str
) -> None:
    MlflowClient(mlflow_server.uri).create_registered_model(model)

    done = command(
        mlflow_server.uri, "training.serve", MODEL_URI=uri.format(model=model), PORT=str(free_port())
    )

    assert done.returncode == Exit.REGISTRY
    with pytest.raises(mlflow.MlflowException) as told:
        resolve(MlflowClient(mlflow_server.uri), ModelUri.parse(uri.format(model=model)))
    assert json.loads(done.stderr)["message"] == f"cannot serve {uri.format(model=model)}: {told.value}"


@pytest.fixture(scope="module")
def of_the_promotion(
    mlflow_server: Server, forks: Forks, trained: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """One more version, of customers who are easier to predict."""
    words = ("--no-alias", "--quality", "better", "--population", "promotion")
    return train(forks.command, mlflow_server, trained[0]["model"], *words)


@pytest.fixture
def run_id(client: MlflowClient) -> str:
    """A run as the operator makes it: running, and empty."""
    return made_run(client)


def made_run(client: MlflowClient) -> str:
    made: str = client.create_run(client.create_experiment(secrets.token_hex(4))).info.run_id
    return made


def evaluate(
    run: Command,
    server: Server,
    run_id: str,
    version: Mapping[str, Any],
    *words: str,
    side: str = "Candidate",
) -> Done:
    uri = f"models:/{version['model']}/{version['version']}"
    return run(
        server.uri, "training.evaluate", *words, MLFLOW_RUN_ID=run_id, MODEL_URI=uri, MODELALIAS_SIDE=side
    )


def evaluated(client: MlflowClient, run_id: str) -> Run:
    """Return the run; it must have ended well, with one dataset."""
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.inputs is not None
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.tags[0].value) == ("churn-holdout-fresh", "validation")
    return run


def test_fresh_holdout_shows_what_the_own_metrics_hide(
    mlflow_server: Server,
    client: MlflowClient,
    forks: Forks,
    trained: Sequence[Mapping[str, Any]],
    of_the_promotion: Mapping[str, Any],
) -> None:
    sides = {"Champion": trained[0], "Candidate": of_the_promotion}
    run_ids = {side: made_run(client) for side in sides}

    done = {
        side: evaluate(forks.command, mlflow_server, run_ids[side], version, side=side)
        for side, version in sides.items()
    }

    assert [one.returncode for one in done.values()] == [Exit.DONE] * 2, [one.stderr for one in done.values()]
    runs = {side: evaluated(client, run_id) for side, run_id in run_ids.items()}
    assert of_the_promotion["metrics"]["val_auc"] > trained[0]["metrics"]["val_auc"] + 0.05
    assert runs["Candidate"].data.metrics["holdout_auc"] < runs["Champion"].data.metrics["holdout_auc"] - 0.05
    for side, run in runs.items():
        told = json.loads(done[side].stdout)
        assert told["metrics"] == pytest.approx(run.data.metrics)
        assert set(run.data.metrics) == {"holdout_auc", "holdout_log_loss", "holdout_accuracy"}
        assert (told["side"], told["version"], told["runId"]) == (side, sides[side]["version"], run_ids[side])
        assert run.data.tags["evaluation.side"] == side
        assert run.data.tags["evaluation.model"] == f"models:/{told['model']}/{told['version']}"
        assert run.inputs is not None
        assert (
            run.inputs.dataset_inputs[0].dataset.digest == told["dataMd5"] == generate(seed=HOLDOUT_SEED).md5
        )


def test_logged_model_has_the_metrics_of_the_fresh_holdout(
    mlflow_server: Server, client: MlflowClient, trained: Sequence[Mapping[str, Any]], run_id: str
) -> None:
    done = evaluate(command, mlflow_server, run_id, trained[1])

    assert done.returncode == Exit.DONE, done.stderr
    outputs = client.get_run(trained[1]["runId"]).outputs
    assert outputs is not None
    logged = client.get_logged_model(outputs.model_outputs[0].model_id).metrics or ()
    fresh = {metric.key: metric for metric in logged if metric.dataset_name == "churn-holdout-fresh"}
    assert {key: metric.value for key, metric in fresh.items()} == pytest.approx(
        json.loads(done.stdout)["metrics"]
    )
    assert {(metric.run_id, metric.dataset_digest) for metric in fresh.values()} == {
        (run_id, generate(seed=HOLDOUT_SEED).md5)
    }


def test_second_try_ends_the_run_that_the_first_left_failed(
    mlflow_server: Server,
    client: MlflowClient,
    forks: Forks,
    trained: Sequence[Mapping[str, Any]],
    run_id: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "fresh.csv"

    first = evaluate(forks.command, mlflow_server, run_id, trained[0], "--data", str(file))
    between = client.get_run(run_id)
    file.write_bytes(generate(rows=500, seed=5).csv)
    tries = [
        evaluate(forks.command, mlflow_server, run_id, trained[0], *words)
        for words in (("--data", str(file)), ("--rows", "500", "--data-seed", "5"))
    ]

    assert first.returncode == Exit.USAGE
    assert json.loads(first.stderr)["message"] == f"{file}: No such file or directory"
    assert (between.info.status, between.data.metrics) == ("FAILED", {})
    assert [one.returncode for one in tries] == [Exit.DONE] * 2, [one.stderr for one in tries]
    run = evaluated(client, run_id)
    assert [json.loads(one.stdout)["metrics"] for one in tries] == [pytest.approx(run.data.metrics)] * 2
    assert json.loads(tries[1].stdout)["rows"] == 500


def test_version_is_not_measured_on_the_table_it_was_trained_on(
    mlflow_server: Server,
    client: MlflowClient,
    forks: Forks,
    trained: Sequence[Mapping[str, Any]],
    run_id: str,
) -> None:
    done = evaluate(forks.command, mlflow_server, run_id, trained[0], "--data-seed", str(PIPELINE.seed))

    assert done.returncode == Exit.USAGE
    assert "was trained on this very table" in json.loads(done.stderr)["message"]
    assert client.get_run(run_id).info.status == "FAILED"


def test_version_that_does_not_exist_fails_the_run(
    mlflow_server: Server,
    client: MlflowClient,
    forks: Forks,
    trained: Sequence[Mapping[str, Any]],
    run_id: str,
) -> None:
    done = evaluate(forks.command, mlflow_server, run_id, {**trained[0], "version": "99"})

    assert done.returncode == Exit.REGISTRY
    assert json.loads(done.stderr)["message"].startswith(
        f"cannot evaluate models:/{trained[0]['model']}/99: "
    )
    assert client.get_run(run_id).info.status == "FAILED"


@pytest.mark.filterwarnings(
    "ignore:.*Any type hint"
)  # MLflow's own, when it is imported here and not in a process of its own
def test_model_without_probabilities_is_not_measured(
    mlflow_server: Server,
    client: MlflowClient,
    forks: Forks,
    model: str,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    rows = PIPELINE.frame(generate(rows=100))
    labels = LogisticRegression(max_iter=2000).fit(rows[list(FEATURES)], rows["churned"])
    mlflow.sklearn.log_model(labels, name="model", registered_model_name=model, pip_requirements=[])

    done = evaluate(forks.command, mlflow_server, run_id, {"model": model, "version": "1"})

    assert done.returncode == Exit.USAGE
    assert "predictions have the shape (6000,), not (6000, 2)" in json.loads(done.stderr)["message"]
    assert client.get_run(run_id).info.status == "FAILED"


class Pod:
    """A serving process that answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._address = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, Any]:
        answer = requests.get(self._address + path, timeout=30)
        return answer.status_code, answer.json()

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        answer = requests.post(self._address + path, data=json.dumps(body), timeout=30)
        return answer.status_code, answer.json()

    def well(self) -> bool:
        try:
            return requests.get(self._address + "/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False


def read_until(prometheus: PrometheusServer, query: str, value: float | None, **variables: str) -> None:
    """Ask as a monitor does until the number is this one."""
    asked = render(query, namespace="ml", **variables)
    deadline = time.monotonic() + START_SECONDS
    while (found := asyncio.run(number_of(prometheus, asked))) != pytest.approx(value):
        assert time.monotonic() < deadline, f"{asked} yields {found}"
        time.sleep(0.2)  # poll


async def number_of(prometheus: PrometheusServer, query: str) -> float | None:
    source = Prometheus(PrometheusSettings(uri=prometheus.uri))
    try:
        return await source.query(query)
    finally:
        await source.close()


async def said_by(port: int) -> Said:
    """Ask as the operator does, with what is set when nothing is."""
    async with session() as client:
        return await ask_address(client, "127.0.0.1", Verify(port=port), seconds=30)


@contextmanager
def serving(server: Server, uri: str) -> Iterator[Pod]:
    """Run the serving app until the block ends; SIGTERM must end it in good order."""
    port = free_port()
    environ = {
        **os.environ,
        "MLFLOW_TRACKING_URI": server.uri,
        "MODEL_URI": uri,
        "PORT": str(port),
        "HOST": "127.0.0.1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "training.serve"], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            pod = Pod(port)
            deadline = time.monotonic() + START_SECONDS
            while not pod.well():
                assert child.poll() is None, f"ended with {child.returncode}: {child.communicate()[1]}"
                assert time.monotonic() < deadline, "does not answer"
                time.sleep(0.1)
            yield pod
            child.send_signal(signal.SIGTERM)
            _, log = child.communicate(timeout=20)
        finally:
            if child.poll() is None:
                child.kill()
    assert child.returncode == 0, log
    assert "Traceback" not in log


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
