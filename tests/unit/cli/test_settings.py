"""What the command line takes from the environment: the address and the credentials of MLflow's own client."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from modelalias import settings
from modelalias.adapters.mlflow_credentials import source_of
from modelalias.adapters.mlflow_registry import open_registry
from modelalias.core.errors import InvalidRequest, Refused
from tests.support.http_stub import Answer, http_stub

MODEL = {"registered_model": {"name": "churn"}}
URI = "https://mlflow:5000"


@pytest.mark.parametrize(
    ("uri", "environ", "found"),
    [
        (URI, {}, URI),
        (None, {"MLFLOW_TRACKING_URI": URI}, URI),
        ("", {"MLFLOW_TRACKING_URI": URI}, URI),
        (URI, {"MLFLOW_TRACKING_URI": "http://other"}, URI),
        (f"{URI}/\n", {}, URI),
    ],
)
def test_the_argument_goes_before_the_environment(
    uri: str | None, environ: Mapping[str, str], found: str
) -> None:
    assert settings.client(uri, environ).uri == found


def test_without_an_address_the_message_says_what_to_set() -> None:
    with pytest.raises(InvalidRequest, match="use --tracking-uri or set MLFLOW_TRACKING_URI"):
        settings.client(None, {})


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://ana:hunter2@mlflow", "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        ("https://hunter2@mlflow", "MLFLOW_TRACKING_TOKEN"),
        ("postgresql://ana:hunter2@db/mlflow", "MLFLOW_TRACKING_PASSWORD"),
        ("sqlite:///hunter2.db", "not the address of an MLflow server"),
        ("hunter2", "not the address of an MLflow server"),
    ],
)
@pytest.mark.parametrize("variable", [False, True], ids=["argument", "variable"])
def test_an_address_that_does_not_fit_is_refused_and_not_repeated(
    uri: str, said: str, variable: bool
) -> None:
    with pytest.raises(InvalidRequest, match=said) as caught:
        settings.client(None if variable else uri, {"MLFLOW_TRACKING_URI": uri} if variable else {})

    assert "hunter2" not in str(caught.value)


def test_a_secret_is_one_line_and_not_repeated() -> None:
    with pytest.raises(
        InvalidRequest, match="MLFLOW_TRACKING_TOKEN is not a single line of printable text"
    ) as caught:
        settings.client(URI, {"MLFLOW_TRACKING_TOKEN": "hunter2\nhunter2"})

    assert "hunter2" not in str(caught.value)


def test_a_secret_is_not_in_what_is_logged_of_the_settings() -> None:
    found = settings.client(URI, {"MLFLOW_TRACKING_TOKEN": "hunter2", "MLFLOW_TRACKING_PASSWORD": "hunter2"})

    assert "hunter2" not in f"{found!r} {found} {found.model_dump_json()}"


def test_the_operator_takes_no_credentials_by_value(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("registries: {a: {uri: 'http://x', given: {token: hunter2}}}")

    with pytest.raises(InvalidRequest, match=r"registries\.a\.given"):
        settings.load({"MODELALIAS_CONFIG": str(path)})


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({}, None),
        ({"MLFLOW_TRACKING_TOKEN": "a-token\n"}, "Bearer a-token"),
        (
            {"MLFLOW_TRACKING_USERNAME": "ana", "MLFLOW_TRACKING_PASSWORD": "pä:ss"},
            "Basic " + base64.b64encode("ana:pä:ss".encode()).decode(),
        ),
        ({"MLFLOW_TRACKING_USERNAME": "ana"}, None),
        ({"MLFLOW_TRACKING_USERNAME": "", "MLFLOW_TRACKING_PASSWORD": ""}, None),
    ],
    ids=["none", "token", "name-and-password", "name-alone", "empty"],
)
async def test_the_credentials_are_sent_as_mlflows_client_would(
    environ: Mapping[str, str], sent: str | None
) -> None:
    with http_stub(lambda _: Answer(MODEL)) as stub:
        found = settings.client(stub.uri, environ)
        registry = open_registry(found)
        await registry.aliases("churn")
        await registry.close()

    assert [seen.headers.get("Authorization") for seen in stub.seen] == [sent]
    assert found.given.are_set is (sent is not None)


async def test_credentials_that_are_refused_are_not_tried_again() -> None:
    with http_stub(lambda _: Answer(b"no", 401)) as stub:
        registry = open_registry(settings.client(stub.uri, {"MLFLOW_TRACKING_TOKEN": "hunter2"}))
        with pytest.raises(Refused) as caught:
            await registry.aliases("churn")
        await registry.close()

    assert len(stub.seen) == 1
    assert "hunter2" not in str(caught.value)


def test_a_certificate_is_trusted_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("")

    assert settings.client(URI, {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(path)}).credentials.ca_file == path
    with pytest.raises(InvalidRequest, match="the file in MLFLOW_TRACKING_SERVER_CERT_PATH does not exist"):
        settings.client(URI, {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(tmp_path / "none.pem")})


@pytest.mark.parametrize(("value", "insecure"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_any_certificate_is_trusted_where_that_is_asked_for(value: str, insecure: bool) -> None:
    assert settings.client(URI, {"MLFLOW_TRACKING_INSECURE_TLS": value}).given.insecure_tls is insecure


def test_any_certificate_goes_before_the_named_one(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("")

    found = settings.client(
        URI, {"MLFLOW_TRACKING_INSECURE_TLS": "true", "MLFLOW_TRACKING_SERVER_CERT_PATH": str(path)}
    )

    assert source_of(found).host_creds().verify is False
    assert source_of(
        settings.client(URI, {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(path)})
    ).host_creds().verify == str(path)
    assert source_of(settings.client(URI, {})).host_creds().verify is True
