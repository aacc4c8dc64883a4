"""The weights of a version are fetched in the usual case, and every other one is left to MLflow's own client."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.http_stub import Answer, HttpStub, Seen, http_stub
from training.fetching import LeftToMlflowError, NoSuchVersionError, fetch
from training.model_uri import ModelUri
from training.served_version import ServedVersion
from training.weights import Link, Weights

WEIGHTS = Weights(
    features=("tenure",),
    steps=(),
    coefficients=np.array([[2.0]]),
    intercepts=np.array([1.0]),
    link=Link.AMOUNT,
)
CHAMPION = ModelUri(model="churn", alias="champion")
FOLDER = "3/models/m-1/artifacts"
REGISTRY = "/api/2.0/mlflow"
FILES = f"/api/2.0/mlflow-artifacts/artifacts/{FOLDER}"
VERSION = {"model_version": {"name": "churn", "version": "3", "run_id": "0a1b"}}
USUAL: Mapping[str, Answer] = {
    f"{REGISTRY}/registered-models/alias": Answer(VERSION),
    f"{REGISTRY}/model-versions/get": Answer(VERSION),
    f"{REGISTRY}/model-versions/get-download-uri": Answer({"artifact_uri": f"mlflow-artifacts:/{FOLDER}"}),
    f"{FILES}/MLmodel": Answer(b"flavors: {weights: {data: weights.json}}"),
    f"{FILES}/weights.json": Answer(WEIGHTS.text().encode()),
}


@pytest.fixture(autouse=True)
def _no_credentials_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def server(answers: Mapping[str, Answer]) -> Any:
    def respond(seen: Seen) -> Answer:
        return answers.get(seen.path, Answer({"error_code": "NOT_FOUND"}, 404))

    return http_stub(respond)


def settings(stub: HttpStub, **more: str) -> Mapping[str, str]:
    return {"MLFLOW_TRACKING_URI": stub.uri, "MLFLOW_HTTP_REQUEST_TIMEOUT": "5", **more}


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        (CHAMPION, {"name": "churn", "alias": "champion"}),
        (ModelUri(model="churn", version="3"), {"name": "churn", "version": "3"}),
    ],
    ids=["by alias", "by number"],
)
def test_version_is_resolved_once_and_its_weights_are_read_by_number(
    uri: ModelUri, asked: Mapping[str, str]
) -> None:
    with server(USUAL) as stub:
        served, weights = fetch(uri, settings(stub))

    assert served == ServedVersion(model="churn", version="3", run="0a1b")
    assert weights.text() == WEIGHTS.text()
    assert [seen.values for seen in stub.seen] == [asked, {"name": "churn", "version": "3"}, {}, {}]
    assert not any("Authorization" in seen.headers for seen in stub.seen)


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        (
            {"MLFLOW_TRACKING_USERNAME": "ana", "MLFLOW_TRACKING_PASSWORD": "pass:w\u00f6rt"},
            "Basic YW5hOnBhc3M6d8O2cnQ=",
        ),
        ({"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Bearer t0ken"),
        (
            {"MLFLOW_TRACKING_USERNAME": "a", "MLFLOW_TRACKING_PASSWORD": "b", "MLFLOW_TRACKING_TOKEN": "t"},
            "Basic YTpi",
        ),
    ],
    ids=["password", "token", "both"],
)
def test_credentials_are_those_of_the_environment(environ: Mapping[str, str], header: str) -> None:
    with server(USUAL) as stub:
        fetch(CHAMPION, settings(stub, **environ))

    assert {seen.headers.get("Authorization") for seen in stub.seen} == {header}


@pytest.mark.parametrize("status", [400, 404])
def test_what_does_not_exist_is_said_in_the_words_of_mlflow(status: int) -> None:
    refusal = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Model Version (name=churn) not found"}

    with (
        server({**USUAL, f"{REGISTRY}/registered-models/alias": Answer(refusal, status)}) as stub,
        pytest.raises(NoSuchVersionError) as told,
    ):
        fetch(CHAMPION, settings(stub))

    assert str(told.value) == "RESOURCE_DOES_NOT_EXIST: Model Version (name=churn) not found"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (f"{REGISTRY}/registered-models/alias", Answer({"error_code": "x", "message": "y"}, 401)),
        (f"{REGISTRY}/registered-models/alias", Answer({"error_code": "x", "message": "y"}, 503)),
        (f"{REGISTRY}/registered-models/alias", Answer(b"<html>", 404)),
        (f"{REGISTRY}/registered-models/alias", Answer(b"<html>")),
        (f"{REGISTRY}/registered-models/alias", Answer({"model_version": {}})),
        (f"{REGISTRY}/model-versions/get-download-uri", Answer({"artifact_uri": "s3://bucket/model"})),
        (
            f"{REGISTRY}/model-versions/get-download-uri",
            Answer({"artifact_uri": "mlflow-artifacts://other/m"}),
        ),
        (f"{REGISTRY}/model-versions/get-download-uri", Answer({})),
        (f"{FILES}/MLmodel", Answer({}, 404)),
        (f"{FILES}/MLmodel", Answer(b"flavors: {sklearn: {}}")),
        (f"{FILES}/weights.json", Answer({}, 404)),
        (f"{FILES}/weights.json", Answer(b"{}")),
    ],
    ids=[
        *("not let in", "not well", "a page that is missing", "a page", "no version"),
        *(
            "another store",
            "another server",
            "no place",
            "no description",
            "no weights",
            "no file",
            "other file",
        ),
    ],
)
def test_other_answers_are_left_to_mlflow(path: str, answer: Answer) -> None:
    with server({**USUAL, path: answer}) as stub, pytest.raises(LeftToMlflowError):
        fetch(CHAMPION, settings(stub))


@pytest.mark.parametrize(
    "environ",
    [
        {"MLFLOW_TRACKING_URI": "databricks"},
        {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"},
        {"MLFLOW_REGISTRY_URI": "http://127.0.0.1:9"},
        {"MLFLOW_TRACKING_AUTH": "plugin"},
        {"MLFLOW_WORKSPACE": "team"},
        {"MLFLOW_TRACKING_INSECURE_TLS": "true"},
        {"MLFLOW_HTTP_REQUEST_TIMEOUT": "long"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_other_settings_are_left_to_mlflow_and_nobody_is_asked(environ: Mapping[str, str]) -> None:
    with server(USUAL) as stub:
        with pytest.raises(LeftToMlflowError):
            fetch(CHAMPION, {**settings(stub), **environ})

        assert stub.seen == []


def test_credentials_in_a_file_are_left_to_mlflow(tmp_path: Path) -> None:
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").touch()

    with server(USUAL) as stub, pytest.raises(LeftToMlflowError):
        fetch(CHAMPION, settings(stub))


def test_server_that_is_slow_or_gone_is_left_to_mlflow() -> None:
    with (
        server({**USUAL, f"{REGISTRY}/registered-models/alias": Answer(VERSION, gap=0.4)}) as stub,
        pytest.raises(LeftToMlflowError),
    ):
        fetch(CHAMPION, settings(stub, MLFLOW_HTTP_REQUEST_TIMEOUT="0.1"))

    with pytest.raises(LeftToMlflowError):
        fetch(CHAMPION, settings(stub))
